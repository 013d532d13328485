/**
 * @typedef {object} Check One thing that Homeplane needs or can use.
 * @property {string} id stable, for programs
 * @property {string} title
 * @property {"ok" | "warning" | "missing"} state "missing": Homeplane can not start or run tasks without it
 * @property {string} found what is here
 * @property {string} [next] how to get what is not; always there unless ok
 */

/** @param {string} id @param {string} title @param {string} found @returns {Check} */
export const ok = (id, title, found) => ({ id, title, state: "ok", found });

/** @param {string} id @param {string} title @param {string} found @param {string} next @returns {Check} */
export const warning = (id, title, found, next) => ({ id, title, state: "warning", found, next });

/** @param {string} id @param {string} title @param {string} found @param {string} next @returns {Check} */
export const missing = (id, title, found, next) => ({ id, title, state: "missing", found, next });

const marks = { ok: "ok     ", warning: "warning", missing: "MISSING" };

/** @param {readonly Check[]} checks @returns {string} ends with a line break */
export function describeChecks(checks) {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap(({ title, state, found, next }) => [
    `${marks[state]}  ${title.padEnd(width)}  ${found}`,
    ...(next === undefined ? [] : [`${" ".repeat(width + 11)}-> ${next}`]),
  ]);
  const count = (/** @type {Check["state"]} */ wanted) => checks.filter(({ state }) => state === wanted).length;
  const verdict =
    count("missing") > 0
      ? `${count("missing")} missing: Homeplane does not work here yet.`
      : count("warning") > 0
        ? `Homeplane works here; ${count("warning")} with limits.`
        : "All is here.";
  return `${lines.join("\n")}\n\n${verdict}\n`;
}
