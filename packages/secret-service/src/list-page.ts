import type { ListSecretsRequest } from "@homeplane/idl/flyteidl2/secret/payload";
import type { Secret as ProtoSecret } from "@homeplane/idl/flyteidl2/secret/definition";
import { type KubeClient, secrets } from "@homeplane/kube";
import { invalid } from "./checks.ts";
import { describeStored, type Place, selectorOf } from "./stored-secret.ts";

const defaultLimit = 100;
const maxLimit = 1000;

/**
 * In order of name, project, domain; the token is the last one's place in that order, so it stays right when secrets come and go
 * between two pages. Only what may be told is kept of each page of the API.
 */
export async function listPage(
  client: KubeClient,
  place: Place,
  { project, domain, limit, token }: ListSecretsRequest,
  signal: AbortSignal,
): Promise<{ secrets: ProtoSecret[]; token: string }> {
  if (project !== "" && domain === "") throw invalid("domain", `is required beside project "${project}"`);
  const after = token === "" ? "" : decode(token);
  const labelSelector = selectorOf(place.org, { project, domain });
  const found: { place: string; secret: ProtoSecret }[] = [];
  for await (const { items } of client.listPages(secrets, { namespace: place.namespace, labelSelector, signal })) {
    for (const item of items) {
      const secret = describeStored(place, item);
      const position = positionOf(secret);
      if (position > after) found.push({ place: position, secret });
    }
  }
  found.sort((a, b) => (a.place < b.place ? -1 : 1));
  const page = found.slice(0, Math.min(limit > 0 ? limit : defaultLimit, maxLimit));
  const last = page.length < found.length ? page.at(-1) : undefined;
  return { secrets: page.map(({ secret }) => secret), token: last === undefined ? "" : encode(last.place) };
}

function positionOf({ id }: ProtoSecret): string {
  return [id?.name, id?.project, id?.domain].join("\n");
}

function encode(position: string): string {
  return Buffer.from(position).toString("base64url");
}

function decode(token: string): string {
  const position = Buffer.from(token, "base64url").toString();
  if (position.split("\n").length !== 3 || encode(position) !== token)
    throw invalid("token", "is not one that this server gave out");
  return position;
}
