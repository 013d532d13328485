/** @typedef {"wait" | "run" | "good" | "bad" | "stop"} Tone colour of a phase; the word always stands beside it */

/** @type {Readonly<Record<string, readonly [word: string, tone: Tone]>>} */
const phases = {
  ACTION_PHASE_QUEUED: ["Queued", "wait"],
  ACTION_PHASE_WAITING_FOR_RESOURCES: ["Waiting for resources", "wait"],
  ACTION_PHASE_INITIALIZING: ["Initializing", "wait"],
  ACTION_PHASE_RUNNING: ["Running", "run"],
  ACTION_PHASE_SUCCEEDED: ["Succeeded", "good"],
  ACTION_PHASE_FAILED: ["Failed", "bad"],
  ACTION_PHASE_ABORTED: ["Aborted", "stop"],
  ACTION_PHASE_TIMED_OUT: ["Timed out", "bad"],
  ACTION_PHASE_PAUSED: ["Paused", "wait"],
  ACTION_PHASE_RECOVERED: ["Recovered", "good"],
};

const terminal = new Set(
  ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "RECOVERED"].map((name) => `ACTION_PHASE_${name}`),
);

/** A phase of a later version is shown by its own name. @type {typeof import("./phase.js").phaseWord} */
export const phaseWord = (phase) => phases[phase ?? ""]?.[0] ?? (phase ?? "unknown").replace("ACTION_PHASE_", "");

/** @type {typeof import("./phase.js").phaseTone} */
export const phaseTone = (phase) => phases[phase ?? ""]?.[1] ?? "wait";

/** @type {typeof import("./phase.js").isTerminal} */
export const isTerminal = (phase) => terminal.has(phase ?? "");
