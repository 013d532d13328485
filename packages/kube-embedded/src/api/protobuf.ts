import type { Json, JsonObject } from "../store/json.ts";
import { badRequest, unsupportedMediaType } from "./api-error.ts";

/**
 * `kubectl create namespace|configmap|secret|serviceaccount|token|quota|role|...` and `kubectl auth` send protobuf and nothing else, whatever
 * the server offers. What they send is decoded here; everything else travels as JSON, answers always.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding , fields as in the generated.proto files of k8s.io/api.
 */
export const PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf";

type Field = {
  readonly name: string;
  readonly is: "string" | "base64" | "bool" | "integer" | "message" | "map";
  readonly list?: true;
  readonly message?: Message;
  readonly value?: "string" | "base64" | "quantity";
};
type Message = Readonly<Record<number, Field>>;

const text = (name: string): Field => ({ name, is: "string" });
const map = (name: string, value: NonNullable<Field["value"]> = "string"): Field => ({ name, is: "map", value });
const message = (name: string, of: Message): Field => ({ name, is: "message", message: of });

const META: Message = {
  1: text("name"),
  2: text("generateName"),
  3: text("namespace"),
  5: text("uid"),
  6: text("resourceVersion"),
  11: map("labels"),
  12: map("annotations"),
  14: { name: "finalizers", is: "string", list: true },
};
const metadata = message("metadata", META);
const reference: Message = { 1: text("name") };
const boundObject: Message = { 1: text("kind"), 2: text("apiVersion"), 3: text("name"), 4: text("uid") };
const resourceAttributes: Message = Object.fromEntries(
  ["namespace", "verb", "group", "version", "resource", "subresource", "name"].map((name, n) => [n + 1, text(name)]),
);
const nonResourceAttributes: Message = { 1: text("path"), 2: text("verb") };

const texts = (name: string): Field => ({ name, is: "string", list: true });
const rule: Message = Object.fromEntries(
  ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"].map((name, n) => [n + 1, texts(name)]),
);
const role: Message = { 1: metadata, 2: { ...message("rules", rule), list: true } };
const subject: Message = { 1: text("kind"), 2: text("apiGroup"), 3: text("name"), 4: text("namespace") };
const roleBinding: Message = {
  1: metadata,
  2: { ...message("subjects", subject), list: true },
  3: message("roleRef", { 1: text("apiGroup"), 2: text("kind"), 3: text("name") }),
};

const GROUPS = new Set([
  "v1",
  "authentication.k8s.io/v1",
  "authorization.k8s.io/v1",
  "rbac.authorization.k8s.io/v1",
  "scheduling.k8s.io/v1",
]);
const KINDS: Readonly<Record<string, Message>> = {
  Namespace: { 1: metadata },
  ConfigMap: { 1: metadata, 2: map("data"), 3: map("binaryData", "base64"), 4: { name: "immutable", is: "bool" } },
  Secret: {
    1: metadata,
    2: map("data", "base64"),
    3: text("type"),
    4: map("stringData"),
    5: { name: "immutable", is: "bool" },
  },
  ServiceAccount: {
    1: metadata,
    3: { ...message("imagePullSecrets", reference), list: true },
    4: { name: "automountServiceAccountToken", is: "bool" },
  },
  TokenRequest: {
    1: metadata,
    2: message("spec", {
      1: { name: "audiences", is: "string", list: true },
      3: message("boundObjectRef", boundObject),
      4: { name: "expirationSeconds", is: "integer" },
    }),
  },
  Role: role,
  ClusterRole: role,
  RoleBinding: roleBinding,
  ClusterRoleBinding: roleBinding,
  ResourceQuota: { 1: metadata, 2: message("spec", { 1: map("hard", "quantity"), 2: texts("scopes") }) },
  PriorityClass: {
    1: metadata,
    2: { name: "value", is: "integer" },
    3: { name: "globalDefault", is: "bool" },
    4: text("description"),
    5: text("preemptionPolicy"),
  },
  SelfSubjectReview: { 1: metadata },
  SelfSubjectAccessReview: {
    1: metadata,
    2: message("spec", {
      1: message("resourceAttributes", resourceAttributes),
      2: message("nonResourceAttributes", nonResourceAttributes),
    }),
  },
  SelfSubjectRulesReview: { 1: metadata, 2: message("spec", { 1: text("namespace") }) },
};

