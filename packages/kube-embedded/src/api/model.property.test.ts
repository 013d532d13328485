import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isObject } from "../store/json.ts";
import { KubeFixture } from "../testing/kube-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

type Action =
  | { kind: "create"; name: string; finalizer: boolean; label: string }
  | { kind: "update"; name: string; value: string; stale: boolean }
  | { kind: "label"; name: string; label: string }
  | { kind: "unfinalize"; name: string }
  | { kind: "delete"; name: string };

const name = fc.constantFrom("a", "b", "c");
const label = fc.constantFrom("x", "y");
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant("create" as const), name, finalizer: fc.boolean(), label }),
  fc.record({ kind: fc.constant("update" as const), name, value: fc.constantFrom("1", "2"), stale: fc.boolean() }),
  fc.record({ kind: fc.constant("label" as const), name, label }),
  fc.record({ kind: fc.constant("unfinalize" as const), name }),
  fc.record({ kind: fc.constant("delete" as const), name }),
);

interface Model {
  value?: string;
  label: string;
  finalizer: boolean;
  deleting: boolean;
  revision: number;
}
interface Expected {
  readonly type: string;
  readonly name: string;
  readonly revision: number;
  readonly label: string;
  readonly labelBefore: string | undefined;
}

/** The rules of Kubernetes in their shortest form: what a call answers, and what a watcher is told. */
async function apply(kube: KubeFixture, model: Map<string, Model>, log: Expected[], act: Action): Promise<void> {
  const known = model.get(act.name);
  const record = (type: string, state: Model, labelBefore: string | undefined): void => {
    state.revision = kube.store.revision;
    log.push({ type, name: act.name, revision: state.revision, label: state.label, labelBefore });
  };
  const path = `${MAPS}/${act.name}`;
  const before = kube.store.revision;
  if (act.kind === "create") {
    const meta = { name: act.name, labels: { l: act.label }, ...(act.finalizer ? { finalizers: ["x.dev/f"] } : {}) };
    const { status } = await kube.call("POST", MAPS, { metadata: meta });
    expect(status).toBe(known === undefined ? 201 : 409);
    if (known !== undefined) return;
    const made: Model = { label: act.label, finalizer: act.finalizer, deleting: false, revision: 0 };
    model.set(act.name, made);
    return record("ADDED", made, undefined);
  }
  if (known === undefined) {
    const { status } = act.kind === "delete" ? await kube.call("DELETE", path) : await kube.patch(path, {});
    expect(status).toBe(404);
    expect(kube.store.revision).toBe(before);
    return;
  }
  if (act.kind === "update") {
    const resourceVersion = String(known.revision - (act.stale ? 1 : 0));
    const { status } = await kube.patch(path, { metadata: { resourceVersion }, data: { v: act.value } });
    expect(status).toBe(act.stale ? 409 : 200);
    if (act.stale || known.value === act.value) expect(kube.store.revision).toBe(before);
    else record("MODIFIED", Object.assign(known, { value: act.value }), known.label);
  } else if (act.kind === "label") {
    const labelBefore = known.label;
    expect((await kube.patch(path, { metadata: { labels: { l: act.label } } })).status).toBe(200);
    if (labelBefore === act.label) expect(kube.store.revision).toBe(before);
    else record("MODIFIED", Object.assign(known, { label: act.label }), labelBefore);
  } else if (act.kind === "unfinalize") {
    expect((await kube.patch(path, { metadata: { finalizers: null } })).status).toBe(200);
    if (!known.finalizer) return expect(kube.store.revision).toBe(before);
    known.finalizer = false;
    record(known.deleting ? "DELETED" : "MODIFIED", known, known.label);
    if (known.deleting) model.delete(act.name);
  } else {
    expect((await kube.call("DELETE", path)).status).toBe(200);
    if (!known.finalizer) model.delete(act.name);
    if (known.finalizer && known.deleting) return expect(kube.store.revision).toBe(before);
    known.deleting = true;
    record(known.finalizer ? "MODIFIED" : "DELETED", known, known.label);
  }
}

/** What a watcher with the selector `l=x` is told of one change. */
function selected(change: Expected): string[] {
  const is = change.label === "x";
  const was = change.type === "ADDED" ? false : change.labelBefore === "x";
  if (change.type === "DELETED") return is ? ["DELETED"] : [];
  if (is) return [was ? "MODIFIED" : "ADDED"];
  return was ? ["DELETED"] : [];
}

async function watched(kube: KubeFixture, from: number, selector: string): Promise<string[]> {
  const answer = await kube.server.handle({
    method: "GET",
    path: `${MAPS}?watch=1&timeoutSeconds=1&resourceVersion=${from}${selector}`,
    headers: {},
  });
  const seen: string[] = [];
  const reading = (async (): Promise<void> => {
    if (answer.body instanceof Uint8Array) throw new Error("no stream");
    for await (const chunk of answer.body) {
      for (const line of new TextDecoder().decode(chunk).trim().split("\n")) {
        const event = JSON.parse(line) as {
          type: string;
          object: { metadata: { name: string; resourceVersion: string } };
        };
        if (isObject(event.object))
          seen.push(`${event.type} ${event.object.metadata.name} ${event.object.metadata.resourceVersion}`);
      }
    }
  })();
  // The history is read in turns of the event loop; then the server's own timeout ends the watch.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  kube.clock.advance(1000);
  await reading;
  return seen;
}

test("calls answer as the model says, and a watcher from any resourceVersion sees exactly the later changes, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.nat(30), async (actions, start) => {
      await using kube = new KubeFixture();
      await kube.server.ready();
      const base = kube.store.revision;
      const model = new Map<string, Model>();
      const log: Expected[] = [];
      for (const act of actions) await apply(kube, model, log, act);
      const listed = (await kube.call("GET", MAPS)).object.items ?? [];
      expect(listed.map((item) => `${item.metadata.name}@${item.metadata.resourceVersion}`)).toEqual(
        [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, state]) => `${key}@${state.revision}`),
      );
      const from = Math.min(base + start, kube.store.revision);
      const later = log.filter((change) => change.revision > from);
      expect(await watched(kube, from, "")).toEqual(
        later.map((change) => `${change.type} ${change.name} ${change.revision}`),
      );
      const narrowed = later.flatMap((change) =>
        selected(change).map((type) => `${type} ${change.name} ${change.revision}`),
      );
      expect(await watched(kube, from, "&labelSelector=l%3Dx")).toEqual(narrowed);
    }),
    { numRuns: 100 },
  );
});
