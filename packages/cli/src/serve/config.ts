/** The configuration of the data plane's components: one file for all of them, from which each reads its own part. */
import { z } from "zod";
import {
  amount,
  bucket,
  domain,
  file,
  httpsOrigin,
  listen,
  logLevel,
  name,
  origin,
  texts,
  tlsFiles,
  wholeNumber,
} from "./fields.ts";
import { namespaces, podSecurity } from "./namespaces-fields.ts";

const service = (component: string): z.ZodDefault<typeof origin> =>
  origin.default(`https://${component}.union.svc:8443`);

const objectStore = z.strictObject({
  kind: z.literal("s3", { error: "must be s3: there are no drivers for other stores yet" }).default("s3"),
  endpoint: origin.optional().describe("absent: AWS"),
  publicEndpoint: origin.optional().describe("what clients outside use, in presigned URLs; absent: `endpoint`"),
  region: z.string().min(1, { error: "must not be empty" }).default("us-east-1"),
  stsEndpoint: httpsOrigin.optional().describe("absent: `endpoint`, or AWS's regional STS"),
  roleArn: z.string().min(1).optional().describe("role of our components"),
  taskRoleArn: z.string().min(1).optional().describe("role of tasks"),
  webIdentityTokenFile: file
    .default("/var/run/secrets/homeplane-sts/token")
    .describe("token of our ServiceAccount, exchanged for the role's credentials; read again for each exchange"),
  webIdentityAudience: z.string().min(1).default("sts.amazonaws.com").describe("of that token and of the tasks' own"),
  caFile: file.optional().describe("extra CA of the store and its STS, PEM"),
  metadataBucket: bucket.describe("inputs, outputs, reports, raw data, logs"),
  fastRegistrationBucket: bucket.describe("code bundles, build contexts"),
});

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(["Exists", "Equal"]).optional(),
  value: z.string().optional(),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
  tolerationSeconds: z.int().optional(),
});

const user = wholeNumber(1, 2_147_483_647);

const tasks = z.strictObject({
  initImage: z.string().min(1, { error: "must be an image: it runs the init container that fetches the code" }),
  serviceAccount: name.default("task").describe("made in each task namespace"),
  annotations: texts.default({}).describe("of that ServiceAccount: its identity at AWS, GCP or Azure"),
  podLabels: texts.default({}).describe("of every task pod, such as `azure.workload.identity/use`"),
  user: z
    .strictObject({ uid: user.default(1000), gid: user.default(1000) })
    .prefault({})
    .describe("of containers whose image names none"),
  gracePeriodSeconds: wholeNumber(0, 3_600).default(30).describe("between SIGTERM and SIGKILL"),
  startGraceSeconds: wholeNumber(0, 3_600)
    .default(180)
    .describe(
      "how long an image may fail to be pulled, or a container to be made, before that is the attempt's failure",
    ),
  defaultRequests: z
    .strictObject({ cpu: amount.default("1"), memory: amount.default("1Gi") })
    .prefault({})
    .describe("of a task that asks for nothing"),
  imagePullSecrets: z.array(name).default([]).describe("names of Secrets in the task's namespace"),
  nodeSelector: texts.default({}),
  tolerations: z.array(toleration).default([]),
  priorityClassName: z.string().default(""),
  podSecurity: podSecurity.default("restricted").describe("`pod-security.kubernetes.io/enforce` of task namespaces"),
  caFiles: z
    .array(file)
    .optional()
    .describe("CAs that tasks trust beside the public ones, PEM; absent: `tls.caFile` and `objectStore.caFile`"),
});

export const dataPlaneSchema = z.strictObject({
  cluster: name.describe("name of this cluster, as the control plane knows it"),
  org: name.default("homeplane"),
  domains: z
    .array(domain)
    .min(1, { error: "must name at least one" })
    .default(["development", "staging", "production"]),
  namespace: name.default("union").describe("of our own components"),
  logLevel: logLevel.default("info"),
  kubeconfig: file.optional().describe("absent: the pod's own ServiceAccount"),
  listen: listen.prefault({}),
  tls: z
    .strictObject({
      ...tlsFiles,
      caFile: file.default("/etc/homeplane/ca/ca.crt").describe("what the other components are checked against, PEM"),
    })
    .prefault({}),
  identity: z
    .strictObject({
      tokenFile: file
        .default("/var/run/secrets/homeplane/token")
        .describe("what this component shows to the others; read again when it changes"),
      audience: z
        .string()
        .min(1)
        .default("homeplane")
        .describe("of that token, and what the others' tokens must be for"),
    })
    .prefault({}),
  services: z
    .strictObject({
      taskGateway: service("task-gateway").describe("as task pods reach it"),
      objectStoreService: service("object-store-service"),
      secretService: service("secret-service"),
      logProvider: service("log-provider"),
    })
    .prefault({}),
  controlPlane: z.strictObject({
    url: origin.describe("orchestration (gRPC) and tunnel, one port"),
    tokenFile: file
      .default("/etc/homeplane/control-plane/token")
      .describe("this cluster's credential; read again when it changes"),
    caFile: file.optional().describe("absent: the public roots"),
  }),
  objectStore,
  tasks,
  namespaces: namespaces.prefault({}),
});

export type DataPlaneConfig = z.infer<typeof dataPlaneSchema>;
