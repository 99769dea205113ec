import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect } from "vitest";

const HERE = new URL(".", import.meta.url).pathname;
const PICTURES = `${HERE}../../pictures`;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const ADDRESS = "http://localhost:4178/";

let browser: Browser;
let mock: string;

/** A browser for the tests of a file, and the mock for its pages. */
export function withBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--font-render-hinting=none"],
    });
    const made = await build({
      configFile: false, root: HERE, logLevel: "error",
      build: { write: false, minify: false, lib: { entry: `${HERE}../install.ts`, formats: ["iife"], name: "installed" } },
    });
    mock = (Array.isArray(made) ? made[0]! : made as { output: { code: string }[] }).output[0]!.code!;
  });
  afterAll(() => browser.close());
}

/** A page, and what it has thrown or been refused by its policy. */
export type Opened = Page & { broken: string[] };

/** A page with its mock. */
export async function open(options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 980, height: 680 }, ...options });
  const page = Object.assign(await context.newPage(), { broken: [] as string[] });
  page.on("pageerror", (error) => page.broken.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.broken.push(message.text()));
  await page.addInitScript(mock);
  await load(page);
  return page;
}

/** Loads the page anew, with a scene on it. */
export async function load(page: Page, scene?: string): Promise<void> {
  await page.goto(ADDRESS);
  await page.waitForSelector("html[data-ready]");
  if (!scene) return;
  await page.evaluate(async (scene) => {
    window.scene(scene);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }, scene);
}

/** Violations of axe's rules, contrast among them. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`));
  });
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png`, animations: "disabled" });
}

/** Fails if something is wider than the window, beside its edge, or covers what can be pressed. */
export async function expectToFit(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const named = (element: Element) => `${element.tagName.toLowerCase()}.${element.className} (${element.textContent?.trim().slice(0, 30)})`;
    const width = document.documentElement.clientWidth;
    const scrolling = [...document.querySelectorAll("html, body, .scroll, main, .table")].filter((element) => element.scrollWidth > element.clientWidth + 1);
    const beyond = [...document.querySelectorAll("button, input, h1, h2, p, code, li")].filter((element) => {
      const { left, right, width: own } = element.getBoundingClientRect();
      return own > 1 && (right > width + 1 || left < -1) && !element.closest(".unseen");
    });
    // What is under something that stays in its place, like a dialog, can be scrolled from there.
    const covered = [...document.querySelectorAll("button, input:not(.unseen), select, summary")].filter((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      const middle = y + height / 2;
      const list = element.closest(".list")?.getBoundingClientRect();
      if (!element.checkVisibility() || (list && (middle < list.top || middle > list.bottom))) return false;
      const over = document.elementFromPoint(x + width / 2, middle);
      return over && !over.contains(element) && !element.contains(over) && !over.closest("form > footer, dialog, .toasts, nav, .head, .state, .banner");
    });
    return [...scrolling, ...beyond, ...covered].map(named);
  });
  expect(wide).toEqual([]);
}
