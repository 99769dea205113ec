import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import * as samples from "../samples.ts";
import { SCENES } from "../scenes.ts";
import { stage, violations } from "./stage.ts";

vi.mock("../../src/bridge.ts", () => import("./stage.ts"));

const user = userEvent.setup();

const SCREENS = ["clusters", "subnets", "intercepts", "picker", "traffic-none", "doctor", "settings", "welcome-2", "quitting", "ending"];

test.for(SCREENS)("%s is accessible", { timeout: 20_000 }, async (scene) => {
  await stage(SCENES[scene]);
  expect(await violations()).toEqual([]);
});

describe("the helper", () => {
  const problems = {
    absent: "Hawser's helper is not installed", stopped: "The helper is not running", refused: "You may not use the helper",
    older: "The helper is older than this window", newer: "The helper is newer than this window", silent: "The helper does not answer",
  };
  test.for(Object.entries(problems))("%s says so and offers a remedy; what was last known stays", async ([helper, title]) => {
    const mock = await stage((mock) => {
      mock.put("clusters", samples.clusters());
      mock.put("shell", { helper: helper as keyof typeof problems, stale: true, problem: { ...samples.STOPPED, title } });
    });
    expect(screen.getByText(title)).toBeTruthy();
    expect(document.querySelector(".stale")).not.toBeNull();
    expect(screen.getByRole("article", { name: "shop" })).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Start the helper" }));
    expect(mock.asked).toContainEqual({ do: "remedy", remedy: { remedy: "start-helper" } });
  });
});

test("the page says when it was painted, once", async () => {
  const mock = await stage();
  await vi.waitFor(() => expect(mock.asked.filter((act) => act.do === "painted")).toHaveLength(1));
  mock.put("shell", { heading: "shop connected" });
  await new Promise((done) => setTimeout(done, 60));
  expect(mock.asked.filter((act) => act.do === "painted")).toHaveLength(1);
  expect(document.documentElement.dataset["ready"]).toBe("");
});

test("the theme is the controller's", async () => {
  await stage((mock) => mock.put("shell", { theme: "dark" }));
  expect(document.documentElement.dataset["theme"]).toBe("dark");
});

test("a failed connection has one button that tries again, and can be put away", async () => {
  const mock = await stage((mock) => mock.put("clusters", samples.clusters()));
  const row = within(screen.getByRole("article", { name: "production-eu-west" }));
  expect(row.getAllByRole("button", { name: "Try again" })).toHaveLength(1);
  await user.click(row.getByRole("button", { name: "Try again" }));
  expect(mock.asked.at(-1)).toEqual({ do: "retry", context: 3 });
});

test("why something can't be connected is said where its button is", async () => {
  await stage((mock) => mock.put("clusters", samples.clusters()));
  const row = within(screen.getByRole("article", { name: "legacy" }));
  expect(row.getByRole("button", { name: "Connect" })).toHaveProperty("disabled", true);
  expect(row.getByText(/auth-provider, which Kubernetes removed/)).toBeTruthy();
});

test("subnets are edited in place, refused ones stay to be corrected", async () => {
  const mock = await stage((mock) => {
    SCENES["subnets"]!(mock);
    mock.refuse.reroute = samples.problem("subnet-invalid", "A subnet cannot be served", "10.0.0.1/8 has host bits set.", "Write 10.0.0.0/8.");
  });
  await user.type(screen.getByLabelText("Also through the cluster: add a subnet"), "10.0.0.1/8{Enter}");
  await user.click(screen.getByRole("button", { name: "Save" }));
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Save" }));
  expect(mock.asked.at(-1)).toEqual({ do: "reroute", connection: "shop", also: ["192.168.40.0/24", "10.0.0.1/8"], never: ["10.244.7.0/24"] });
  expect(await screen.findByText("10.0.0.1/8 has host bits set.")).toBeTruthy();
  delete mock.refuse.reroute;
  await user.click(screen.getByRole("button", { name: "Remove 10.0.0.1/8" }));
  await user.click(screen.getByRole("button", { name: "Save" }));
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Save" }));
  expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
});

