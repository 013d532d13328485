/** The parts of flyteidl2.workflow.Action (JSON) that the tree uses. */
export interface Action {
  readonly id: { readonly name: string };
  readonly metadata?: {
    readonly parent?: string;
    readonly group?: string;
    readonly actionType?: string;
    /** Spelled so in the proto. */
    readonly funtionName?: string;
    readonly environmentName?: string;
    readonly task?: {
      readonly shortName?: string;
      readonly id?: { readonly name?: string; readonly version?: string };
    };
    readonly trace?: { readonly name?: string };
    readonly condition?: { readonly name?: string };
  };
  readonly status?: Status;
}

export interface Status {
  readonly phase?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly attempts?: number;
  readonly cacheStatus?: string;
}

export interface Row {
  readonly action: Action;
  /** 0 at the top. */
  readonly depth: number;
  readonly children: number;
  readonly collapsed: boolean;
}

/** Depth first, siblings by start. Every action appears exactly once, except below a collapsed one. */
export function flattenTree(actions: readonly Action[], collapsed: ReadonlySet<string>): Row[];
/** In ms since 1970; `open` = no end yet, `end` is now. */
export function timeSpan(
  status: Status | undefined,
  now: number,
): { start: number; end: number; open: boolean } | undefined;
/** From the first start to the last end; never empty. */
export function wholeSpan(actions: readonly Action[], now: number): { start: number; end: number };
export function actionTitle(action: Action): string;
