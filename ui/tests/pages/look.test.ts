import type { BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SCENES } from "../scenes.ts";
import { expectToFit, load, open, picture, violations, withBrowser, type Opened } from "./browser.ts";

withBrowser();

const ALL = Object.keys(SCENES);
const MAIN = ["clusters", "clusters-stale", "subnets", "intercepts", "picker", "traffic", "names", "doctor", "settings", "quitting"];

// 200 % of a window is half as many, twice as large pixels.
const WAYS: [name: string, scenes: string[], options: BrowserContextOptions][] = [
  ["light", ALL, { colorScheme: "light" }],
  ["whole", MAIN, { viewport: { width: 1200, height: 1700 }, colorScheme: "light" }],
  ["dark", ALL, { colorScheme: "dark" }],
  ["small", ALL, { viewport: { width: 360, height: 520 }, colorScheme: "light" }],
  ["small-dark", MAIN, { viewport: { width: 360, height: 520 }, colorScheme: "dark" }],
  ["doubled", ALL, { viewport: { width: 490, height: 340 }, deviceScaleFactor: 2, colorScheme: "light" }],
  ["contrast", MAIN, { contrast: "more", colorScheme: "dark" }],
  ["contrast-light", MAIN, { contrast: "more", colorScheme: "light" }],
  // Colours of a forced palette aren't the page's: what is drawn with them is looked at in the pictures.
  ["forced", MAIN, { forcedColors: "active" }],
];

for (const [way, scenes, options] of WAYS) {
  describe(way, () => {
    let page: Opened;
    beforeAll(async () => {
      page = await open({ reducedMotion: "reduce", ...options });
    });
    afterAll(() => page.context().close());

    test.for(scenes)("%s fits, is accessible and keeps the policy", async (scene) => {
      await load(page, scene);
      await picture(page, `${scene}-${way}`);
      await expectToFit(page);
      if (way !== "forced") expect(await violations(page)).toEqual([]);
      expect(page.broken).toEqual([]);
    });
  });
}