const ENVELOPE_MAGIC = Buffer.from("k8s\0");
const ENVELOPE: Message = {
  1: message("typeMeta", { 1: text("apiVersion"), 2: text("kind") }),
  2: { name: "raw", is: "base64" },
};
const ENTRY: Record<NonNullable<Field["value"]>, Message> = {
  quantity: { 1: text("key"), 2: message("value", { 1: text("text") }) },
  string: { 1: text("key"), 2: text("value") },
  base64: { 1: text("key"), 2: { name: "value", is: "base64" } },
};

function readVarint(bytes: Buffer, start: number): [value: number, next: number] {
  let value = 0;
  for (let n = 0; n < 10; n++) {
    const byte = bytes[start + n];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * n);
    if (byte < 0x80) return [value, start + n + 1];
  }
  throw badRequest("the body of the request is not valid protobuf");
}

function decodeField(field: Field, bytes: Buffer): Json {
  if (field.is === "string") return bytes.toString("utf8");
  if (field.is === "base64") return bytes.toString("base64");
  return decode(bytes, field.is === "map" ? ENTRY[field.value ?? "string"] : (field.message ?? {}));
}

function store(into: JsonObject, field: Field, value: Json): void {
  const before = into[field.name];
  if (field.is === "map") {
    const { key = "", value: one = "" } = value as { key?: string; value?: string | { text?: string } };
    const plain = typeof one === "string" ? one : (one.text ?? "");
    into[field.name] = { ...(before as JsonObject | undefined), [key]: plain };
  } else if (field.list === true) into[field.name] = [...(Array.isArray(before) ? before : []), value];
  else into[field.name] = value;
}

/** Fields that are not in the table are skipped, as protobuf wants. */
function decode(bytes: Buffer, fields: Message): JsonObject {
  const object: JsonObject = {};
  let at = 0;
  while (at < bytes.length) {
    const [tag, afterTag] = readVarint(bytes, at);
    const field = fields[Math.floor(tag / 8)];
    const wire = tag % 8;
    if (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5)
      throw badRequest("the body of the request is not valid protobuf");
    if (wire === 1 || wire === 5) {
      at = afterTag + (wire === 1 ? 8 : 4);
      continue;
    }
    const [value, next] = readVarint(bytes, afterTag);
    at = wire === 2 ? next + value : next;
    if (at > bytes.length) throw badRequest("the body of the request is truncated protobuf");
    if (field === undefined) continue;
    if (wire === 2 && field.is !== "bool" && field.is !== "integer")
      store(object, field, decodeField(field, bytes.subarray(next, at)));
    else if (wire === 0 && field.is === "bool") store(object, field, value !== 0);
    else if (wire === 0 && field.is === "integer") store(object, field, value);
  }
  return object;
}

export function parseProtobuf(body: Uint8Array): JsonObject {
  const bytes = Buffer.from(body);
  if (!bytes.subarray(0, 4).equals(ENVELOPE_MAGIC))
    throw badRequest("the body of the request is not a Kubernetes protobuf envelope");
  const envelope = decode(bytes.subarray(4), ENVELOPE);
  const { apiVersion = "", kind = "" } = envelope.typeMeta as { apiVersion?: string; kind?: string };
  const fields = GROUPS.has(apiVersion) ? KINDS[kind] : undefined;
  if (fields === undefined)
    throw unsupportedMediaType(`protobuf is not understood for ${apiVersion} ${kind}; send application/json`);
  const raw = Buffer.from(typeof envelope.raw === "string" ? envelope.raw : "", "base64");
  return { apiVersion, kind, ...decode(raw, fields) };
}
