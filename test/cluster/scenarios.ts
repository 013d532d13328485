/** What our components, kubectl and users ask a Kubernetes API; each list starts from nothing of its own and plays in order. */
import type { Json, Question } from "./ask.ts";

const core = (path: string): string => `/api/v1/namespaces/default/${path}`;
const actions = "/apis/flyte.org/v1/namespaces/default/taskactions";
const merge = "application/merge-patch+json";
const jsonPatch = "application/json-patch+json";
const strategic = "application/strategic-merge-patch+json";

const get = (path: string): Question => ({ method: "GET", path });
const post = (path: string, body: Json): Question => ({ method: "POST", path, body });
const put = (path: string, body: Json): Question => ({ method: "PUT", path, body });
const patch = (path: string, body: Json, type = merge): Question => ({ method: "PATCH", path, body, type });
const remove = (path: string, body?: Json): Question => ({
  method: "DELETE",
  path,
  ...(body === undefined ? {} : { body }),
});

const configMap = (name: string, more: Record<string, Json> = {}): Json => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels: { app: "demo", name } },
  ...more,
});
const pod = (name: string, spec: Record<string, Json> = {}, metadata: Record<string, Json> = {}): Json => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, ...metadata },
  spec: { automountServiceAccountToken: false, containers: [{ name: "main", image: "busybox:1" }], ...spec },
});
const action = (name: string, spec: Record<string, Json> = {}): Json => ({
  apiVersion: "flyte.org/v1",
  kind: "TaskAction",
  metadata: { name, finalizers: ["flyte.org/plugin-finalizer"] },
  spec: { runName: "run", actionName: name, project: "p", domain: "d", ...spec },
});

const asking = (resources: Json): Json => ({ name: "main", image: "busybox:1", resources });
const nonsense: readonly Json[] = [
  { requests: { cpu: "2" }, limits: { cpu: "1" } },
  { requests: { memory: "1 GB" } },
  { limits: { cpu: "-1" } },
  { requests: { "nvidia.com/gpu": "1" } },
];
const token = (spec: Json): Json => ({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec });

