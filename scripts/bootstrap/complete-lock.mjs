/**
 * npm 11 refuses a lock that lacks optional packages of other platforms, even though it would not install them. Such a lock comes
 * from a registry that carries some platforms only. Each one that is missing is named with a platform that is never this one.
 */

/** @typedef {import("./gauges.mjs").LockEntry & { optionalDependencies?: Record<string, string> } & Record<string, unknown>} Entry */
/** @typedef {{ packages: Record<string, Entry> } & Record<string, unknown>} PackageLock */

/** @param {PackageLock} lock @returns {PackageLock} */
export function completeLock(lock) {
  /** @type {Record<string, Entry>} */
  const added = {};
  for (const { name, range } of missingOptional(lock)) {
    const version = /\d+\.\d+\.\d+[^\s|]*/.exec(range)?.[0];
    if (version !== undefined) added[`node_modules/${name}`] = { version, optional: true, os: ["!linux"] };
  }
  return { ...lock, packages: { ...lock.packages, ...added } };
}

/** What packages name as optional dependencies and the lock has nowhere. @param {PackageLock} lock */
export function missingOptional({ packages }) {
  const present = new Set(
    Object.keys(packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)),
  );
  return Object.values(packages)
    .flatMap(({ optionalDependencies }) => Object.entries(optionalDependencies ?? {}))
    .filter(([name]) => !present.has(name))
    .map(([name, range]) => ({ name, range }));
}
