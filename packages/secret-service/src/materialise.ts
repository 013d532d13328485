/** The secrets of one attempt, as one Kubernetes Secret beside its pod. */
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { taskActions, taskSecretLabel } from "@homeplane/idl";
import {
  type MaterialiseRequest,
  SecretProblem_Reason as Reason,
  type SecretMaterialiser,
  type WantedSecret,
} from "@homeplane/idl/homeplane/v1/secrets";
import { apiVersionOf, isAlreadyExists, type KubeClient, type Secret, secrets } from "@homeplane/kube";
import type { Clock } from "@homeplane/runtime-kit";
import { invalid } from "./checks.ts";
import { findSecret, notFoundMessage } from "./find-secret.ts";
import { answered } from "./kube-calls.ts";
import { madeAtAnnotation } from "./broom.ts";
import type { Place } from "./stored-secret.ts";

const maxSecrets = 100;
/** Of a Kubernetes Secret: 1 MiB, less what its names take. */
const maxTotalBytes = (1 << 20) - (64 << 10);

interface Problem {
  readonly key: string;
  readonly reason: Reason;
  readonly message: string;
}

export function materialiser(client: KubeClient, place: Place, clock: Clock): ServiceImpl<typeof SecretMaterialiser> {
  return {
    async materialise(request, { signal }) {
      checkRequest(request);
      const data: Record<string, string> = {};
      const problems: Problem[] = [];
      let total = 0;
      for (const wanted of request.secrets) {
        const value = await answered(
          `secret "${wanted.key}" could not be read`,
          findSecret(client, place, request, wanted, signal),
        );
        const problem = problemOf(request, wanted, value);
        if (problem !== undefined) problems.push(problem);
        if (value === undefined || problem !== undefined) continue;
        if (data[wanted.dataKey] === undefined) total += value.length;
        data[wanted.dataKey] = value.toString("base64");
      }
      if (total > maxTotalBytes) {
        const message = `the secrets of the task have ${total} bytes together, the limit is ${maxTotalBytes}`;
        problems.push({ key: "", reason: Reason.UNUSABLE, message });
      }
      if (problems.length === 0)
        await answered("the task's secrets could not be placed", put(client, toSecret(request, data, clock), signal));
      return { problems };
    },
  };
}

function checkRequest({ namespace, name, ownerName, ownerUid, secrets: wanted }: MaterialiseRequest): void {
  for (const [field, value] of Object.entries({ namespace, name, owner_name: ownerName, owner_uid: ownerUid }))
    if (value === "") throw invalid(field, "is required");
  if (wanted.length === 0 || wanted.length > maxSecrets)
    throw invalid("secrets", `are ${wanted.length}, must be 1 to ${maxSecrets}`);
  for (const [index, { key, dataKey }] of wanted.entries()) {
    if (key === "") throw invalid(`secrets[${index}].key`, "is required");
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(dataKey))
      throw invalid(`secrets[${index}].data_key`, `"${dataKey}" is no key of a Kubernetes Secret`);
  }
}

function problemOf(request: MaterialiseRequest, wanted: WantedSecret, value: Buffer | undefined): Problem | undefined {
  const { key } = wanted;
  if (value === undefined) return { key, reason: Reason.NOT_FOUND, message: notFoundMessage(request, wanted) };
  if (!wanted.asEnv || isEnvText(value)) return undefined;
  const message = `secret "${key}" is no text (UTF-8, without NUL) and can not be an environment variable: ask for it as a file, flyte.Secret("${key}", mount="/etc/flyte/secrets")`;
  return { key, reason: Reason.UNUSABLE, message };
}

function isEnvText(value: Buffer): boolean {
  return !value.includes(0) && Buffer.from(value.toString("utf8")).equals(value);
}

function toSecret(request: MaterialiseRequest, data: Record<string, string>, clock: Clock): Secret {
  const { namespace, name, ownerName, ownerUid } = request;
  return {
    apiVersion: apiVersionOf(secrets),
    kind: secrets.kind,
    metadata: {
      namespace,
      name,
      labels: { [taskSecretLabel]: "true" },
      annotations: { [madeAtAnnotation]: new Date(clock.now()).toISOString() },
      ownerReferences: [
        { apiVersion: apiVersionOf(taskActions), kind: taskActions.kind, name: ownerName, uid: ownerUid },
      ],
    },
    type: "Opaque",
    data,
  };
}

/** One that is there is an earlier try's, unless its owner is somebody else: a value that changed meanwhile is brought up to date. */
async function put(client: KubeClient, secret: Secret, signal: AbortSignal): Promise<void> {
  try {
    await client.create(secrets, secret, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { name, namespace = "", ownerReferences = [] } = secret.metadata;
    const found = await client.get(secrets, { namespace, name }, { signal });
    const ours = found.metadata.ownerReferences?.some(({ uid }) => uid === ownerReferences[0]?.uid) === true;
    if (!ours) {
      throw new ConnectError(
        `Secret ${namespace}/${name} exists and belongs to somebody else`,
        Code.FailedPrecondition,
        undefined,
        undefined,
        error,
      );
    }
    const { resourceVersion = "" } = found.metadata;
    await client.update(secrets, { ...secret, metadata: { ...secret.metadata, resourceVersion } }, { signal });
  }
}
