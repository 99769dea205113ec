import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import Combobox from "../../src/parts/Combobox.svelte";
import Menu from "../../src/parts/Menu.svelte";
import Sparkline from "../../src/parts/Sparkline.svelte";
import Switch from "../../src/parts/Switch.svelte";

const user = userEvent.setup();
const OPTIONS = [{ value: "3000", label: "3000", note: "node (4121)" }, { value: "9000", label: "9000", note: "python3 (5188)" }];

test("a combobox opens, moves and chooses by keyboard", async () => {
  const change = vi.fn();
  render(Combobox, { id: "port", value: "", options: OPTIONS, change });
  const input = screen.getByRole("combobox");
  input.focus();
  expect(input.getAttribute("aria-expanded")).toBe("false");
  await user.keyboard("{ArrowDown}{ArrowDown}");
  expect(input.getAttribute("aria-expanded")).toBe("true");
  expect(input.getAttribute("aria-activedescendant")).toBe("port-list-0");
  await user.keyboard("{ArrowUp}{Enter}");
  expect(change).toHaveBeenCalledExactlyOnceWith("9000");
  expect(input.getAttribute("aria-expanded")).toBe("false");
});

test("a combobox finds by what is beside a choice, and takes what isn't listed", async () => {
  const change = vi.fn();
  render(Combobox, { id: "port", value: "", options: OPTIONS, change });
  await user.type(screen.getByRole("combobox"), "py");
  expect(screen.getAllByRole("option").map((option) => option.textContent?.trim())).toEqual(["9000 python3 (5188)"]);
  await user.clear(screen.getByRole("combobox"));
  await user.type(screen.getByRole("combobox"), "8123");
  expect(change).toHaveBeenLastCalledWith("8123");
  const told = change.mock.calls.length;
  await user.tab();
  expect(change).toHaveBeenCalledTimes(told);
});

test("a strict combobox takes nothing else, and Escape changes nothing", async () => {
  const change = vi.fn();
  render(Combobox, { id: "namespace", value: "3000", strict: true, options: OPTIONS, change });
  const input = screen.getByRole("combobox");
  await user.type(input, "zzz");
  await user.tab();
  expect(change).not.toHaveBeenCalled();
  expect(input).toHaveProperty("value", "3000");
  await user.click(input);
  await user.keyboard("9{Escape}");
  expect(change).not.toHaveBeenCalled();
});

test("a menu opens with the focus in it, wraps around, finds by letter and gives the focus back", async () => {
  const [hour, day] = [vi.fn(), vi.fn()];
  render(Menu, { label: "Extend", worded: true, entries: [{ label: "An hour", act: hour }, { label: "Day", act: day }] });
  const button = screen.getByRole("button", { name: "Extend" });
  button.focus();
  await user.keyboard("{ArrowUp}");
  await vi.waitFor(() => expect(document.activeElement?.textContent).toBe("Day"));
  await user.keyboard("{ArrowDown}");
  expect(document.activeElement?.textContent).toBe("An hour");
  await user.keyboard("d{Enter}");
  expect(day).toHaveBeenCalledOnce();
  expect(document.activeElement).toBe(button);
  await user.keyboard("{Enter}{Escape}");
  expect(screen.queryByRole("menu")).toBeNull();
  expect(hour).not.toHaveBeenCalled();
});

test("a switch that can't be switched says why and stays", async () => {
  const change = vi.fn();
  render(Switch, { label: "Mount", on: false, change, disabled: true, note: "sshfs is not installed." });
  const button = screen.getByRole("switch", { name: "Mount" });
  await user.click(button);
  expect(change).not.toHaveBeenCalled();
  expect(document.getElementById(button.getAttribute("aria-describedby")!)?.textContent).toBe("sshfs is not installed.");
});

test("a sparkline is described, and draws nothing of one value", () => {
  render(Sparkline, { history: [1_000, 34_400], label: "Round trip" });
  expect(screen.getByRole("img", { name: "Round trip, last 2 s: 1.0 ms to 34 ms" })).toBeTruthy();
  render(Sparkline, { history: [1_000], label: "Other" });
  expect(screen.queryByRole("img", { name: /^Other/ })).toBeNull();
});
