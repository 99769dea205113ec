import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../src");
const sources = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((name) => /\.(svelte|ts|css)$/.test(name) && !name.startsWith("generated"));
const holding = (pattern: RegExp) => sources.filter((name) => pattern.test(readFileSync(join(ROOT, name), "utf8")));

test("there are sources", () => expect(sources.length).toBeGreaterThan(40));

test("nothing that a cluster says becomes markup", () => expect(holding(/\{@html|innerHTML|insertAdjacentHTML|outerHTML/)).toEqual([]));

test("one file knows Tauri", () => expect(holding(/@tauri-apps|__TAURI/)).toEqual(["bridge.ts"]));

test("no style is inline, where the policy would stop it", () => expect(holding(/\sstyle=/)).toEqual([]));

test("colours have their names in one place", () => {
  const literal = /:[^;{}]*(#[0-9a-f]{3,8}\b|\brgb\()/i;
  // The emblem's masks are black and white for what they do, not for how they look.
  expect(holding(literal).filter((name) => name.endsWith(".css") || name.endsWith(".svelte"))).toEqual(["styles/tokens.css"]);
});

test("types come from the controller", () => {
  const types = readdirSync(join(ROOT, "generated")).map((name) => name.replace(".ts", "")).sort();
  const exported = [...readFileSync(join(ROOT, "types.ts"), "utf8").matchAll(/export type \{ (\w+) \}/g)].map(([, name]) => name);
  expect(exported).toEqual(types);
});
