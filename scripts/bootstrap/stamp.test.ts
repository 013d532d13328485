import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inputsHash, readStamp, writeStamp } from "./stamp.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "homeplane-stamp-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a stamp reads back as it was written", () => {
  const file = join(folder, "stamp.json");
  writeStamp(file, { inputs: "abc" });
  expect(readStamp(file)).toEqual({ inputs: "abc" });
});

test("no stamp, half a stamp and no folder all mean: not done", () => {
  writeFileSync(join(folder, "half.json"), '{"inputs": "a');
  expect(readStamp(join(folder, "none.json"))).toBeUndefined();
  expect(readStamp(join(folder, "half.json"))).toBeUndefined();
  expect(readStamp(join(folder, "half.json/below.json"))).toBeUndefined();
});

test("a stamp that can not be read for another reason is an error, not an unfinished step", () => {
  mkdirSync(join(folder, "folder.json"));
  expect(() => readStamp(join(folder, "folder.json"))).toThrow("EISDIR");
});

test("the hash changes with a file's content and with a value, and not with the time", () => {
  const file = join(folder, "lock");
  writeFileSync(file, "1");
  const hash = inputsHash([file], ["x64"]);
  writeFileSync(file, "1");
  expect(inputsHash([file], ["x64"])).toBe(hash);
  expect(inputsHash([file], ["arm64"])).not.toBe(hash);
  writeFileSync(file, "2");
  expect(inputsHash([file], ["x64"])).not.toBe(hash);
});
