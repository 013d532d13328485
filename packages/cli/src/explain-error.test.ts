import { HomeplaneError } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { explainError } from "./explain-error.ts";

const system = (code: string): Error => Object.assign(new Error(`${code}: write`), { code });
const sqlite = (errcode: number): Error => Object.assign(new Error("database or disk is full"), { errcode });

test.each([system("ENOSPC"), system("EDQUOT"), sqlite(13), sqlite(13 | (3 << 8))])("%s is a full disk", (cause) => {
  expect(explainError(cause)).toMatchObject({ code: "DiskFull" });
  const wrapped = new HomeplaneError("DatabaseUnusable", "the database x can not be used", "use another", { cause });
  expect(explainError(wrapped)).toMatchObject({
    code: "DiskFull",
    message: "the disk is full: the database x can not be used",
    nextStep: expect.stringContaining("make room") as string,
  });
});

test.each([system("EACCES"), system("EROFS"), sqlite(8)])("%s is a matter of rights", (error) => {
  expect(explainError(error)).toMatchObject({
    code: "NotWritable",
    nextStep: expect.stringContaining("chown") as string,
  });
});

test("an error that has a code stays as it is, also as a cause", () => {
  const error = new HomeplaneError("PortTaken", "port 1 is taken", "another one");
  expect(explainError(error)).toBe(error);
  expect(explainError(new Error("outer", { cause: error }))).toBe(error);
});

test("a fault of ours keeps its stack", () => {
  const fault = new TypeError("x is not a function");
  expect(explainError(fault)).toMatchObject({ code: "Unexpected", message: fault.stack });
  const loop = new Error("loop");
  loop.cause = loop;
  expect(explainError(loop).code).toBe("Unexpected");
  expect(explainError("text").message).toBe("text");
});
