/** `/healthz` (the process lives), `/readyz` (it works, or what keeps it from working) and `/metrics`, in plain HTTP. */
import { type HttpHandler, listenHttp } from "@homeplane/runtime-kit";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

export interface Check {
  readonly name: string;
  /** In a sentence; `undefined` = none. */
  problem(): string | undefined;
  /** Told, and no reason to be unready: what others have to put right while we work on. */
  readonly informs?: boolean;
}

export interface Probes {
  readonly port: number;
  serving(checks: readonly Check[]): void;
  stopping(): void;
  close(): Promise<void>;
}

export interface ProbesOptions {
  readonly name: string;
  readonly version: string;
  readonly host: string;
  readonly probePort: number;
}

/** Each look at the loop's delay wakes an idle process. */
const loopPrecisionMs = 100;

export async function startProbes({ name, version, host, probePort }: ProbesOptions): Promise<Probes> {
  let state: "starting" | "serving" | "stopping" = "starting";
  let checks: readonly Check[] = [];

  const readiness = (): { ready: boolean; body: object } => {
    const found = checks.map((check) => ({ check, problem: check.problem() }));
    const ready = state === "serving" && found.every(({ check, problem }) => problem === undefined || check.informs);
    const told = found.map(({ check, problem }) => [check.name, problem ?? "ok"]);
    return { ready, body: { ready, component: name, version, state, checks: Object.fromEntries(told) } };
  };
  const registry = metrics(name, () => readiness().ready);

  const handler: HttpHandler = (request, response) => {
    const answer = (status: number, type: string, text: string): void => {
      response.statusCode = status;
      response.setHeader("content-type", type);
      response.end(request.method === "HEAD" ? "" : text);
    };
    const json = (status: number, body: object): void =>
      answer(status, "application/json", `${JSON.stringify(body)}\n`);
    if (request.method !== "GET" && request.method !== "HEAD") return json(405, { error: "GET only" });
    switch (request.url?.split("?")[0]) {
      case "/healthz":
        return json(200, { alive: true });
      case "/readyz": {
        const { ready, body } = readiness();
        return json(ready ? 200 : 503, body);
      }
      case "/metrics":
        registry.metrics().then(
          (text) => answer(200, registry.contentType, text),
          (error: unknown) => json(500, { error: String(error) }),
        );
        return;
      default:
        return json(404, { error: "there are /healthz, /readyz and /metrics" });
    }
  };
  const server = await listenHttp({ host, port: probePort, handler });
  return {
    port: server.port,
    serving(all) {
      checks = all;
      state = "serving";
    },
    stopping() {
      state = "stopping";
    },
    close: () => server.close(0),
  };
}

function metrics(component: string, ready: () => boolean): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ component });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: loopPrecisionMs });
  const gauge = new Gauge({
    name: "homeplane_ready",
    help: "1 while the component works, as /readyz has it",
    registers: [],
    collect(this: Gauge) {
      this.set(ready() ? 1 : 0);
    },
  });
  registry.registerMetric(gauge);
  return registry;
}
