/**
 * Whether the cluster's definition of TaskAction has all the fields that we write: Kubernetes drops the others without a word, and what we have written
 * down to run nothing twice would be gone. Nothing works before it is seen to fit.
 */
import { taskActionCrd } from "@homeplane/idl";
import { collect, type Transport } from "@homeplane/kube";
import { type Clock, type Logger, messageOf, pause, type Service } from "@homeplane/runtime-kit";
import type { Check } from "./probes.ts";

export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
}

interface OpenApi {
  readonly paths?: Readonly<Record<string, unknown>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const path = "/openapi/v3/apis/flyte.org/v1";
const statusPath = "/apis/flyte.org/v1/namespaces/{namespace}/taskactions/{name}/status";
const answerMs = 15_000;
const largestAnswer = 16 << 20;
const whenWellMs = 5 * 60_000;
const whenNotMs = 2_000;
const nextStep =
  "apply this version's: helm template homeplane deploy/chart -f values.yaml --show-only templates/cluster/crd.yaml | kubectl apply -f -";

/** Of `wanted`, the fields that `served` would drop. */
export function missingFields(wanted: Schema, served: Schema | undefined, at = ""): readonly string[] {
  if (served?.["x-kubernetes-preserve-unknown-fields"] === true) return [];
  return Object.entries(wanted.properties ?? {}).flatMap(([name, inner]) => {
    const found = served?.properties?.[name];
    const field = at === "" ? name : `${at}.${name}`;
    return found === undefined ? [field] : missingFields(inner, found, field);
  });
}

/** What is wrong with the definition, in a sentence; `undefined` = nothing. */
export function definitionProblem({ components, paths }: OpenApi): string | undefined {
  const served = components?.schemas?.["org.flyte.v1.TaskAction"];
  if (served === undefined) return "the cluster has no definition taskactions.flyte.org of version v1";
  const wanted = taskActionCrd.spec.versions[0]?.schema?.openAPIV3Schema as Schema;
  const missing = missingFields(wanted, served);
  if (missing.length > 0)
    return `the cluster's definition taskactions.flyte.org is another version's: it would drop ${missing.join(", ")}`;
  if (paths?.[statusPath] === undefined)
    return "the cluster's definition taskactions.flyte.org has no subresource status";
  return undefined;
}

interface DefinitionOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Logger;
}

export function definitionCheck({ transport, clock, log }: DefinitionOptions): {
  check: Check;
  prober: Service;
  fits: Promise<void>;
} {
  let problem: string | undefined = "the definition taskactions.flyte.org was not looked at yet";
  const { promise: fits, resolve } = Promise.withResolvers<void>();
  const note = (found: string | undefined): void => {
    if (found !== undefined && found !== problem) log.warn({ event: "definition.unfit", problem: found, nextStep });
    problem = found;
    if (found === undefined) resolve();
  };
  const prober: Service = {
    name: "definition.probe",
    run: async (signal) => {
      while (!signal.aborted) {
        try {
          const found = await openApi(transport, AbortSignal.any([signal, AbortSignal.timeout(answerMs)]));
          if (found === "forbidden" && problem !== undefined) log.warn({ event: "definition.forbidden", path });
          note(found === "forbidden" ? undefined : definitionProblem(found));
        } catch (error) {
          if (signal.aborted) return;
          // That an API server is away for a moment says nothing of a definition that fitted.
          if (problem !== undefined)
            note(`the definition taskactions.flyte.org could not be read: ${messageOf(error)}`);
        }
        await pause(clock, problem === undefined ? whenWellMs : whenNotMs, signal);
      }
    },
  };
  const told = (): string | undefined => (problem === undefined ? undefined : `${problem}. The way out: ${nextStep}`);
  return { check: { name: "definition", problem: told }, prober, fits };
}

/** Works only once the definition fits. */
export function onceItFits(service: Service, fits: Promise<void>): Service {
  return {
    name: service.name,
    run: async (signal) => {
      if (signal.aborted) return;
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      await Promise.race([fits, stopped]);
      if (!signal.aborted) await service.run(signal);
    },
  };
}

async function openApi(transport: Transport, signal: AbortSignal): Promise<OpenApi | "forbidden"> {
  const answer = await transport.request({ method: "GET", path, headers: { accept: "application/json" }, signal });
  const text = new TextDecoder().decode(await collect(answer.body, largestAnswer));
  // It lists what is there: without the definition there is no such page.
  if (answer.status === 404) return {};
  // Everybody may read it (ClusterRole system:discovery) where nobody has taken that away.
  if (answer.status === 403) return "forbidden";
  if (answer.status !== 200) throw new Error(`GET ${path} was answered with HTTP ${answer.status}`);
  return JSON.parse(text) as OpenApi;
}
