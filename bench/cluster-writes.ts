/**
 * Writes to the Kubernetes API per successful action with its clean-up, by all our components, from the API server's audit log by user agent. Budget: 6, and
 * one more as a pod's deletion is held for its logs. Leases are left out: they go by the clock; and reviews of tokens: nothing is stored. An ended run is cleaned away an hour after its end; here the
 * benchmark deletes it in the executor's place, as the executor does, and that write is counted too.
 */
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type TaskAction, taskActions } from "@homeplane/idl";
import type { ResourceType } from "@homeplane/kube";
import { ended, start, watch } from "./clients.ts";
import { helloSpec, namespace, onCluster, podsOf } from "./cluster.ts";
import { figure, print } from "./measure.ts";

const rounds = 5;
const perRound = 8;
const atOnce = 4;
const quietMs = 8_000;
const patienceMs = 90_000;
const notCounted: ReadonlySet<string> = new Set(["leases", "tokenreviews"]);
const type: ResourceType<TaskAction> = taskActions;

interface Write {
  readonly userAgent?: string;
  readonly verb: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** What was written to the log from `offset` on. */
async function writesFrom(log: string, offset: number): Promise<readonly Write[]> {
  await using file = await open(log);
  const { size } = await file.stat();
  if (size < offset) throw new Error(`${log} was rotated meanwhile: run the benchmark again`);
  const { buffer } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
  const lines = buffer.toString().split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Write);
}

const kindOf = ({ userAgent = "", verb, objectRef = {} }: Write): string =>
  [userAgent.replace("homeplane-", ""), verb, objectRef.resource, objectRef.subresource].filter(Boolean).join(" ");

print(
  await onCluster(async (on) => {
    const log = join(on.cluster.logs, "audit.log");
    const sizeOf = async (): Promise<number> => (await stat(log)).size;
    await sizeOf().catch(() => {
      throw new Error(`${log} is missing: npm run cluster -- up starts the API server with it`);
    });
    const { spec, inputUri } = await helloSpec(on);
    await wait(quietMs);
    const all: number[] = [];
    const byKind = new Map<string, number[]>();
    for (let round = 0; round < rounds; round++) {
      const offset = await sizeOf();
      const names: string[] = [];
      const one = async (): Promise<void> => {
        for (let index = 0; index < perRound / atOnce; index++) {
          const run = await start(on.clients, spec, inputUri);
          names.push(run);
          await watch(on.clients, run, ended);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, one));
      await wait(quietMs);
      const { items } = await on.clients.kube.list(type, { namespace });
      for (const { metadata, spec: each } of items) {
        if (!names.includes(each.runName)) continue;
        const name = { namespace, name: metadata.name };
        await on.clients.kube.delete(type, name, { propagationPolicy: "Background" });
      }
      for (const end = Date.now() + patienceMs; ; await wait(500)) {
        const left = (await Promise.all(names.map((run) => podsOf(on, run)))).flat().length;
        if (left === 0) break;
        if (Date.now() > end) throw new Error(`${left} pods are still there`);
      }
      await wait(quietMs);
      const writes = (await writesFrom(log, offset)).filter(
        ({ userAgent = "", objectRef }) =>
          userAgent.startsWith("homeplane-") && !notCounted.has(objectRef?.resource ?? ""),
      );
      all.push(writes.length / perRound + 1);
      for (const kind of new Set([...byKind.keys(), ...writes.map(kindOf)])) {
        const count = writes.filter((write) => kindOf(write) === kind).length / perRound;
        byKind.set(kind, [...(byKind.get(kind) ?? Array.from({ length: round }, () => 0)), count]);
      }
    }
    const kinds = [...byKind].map(([kind, samples]) => figure("writes-per-action", "writes", samples, kind));
    return [figure("writes-per-action", "writes", all), ...kinds];
  }),
);
