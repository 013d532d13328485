/**
 * The embedded Kubernetes API and a real kube-apiserver are asked the same questions, and give the same answers: what works on the one works on
 * the other.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { taskActionCrd } from "@homeplane/idl";
import { httpTransport, loadKubeconfig, type Transport } from "@homeplane/kube";
import { type EmbeddedKube, startEmbeddedKube } from "@homeplane/kube-embedded";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiServer, startApiServer } from "./api-server.ts";
import { ask, comparable, type Json, type Question } from "./ask.ts";
import { scenarios } from "./scenarios.ts";

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

describe("the embedded API answers as kube-apiserver does", { timeout: 60_000 }, () => {
  let real: ApiServer;
  let embedded: EmbeddedKube;
  let folder: string;
  const transports: { real?: Transport; embedded?: Transport } = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "homeplane-embedded-api-"));
    const common = { clock: systemClock, random: Math.random, log: silentLogger };
    const noLogs = async function* (): AsyncGenerator<Uint8Array> {};
    embedded = await startEmbeddedKube({ ...common, dataDir: folder, host: "127.0.0.1", port: 0, podLogs: noLogs });
    real = await startApiServer();
    transports.real = httpTransport(await loadKubeconfig(real.kubeconfig));
    transports.embedded = httpTransport(await loadKubeconfig(embedded.kubeconfigPath));
    // A controller makes it, which does not run here.
    const account: Json = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
    await ask(transports.real, { method: "POST", path: "/api/v1/namespaces/default/serviceaccounts", body: account });
    for (const transport of Object.values(transports)) {
      await ask(transport, { method: "POST", path: crds, body: taskActionCrd as unknown as Json });
      await established(transport);
    }
  }, 1_800_000);

  afterAll(async () => {
    for (const transport of Object.values(transports)) await transport.close();
    await real[Symbol.asyncDispose]();
    await embedded.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [name, questions] of Object.entries(scenarios)) {
    test(name, async () => {
      const answers = {
        real: await play(transports.real, questions),
        embedded: await play(transports.embedded, questions),
      };
      expect(answers.embedded).toEqual(answers.real);
    });
  }
});

async function established(transport: Transport): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    const { status } = await ask(transport, {
      method: "GET",
      path: "/apis/flyte.org/v1/namespaces/default/taskactions",
    });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("TaskAction was not established");
}

async function play(transport: Transport | undefined, questions: readonly Question[]): Promise<Json> {
  if (transport === undefined) throw new Error("no server");
  const answers: Json[] = [];
  for (const question of questions) {
    const { status, body } = await ask(transport, question);
    answers.push({ question: `${question.method} ${question.path}`, status, body: comparable(body) });
  }
  return answers;
}