test("choices for the next time are saved whole", async () => {
  const mock = await stage((mock) => mock.put("clusters", samples.clusters()));
  await user.click(screen.getByRole("button", { name: "Choices for kind-local" }));
  await user.type(screen.getByLabelText("Namespace"), "payments");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(mock.asked.at(-1)).toEqual({ do: "tune", context: 5, tuning: { namespace: "payments", manager_namespace: "", also: [], never: [], as_user: "" } });
});

test("an intercept that ended can be asked for again", async () => {
  const mock = await stage(SCENES["intercepts"]);
  const ended = within(screen.getByRole("article", { name: "search over shop" }));
  expect(ended.queryByRole("button", { name: "Leave" })).toBeNull();
  await user.click(ended.getByRole("button", { name: "Ask again" }));
  expect(mock.asked.find((act) => act.do === "pick")).toEqual({ do: "pick", connection: "shop", intercept: "search" });
});

test("leaving all says which, and asks first", async () => {
  const mock = await stage(SCENES["intercepts"]);
  await user.click(screen.getByRole("button", { name: "Leave all of shop" }));
  const dialog = within(screen.getByRole("dialog", { name: "Leave 2 intercepts?" }));
  expect(dialog.getAllByRole("listitem").map((item) => item.textContent)).toEqual(["web", "checkout"]);
  expect(mock.asked.some((act) => act.do === "leave-all")).toBe(false);
  await user.click(dialog.getByRole("button", { name: "Leave all" }));
  expect(mock.asked.at(-1)).toEqual({ do: "leave-all", connection: "shop" });
});

test("what is typed into the picker stays while answers to older drafts come", async () => {
  const mock = await stage((mock) => mock.act({ do: "pick", connection: null, intercept: null }));
  const name = screen.getByLabelText("Name");
  await user.type(name, "mine");
  mock.put("picker", { revision: 1, namespaces: ["other"] });
  await new Promise((done) => setTimeout(done));
  expect(name).toHaveProperty("value", "mine");
  expect(screen.getByRole("button", { name: "Intercept" }).getAttribute("aria-disabled")).toBe("true");
});

test("flows are filtered, sorted and paused by whoever has them", async () => {
  const mock = await stage(SCENES["traffic"]);
  await user.type(screen.getByLabelText("Filter flows"), "psql");
  await user.click(screen.getByRole("button", { name: "Sent" }));
  await user.click(screen.getByRole("button", { name: "Pause" }));
  const last = mock.asked.filter((act) => act.do === "traffic").at(-1)!;
  expect(last).toMatchObject({ query: { filter: "psql", sort: "sent", descending: true, paused: true } });
  expect(screen.getByRole("columnheader", { name: "Sent" }).getAttribute("aria-sort")).toBe("descending");
  expect(screen.getByText("1,250 of 10,000 flows, paused")).toBeTruthy();
});

test("a notice is switched off by its own switch", async () => {
  const mock = await stage(SCENES["settings"]);
  await user.click(screen.getByRole("switch", { name: "Connection lost" }));
  expect(mock.asked.at(-1)).toEqual({ do: "set", setting: { setting: "notice", kind: "lost", on: false } });
  expect(screen.getByRole("switch", { name: "Connection back" }).getAttribute("aria-checked")).toBe("false");
});

test("what is refused stays on screen until it is put away", async () => {
  const mock = await stage();
  mock.refuse.connect = samples.STOPPED;
  await user.click(screen.getAllByRole("button", { name: "Connect" })[0]!);
  expect(await screen.findByText("/run/hawser/helper.sock: connection refused")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: /^Put away/ }));
  expect(screen.queryByText("/run/hawser/helper.sock: connection refused")).toBeNull();
});
