import { expect, test } from "vitest";
import { age, bytes, count, latency, roughly } from "../../src/format.ts";
import cases from "../../src/format.cases.json";

// The same table as the command line has.
test.for(cases.bytes as [number, string][])("%s bytes are %s", ([input, words]) => expect(bytes(input)).toBe(words));
test.for(cases.age as [number, string][])("%s seconds are %s", ([input, words]) => expect(age(input * 1000)).toBe(words));
test.for(cases.latency as [number, string][])("%s microseconds are %s", ([input, words]) => expect(latency(input)).toBe(words));

test("a clock set back shows no time", () => expect(age(-5_000)).toBe("0 s"));

test("only the largest unit counts roughly", () => {
  expect(roughly(59_000)).toBe("59 s");
  expect(roughly(184_000)).toBe("3 min");
  expect(roughly(7_500_000)).toBe("2 h");
});

test("one is not several", () => {
  expect(count(1, "flow")).toBe("1 flow");
  expect(count(10_000, "flow")).toBe("10,000 flows");
  expect(count(0, "entry", "entries")).toBe("0 entries");
});
