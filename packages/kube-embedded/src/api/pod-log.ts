import { listAt, textAt } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import { badRequest } from "./api-error.ts";
import type { Call } from "./context.ts";
import { getStored, MAX_REVISION } from "./reads.ts";
import { type ApiResponse, booleanParam, integerParam } from "./request.ts";
import { streamResponse } from "./response.ts";

export interface PodLogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** Go on until the container has ended (or `signal` aborts). */
  readonly follow: boolean;
  /** Prefix each line with its RFC 3339 time. */
  readonly timestamps: boolean;
  readonly previous: boolean;
  readonly tailLines?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly sinceSeconds?: number;
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}

/** The bytes of a container's log, from whoever runs the containers. */
export type PodLogs = (request: PodLogRequest) => AsyncIterable<Uint8Array>;

function containerNames(pod: KubeObject): { main: string[]; all: string[] } {
  const names = (field: string): string[] => listAt(pod, "spec", field).map((one) => textAt(one, "name") ?? "");
  const main = names("containers");
  return { main, all: [...main, ...names("initContainers"), ...names("ephemeralContainers")] };
}

export async function podLog(call: Call): Promise<ApiResponse> {
  const { path, query, request, context } = call;
  const pod = parseObject((await getStored(call)).json);
  const { main, all } = containerNames(pod);
  const asked = query.get("container") ?? "";
  if (asked === "" && main.length !== 1) {
    throw badRequest(`a container name must be specified for pod ${path.name}, choose one of: [${all.join(" ")}]`);
  }
  const container = asked === "" ? (main[0] ?? "") : asked;
  if (!all.includes(container)) throw badRequest(`container ${container} is not valid for pod ${path.name}`);
  const sinceTime = query.get("sinceTime") ?? undefined;
  const sinceSeconds = integerParam(query, "sinceSeconds", MAX_REVISION);
  if (sinceTime !== undefined && sinceSeconds !== undefined)
    throw badRequest("at most one of sinceTime or sinceSeconds may be specified");
  if (sinceTime !== undefined && Number.isNaN(Date.parse(sinceTime)))
    throw badRequest(`sinceTime must be an RFC 3339 time, not "${sinceTime}"`);
  const tailLines = integerParam(query, "tailLines", MAX_REVISION);
  const limitBytes = integerParam(query, "limitBytes", MAX_REVISION);
  const statuses = ["containerStatuses", "initContainerStatuses"].flatMap((field) => listAt(pod, "status", field));
  const status = statuses.find((one) => textAt(one, "name") === container);
  const waiting = textAt(status, "state", "waiting", "reason");
  if (status === undefined || (waiting !== undefined && textAt(status, "containerID") === undefined)) {
    throw badRequest(
      `container "${container}" in pod "${path.name}" is waiting to start: ${waiting ?? "ContainerCreating"}`,
    );
  }
  const logs = context.podLogs({
    namespace: path.namespace,
    pod: path.name,
    uid: pod.metadata.uid ?? "",
    container,
    follow: booleanParam(query, "follow"),
    timestamps: booleanParam(query, "timestamps"),
    previous: booleanParam(query, "previous"),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    signal: request.signal ?? new AbortController().signal,
  });
  return streamResponse("text/plain", logs);
}
