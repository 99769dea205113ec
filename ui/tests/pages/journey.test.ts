import { afterEach, beforeEach, expect, test } from "vitest";
import type { Act } from "../../src/types.ts";
import { open, violations, withBrowser, type Opened } from "./browser.ts";

withBrowser();

let page: Opened;
beforeEach(async () => {
  page = await open({ colorScheme: "light" });
});
afterEach(async () => {
  expect(page.broken).toEqual([]);
  await page.context().close();
});

const asked = <Do extends Act["do"]>(what: Do) =>
  page.evaluate((what) => window.mock.asked.filter((act) => act.do === what), what) as Promise<Extract<Act, { do: Do }>[]>;

async function expectIntercepted(): Promise<void> {
  const card = page.getByRole("article", { name: "web over shop" });
  await card.waitFor();
  expect(await card.getByText("127.0.0.1:9000").count()).toBe(1);
  expect(await card.getByText("all 3 ways lead here").count()).toBe(1);
  expect(await card.getByText("/home/ann/.local/share/hawser/mounts/web").count()).toBe(1);
  const { draft } = (await asked("draft")).at(-1)!;
  expect(draft).toMatchObject({
    connection: "shop", namespace: "shop", kind: "Deployment", workload: "web", mount: true, mode: "intercept",
    ports: [{ local: "9000", port: "http", udp: false }],
  });
  expect(await asked("intercept")).toEqual([{ do: "intercept", revision: draft.revision }]);
  expect(await violations(page)).toEqual([]);
}

test("by mouse: connect, intercept with files, leave, disconnect", async () => {
  const shop = page.getByRole("article", { name: "shop" });
  await shop.getByRole("button", { name: "Connect", exact: true }).click();
  await shop.getByText("Connected").waitFor();
  expect(await asked("connect")).toEqual([{ do: "connect", context: 1 }]);

  await page.getByRole("button", { name: "Intercepts" }).click();
  await page.getByRole("button", { name: "New intercept" }).click();
  await page.getByRole("radio", { name: /^web Deployment/ }).check();
  await page.getByRole("combobox", { name: "Port of the workload" }).click();
  await page.getByRole("option", { name: /^http/ }).click();
  await page.getByRole("combobox", { name: "Port on this laptop" }).click();
  await page.getByRole("option", { name: /9000 python3/ }).click();
  await page.getByRole("switch", { name: "Mount the container's volumes" }).click();
  await page.getByText("2 pods start anew:").waitFor();
  await page.getByRole("button", { name: "Intercept", exact: true }).click();
  await expectIntercepted();

  await page.getByRole("button", { name: "Copy curl" }).click();
  expect(await asked("copy")).toEqual([{ do: "copy", what: { text: "curl", connection: "shop", intercept: "web" } }]);
  await page.getByRole("button", { name: "Open folder" }).click();
  expect(await asked("open-files")).toHaveLength(1);
  await page.getByRole("button", { name: "Extend" }).click();
  await page.getByRole("menuitem", { name: "4 hours from now" }).click();
  expect(await asked("extend")).toEqual([{ do: "extend", connection: "shop", intercept: "web", minutes: 240 }]);
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByText("Nothing is intercepted").waitFor();

  await page.getByRole("button", { name: "Clusters", exact: true }).click();
  await shop.getByRole("button", { name: "Disconnect" }).click();
  await shop.getByRole("button", { name: "Connect", exact: true }).waitFor();
});

/** Presses Tab until what has the focus has this name, as somebody would who can't see. */
async function tabTo(name: RegExp): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | HTMLElement;
      const labels = "labels" in element ? [...(element.labels ?? [])].map((label) => label.textContent?.trim()).join(" ") : "";
      return (element.getAttribute("aria-label") ?? (labels || element.textContent) ?? "").replace(/\s+/g, " ").trim();
    });
    if (name.test(focused)) return;
    passed.push(focused);
  }
  throw new Error(`nothing called ${name} can be reached; passed ${passed.join(", ")}`);
}

const press = (...keys: string[]) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());

