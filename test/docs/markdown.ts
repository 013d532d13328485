import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Every page that a reader may come upon, relative to the root. */
export const pages: readonly string[] = globSync(
  ["*.md", "docs/**/*.md", "packages/*/README.md", "scripts/README.md"],
  {
    cwd: root,
  },
).toSorted();

export const textOf = (page: string): string => readFileSync(join(root, page), "utf8");

const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");

/** Where the links of a page lead, as written. */
export const linksOf = (text: string): readonly string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);

/** The anchors that GitHub makes of headings: lower case, no punctuation, "-" for blanks. */
export const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set(
    [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );

export interface Fence {
  readonly language: string;
  readonly text: string;
}

export const fencesOf = (text: string): readonly Fence[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(([, language = "", body = ""]) => ({ language, text: body }));
