/** `phase` is an ActionPhase in JSON: "ACTION_PHASE_RUNNING". */
export function phaseWord(phase: string | undefined): string;
export function phaseTone(phase: string | undefined): "wait" | "run" | "good" | "bad" | "stop";
export function isTerminal(phase: string | undefined): boolean;
