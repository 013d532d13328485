/** The section `namespaces`: how the operator makes the namespaces of projects' domains. */
import { z } from "zod";
import { amounts, name, texts } from "./fields.ts";

const cidr = z
  .string({ error: "must be an address range such as 10.0.0.0/8" })
  .regex(/^[0-9a-fA-F.:]+\/\d{1,3}$/, { error: "must be an address range such as 10.0.0.0/8" });
const ports = z
  .array(z.int().min(1).max(65_535), { error: "must be a list of ports from 1 to 65535" })
  .min(1, { error: "must name at least one port" });
const target = z.union(
  [
    z.strictObject({ cidr, except: z.array(cidr).optional(), ports }),
    z.strictObject({ namespace: name, podLabels: texts.optional(), ports }),
  ],
  { error: "must be { cidr, except?, ports } or { namespace, podLabels?, ports }, with ports from 1 to 65535" },
);

const limit = z.strictObject({
  type: z.enum(["Container", "Pod", "PersistentVolumeClaim"], {
    error: "must be Container, Pod or PersistentVolumeClaim",
  }),
  max: amounts.optional(),
  min: amounts.optional(),
  default: amounts.optional(),
  defaultRequest: amounts.optional(),
  maxLimitRequestRatio: amounts.optional(),
});

const levels = ["restricted", "baseline", "privileged"] as const;
export const podSecurity = z.enum(levels, { error: `must be one of ${levels.join(", ")}` });

const quota = amounts.describe("ResourceQuota `spec.hard`, such as `pods` and `requests.cpu`; absent = none");
const limitRange = z.array(limit).describe("LimitRange `spec.limits`; absent = none");

const override = z.strictObject({
  quota: quota.nullable().optional(),
  limitRange: limitRange.nullable().optional(),
  annotations: texts.optional().describe("of its ServiceAccount, beside those for all: its own cloud role"),
  podSecurity: podSecurity.optional(),
});

export const namespaces = z.strictObject({
  mode: z
    .enum(["create", "existing"], { error: "must be create or existing" })
    .default("create")
    .describe("`existing`: the customer made them, and they are only checked"),
  quota: quota.optional(),
  limitRange: limitRange.optional(),
  overrides: z
    .record(name, override)
    .default({})
    .describe(
      "by namespace: `quota`, `limitRange` (`null` = none), `annotations`, `podSecurity`, instead of those for all",
    ),
  egress: z
    .strictObject({
      dns: z
        .array(target)
        .default([{ namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, ports: [53] }])
        .describe("where names are resolved, TCP and UDP"),
      objectStore: z
        .array(target)
        .optional()
        .describe("the store and its STS; absent: worked out from `objectStore.endpoint` and `stsEndpoint`"),
      extra: z.array(target).default([]).describe("what else tasks may reach"),
      except: z.array(cidr).default([]).describe("addresses that no task reaches, beside instance metadata"),
    })
    .prefault({})
    .describe(
      "what default-deny lets tasks reach; a target is `{ cidr, except?, ports }` or `{ namespace, podLabels?, ports }`",
    ),
});