test("by keyboard alone: connect, intercept with files, leave", async () => {
  await tabTo(/^Connect$/);
  await press("Enter");
  await page.getByRole("status").filter({ hasText: "shop connected" }).waitFor();

  await press("Control+3");
  await page.getByRole("heading", { name: "Intercepts" }).waitFor();
  await tabTo(/New intercept/);
  await press("Enter");
  await page.getByRole("heading", { name: "New intercept" }).waitFor();
  await tabTo(/^Namespace/);
  await press("ArrowDown", "Escape");
  await tabTo(/^web ?Deployment/);
  await press("Space");
  await tabTo(/^Port of the workload/);
  await press("ArrowDown", "ArrowDown", "Enter");
  await tabTo(/^Port on this laptop/);
  await page.keyboard.type("90");
  await press("ArrowDown", "Enter");
  await tabTo(/^Container/);
  await press("ArrowDown", "ArrowDown");
  await page.getByText("container proxy has no volumes.").waitFor();
  await press("ArrowUp");
  await page.getByText("container proxy has no volumes.").waitFor({ state: "detached" });
  await tabTo(/^Mount the container's volumes/);
  await press("Space");
  await page.getByText("2 pods start anew:").waitFor();
  await tabTo(/^Intercept$/);
  await press("Enter");
  await expectIntercepted();
  await tabTo(/^Extend/);
  await press("ArrowDown", "End", "Enter");
  expect((await asked("extend")).at(-1)?.minutes).toBe(null);
  await tabTo(/^Leave$/);
  await press("Enter");
  await page.getByText("Nothing is intercepted").waitFor();
});

test("by keyboard alone: the helper's log is detailed, and normal again", async () => {
  await press("Control+5");
  await page.getByRole("heading", { name: "Doctor" }).waitFor();
  await tabTo(/^Normal$/);
  await press("ArrowRight");
  await page.getByRole("status").filter({ hasText: "Detailed until" }).waitFor();
  expect(await page.getByRole("radio", { name: "Detailed" }).isChecked()).toBe(true);
  await press("ArrowLeft");
  await page.getByRole("status").filter({ hasText: "It ends by itself" }).waitFor();
  expect(await asked("log")).toEqual([{ do: "log", level: "debug" }, { do: "log", level: "normal" }]);
  expect(await violations(page)).toEqual([]);
});

test("a workload whose agents are there says so, in a form without a flaw", async () => {
  await page.evaluate(() => window.scene("picker-agent"));
  await page.getByRole("combobox", { name: "Container" }).waitFor();
  await page.getByText("No restart needed: the agent is there.").waitFor();
  expect(await violations(page)).toEqual([]);
});

test("what is missing is said when it's asked for, and the first field has the focus", async () => {
  await page.evaluate(() => window.mock.act({ do: "pick", connection: null, intercept: null }));
  await page.getByRole("heading", { name: "New intercept" }).waitFor();
  expect(await page.getByText("Choose a workload.").count()).toBe(0);
  await page.getByRole("button", { name: "Intercept", exact: true }).click({ force: true });
  await page.getByText("Choose a workload.").waitFor();
  await page.getByText("Name the port on which your program listens.").waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Workload");
  expect(await asked("intercept")).toEqual([]);
  expect(await violations(page)).toEqual([]);
});

test("disconnecting asks where intercepts live, and Escape means no", async () => {
  await page.evaluate(() => (window.scene("intercepts"), window.scene("clusters")));
  const disconnect = () => page.getByRole("article", { name: "shop" }).getByRole("button", { name: "Disconnect" }).click();
  await disconnect();
  await page.getByRole("dialog", { name: /^Disconnecting shop ends/ }).waitFor();
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await disconnect();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await asked("end")).toEqual([{ do: "end", sure: false }, { do: "end", sure: true }]);
});

test("quitting asks, and Escape means no", async () => {
  await page.getByRole("button", { name: "Quit" }).click();
  await page.getByRole("dialog", { name: "Quit Hawser?" }).waitFor();
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await asked("quit")).toEqual([{ do: "quit", answer: null }, { do: "quit", answer: "stay" }]);
});
