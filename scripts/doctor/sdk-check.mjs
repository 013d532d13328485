/** The Python environment in which tasks run: has it the SDK, and what it was made with? */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { missing, ok, warning } from "./check.mjs";
import { runTool } from "./run-tool.mjs";

const probe = `
import importlib.metadata as m, json, re, sys
name = lambda d: re.sub(r"[-_.]+", "-", d.metadata["Name"] or "").lower()
print(json.dumps({"python": "%d.%d.%d" % sys.version_info[:3], "packages": {name(d): d.version for d in m.distributions()}}))`;

/** What a lock pins, whatever the environment: one name may have several versions, for several Pythons. @param {string} text @returns {Map<string, Set<string>>} */
export function pinnedPackages(text) {
  /** @type {Map<string, Set<string>>} */
  const pinned = new Map();
  for (const [, name = "", version = ""] of text.matchAll(/^([A-Za-z0-9._-]+)==([^\s;\\]+)/gm)) {
    const key = name.replaceAll(/[-_.]+/g, "-").toLowerCase();
    pinned.set(key, (pinned.get(key) ?? new Set()).add(version));
  }
  return pinned;
}

/** Those that are there in another version than pinned. What is not there may be for another Python. @param {Map<string, Set<string>>} pinned @param {Record<string, string>} packages */
export function otherVersions(pinned, packages) {
  return [...pinned].flatMap(([name, versions]) => {
    const there = packages[name];
    return there === undefined || versions.has(there)
      ? []
      : [`${name} ${there} instead of ${[...versions].join(" or ")}`];
  });
}

/** @param {import("./doctor.mjs").Subject} subject @returns {Promise<import("./check.mjs").Check>} */
export async function sdkCheck({ root, paths, python, env }) {
  const id = "sdk";
  const title = "Tasks' environment";
  const file = python ?? join(paths.python, "bin/python");
  const pinned = pinnedPackages(readFileSync(join(root, "tools/python/requirements.lock"), "utf8"));
  if (python === undefined && !existsSync(file))
    return warning(
      id,
      title,
      "not made yet",
      `the first start makes it, with flyte ${[...(pinned.get("flyte") ?? [])].join()}`,
    );
  const { code, stdout } = await runTool(file, ["-I", "-c", probe], { env, timeoutMs: 20_000 });
  if (code !== 0)
    return missing(
      id,
      title,
      `${file} does not run (${code})`,
      "start again, which makes it anew, or name another with --python",
    );
  const found = /** @type {{ python: string, packages: Record<string, string> }} */ (JSON.parse(stdout));
  const flyte = found.packages["flyte"];
  if (flyte === undefined)
    return missing(id, title, `${file} has no package flyte`, `install it there: ${file} -m pip install flyte`);
  const what = `flyte ${flyte} on Python ${found.python}, ${Object.keys(found.packages).length} packages`;
  const other = python === undefined ? otherVersions(pinned, found.packages) : [];
  if (other.length === 0) return ok(id, title, what);
  return warning(
    id,
    title,
    `${what}; ${other.slice(0, 5).join(", ")}`,
    `to have it made anew: rm -r ${paths.python}/ and start`,
  );
}
