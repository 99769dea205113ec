import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { clock } from "../../src/clock.svelte.ts";

beforeEach(() => vi.useFakeTimers({ now: 0 }));
afterEach(() => vi.useRealTimers());

/** How often it is drawn while this much time goes by, and what is on screen then. */
function drawn(words: () => string, ms: number): [number, string] {
  let [times, last] = [0, ""];
  const end = $effect.root(() => {
    $effect(() => {
      last = words();
      times += 1;
    });
  });
  flushSync();
  for (let passed = 0; passed < ms; passed += 500) {
    vi.advanceTimersByTime(500);
    flushSync();
  }
  end();
  return [times - 1, last];
}

test("what has changed is drawn, and nothing else is", () => {
  expect(drawn(() => clock.age(0), 10_000)).toEqual([10, "10 s"]);
  expect(drawn(() => clock.roughly(0), 110_000)).toEqual([50 + 1, "2 min"]);
  expect(drawn(() => clock.roughly(-3 * 3_600_000), 120_000)).toEqual([0, "3 h"]);
  const end = Date.now() + 90_000;
  expect(drawn(() => clock.left(end), 10_000)).toEqual([10, "1 min 20 s"]);
});

test("of several the first to change counts, and each is drawn when it does", () => {
  const [old, young] = [Date.now() - 7_200_000, Date.now()];
  expect(drawn(() => `${clock.roughly(old)}, ${clock.roughly(young)}`, 3_000)).toEqual([3, "2 h, 3 s"]);
});

test("once nothing shows the time nobody waits for it", async () => {
  drawn(() => clock.age(0), 1_000);
  await Promise.resolve();
  vi.advanceTimersByTime(5_000);
  expect(vi.getTimerCount()).toBe(0);
});
