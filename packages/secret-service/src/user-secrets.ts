/** What the control plane may ask over the tunnel. Values come in and never go out. */
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { isAlreadyExists, isNotFound, type KubeClient, type ObjectName, secrets } from "@homeplane/kube";
import { checkId, checkValue } from "./checks.ts";
import { answered, unlessNotFound } from "./kube-calls.ts";
import { listPage } from "./list-page.ts";
import { describeScope, type SecretId, storedName } from "./scope.ts";
import { describeStored, type Place, toStored, valuePatch } from "./stored-secret.ts";

export function userSecrets(client: KubeClient, place: Place): ServiceImpl<typeof SecretService> {
  const { namespace, org } = place;
  const nameOf = (id: SecretId): ObjectName => ({ namespace, name: storedName(org, id) });
  return {
    async createSecret({ id: asked, secretSpec }, { signal }) {
      const id = checkId(asked);
      const stored = toStored(place, id, checkValue(secretSpec));
      const creating = client.create(secrets, stored, { signal }).catch((error: unknown) => {
        if (isAlreadyExists(error)) throw alreadyThere(id);
        throw error;
      });
      await answered("the secret could not be stored", creating);
      return {};
    },
    async updateSecret({ id: asked, secretSpec }, { signal }) {
      const id = checkId(asked);
      const patching = client.patch(secrets, nameOf(id), valuePatch(checkValue(secretSpec)), { signal });
      await answered("the secret could not be stored", patching.catch(notThere(id)));
      return {};
    },
    async getSecret({ id: asked }, { signal }) {
      const id = checkId(asked);
      const found = await answered(
        "the secret could not be looked up",
        unlessNotFound(client.get(secrets, nameOf(id), { signal })),
      );
      if (found === undefined) throw missing(id);
      return { secret: describeStored(place, found) };
    },
    async listSecrets(request, { signal }) {
      return answered("the secrets could not be listed", listPage(client, place, request, signal));
    },
    async deleteSecret({ id: asked }, { signal }) {
      const id = checkId(asked);
      const deleting = client.delete(secrets, nameOf(id), { signal });
      await answered("the secret could not be deleted", deleting.catch(notThere(id)));
      return {};
    },
  };
}

function missing(id: SecretId): ConnectError {
  return new ConnectError(`there is no secret "${id.name}" of ${describeScope(id)}`, Code.NotFound);
}

function notThere(id: SecretId): (error: unknown) => never {
  return (error) => {
    throw isNotFound(error) ? missing(id) : error;
  };
}

function alreadyThere(id: SecretId): ConnectError {
  return new ConnectError(
    `secret "${id.name}" of ${describeScope(id)} exists already: delete it first (flyte delete secret ${id.name}${scopeOptions(id)})`,
    Code.AlreadyExists,
  );
}

/** The scope as options of the CLI. */
export function scopeOptions({ project, domain }: { project: string; domain: string }): string {
  return `${project === "" ? "" : ` --project ${project}`}${domain === "" ? "" : ` --domain ${domain}`}`;
}
