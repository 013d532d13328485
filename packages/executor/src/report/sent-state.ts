import { toBinary } from "@bufbuild/protobuf";
import { phaseOrder, shortHash } from "@homeplane/idl";
import { type ActionEvent, ActionEventSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { ActionReport } from "./action-report.ts";

/** What the control plane has acknowledged of one action. */
export class SentState {
  specSent = false;
  endAcknowledged = false;
  /** By attempt and phase: the content's hash and the version it went out with. */
  readonly #events = new Map<string, { hash: string; version: number }>();

  #furthest = 0;

  hasNews(report: ActionReport): boolean {
    return (
      (!report.isRoot && !this.specSent) ||
      this.unsent(report).length > 0 ||
      (report.end !== undefined && !this.endAcknowledged)
    );
  }

  /** Events that are new or say something new, with their versions: content that changes within a phase raises it. */
  unsent(report: ActionReport): ActionEvent[] {
    return report.events.flatMap((event) => {
      const known = this.#events.get(keyOf(event));
      // A pod that takes the place of a lost one waits and starts anew; its attempt does not go back for that.
      if (position(event) < this.#furthest) return [];
      if (known === undefined) return [event];
      return known.hash === hashOf(event) ? [] : [{ ...event, version: known.version + 1 }];
    });
  }

  markSent(events: readonly ActionEvent[]): void {
    for (const event of events) {
      this.#events.set(keyOf(event), { hash: hashOf(event), version: event.version });
      this.#furthest = Math.max(this.#furthest, position(event));
    }
  }
}

/** Grows along an action's life: attempts, and phases within one. */
function position({ attempt, phase }: ActionEvent): number {
  return attempt * 1_000 + phaseOrder(phase);
}

function keyOf(event: ActionEvent): string {
  return `${event.attempt}/${event.phase}`;
}

function hashOf(event: ActionEvent): string {
  return shortHash(toBinary(ActionEventSchema, { ...event, version: 0 }), 16);
}
