/** The actions of a run as a tree by parent, from the flat list that the watch keeps up to date. */
import { parseTime } from "./text.js";

/** @type {typeof import("./tree.js").flattenTree} */
export function flattenTree(actions, collapsed) {
  const byName = new Map(actions.map((action) => [action.id.name, action]));
  /** @type {Map<string, import("./tree.js").Action[]>} */
  const children = new Map();
  for (const action of actions) {
    const parent = action.metadata?.parent ?? "";
    // A child may be reported before its parent: it stands at the top until the parent is there.
    const key = byName.has(parent) && parent !== action.id.name ? parent : "";
    const siblings = children.get(key);
    if (siblings === undefined) children.set(key, [action]);
    else siblings.push(action);
  }
  for (const siblings of children.values()) siblings.sort(byStart);

  /** @type {import("./tree.js").Row[]} */
  const rows = [];
  const placed = new Set();
  // A stack, not recursion: a tree may be deeper than the call stack.
  /** @param {readonly import("./tree.js").Action[]} top */
  const place = (top) => {
    const stack = top.toReversed().map((action) => ({ action, depth: 0, hidden: false }));
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { action, depth, hidden } = next;
      const { name } = action.id;
      if (placed.has(name)) continue;
      placed.add(name);
      const below = children.get(name) ?? [];
      const closed = collapsed.has(name);
      if (!hidden) rows.push({ action, depth, children: below.length, collapsed: closed });
      for (const child of below.toReversed()) stack.push({ action: child, depth: depth + 1, hidden: hidden || closed });
    }
  };
  place(children.get("") ?? []);
  // What is left has itself as an ancestor. Such data is wrong, but it is shown.
  for (const action of actions) if (!placed.has(action.id.name)) place([action]);
  return rows;
}

/** @param {import("./tree.js").Action} a @param {import("./tree.js").Action} b */
function byStart(a, b) {
  const difference = (startOf(a) ?? 0) - (startOf(b) ?? 0);
  return difference !== 0 ? difference : a.id.name < b.id.name ? -1 : 1;
}

/** @param {import("./tree.js").Action} action */
const startOf = (action) => parseTime(action.status?.startTime);

/** @type {typeof import("./tree.js").timeSpan} */
export function timeSpan(status, now) {
  const start = parseTime(status?.startTime);
  if (start === undefined) return undefined;
  const end = parseTime(status?.endTime);
  return { start, end: Math.max(start, end ?? now), open: end === undefined };
}

/** @type {typeof import("./tree.js").wholeSpan} */
export function wholeSpan(actions, now) {
  let start = Infinity;
  let end = -Infinity;
  for (const { status } of actions) {
    const span = timeSpan(status, now);
    if (span === undefined) continue;
    start = Math.min(start, span.start);
    end = Math.max(end, span.end);
  }
  return Number.isFinite(start) ? { start, end: Math.max(end, start + 1) } : { start: now, end: now + 1 };
}

/** @type {typeof import("./tree.js").actionTitle} */
export function actionTitle(action) {
  const { task, trace, condition, funtionName } = action.metadata ?? {};
  return task?.shortName || task?.id?.name || trace?.name || condition?.name || funtionName || action.id.name;
}
