/** Which pods a request is about, and their logs in order. */
import { Code, ConnectError } from "@connectrpc/connect";
import { logsFinalizer } from "@homeplane/idl";
import { type ArchivedContainer, listArchive } from "./archive.ts";
import type { Chunks } from "./chunk.ts";
import { followContainer } from "./follow-container.ts";
import { mergeByArrival, mergeByTime } from "./merge.ts";
import type { Context } from "./options.ts";
import type { PodSource } from "./pod-source.ts";
import { readArchive } from "./read-archive.ts";
import type { Target } from "./target.ts";
import { hasEnded, incarnationOf, type TaskPod } from "./task-pod.ts";

/** One pod, as far as there is something of it. */
interface Unit {
  readonly name: string;
  readonly pod?: TaskPod;
  readonly archived: readonly ArchivedContainer[];
}

/** Throws NOT_FOUND when there is nothing. Incarnations that come while an earlier one is read follow it. */
export async function* tail(context: Context, pods: PodSource, target: Target, signal: AbortSignal): Chunks {
  const startBy = context.clock.now() + context.startMs;
  const done = new Set<string>();
  let said = false;
  for (;;) {
    const all = await unitsOf(context, pods, target, signal);
    const units = all.filter(({ name }) => !done.has(name));
    if (units.length === 0) {
      // A pod that went before it started leaves nothing; one that printed nothing has an empty log.
      if (said || all.some(hasLog)) return;
      throw new ConnectError(`${target.title} has no log yet: neither a pod nor an archived log exists`, Code.NotFound);
    }
    const streams = units.map((unit) => () => readUnit(context, pods, target, unit, startBy, signal));
    try {
      for await (const chunk of target.pick.kind === "all"
        ? mergeByArrival(streams.map((open) => open()))
        : inOrder(streams)) {
        said = true;
        yield chunk;
      }
    } catch (error) {
      // Whoever is told NOT_FOUND asks again, and would get the same lines twice.
      if (!said || !(error instanceof ConnectError) || error.code !== Code.NotFound) throw error;
      return;
    }
    for (const { name } of units) done.add(name);
  }
}

const hasLog = ({ pod, archived }: Unit): boolean =>
  archived.length > 0 || pod?.containers.some(({ ran }) => ran) === true;

async function* inOrder(streams: readonly (() => Chunks)[]): Chunks {
  for (const open of streams) yield* open();
}

async function unitsOf(context: Context, pods: PodSource, target: Target, signal: AbortSignal): Promise<Unit[]> {
  const { pick, owner, namespace, labelSelector } = target;
  // In this order: a pod that goes between the two is in the archive by then.
  const live = await pods.list(namespace, labelSelector, signal);
  const archived = await listArchive(context, owner, signal);
  const names = new Set([...live.map(({ name }) => name), ...archived.map(({ pod }) => pod)]);
  return [...names]
    .filter((name) => pick.kind !== "pod" || pick.name === name)
    .toSorted((a, b) => incarnationOf(a) - incarnationOf(b) || (a < b ? -1 : 1))
    .map((name) => {
      const pod = live.find((one) => one.name === name);
      return { name, ...(pod === undefined ? {} : { pod }), archived: archived.filter((one) => one.pod === name) };
    });
}

function readUnit(
  context: Context,
  pods: PodSource,
  { owner, namespace }: Target,
  { name, pod, archived }: Unit,
  startBy: number,
  signal: AbortSignal,
): Chunks {
  if (pod === undefined || (archived.length > 0 && !pod.finalizers.includes(logsFinalizer))) {
    return mergeByTime(
      archived.map(({ container, key }) => readArchive(context, { namespace, pod: name, container, key }, signal)),
    );
  }
  const ended = hasEnded(pod, context.clock.now(), context.holdMs);
  const started = pod.containers.filter(({ ran }) => ran);
  // Of an ended pod those that never ran have nothing to say, unless none has.
  const containers = ended && started.length > 0 ? started : pod.containers;
  const streams = containers.map((container) =>
    followContainer(context, pods, { pod, owner, container: container.name, startBy }, signal),
  );
  return ended ? mergeByTime(streams) : mergeByArrival(streams);
}
