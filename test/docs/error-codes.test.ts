import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root, textOf } from "./markdown.ts";

const page = textOf("docs/reference/errors.md");

/** First arguments of the coded errors, and the launcher's table of explanations. */
function thrownCodes(): ReadonlySet<string> {
  const files = globSync(["packages/*/src/**/*.ts", "scripts/**/*.mjs"], { cwd: root, exclude: ["**/*.test.ts"] });
  const codes = files.flatMap((file) => {
    const source = readFileSync(join(root, file), "utf8");
    const thrown = [...source.matchAll(/\b(?:HomeplaneError|LaunchError)\(\s*"([\w.]+)"/g)];
    const listed = file.endsWith("explain.mjs") ? [...source.matchAll(/\bcode: "(\w+)"/g)] : [];
    return [...thrown, ...listed].map(([, code = ""]) => code);
  });
  return new Set(codes);
}

/** The codes of the program and of the launcher: the page's first two sections, up to the one on calls. */
function documentedCodes(): ReadonlySet<string> {
  const ours = page.slice(0, page.indexOf("\n## Of calls"));
  const [program = "", launcher = ""] = ours.split("\n## Of the launcher");
  const rows = [...program.matchAll(/^\| (`[^|]+?) *\|/gm)].map(([, cell = ""]) => cell);
  const listed = launcher.slice(launcher.indexOf("\n\n`"));
  return new Set([...rows, listed].flatMap((text) => [...text.matchAll(/`([\w.]+)`/g)].map(([, code = ""]) => code)));
}

test("errors.md has every code that the program has", () => {
  expect([...thrownCodes()].filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

test("errors.md has no code that the program lacks", () => {
  const thrown = thrownCodes();
  expect([...documentedCodes()].filter((code) => !thrown.has(code))).toEqual([]);
});
