import type { Json, JsonObject } from "../store/json.ts";
import { listAt } from "../store/json.ts";
import type { Call } from "./context.ts";

/** Holders of a client certificate of our CA, and who shares the process. */
export const ADMINS = "system:masters";

/** `kubectl auth whoami` */
export async function selfSubject({ request }: Call): Promise<JsonObject> {
  return { userInfo: { username: request.user ?? "", groups: [...(request.groups ?? [])] } };
}

/** There is no authorization: whoever gets in, may. */
export async function selfAccess(): Promise<JsonObject> {
  return { allowed: true, reason: "whoever gets into this server may do everything" };
}

/** Nobody else gets in. */
export async function subjectAccess(_call: Call, body: JsonObject): Promise<JsonObject> {
  if (listAt(body, "spec", "groups").includes(ADMINS)) return await selfAccess();
  return { allowed: false, reason: "this server lets in nobody but the holder of its client certificate" };
}

/** `kubectl auth can-i --list` */
export async function selfRules(): Promise<JsonObject> {
  const all: Json[] = ["*"];
  return {
    resourceRules: [{ verbs: all, apiGroups: all, resources: all }],
    nonResourceRules: [{ verbs: all, nonResourceURLs: all }],
    incomplete: false,
  };
}
