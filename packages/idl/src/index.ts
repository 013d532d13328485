export * from "./layout.ts";
export { abortedOrder } from "./orders.ts";
export { isTerminal, phaseOrder, phaseToProto } from "./phase.ts";
export { taskActionCrd } from "./taskaction/crd.ts";
export * from "./taskaction/names.ts";
export { phaseOf, progressReason, type TerminalPhase, terminalPhase } from "./taskaction/phase.ts";
export * from "./taskaction/types.ts";
export * from "./pod-identity.ts";
export { type CodeBundle, codeBundleOf, primaryContainerName } from "./task-program.ts";
