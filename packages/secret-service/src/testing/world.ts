/** secret-service on the embedded Kubernetes API, called over its two services. */
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { taskNamespaceLabel } from "@homeplane/idl";
import { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { KubeClient, namespaces, type Secret, secrets } from "@homeplane/kube";
import { ApiServer, inProcessTransport, openStore } from "@homeplane/kube-embedded";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { createSecretService } from "../secret-service.ts";

export const kept = "kept-secrets";
export const pod = { namespace: "demo-development", name: "r1-a0-1-0" };
/** What no answer may hold. */
export const value = "correct-horse-battery-staple";

export async function startWorld(options: { now?: () => number } = {}) {
  const clock = { ...systemClock, ...(options.now && { now: options.now }) };
  const common = { clock, random: Math.random, log: silentLogger };
  const store = openStore({ path: ":memory:" });
  const server = new ApiServer({ ...common, store, podLogs: async function* () {} });
  const client = new KubeClient({ ...common, transport: inProcessTransport(server) });
  const ofTasks = { [taskNamespaceLabel.name]: taskNamespaceLabel.value };
  for (const [name, labels] of Object.entries({ [kept]: {}, [pod.namespace]: ofTasks }))
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  const services = createSecretService({ ...common, client, namespace: kept, org: "acme", cluster: "c1" });
  const transport = createRouterTransport(({ service }) => {
    service(SecretService, services.users);
    service(SecretMaterialiser, services.materialiser);
  });
  const users = createClient(SecretService, transport);
  return {
    client,
    users,
    service: services.service,
    materialiser: createClient(SecretMaterialiser, transport),
    create: (name: string, project = "", domain = "", text = value) =>
      users.createSecret({
        id: { name, project, domain },
        secretSpec: { value: { case: "stringValue", value: text } },
      }),
    /** Of the task's Secret, decoded; undefined when there is none. */
    async placed(): Promise<Record<string, string> | undefined> {
      const found = (await client.list(secrets, { namespace: pod.namespace })).items.find(
        ({ metadata }) => metadata.name === pod.name,
      );
      return found === undefined ? undefined : decoded(found);
    },
    async [Symbol.asyncDispose]() {
      await store.close();
    },
  };
}

function decoded({ data = {} }: Secret): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
}
