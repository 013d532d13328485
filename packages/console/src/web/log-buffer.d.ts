/** flyteidl2.logs.dataplane.LogLine in JSON. */
export interface LogEntry {
  readonly timestamp?: string;
  /** May hold several lines; ends in "\n". */
  readonly message?: string;
  readonly originator?: string;
}

export interface Line {
  readonly time: string | undefined;
  readonly text: string;
  /** Said by the platform, not by the task. */
  readonly system: boolean;
}

export interface LogBuffer {
  append(entries: readonly LogEntry[]): void;
  clear(): void;
  /** At most `limit` lines, and how many went before them. */
  snapshot(): { readonly lines: readonly Line[]; readonly dropped: number; readonly count: number };
}

export const maxLines: number;
export function createLogBuffer(limit?: number): LogBuffer;
