import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { dataPlaneSchema } from "./config.ts";
import { controlPlaneSchema } from "./control-plane-config.ts";
import { loadConfig, parseConfig } from "./load-config.ts";

const least = {
  cluster: "production",
  controlPlane: { url: "https://control-plane.example:8443" },
  objectStore: { metadataBucket: "homeplane-metadata", fastRegistrationBucket: "homeplane-fast-registration" },
  tasks: { initImage: "registry.example/homeplane:1" },
};

type Json = Record<string, unknown>;

/** `least` with the value at a path such as "tasks.user.uid" set; `undefined` takes it away. */
function changed(path: string, value: unknown, base: Json = least): Json {
  const copy = structuredClone(base);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = copy;
  for (const key of keys) at = (at[key] ??= {}) as Json;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

function problemsOf(
  config: Json,
  schema: typeof dataPlaneSchema | typeof controlPlaneSchema = dataPlaneSchema,
): string {
  try {
    parseConfig("config.yaml", stringify(config), schema);
  } catch (error) {
    expect(error).toBeInstanceOf(HomeplaneError);
    expect(error).toMatchObject({ code: "InvalidConfig" });
    return (error as Error).message;
  }
  return "none";
}

test("what must be said is short; the rest are the names of the chart", () => {
  const config = parseConfig("config.yaml", stringify(least), dataPlaneSchema);
  expect(config).toMatchObject({
    org: "homeplane",
    namespace: "union",
    domains: ["development", "staging", "production"],
    listen: { host: "0.0.0.0", port: 8443, probePort: 8081 },
    identity: { tokenFile: "/var/run/secrets/homeplane/token", audience: "homeplane" },
    services: { objectStoreService: "https://object-store-service.union.svc:8443" },
    tasks: { serviceAccount: "task", user: { uid: 1000, gid: 1000 }, podSecurity: "restricted" },
    namespaces: { mode: "create" },
  });
});

test.each([
  ["cluster", undefined, "cluster: is missing"],
  ["cluster", "Upper Case", "cluster: must be a name of lower-case letters"],
  ["org", 7, "org: must be a name"],
  ["domains", [], "domains: must name at least one"],
  ["domains", ["my-domain"], "domains[0]: must be of lower-case letters and digits, without dashes"],
  ["namespace", "-", "namespace: must be a name"],
  ["logLevel", "loud", "logLevel: must be one of debug, info, warn, error, silent"],
  ["loglevel", "info", "loglevel: there is no such field"],
  ["kubeconfig", "kubeconfig", "kubeconfig: must be an absolute path"],
  ["listen.port", 70_000, "listen.port: must be a port from 0 to 65535"],
  ["listen.probePort", "8081", "listen.probePort: must be a port"],
  ["tls.certFile", "tls.crt", "tls.certFile: must be an absolute path"],
  ["tls.caFile", 1, "tls.caFile: must be the path of a file"],
  ["identity.audience", "", "identity.audience"],
  ["identity.tokenFile", "", "identity.tokenFile: must be an absolute path"],
  ["services.secretService", "http://secret-service:80", "services.secretService: must begin with https://"],
  ["services.secretservice", "https://s", "services.secretservice: there is no such field"],
  ["controlPlane", undefined, "controlPlane: is missing"],
  ["controlPlane.url", undefined, "controlPlane.url: is missing"],
  ["controlPlane.url", "control-plane:8443", "controlPlane.url: must begin with https://"],
  ["controlPlane.url", "https://u:p@host", "controlPlane.url: must have no user and password in it"],
  ["controlPlane.url", "https://host/path", "controlPlane.url: must be a scheme, a host and perhaps a port"],
  ["objectStore.kind", "gcs", "objectStore.kind: must be s3: there are no drivers for other stores yet"],
  ["objectStore.endpoint", "http://minio:9000", "objectStore.endpoint: must begin with https://"],
  ["objectStore.stsEndpoint", "http://127.0.0.1:9000", "objectStore.stsEndpoint: must begin with https://"],
  ["objectStore.region", "", "objectStore.region: must not be empty"],
  ["objectStore.metadataBucket", "My_Bucket", "objectStore.metadataBucket: must be a bucket's name"],
  ["objectStore.fastRegistrationBucket", undefined, "objectStore.fastRegistrationBucket: is missing"],
  ["tasks.initImage", undefined, "tasks.initImage: is missing"],
  ["tasks.user.uid", 0, "tasks.user.uid: must be a whole number from 1"],
  ["tasks.startGraceSeconds", -1, "tasks.startGraceSeconds: must be a whole number from 0 to 3600"],
  ["tasks.gracePeriodSeconds", "30s", "tasks.gracePeriodSeconds: must be a whole number from 0 to 3600"],
  ["tasks.defaultRequests.cpu", 1, "tasks.defaultRequests.cpu: must be an amount in quotes"],
  ["tasks.defaultRequests.memory", "1 GB", "tasks.defaultRequests.memory: must be an amount"],
  ["tasks.podSecurity", "open", "tasks.podSecurity: must be one of restricted, baseline, privileged"],
  ["tasks.podLabels", { a: true }, "tasks.podLabels.a: must be a text: put it in quotes"],
  ["namespaces.mode", "keep", "namespaces.mode: must be create or existing"],
  ["namespaces.quota", { pods: 5 }, "namespaces.quota.pods: must be an amount in quotes"],
  ["namespaces.limitRange", [{ type: "Node" }], "namespaces.limitRange[0].type: must be Container, Pod or"],
  [
    "namespaces.egress.extra",
    [{ cidr: "1.2.3.4", ports: [443] }],
    "namespaces.egress.extra[0].cidr: must be an address range",
  ],
  [
    "namespaces.egress.dns",
    [{ cidr: "1.2.3.4/32", ports: [] }],
    "namespaces.egress.dns[0].ports: must name at least one port",
  ],
  ["namespaces.egress.objectStore", [{ ports: [443] }], "namespaces.egress.objectStore[0]: must be { cidr"],
  ["namespaces.overrides", { "p-d": { quotas: {} } }, "namespaces.overrides.p-d.quotas: there is no such field"],
])("%s: %j is refused by its name", (path, value, expected) => {
  expect(problemsOf(changed(path, value))).toContain(expected);
});

test("all that is wrong is said at once", () => {
  const problems = problemsOf(changed("cluster", undefined, changed("org", "", changed("more", 1))));
  for (const field of ["cluster: is missing", "org: must be", "more: there is no such field"])
    expect(problems).toContain(field);
});

test.each([
  ["a: [", "this is no YAML"],
  ["a: &x 1\nb: *x", "this is no YAML: Alias resolution is disabled"],
  ["cluster: a\ncluster: b", "this is no YAML: Map keys must be unique"],
  ["- a", "the file: "],
  ["", "cluster: is missing"],
])("%j is refused", (text, expected) => {
  expect(() => parseConfig("config.yaml", text, dataPlaneSchema)).toThrow(expected);
});

test.each([
  ["clusters", undefined, "clusters: is missing"],
  ["clusters", [], "clusters: must name at least one data plane"],
  ["clusters", [{ name: "a", tokenFile: "token" }], "clusters[0].tokenFile: must be an absolute path"],
  ["dataDir", "data", "dataDir: must be an absolute path"],
  ["listen.clientPort", -1, "listen.clientPort: must be a port"],
])("control plane, %s: %j is refused by its name", (path, value, expected) => {
  const base = { clusters: [{ name: "production", tokenFile: "/etc/homeplane/clusters/production" }] };
  expect(problemsOf(base, controlPlaneSchema)).toBe("none");
  expect(problemsOf(changed(path, value, base), controlPlaneSchema)).toContain(expected);
});

test("a file that is not there is said with its path", async () => {
  await expect(loadConfig("/nowhere/config.yaml", dataPlaneSchema)).rejects.toThrow(
    /^\/nowhere\/config.yaml: the file can not be read: ENOENT/,
  );
  const folder = await mkdtemp(join(tmpdir(), "homeplane-config-"));
  try {
    await writeFile(join(folder, "config.yaml"), stringify(least));
    expect(await loadConfig(join(folder, "config.yaml"), dataPlaneSchema)).toMatchObject({ cluster: "production" });
  } finally {
    await rm(folder, { recursive: true });
  }
});
