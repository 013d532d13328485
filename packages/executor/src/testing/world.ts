/**
 * The production executor and operator against the embedded Kubernetes API, on virtual time: a scripted kubelet, an object store in memory, and
 * the control plane's end of the orchestration channel. A world is its seed and its script: it replays.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import { secretsNamespace, taskActionCrd, type TaskAction, terminalPhase } from "@homeplane/idl";
import { ContainerErrorSchema, ErrorDocumentSchema } from "@homeplane/idl/flyteidl2/core/execution";
import type { Literal } from "@homeplane/idl/flyteidl2/core/literals";
import { type Order, OrderSchema, SignalConditionSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { SecretMaterialiser } from "@homeplane/idl/homeplane/v1/secrets";
import {
  customResourceDefinitions,
  KubeClient,
  namespaces,
  type Pod,
  pods,
  type TransportRequest,
  type TransportResponse,
} from "@homeplane/kube";
import { ApiServer, inProcessTransport, openStore, type Store } from "@homeplane/kube-embedded";
import { createOperator, namespaceDefaults } from "@homeplane/operator";
import { type Random, type Service, silentLogger } from "@homeplane/runtime-kit";
import { createSecretService, type SecretServices } from "@homeplane/secret-service";
import type { ExecutorConfig } from "../config.ts";
import { createExecutor } from "../executor.ts";
import { taskActionType } from "../resource.ts";
import { FakeControlPlane } from "./fake-control-plane.ts";
import { FakeKubelet, type Plan, type PodTurn } from "./fake-kubelet.ts";
import { checkNow } from "./invariants.ts";
import { MemoryStore } from "./memory-store.ts";
import { Mortal, type CrashPoint } from "./mortal.ts";
import { childOf, rootOrder, runId, type TaskOptions, testConfig } from "./samples.ts";
import { seededRandom, VirtualClock } from "./virtual-clock.ts";

/** What the task leaves behind when it exits. */
export interface Leaves {
  readonly error?: { readonly code: string; readonly recoverable: boolean };
  /** Default: as the SDK does, unless there is an error, or a signal ends it. */
  readonly outputs?: boolean;
}

export type Script = (turn: PodTurn) => Plan & Leaves;

export interface WorldOptions {
  readonly script: Script;
  readonly seed?: number;
  /** Instead of the seed's. */
  readonly random?: Random;
  readonly crash?: CrashPoint;
  readonly config?: Partial<ExecutorConfig>;
}

const stepMs = 500;

export class World {
  readonly clock = new VirtualClock();
  readonly files = new MemoryStore();
  readonly controlPlane = new FakeControlPlane(this.clock);
  readonly client: KubeClient;
  readonly kubelet: FakeKubelet;
  readonly secrets: SecretServices;
  readonly server: ApiServer;
  /** Answers instead of the API server, as the executor sees it. */
  intercept: (request: TransportRequest) => TransportResponse | undefined = () => undefined;
  /** Happens just before a request of the executor reaches the API server. */
  before: (request: TransportRequest) => Promise<void> = async () => undefined;
  secretsAway = false;
  /** Side effects that executors have asked for. */
  effects = 0;
  /** Invariants are checked for: completed children that were seen under a live parent. */
  readonly completed = new Set<string>();
  readonly #store: Store;
  readonly #stop = new AbortController();
  readonly #operatorStop = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #random: Random;
  readonly #script: Script;
  readonly #config: ExecutorConfig;
  #crash: CrashPoint | undefined;
  #executor: Mortal | undefined;
  #sequence = 0n;

