export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends Selection, CallOptions {
  /** Page size, default 500: a page of that many pods parses without holding up the event loop. */
  readonly limit?: number;
  /** Absent: the most recent. */
  readonly resourceVersion?: string;
}

export interface Page<T> {
  items: T[];
  resourceVersion: string;
}

export interface WatchOptions extends Selection {
  /** Events after this version; absent: first an ADDED for all that exists. */
  readonly resourceVersion?: string;
  /** When the server ends the watch. */
  readonly timeoutSeconds?: number;
  readonly signal: AbortSignal;
}

export interface PatchOptions extends CallOptions {
  readonly kind?: "merge" | "json" | "strategic";
  readonly subresource?: "status";
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface PodLogOptions {
  readonly container?: string;
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}