export const scenarios: Readonly<Record<string, readonly Question[]>> = {
  "a Pod's mounts have a volume, and its variables and containers a name of their own": [
    post(
      core("pods"),
      pod("bad", { containers: [{ ...(asking({}) as object), volumeMounts: [{ name: "no", mountPath: "/x" }] }] }),
    ),
    post(
      core("pods"),
      pod("bad", { containers: [{ ...(asking({}) as object), volumeMounts: [{ name: "", mountPath: "" }] }] }),
    ),
    post(core("pods"), pod("bad", { containers: [{ ...(asking({}) as object), env: [{ name: "", value: "x" }] }] })),
    post(core("pods"), pod("bad", { containers: [asking({}), asking({})] })),
    post(
      core("pods"),
      pod("good", {
        volumes: [{ name: "scratch", emptyDir: {} }],
        containers: [{ ...(asking({}) as object), volumeMounts: [{ name: "scratch", mountPath: "/x" }] }],
      }),
    ),
    remove(core("pods/good"), { gracePeriodSeconds: 0 }),
  ],
  "create, read, replace, patch and delete a ConfigMap": [
    get(core("configmaps/one")),
    post(core("configmaps"), configMap("one", { data: { a: "1" } })),
    post(core("configmaps"), configMap("one")),
    get(core("configmaps/one")),
    put(core("configmaps/one"), configMap("one", { data: { b: "2" } })),
    put(core("configmaps/two"), configMap("one")),
    patch(core("configmaps/one"), { data: { c: "3", b: null } }),
    patch(core("configmaps/one"), [{ op: "add", path: "/data/d", value: "4" }], jsonPatch),
    patch(core("configmaps/one"), [{ op: "test", path: "/data/d", value: "5" }], jsonPatch),
    patch(core("configmaps/one"), { metadata: { labels: { app: null } } }, strategic),
    patch(core("configmaps/one"), { metadata: { resourceVersion: "1" } }),
    patch(core("configmaps/nobody"), { data: {} }),
    remove(core("configmaps/one"), { preconditions: { uid: "11111111-1111-1111-1111-111111111111" } }),
    remove(core("configmaps/one")),
    remove(core("configmaps/one")),
  ],
  "bad objects are refused with the field that is wrong": [
    post(core("configmaps"), { apiVersion: "v1", kind: "ConfigMap", metadata: {} }),
    post(core("configmaps"), configMap("Upper")),
    post(core("configmaps"), { apiVersion: "v1", kind: "Secret", metadata: { name: "x" } }),
    post(core("configmaps"), { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "x" } }),
    post(core("configmaps"), configMap("x", { metadata: { name: "x", labels: { "bad key": "v" } } })),
    post("/api/v1/namespaces/missing/configmaps", configMap("x")),
    post(core("configmaps"), { ...(configMap("x") as object), metadata: { name: "x", namespace: "other" } }),
    post(core("secrets"), { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "not base64!" } }),
    get("/api/v1/namespaces/default/nothings"),
  ],
  "lists page, and select by label and field": [
    ...["a", "b", "c"].map((name) => post(core("configmaps"), configMap(`list-${name}`))),
    get(core("configmaps?labelSelector=app%3Ddemo")),
    get(core("configmaps?labelSelector=name+in+(list-a,list-b)")),
    get(core("configmaps?labelSelector=app,name!%3Dlist-a")),
    get(core("configmaps?labelSelector=nothing")),
    get(core("configmaps?labelSelector=%3D%3D")),
    get(core("configmaps?fieldSelector=metadata.name%3Dlist-c")),
    get(core("configmaps?fieldSelector=spec.nothing%3Dx")),
    get(core("configmaps?labelSelector=app%3Ddemo&limit=2")),
    remove(core("configmaps?labelSelector=app%3Ddemo")),
    get(core("configmaps?labelSelector=app%3Ddemo")),
  ],
  "a Pod gets its defaults, is fixed once made, and waits for its finalizer": [
    post(core("pods"), pod("plain")),
    patch(core("pods/plain"), { spec: { containers: [{ name: "main", image: "busybox:2" }] } }, strategic),
    patch(core("pods/plain"), { spec: { restartPolicy: "Never" } }),
    patch(core("pods/plain/status"), { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } }),
    post(core("pods/plain/binding"), {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "plain" },
      target: { kind: "Node", name: "nowhere" },
    }),
    post(core("pods"), pod("bad", { containers: [] })),
    post(core("pods"), pod("bad", { containers: [{ name: "UPPER", image: "" }] })),
    post(core("pods"), pod("bad", { restartPolicy: "Sometimes" })),
    post(
      core("pods"),
      pod("bad", {
        containers: [{ name: "m", image: "i", resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }],
      }),
    ),
    post(core("pods"), pod("held", {}, { finalizers: ["homeplane.dev/logs"] })),
    remove(core("pods/held"), { gracePeriodSeconds: 0 }),
    patch(core("pods/held"), { metadata: { finalizers: null } }),
    get(core("pods/held")),
    remove(core("pods/plain"), { gracePeriodSeconds: 0 }),
  ],
  "a TaskAction is validated, defaulted and pruned by its schema": [
    post(actions, action("a0")),
    post(actions, action("bad", { runName: "" })),
    post(actions, action("bad", { actionType: "other" })),
    post(actions, action("bad", { fencingToken: "seven" })),
    post(actions, { apiVersion: "flyte.org/v1", kind: "TaskAction", metadata: { name: "bad" } }),
    post(actions, action("pruned", { nobodyKnowsThis: true })),
    patch(`${actions}/a0/status`, {
      status: { attempts: 1, conditions: [{ type: "Progressing", status: "True", reason: "Queued" }] },
    }),
    patch(`${actions}/a0`, { status: { attempts: 7 } }),
    patch(`${actions}/a0/status`, { spec: { runName: "other" } }),
    patch(`${actions}/a0`, { spec: { group: "g" } }),
    patch(`${actions}/a0`, {}, strategic),
    remove(`${actions}/a0`),
    get(`${actions}/a0`),
    patch(`${actions}/a0`, { metadata: { finalizers: [] } }),
    get(`${actions}/a0`),
    patch(`${actions}/pruned`, { metadata: { finalizers: [] } }),
    remove(`${actions}/pruned`),
  ],
  "a Table for kubectl get": [
    post(actions, action("row")),
    {
      method: "GET",
      path: actions,
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    },
    patch(`${actions}/row`, { metadata: { finalizers: [] } }),
    remove(`${actions}/row`),
  ],
  "a Lease is taken and lost by its version": [
    post("/apis/coordination.k8s.io/v1/namespaces/default/leases", {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "leader" },
      spec: { holderIdentity: "me", leaseDurationSeconds: 15 },
    }),
    put("/apis/coordination.k8s.io/v1/namespaces/default/leases/leader", {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "leader", resourceVersion: "1" },
      spec: { holderIdentity: "you", leaseDurationSeconds: 15 },
    }),
    remove("/apis/coordination.k8s.io/v1/namespaces/default/leases/leader"),
  ],
  "a Namespace has its defaults": [
    post("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "team-a" } }),
    post("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "Not A Name" } }),
    get("/api/v1/namespaces/team-a"),
  ],
  "what containers ask for: numbers, forms, defaults, class of service, nonsense": [
    post(core("pods"), pod("asks", { containers: [asking({ limits: { cpu: 1, memory: "1024Mi" } })] })),
    post(core("pods"), pod("asks-little", { containers: [asking({ requests: { cpu: "0.25", memory: "1000k" } })] })),
    ...nonsense.map((resources) => post(core("pods"), pod("bad", { containers: [asking(resources)] }))),
    ...["asks", "asks-little"].map((name) => remove(core(`pods/${name}`), { gracePeriodSeconds: 0 })),
  ],
  "a LimitRange fills in and refuses": [
    post(core("limitranges"), {
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name: "range" },
      spec: {
        limits: [
          {
            type: "Container",
            default: { cpu: "500m" },
            defaultRequest: { memory: "64Mi" },
            max: { cpu: 1, memory: "1Gi" },
          },
          { type: "Pod", min: { memory: "10Mi" } },
        ],
      },
    }),
    post(core("pods"), pod("filled")),
    post(core("pods"), pod("large", { containers: [asking({ limits: { memory: "2Gi", cpu: "2" } })] })),
    post(core("pods"), pod("tiny", { containers: [asking({ requests: { memory: "1Mi" } })] })),
    remove(core("pods/filled"), { gracePeriodSeconds: 0 }),
    remove(core("limitranges/range")),
  ],
  "a ResourceQuota refuses in the same words": [
    post(core("resourcequotas"), {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "quota" },
      spec: { hard: { pods: 1, "requests.cpu": "2", "count/secrets": "0" } },
    }),
    // The controller that counts does not run here.
    patch(core("resourcequotas/quota/status"), {
      status: {
        hard: { pods: "1", "requests.cpu": "2", "count/secrets": "0" },
        used: { pods: "0", "requests.cpu": "0", "count/secrets": "0" },
      },
    }),
    // Its admission learns of quotas by a watch: a second is plenty.
    get(core("configmaps?watch=1&timeoutSeconds=1&labelSelector=nobody%3Dhas-it")),
    post(core("pods"), pod("says-nothing")),
    post(core("pods"), pod("first", { containers: [asking({ requests: { cpu: "1500m" } })] })),
    post(core("pods"), pod("second", { containers: [asking({ requests: { cpu: "1" } })] })),
    post(core("secrets"), { apiVersion: "v1", kind: "Secret", metadata: { name: "one-too-many" } }),
    remove(core("pods/first"), { gracePeriodSeconds: 0 }),
    patch(core("resourcequotas/quota/status"), { status: { used: { pods: "0", "requests.cpu": "0" } } }),
    remove(core("resourcequotas/quota")),
  ],
  "a token that can not be had": [
    post(core("serviceaccounts/nobody/token"), token({})),
    post(core("serviceaccounts/default/token"), token({ expirationSeconds: 60 })),
    post(
      core("serviceaccounts/default/token"),
      token({ boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "nobody" } }),
    ),
  ],
  "a watch from an old version says so": [get(core("configmaps?watch=1&resourceVersion=1&timeoutSeconds=1"))],
};
