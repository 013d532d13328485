import type { KeyObject } from "node:crypto";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";
import type { Store } from "../store/store.ts";
import type { PodLogs } from "./pod-log.ts";
import type { Quotas } from "../quota/quotas.ts";
import type { Registry } from "./registry.ts";
import type { ApiRequest, ResourcePath } from "./request.ts";
import type { ResourceType } from "./resource-type.ts";

/** What every operation shares. */
export interface ApiContext {
  readonly store: Store;
  readonly registry: Registry;
  readonly quotas: Quotas;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly podLogs: PodLogs;
  /** Signs the tokens of service accounts. */
  readonly tokenKey: KeyObject;
}

/** One request, resolved to a kind. */
export interface Call {
  readonly context: ApiContext;
  readonly request: ApiRequest;
  readonly path: ResourcePath;
  readonly query: URLSearchParams;
  readonly type: ResourceType;
  /** Texts for the client that do not fail the call; become `Warning` headers. */
  readonly warnings: string[];
}