  constructor({ script, seed = 1, random = seededRandom(seed), crash, config }: WorldOptions) {
    this.#random = random;
    this.#script = script;
    this.#config = { ...testConfig, ...config };
    this.#crash = crash;
    this.#store = openStore({ path: ":memory:" });
    const common = { clock: this.clock, random: this.#random, log: silentLogger };
    // Its uids come from it: they must differ.
    const ids = seededRandom(seed);
    this.server = new ApiServer({ ...common, random: ids, store: this.#store, podLogs: async function* () {} });
    this.client = new KubeClient({ ...common, transport: inProcessTransport(this.server) });
    this.secrets = createSecretService({
      ...common,
      client: this.client,
      namespace: secretsNamespace,
      org: "acme",
      cluster: "test",
    });
    this.kubelet = new FakeKubelet({
      client: this.client,
      clock: this.clock,
      monotonic: () => this.clock.monotonic(),
      plan: script,
      onExit: (pod) => this.#leaveFiles(pod),
    });
  }

  async start(): Promise<this> {
    await this.client.create(customResourceDefinitions, taskActionCrd);
    const metadata = { name: secretsNamespace };
    await this.client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
    const common = { clock: this.clock, random: this.#random, log: silentLogger };
    const operator = createOperator({
      ...common,
      client: this.client,
      orchestration: this.controlPlane.transport(),
      cluster: "test",
      version: "0",
      namespaces: namespaceDefaults,
    });
    this.#run({ name: "api", run: (signal) => this.server.run(signal) });
    this.#run(this.secrets.service);
    this.#running.push(operator.run(AbortSignal.any([this.#operatorStop.signal, this.#stop.signal])));
    this.startExecutor();
    await this.quiet();
    return this;
  }

  /** The pod that runs now is as good as any; this is a new process on the same API. */
  startExecutor(): void {
    const api = inProcessTransport(this.server);
    const request = async (sent: TransportRequest): Promise<TransportResponse> => {
      await this.before(sent);
      return this.intercept(sent) ?? (await api.request(sent));
    };
    const mortal = new Mortal({
      transport: { request, close: () => api.close() },
      orchestration: this.controlPlane.transport(),
      secrets: this.#secretsTransport(),
      ...(this.#crash === undefined ? {} : { crash: this.#crash }),
      onEffect: () => ++this.effects,
      onCrash: () => {
        this.#crash = undefined;
        this.#executor = undefined;
      },
    });
    const common = { clock: this.clock, random: this.#random, log: silentLogger };
    const client = new KubeClient({ ...common, transport: mortal.transport });
    const executor = createExecutor({
      ...common,
      client,
      store: this.files,
      orchestration: mortal.orchestration,
      secrets: mortal.secrets,
      config: this.#config,
    });
    this.#executor = mortal;
    this.#running.push(executor.run(AbortSignal.any([mortal.signal, this.#stop.signal])));
  }

  #secretsTransport(): Transport {
    const router = createRouterTransport(({ service }) => service(SecretMaterialiser, this.secrets.materialiser));
    return {
      unary: async (...call) => {
        if (this.secretsAway) throw new ConnectError("away", Code.Unavailable);
        return await router.unary(...call);
      },
      stream: (...call) => router.stream(...call),
    };
  }

  stopOperator(): void {
    this.#operatorStop.abort();
  }

  /** As kill -9 would. */
  killExecutor(): void {
    this.#executor?.kill();
    this.#executor = undefined;
  }

  get isExecutorUp(): boolean {
    return this.#executor !== undefined;
  }

  submit(run: string, task: TaskOptions = {}): void {
    this.#offer({ case: "start", value: rootOrder(run, task) });
  }

  abortAction(run: string, action = "a0", reason = "changed my mind"): void {
    this.#offer({
      case: "abort",
      value: { $typeName: "homeplane.v1.AbortAction", actionId: runId(run, action), reason },
    });
  }

  signal(run: string, action: string, value: Literal): void {
    const signalledAt = timestampFromMs(this.clock.now());
    const order = create(SignalConditionSchema, {
      actionId: runId(run, action),
      value,
      signalledBy: "somebody",
      signalledAt,
    });
    this.#offer({ case: "signal", value: order });
  }

  async addChild(
    run: string,
    action: string,
    task: TaskOptions = {},
    parent = "a0",
    spec: Partial<TaskAction["spec"]> = {},
  ): Promise<void> {
    const child = childOf(await this.taskAction(run, parent), action, task);
    await this.client.create(taskActionType, { ...child, spec: { ...child.spec, ...spec } });
  }

  /** Time passes in steps; at each end the kubelet looks, and a crashed executor starts again. The invariants hold before and after. */
  async pass(ms: number, step = stepMs): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      await this.clock.advance(Math.min(step, left), () => this.quiet());
      await this.check();
      await this.kubelet.sync();
      await this.quiet();
      if (!this.isExecutorUp && this.#restarts) this.startExecutor();
      await this.check();
    }
  }

  #restarts = true;
  /** While down, no executor is started by time passing. */
  async withoutExecutor(ms: number): Promise<void> {
    this.killExecutor();
    this.#restarts = false;
    await this.pass(ms);
    this.#restarts = true;
  }

  async until(what: string, done: () => boolean | Promise<boolean>, limitMs = 3_600_000): Promise<void> {
    const end = this.clock.monotonic() + limitMs;
    while (!(await done())) {
      if (this.clock.monotonic() >= end)
        throw new Error(`${what}: not within ${limitMs / 1000} s of virtual time; ${await this.describe()}`);
      await this.pass(stepMs);
    }
  }

  async untilReported(...actions: string[]): Promise<void> {
    await this.until(`report of ${actions.join(", ")}`, () =>
      actions.every((action) => this.controlPlane.ends.has(action)),
    );
    await this.pass(2_000);
  }

  /** Until nothing is left to end or to be told. */
  async untilSettled(): Promise<void> {
    const isSettled = (action: TaskAction): boolean =>
      this.isTerminal(action) && this.controlPlane.ends.has(action.spec.actionName);
    await this.until("all settled", async () => (await this.taskActions()).every(isSettled));
    await this.pass(20_000, 2_000);
  }

  async taskActions(): Promise<TaskAction[]> {
    return (await this.client.list(taskActionType)).items;
  }

  async taskAction(run: string, action = "a0"): Promise<TaskAction> {
    const { items } = await this.client.list(taskActionType);
    const found = items.find(({ spec }) => spec.runName === run && spec.actionName === action);
    if (found === undefined) throw new Error(`there is no TaskAction of ${run}/${action}`);
    return found;
  }

  /** Which attempt the root is in; 0 before there is one. */
  async attempt(): Promise<number> {
    const root = (await this.taskActions()).find(({ spec }) => spec.actionName === "a0");
    return root === undefined ? 0 : (root.status?.attempts ?? 1);
  }

  async livePods(): Promise<Pod[]> {
    const { items } = await this.client.list(pods);
    return items.filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  }

  async describe(): Promise<string> {
    const [actions, all] = [await this.client.list(taskActionType), await this.client.list(pods)];
    const action = ({ metadata, status }: TaskAction): string =>
      `${metadata.name} ${metadata.deletionTimestamp ? "deleting " : ""}${JSON.stringify({ ...status, phaseHistory: undefined })}`;
    const pod = ({ metadata, status }: Pod): string =>
      `${metadata.name} ${metadata.deletionTimestamp ? "deleting " : ""}${JSON.stringify(status)}`;
    return [...actions.items.map(action), ...all.items.map(pod), ...this.controlPlane.wrongs].join("\n");
  }

  check(): Promise<void> {
    return checkNow(this);
  }

  /** Until several turns of the event loop in a row found nobody waiting for an answer. */
  async quiet(): Promise<void> {
    for (let still = 0; still < 4; still++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.controlPlane.inFlight > 0) still = -1;
    }
  }

  isTerminal(taskAction: TaskAction): boolean {
    return terminalPhase(taskAction) !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.killExecutor();
    this.#stop.abort();
    await Promise.all(this.#running);
    await this.#store.close();
  }

  #run(service: Service): void {
    this.#running.push(service.run(this.#stop.signal));
  }

  #offer(order: Order["order"]): void {
    this.controlPlane.offer(create(OrderSchema, { sequence: ++this.#sequence, order }));
  }

  #leaveFiles(pod: Pod): void {
    const [primary] = pod.spec.containers;
    const prefix = primary?.args?.[0] ?? "";
    const turn = this.kubelet.turnOf(pod);
    const plan = this.#script(turn);
    const { error, outputs = error === undefined && !(plan.kind === "exit" && plan.code > 128) } = plan;
    if (outputs) this.files.write(`${prefix}/outputs.pb`, new Uint8Array());
    if (error === undefined) return;
    const document = create(ErrorDocumentSchema, {
      error: create(ContainerErrorSchema, {
        code: error.code,
        message: `attempt ${turn.attempt}`,
        kind: error.recoverable ? 1 : 0,
      }),
    });
    this.files.write(`${prefix}/error.pb`, toBinary(ErrorDocumentSchema, document));
  }
}
