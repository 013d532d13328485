import { type KubeClient, secrets } from "@homeplane/kube";
import { unlessNotFound } from "./kube-calls.ts";
import { describeScope, type SecretScope, scopesOf, storedName } from "./scope.ts";
import { type Place, valueOf } from "./stored-secret.ts";

export interface Wanted {
  readonly group: string;
  readonly key: string;
}

/**
 * The names under which a secret may be stored, best first. Clients store by name alone, tasks may ask by group and key: two groups
 * with the same key are told apart as the SDK tells apart their variables, `<group>_<key>`.
 */
export function namesOf({ group, key }: Wanted): readonly string[] {
  return group === "" ? [key] : [`${group}_${key}`, key];
}

/** The value of the first scope that has it. */
export async function findSecret(
  client: KubeClient,
  place: Place,
  scope: SecretScope,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  for (const one of scopesOf(scope)) {
    for (const name of namesOf(wanted)) {
      const object = { namespace: place.namespace, name: storedName(place.org, { ...one, name }) };
      const found = await unlessNotFound(client.get(secrets, object, { signal }));
      if (found !== undefined) return valueOf(found);
    }
  }
  return undefined;
}

/** What was looked for where, and how to make it. */
export function notFoundMessage(scope: SecretScope, wanted: Wanted): string {
  const names = namesOf(wanted)
    .map((name) => `"${name}"`)
    .join(" or ");
  const where = scopesOf(scope).map(describeScope).join("; ");
  const [name = wanted.key] = namesOf(wanted);
  return `there is no secret ${names}: looked in ${where}. Make it for all projects with: flyte create secret ${name}, or for this one with: flyte create secret ${name} --project ${scope.project} --domain ${scope.domain}`;
}
