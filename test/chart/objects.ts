/** Rendered manifests as objects. */
import { parseAllDocuments } from "yaml";

export interface Container {
  name: string;
  image: string;
  securityContext?: Record<string, unknown>;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: { name: string; mountPath: string }[];
  ports?: { name: string; containerPort: number; hostPort?: number }[];
  env?: { name: string; value?: string }[];
  livenessProbe?: object;
  readinessProbe?: object;
  startupProbe?: object;
}

export interface PodSpec {
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  securityContext?: Record<string, unknown>;
  volumes?: ({ name: string } & Record<string, unknown>)[];
  containers: Container[];
  initContainers?: Container[];
}

export interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

interface Labels {
  matchLabels: Record<string, string>;
}

/** What is looked at of any kind's spec; each kind has some of it. */
interface Spec {
  replicas: number;
  selector: Labels;
  template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
  type: string;
  externalIPs?: string[];
  podSelector: Labels;
  policyTypes: string[];
  egress?: { to?: { ipBlock?: { cidr: string; except?: string[] } }[] }[];
}

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: Spec;
  rules?: Rule[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace: string }[];
  data?: Record<string, string>;
}

/** As Kubernetes reads YAML: version 1.1, where 0440 is octal. */
export function manifests(rendered: string): Manifest[] {
  return parseAllDocuments(rendered, { version: "1.1" }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    const object = document.toJS() as Manifest | null;
    return object === null ? [] : [object];
  });
}

export const ofKind = (kind: string, objects: readonly Manifest[]): Manifest[] =>
  objects.filter((object) => object.kind === kind);
