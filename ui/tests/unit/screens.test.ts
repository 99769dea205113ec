import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import * as samples from "../samples.ts";
import { SCENES } from "../scenes.ts";
import { stage, violations } from "./stage.ts";

vi.mock("../../src/bridge.ts", () => import("./stage.ts"));

const user = userEvent.setup();

const SCREENS = ["clusters", "clusters-troubled", "subnets", "intercepts", "picker", "picker-agent", "picker-older", "traffic-none", "names-none", "doctor", "doctor-older", "settings", "welcome-2", "quitting", "ending"];

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

test("what does not work of a connection that stands is said on its card, with what to do", async () => {
  await stage((mock) => SCENES["clusters-troubled"]!(mock));
  const row = within(screen.getByRole("article", { name: "shop" }));
  const [trouble] = samples.TROUBLED.troubles;
  for (const text of [trouble!.title, trouble!.detail, trouble!.fix]) expect(row.getByText(text)).toBeTruthy();
  expect(row.getByText("Connected")).toBeTruthy();
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

test("subnets are edited in place, refused ones stay to be corrected", { timeout: 20_000 }, async () => {
  const mock = await stage((mock) => {
    SCENES["subnets"]!(mock);
    mock.refuse.reroute = samples.problem("subnet-invalid", "A subnet cannot be served", "10.0.0.1/8 has host bits set.", "Write 10.0.0.0/8.");
  });
  await user.type(screen.getByLabelText("Also through the cluster: add a subnet"), "10.0.0.1/8{Enter}");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(mock.asked.at(-1)).toEqual({ do: "reroute", connection: "shop", also: ["192.168.40.0/24", "10.0.0.1/8"], never: ["10.96.7.0/24"] });
  expect(await screen.findByText("10.0.0.1/8 has host bits set.")).toBeTruthy();
  delete mock.refuse.reroute;
  await user.click(screen.getByRole("button", { name: "Remove 10.0.0.1/8" }));
  await user.click(screen.getByRole("button", { name: "Save" }));
  await vi.waitFor(() => expect(screen.queryByRole("button", { name: "Save" })).toBeNull());
});

test("every conflict is shown with the route, the interface and whose that is", async () => {
  await stage(SCENES["subnets"]);
  const conflicts = within(screen.getByRole("heading", { name: "In conflict 2" }).closest("section")!).getAllByRole("listitem");
  expect(conflicts.map((row) => row.textContent)).toEqual([
    expect.stringMatching(/10\.244\.1\.0\/24 to docker0, Docker/), expect.stringMatching(/10\.244\.9\.0\/24 to virbr0, libvirt/),
  ]);
  expect(screen.getByText("And 1,536 more.")).toBeTruthy();
});

test("a card counts what came and what nobody took", async () => {
  await stage((mock) => {
    mock.put("intercepts", { ask: { can: "yes" }, cards: [samples.card(), samples.card({ name: "quiet", delivered: { connections: 0, refused: 0, last: null } })] });
    mock.put("shell", samples.shell({ screen: "intercepts" }));
  });
  const card = within(screen.getByRole("article", { name: "web over shop" }));
  expect(card.getByText(/12 connections/).textContent).toMatch(/12 connections, the last .+ ago;/);
  expect(card.getByText("1 refused by the local port")).toBeTruthy();
  expect(within(screen.getByRole("article", { name: "quiet over shop" })).getByText("nothing yet")).toBeTruthy();
});

test("a card counts requests where it has a filter and somebody counts them", async () => {
  const requests = { matched: 12, passed: 1, dropped: 2 };
  await stage((mock) => {
    mock.put("intercepts", {
      ask: { can: "yes" },
      cards: [
        samples.card(), samples.card({ name: "tap", mode: "wiretap", requests }), samples.card({ name: "old", requests: null }),
        samples.card({ name: "new", requests: { matched: 0, passed: 0, dropped: 0 } }), samples.card({ name: "over", phase: "ended" }),
      ],
    });
    mock.put("shell", samples.shell({ screen: "intercepts" }));
  });
  const said = (name: string) =>
    within(screen.getByRole("article", { name: `${name} over shop` })).getByText("Requests").nextElementSibling!.textContent.replace(/\s+/g, " ").trim();
  expect(said("web")).toBe("x-user = ann 1,234 to this laptop, 340 to the pods");
  expect(said("tap")).toBe("x-user = ann 12 copied to this laptop, 1 not; 2 of them not whole");
  expect(said("new")).toBe("x-user = ann none yet");
  expect(said("old")).toBe("x-user = ann");
  expect(said("over")).toBe("x-user = ann");
});

test("settings say which are the user's and which the clusters'", async () => {
  await stage(SCENES["settings"]);
  const section = (name: string) => within(screen.getByRole("heading", { name }).closest("section")!);
  expect(section("Yours, for each cluster").getByText("10.96.7.0/24")).toBeTruthy();
  expect(section("From your clusters").getByText("192.168.41.0/24")).toBeTruthy();
  expect(section("From your clusters").getByText("10 min 00 s")).toBeTruthy();
});

test("choices for the next time are saved whole", async () => {
  const mock = await stage((mock) => mock.put("clusters", samples.clusters()));
  await user.click(screen.getByRole("button", { name: "Choices for kind-local" }));
  await user.type(screen.getByLabelText("Namespace"), "payments");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(mock.asked.at(-1)).toEqual({ do: "tune", context: 5, tuning: { namespace: "payments", manager_namespace: "", also: [], never: [], as_user: "" } });
});

test("names are a tab of traffic, reached by the arrows; filter and pause ask for what is wanted", async () => {
  const mock = await stage(SCENES["traffic"]);
  await user.click(screen.getByRole("tab", { name: "Flows" }));
  await user.keyboard("{ArrowRight}");
  expect(document.activeElement).toBe(screen.getByRole("tab", { name: "Names", selected: true }));
  expect(mock.asked.at(-1)).toMatchObject({ do: "names", query: { filter: "", sort: "at", descending: true, paused: false } });
  await user.type(screen.getByRole("searchbox", { name: "Filter names" }), "redis");
  await user.click(screen.getByRole("button", { name: "Pause" }));
  expect(mock.asked.at(-1)).toMatchObject({ do: "names", query: { filter: "redis", first: 0, paused: true } });
  expect(screen.getByText(/^57 of 400 questions?, paused$/)).toBeTruthy();
  screen.getByRole("tab", { name: "Names" }).focus();
  await user.keyboard("{Home}");
  expect(mock.asked.at(-1)).toMatchObject({ do: "traffic" });
});

test("each place on the way into a cluster has its time and its last minute in words", async () => {
  await stage((mock) => mock.put("clusters", samples.clusters({ rows: [samples.CONNECTED] })));
  const way = within(screen.getByRole("list", { name: "Latency from this laptop" }));
  const places = way.getAllByRole("listitem").map((item) => item.textContent?.replace(/\s+/g, " ").trim());
  expect(places).toEqual(["Laptop", "API server 8.2 ms", "Manager 9.7 ms", "Agent web-5f6d8c9b7-x2x4q 10 ms"]);
  for (const place of ["the API server", "the manager", "the agent of web-5f6d8c9b7-x2x4q"])
    expect(way.getByRole("img", { name: new RegExp(`^Round trip to ${place}, last 60 s: `) })).toBeTruthy();
});

test("the helper's log is set where its level is shown, and stays as it is when that is refused", async () => {
  const mock = await stage(SCENES["doctor"]);
  const levels = within(screen.getByRole("group", { name: "How much the helper writes to its log" }));
  const [normal, detailed] = ["Normal", "Detailed"].map((name) => levels.getByRole<HTMLInputElement>("radio", { name }));
  mock.refuse.log = samples.problem("not-owner", "The connection belongs to somebody else", "the helper's log also tells of other users' connections", "Root can change it.");
  await user.click(detailed!);
  expect(await screen.findByText("the helper's log also tells of other users' connections")).toBeTruthy();
  expect([normal!.checked, detailed!.checked]).toEqual([true, false]);
  await user.click(screen.getByRole("button", { name: /^Put away/ }));
  delete mock.refuse.log;
  await user.click(detailed!);
  expect(mock.asked.filter((act) => act.do === "log")).toEqual([{ do: "log", level: "debug" }, { do: "log", level: "debug" }]);
  expect(await screen.findByText(/^Detailed until/)).toBeTruthy();
  mock.put("doctor", { log: samples.log("normal") });
  await vi.waitFor(() => expect([normal!.checked, detailed!.checked]).toEqual([true, false]));
});

test("a helper that is older than levels says so, offers what mends it, and can't be set", async () => {
  const mock = await stage(SCENES["doctor-older"]);
  for (const level of screen.getAllByRole("radio")) expect(level.matches(":disabled")).toBe(true);
  await user.click(screen.getByRole("button", { name: "Restart the helper" }));
  expect(mock.asked.at(-1)).toEqual({ do: "remedy", remedy: { remedy: "restart-helper" } });
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

test("a form that is sent before its last change is answered waits for the answer", async () => {
  const mock = await stage(SCENES["picker"]);
  const { revision } = mock.views.picker;
  mock.put("picker", { revision: revision - 1 });
  await vi.waitFor(() => expect(screen.getByRole("button", { name: "Intercept" }).getAttribute("aria-disabled")).toBe("true"));
  await user.click(screen.getByRole("button", { name: "Intercept" }));
  expect(mock.asked.some((act) => act.do === "intercept")).toBe(false);
  mock.put("picker", { revision });
  await vi.waitFor(() => expect(mock.asked.filter((act) => act.do === "intercept")).toEqual([{ do: "intercept", revision }]));
});

test("a container is chosen from those that are there, and the one that is meant is named", async () => {
  const mock = await stage(SCENES["picker"]);
  const container = screen.getByRole<HTMLSelectElement>("combobox", { name: "Container" });
  const choices = within(container).getAllByRole("option").map((option) => option.textContent);
  expect(choices).toEqual(["web, which has the port", "web · http 8080, metrics 9090, dns 5353/udp", "proxy · 9901 · no files"]);
  await user.selectOptions(container, "proxy");
  const drafts = mock.asked.filter((act) => act.do === "draft");
  expect(drafts.at(-1)).toMatchObject({ draft: { container: "proxy" } });
});

test("a container without files can't be mounted, but what was switched on can be switched off", async () => {
  const mock = await stage(SCENES["picker-agent"]);
  const mount = screen.getByRole("switch", { name: "Mount the container's volumes" });
  expect(mount.getAttribute("aria-disabled")).toBe("true");
  expect(document.getElementById(mount.getAttribute("aria-describedby")!)?.textContent).toMatch(/^container proxy has no volumes/);
  await user.click(mount);
  expect(mock.asked.some((act) => act.do === "draft")).toBe(false);
  const draft = { ...mock.views.picker.draft, mount: true };
  mock.put("picker", { opened: 10, draft });
  await user.click(await screen.findByRole("switch", { name: "Mount the container's volumes", checked: true }));
  expect(mock.asked.filter((act) => act.do === "draft").at(-1)).toMatchObject({ draft: { mount: false } });
});

test("that several containers have the port is said, and that no pod restarts before the cluster says it", async () => {
  const mock = await stage(SCENES["picker-agent"]);
  expect(screen.getByText("Several have a port two: proxy, web. Choose one.")).toBeTruthy();
  const there = "No restart needed: the agent is there.";
  expect(screen.getByText(there)).toBeTruthy();
  mock.put("picker", { preview: samples.RESTARTS });
  expect(await screen.findByText("2 pods start anew:")).toBeTruthy();
  expect(screen.queryByText(there)).toBeNull();
});

test("a container that isn't told of is typed", async () => {
  const mock = await stage(SCENES["picker-older"]);
  await user.type(screen.getByRole("textbox", { name: "Container" }), "web");
  expect(mock.asked.filter((act) => act.do === "draft").at(-1)).toMatchObject({ draft: { container: "web" } });
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

test("kept logins are forgotten one by one, and a locked keyring is said on every screen", async () => {
  const mock = await stage((mock) => {
    SCENES["settings"]!(mock);
    mock.put("shell", { keyring: samples.settings().keyring!.problem });
  });
  await user.click(screen.getByRole("button", { name: "Forget the login of lab" }));
  expect(mock.asked).toContainEqual({ do: "forget-login", connection: "lab" });
  const note = within(document.querySelector<HTMLElement>(".banner")!);
  await user.click(note.getByRole("button", { name: "Unlock the keyring" }));
  expect(mock.asked).toContainEqual({ do: "remedy", remedy: { remedy: "unlock-keyring" } });
});

test("what logs in is heard while the user does", async () => {
  const mock = await stage((mock) => mock.put("shell", { screen: "clusters" }));
  const says = "open https://login.example and enter the code AB-12";
  mock.put("clusters", { rows: [{ ...samples.NEEDS_LOGIN, login_says: says }] });
  expect(await screen.findByText(says)).toBeTruthy();
  mock.put("clusters", { rows: [samples.NEEDS_LOGIN] });
  await vi.waitFor(() => expect(screen.queryByText(says)).toBeNull());
});

test("a login that only works at a terminal has its command to copy, and one that ends has its time", async () => {
  const acts = { ...samples.NEEDS_LOGIN.acts, log_in: { can: "no", why: "it only works at a terminal" } } as const;
  const row = { ...samples.NEEDS_LOGIN, login_command: "hawser login --context lab", acts };
  const mock = await stage((mock) => mock.put("clusters", samples.clusters({ rows: [row, samples.CONNECTED] })));
  const lab = within(screen.getByRole("article", { name: "lab" }));
  expect(lab.queryByRole("button", { name: /^Log in/ })).toBeNull();
  await user.click(lab.getByRole("button", { name: "Copy the command that logs in" }));
  expect(mock.asked.at(-1)).toEqual({ do: "copy", what: { text: "login", context: samples.NEEDS_LOGIN.id } });
  const shop = within(screen.getByRole("article", { name: "shop" }));
  expect(shop.getByText("Login ends in")).toBeTruthy();
  await user.click(shop.getByRole("button", { name: "Log in again" }));
  expect(mock.asked.at(-1)).toEqual({ do: "log-in", connection: "shop" });
});
