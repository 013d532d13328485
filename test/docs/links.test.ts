import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { anchorsOf, linksOf, pages, root, textOf } from "./markdown.ts";

const isOutside = (target: string): boolean => /^[a-z]+:/.test(target);

test.each(pages)("%s: each link within the project leads somewhere", (page) => {
  const dead = linksOf(textOf(page)).filter((target) => {
    if (isOutside(target)) return false;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? join(root, page) : join(root, dirname(page), path);
    if (!existsSync(file)) return true;
    return anchor !== undefined && statSync(file).isFile() && !anchorsOf(readFileSync(file, "utf8")).has(anchor);
  });
  expect(dead).toEqual([]);
});

test.each(["docs/guide", "docs/reference", "docs/adr"])("each page of %s is linked from its index", (folder) => {
  const index = `${folder}/README.md`;
  const linked = new Set(linksOf(textOf(index)).map((target) => join(folder, target)));
  const missing = pages.filter((page) => dirname(page) === folder && page !== index && !linked.has(page));
  expect(missing).toEqual([]);
});

test("each package has a README of at most 40 lines that begins with its name", () => {
  const readmes = pages.filter((page) => page.startsWith("packages/"));
  for (const page of readmes) {
    const lines = textOf(page).trimEnd().split("\n");
    expect(lines.length, page).toBeLessThanOrEqual(40);
    expect(lines[0], page).toBe(`# ${page.split("/")[1]}`);
  }
});

test("no page has an absolute path of a machine, and no address of a registry", () => {
  const wrong = pages.filter((page) =>
    /\/(work|root|home(?!\/task))\/|registry\.npmjs|files\.pythonhosted/.test(textOf(page)),
  );
  expect(wrong).toEqual([]);
});
