/**
 * What an installation fetched or computed for itself: in a checkout its `.tools`, for a package from npm, which may be read-only, the
 * user's `~/.homeplane`. JavaScript, as main.js needs it before any TypeScript.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The checkout, or the package. */
export const root = join(import.meta.dirname, "../../..");

/** Only a checkout has the launcher. */
export const isCheckout = existsSync(join(root, "scripts/launch.mjs"));
export const toolsFolder = isCheckout ? join(root, ".tools") : join(homedir(), ".homeplane");
