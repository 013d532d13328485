/**
 * Keeps the namespaces of projects' domains as the configuration says. Made when the first run of a domain comes in (`ensure`), kept by informers: a change that
 * somebody else makes is put right at once, a lost event at the next resync. What stands as it should costs no call.
 */
import {
  type Change as InformerChange,
  Informer,
  type KubeClient,
  type KubeObject,
  type Namespace,
  namespaces,
  WorkQueue,
} from "@homeplane/kube";
import {
  type Clock,
  HomeplaneError,
  type Logger,
  messageOf,
  pause,
  type Random,
  runServices,
  type Service,
} from "@homeplane/runtime-kit";
import { check } from "./check.ts";
import type { NamespaceConfig } from "./config.ts";
import { ownedKinds } from "./kinds.ts";
import { ownedSelector, type Tenant, tenantIn, tenantOf } from "./names.ts";
import { policies } from "./policies.ts";
import { isTerminating, provision } from "./provision.ts";
import { fingerprint, type Settled } from "./put-right.ts";
import { releaseRights } from "./rights.ts";
import { ready, type Verdict, verdictOn } from "./verdict.ts";

export interface KeeperOptions {
  readonly client: KubeClient;
  readonly config: NamespaceConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What informers missed is found after this long, and a renewed CA reaches the pods that start then. */
const resyncMs = 10 * 60_000;
/** How long a namespace that somebody else keeps counts as checked. */
const checkedMs = 60_000;
/** Between looks at what holds a namespace that is being deleted. */
const releaseMs = 2_000;
const workers = 4;

export class NamespaceKeeper implements Service {
  readonly name = "operator.namespaces";
  readonly #options: KeeperOptions;
  readonly #queue: WorkQueue;
  /** As it should be when last looked at, and unchanged since. */
  readonly #ready = new Map<string, { readonly until: number }>();
  readonly #passes = new Map<string, Promise<Verdict>>();
  readonly #settled: Settled = new Map();
  /** Namespaces that changed while a pass was under way: its verdict is old. */
  readonly #touched = new Set<string>();

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { clock, random, log } = options;
    this.#queue = new WorkQueue({ clock, random, log });
    assertEgress(options.config);
  }

  /** Makes the namespace at need. Throws when the API is away: to be tried again. */
  async ensure(project: string, domain: string, signal: AbortSignal): Promise<Verdict> {
    const tenant = tenantOf(project, domain);
    const known = this.#ready.get(tenant.namespace);
    if (known !== undefined && known.until > this.#options.clock.now()) return ready;
    return await this.#pass(tenant, signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { config, client, clock, random, log } = this.#options;
    if (config.mode === "existing") return untilAborted(signal);
    const common = { client, clock, random, log, resyncMs };
    const own = new Informer({ ...common, type: namespaces, labelSelector: ownedSelector, project: projectNamespace });
    own.onChange((change) => this.#namespaceChanged(change));
    const contents = ownedKinds.map((kind) => {
      const informer = new Informer({ ...common, ...kind, project: projectOwned });
      informer.onChange(({ type, object, previous }) => {
        // The status of a quota changes with every pod.
        if (type === "updated" && previous?.print === object.print) return;
        this.#touch(object.namespace);
      });
      return informer;
    });
    const work: Service = {
      name: "operator.namespaces.workers",
      run: (stop) => this.#queue.run({ workers, process: (key, s) => this.#process(own, key, s), signal: stop }),
    };
    const resync: Service = {
      name: "operator.namespaces.resync",
      run: async (stop) => {
        while (!stop.aborted) {
          await pause(clock, resyncMs * (0.75 + 0.5 * random()), stop);
          if (!stop.aborted) for (const { metadata } of own.list()) this.#queue.add(metadata.name);
        }
      },
    };
    await runServices([own, ...contents, work, resync], signal);
  }

  #namespaceChanged({ type, object }: InformerChange<Namespace>): void {
    const { name } = object.metadata;
    if (type === "deleted" || isTerminating(object)) {
      this.#stale(name);
      for (const key of this.#settled.keys()) if (key.includes(` ${name}/`)) this.#settled.delete(key);
    }
    if (type !== "deleted") this.#touch(name);
  }

  #touch(namespace: string): void {
    this.#stale(namespace);
    this.#queue.add(namespace);
  }

  #stale(namespace: string): void {
    this.#ready.delete(namespace);
    if (this.#passes.has(namespace)) this.#touched.add(namespace);
  }

  async #process(own: Informer<Namespace>, key: string, signal: AbortSignal): Promise<{ requeueAfterMs?: number }> {
    const found = own.get(key);
    const tenant = found === undefined ? undefined : tenantIn(found.metadata);
    if (found === undefined || tenant === undefined) return {};
    if (isTerminating(found)) {
      const released = await releaseRights(this.#options.client, key, signal);
      return released ? {} : { requeueAfterMs: releaseMs };
    }
    const verdict = await this.#pass(tenant, signal);
    if (verdict.kind === "ready") return {};
    const { code, message } = verdict;
    this.#options.log.warn({ event: "namespace.not_ready", namespace: key, code, message });
    return { requeueAfterMs: checkedMs };
  }

  /** One at a time for each namespace; who comes meanwhile shares it. */
  async #pass(tenant: Tenant, signal: AbortSignal): Promise<Verdict> {
    const { namespace } = tenant;
    const running = this.#passes.get(namespace);
    if (running !== undefined) return await running;
    const pass = this.#look(tenant, signal).finally(() => this.#passes.delete(namespace));
    this.#passes.set(namespace, pass);
    return await pass;
  }

  async #look(tenant: Tenant, signal: AbortSignal): Promise<Verdict> {
    const { config, client, clock, log } = this.#options;
    const { namespace } = tenant;
    this.#touched.delete(namespace);
    try {
      if (config.mode === "existing") {
        const { verdict, differs } = await check(client, config, tenant, signal);
        if (verdict.kind === "ready") this.#ready.set(namespace, { until: clock.now() + checkedMs });
        if (differs.length > 0) log.warn({ event: "namespace.differs", namespace, differs });
        return verdict;
      }
      const verdict = await provision({ client, config, log }, tenant, this.#settled, signal);
      if (verdict.kind === "ready" && !this.#touched.has(namespace))
        this.#ready.set(namespace, { until: Number.POSITIVE_INFINITY });
      return verdict;
    } catch (error) {
      const verdict = verdictOn(error, tenant, config.mode === "existing" ? "check" : "provision");
      if (verdict === undefined) throw error;
      return verdict;
    }
  }
}

/** At the start, not when the first run comes in. */
function assertEgress(config: NamespaceConfig): void {
  try {
    policies(config);
  } catch (cause) {
    throw new HomeplaneError(
      "operator.bad_egress",
      `namespaces.egress: ${messageOf(cause)}`,
      "Mend namespaces.egress in the configuration; docs/guide/projects-and-namespaces.md tells what can be said there.",
      { cause },
    );
  }
}

interface Owned {
  readonly namespace: string;
  readonly print: string;
}

function projectOwned(object: KubeObject): Owned {
  return { namespace: object.metadata.namespace ?? "", print: fingerprint(object) };
}

function projectNamespace({ apiVersion, kind, metadata, status }: Namespace): Namespace {
  const { name, uid = "", labels = {}, annotations = {}, deletionTimestamp } = metadata;
  const kept = { name, uid, labels, annotations, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) };
  return { apiVersion, kind, metadata: kept, ...(status === undefined ? {} : { status }) };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
