/**
 * From TypeScript as Node runs it to JavaScript: types become blanks, so lines and columns in a stack trace stay those of the source.
 * Node strips types by itself, but not below node_modules.
 */
import { stripTypeScriptTypes } from "node:module";

/** Import and export declarations, import() with a literal. What a comment holds is also found; that does no harm. */
const specifier = /(\bfrom\s*|\bimport\s*\(?\s*)"([^"\n]+)"/g;

const isRelative = (path: string): boolean => /^\.\.?\//.test(path);

/** What a module imports, as written. */
export const importsOf = (code: string): readonly string[] =>
  [...code.matchAll(specifier)].flatMap(([, , path]) => path ?? []);

export const relativeImports = (code: string): readonly string[] => importsOf(code).filter(isRelative);

export const toJavascriptName = (path: string): string => path.replace(/\.ts$/, ".js");

/** The code of a `.ts` or `.js` module with all that names a `.ts` file renamed. Throws on syntax that is not erasable. */
export function toJavascript(path: string, code: string): string {
  const javascript = path.endsWith(".ts") ? stripTypeScriptTypes(code, { mode: "strip" }) : code;
  return javascript.replace(specifier, (whole, before: string, imported: string) =>
    isRelative(imported) ? `${before}"${toJavascriptName(imported)}"` : whole,
  );
}
