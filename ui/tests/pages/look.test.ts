import type { BrowserContextOptions } from "playwright-core";
import { expect, test } from "vitest";
import { SCENES } from "../scenes.ts";
import { expectToFit, open, picture, violations, withBrowser } from "./browser.ts";

withBrowser();

// 200 % of a window is half as many, twice as large pixels.
const WAYS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  small: { viewport: { width: 360, height: 520 }, colorScheme: "light" },
  "small-dark": { viewport: { width: 360, height: 520 }, colorScheme: "dark" },
  doubled: { viewport: { width: 490, height: 340 }, deviceScaleFactor: 2, colorScheme: "light" },
  contrast: { contrast: "more", colorScheme: "dark" },
  forced: { forcedColors: "active" },
};

for (const [way, options] of Object.entries(WAYS)) {
  test.for(Object.keys(SCENES))(`%s, ${way}`, async (name) => {
    const page = await open({ reducedMotion: "reduce", ...options });
    await page.evaluate((name) => window.scene(name), name);
    await page.waitForSelector("h1");
    await picture(page, `${name}-${way}`);
    await expectToFit(page);
    // Colours of a forced palette aren't the page's.
    if (way !== "forced") expect(await violations(page)).toEqual([]);
    expect(page.broken).toEqual([]);
    await page.context().close();
  });
}
