/** A real API server without nodes, and helm and kubectl on it: what an installation makes there, and what it leaves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { type ApiServer, startApiServer } from "../cluster/api-server.ts";
import { buildProgram } from "../cluster/go-program.ts";
import type { Manifest } from "./objects.ts";

const timeoutMs = 60_000;

export interface Cluster extends AsyncDisposable {
  readonly api: ApiServer;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  helm(args: readonly string[], input?: string): Promise<string>;
  apply(...objects: readonly object[]): Promise<string>;
  get(kind: string, namespace?: string): Promise<Manifest[]>;
}

export async function startCluster(): Promise<Cluster> {
  const api = await startApiServer({ controllers: true });
  const program = await buildProgram("helm", () => undefined);
  const kubectl = (args: readonly string[], input = ""): Promise<string> =>
    run(api.kubectl, ["--kubeconfig", api.kubeconfig, ...args], input);
  return {
    api,
    kubectl,
    helm: (args, input = "") => run(program, ["--kubeconfig", api.kubeconfig, ...args], input),
    apply: (...objects) => kubectl(["apply", "-f", "-"], objects.map((one) => JSON.stringify(one)).join("\n---\n")),
    async get(kind, namespace) {
      const place = namespace === undefined ? [] : ["-n", namespace];
      const list = JSON.parse(await kubectl(["get", kind, ...place, "-o", "json"])) as { items: Manifest[] };
      return list.items;
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

/** Rejects with what it printed on stderr. */
async function run(program: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(program, [...args], { stdio: "pipe", timeout: timeoutMs });
  child.stdin.end(input);
  const [out, problems, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`${args.join(" ")}: exit code ${String(code)}: ${problems}`);
  return out;
}
