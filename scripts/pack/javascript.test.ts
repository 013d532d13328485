import { expect, test } from "vitest";
import { importsOf, toJavascript } from "./javascript.ts";

test("types are blanked in place, so that positions stay", () => {
  expect(toJavascript("a.ts", "const a: number = 1;\nexport { a };\n")).toBe("const a         = 1;\nexport { a };\n");
});

test("every way to import a file of ours names the JavaScript afterwards", () => {
  const lines = [
    'import { a } from "./a.ts";',
    'export * from "../b.ts";',
    'import "./c.ts";',
    'const d = await import("./d.ts");',
    'import {\n  type E,\n  e,\n} from "./e.ts";',
  ];
  const code = toJavascript("x.ts", lines.join("\n"));
  expect(importsOf(code)).toEqual(["./a.js", "../b.js", "./c.js", "./d.js", "./e.js"]);
});

test("other packages, JSON and plain text keep their names", () => {
  const code = 'import x from "some.ts";\nimport m from "./m.json" with { type: "json" };\nconst file = "./a.ts";\n';
  expect(toJavascript("x.ts", code)).toBe(code);
});

test("an import of types alone is gone", () => {
  expect(toJavascript("x.ts", 'import type { A } from "./a.ts";\n').trim()).toBe("");
});

test("syntax that has to be compiled is refused", () => {
  expect(() => toJavascript("x.ts", "enum A { B }")).toThrow(/enum/);
});
