/** The calls that this page makes, by name. Messages are flyteidl2's in their JSON form. */
import { serverStream, unary } from "./rpc.js";

const run = "flyteidl2.workflow.RunService";
const data = "flyteidl2.dataproxy.DataProxyService";
/** Inputs and outputs beyond this are not shown here. */
const maxDataBytes = 2 * 1024 * 1024;

/** @typedef {{org?: string, project: string, domain: string, name: string}} RunId */
/** @typedef {{run: RunId, name: string}} ActionId */

/** Newest first. @param {number} limit @param {AbortSignal} signal @returns {Promise<{runs?: any[], token?: string}>} */
export const listRuns = (limit, signal) =>
  unary(`${run}/ListRuns`, { request: { limit, sortBy: { key: "created_at", direction: "DESCENDING" } } }, signal);

/** @param {RunId} runId @param {AbortSignal} signal @returns {Promise<{details?: any}>} */
export const getRunDetails = (runId, signal) => unary(`${run}/GetRunDetails`, { runId }, signal);

/** @param {RunId} runId @param {AbortSignal} signal @returns {AsyncGenerator<{enrichedActions?: any[]}, void>} */
export const watchActions = (runId, signal) => serverStream(`${run}/WatchActions`, { runId }, signal);

/** @param {ActionId} actionId @param {AbortSignal} signal @returns {AsyncGenerator<{details?: any}, void>} */
export const watchActionDetails = (actionId, signal) => serverStream(`${run}/WatchActionDetails`, { actionId }, signal);

/** @param {RunId} runId @param {string} reason @param {AbortSignal} signal @returns {Promise<object>} */
export const abortRun = (runId, reason, signal) => unary(`${run}/AbortRun`, { runId, reason }, signal);

/** @param {ActionId} actionId @param {number} attempt @param {AbortSignal} signal @returns {AsyncGenerator<{logs?: any[]}, void>} */
export const tailLogs = (actionId, attempt, signal) => serverStream(`${data}/TailLogs`, { actionId, attempt }, signal);

/** @param {ActionId} actionId @param {AbortSignal} signal @returns {Promise<any>} */
export const getActionData = (actionId, signal) => unary(`${data}/GetActionData`, { actionId }, signal, maxDataBytes);

/** @param {ActionId} actionId @param {number} attempt @param {AbortSignal} signal @returns {Promise<any>} */
export const reportLink = (actionId, attempt, signal) =>
  unary(
    `${data}/CreateDownloadLink`,
    { artifactType: "ARTIFACT_TYPE_REPORT", actionAttemptId: { actionId, attempt } },
    signal,
  );
