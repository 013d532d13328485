import { expect, test } from "vitest";
import { ageText, cut, durationText, parseTime, runningText } from "./text.js";

test.each([
  [undefined, ""],
  [-5, "0 ms"],
  [0, "0 ms"],
  [999.9, "999 ms"],
  [1000, "1.0 s"],
  [9999, "9.9 s"],
  [10_000, "10 s"],
  [59_999, "59 s"],
  [60_000, "1 min 0 s"],
  [3_599_999, "59 min 59 s"],
  [3_600_000, "1 h 0 min"],
  [90_000_000, "1 d 1 h"],
])("%s ms is written %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [-1, "0 s"],
  [1500, "1 s"],
  [61_000, "1 min 1 s"],
])("what runs for %s ms ticks in whole seconds: %s", (ms, text) => {
  expect(runningText(ms)).toBe(text);
});

test.each([
  [-60_000, "just now"],
  [4_999, "just now"],
  [5_000, "5 s ago"],
  [60_000, "1 min ago"],
  [47 * 3_600_000, "47 h ago"],
  [48 * 3_600_000, "2 days ago"],
])("an age of %s ms is %s", (ms, text) => {
  expect(ageText(ms)).toBe(text);
});

test("times of the wire have up to nine decimals; nonsense is no time", () => {
  expect(parseTime("1970-01-01T00:00:01.234567891Z")).toBe(1234);
  expect(parseTime("soon")).toBeUndefined();
  expect(parseTime(undefined)).toBeUndefined();
});

test("a text that is cut says how much is missing", () => {
  expect(cut("abcdef", 6)).toBe("abcdef");
  expect(cut("abcdef", 4)).toBe("abcd… (2 more characters)");
});
