/** The cluster's DNS, a Deployment as on any cluster, with the labels that network policies name. */
import { corednsImage } from "./images.ts";
import { network } from "./layout.ts";

const corefile = `.:53 {
  errors
  health
  ready
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
  }
  forward . /etc/resolv.conf {
    max_concurrent 100
  }
  cache 5
  reload
}
`;

const labels = { "k8s-app": "kube-dns" };
const meta = (name: string): object => ({ name, namespace: "kube-system", labels });
const read = (apiGroups: readonly string[], ...resources: string[]): object => ({
  apiGroups,
  resources,
  verbs: ["list", "watch"],
});
const http = (path: string, port: number): object => ({ httpGet: { path, port }, periodSeconds: 2 });

export const corednsObjects = [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: meta("coredns") },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "system:coredns" },
    rules: [read([""], "endpoints", "services", "pods", "namespaces"), read(["discovery.k8s.io"], "endpointslices")],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "system:coredns" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
    subjects: [{ kind: "ServiceAccount", name: "coredns", namespace: "kube-system" }],
  },
  { apiVersion: "v1", kind: "ConfigMap", metadata: meta("coredns"), data: { Corefile: corefile } },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta("kube-dns"),
    spec: {
      clusterIP: network.dns,
      selector: labels,
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
      ],
    },
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta("coredns"),
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: "coredns",
          priorityClassName: "system-cluster-critical",
          // The node's resolver, not this Service.
          dnsPolicy: "Default",
          containers: [
            {
              name: "coredns",
              image: corednsImage,
              imagePullPolicy: "IfNotPresent",
              args: ["-conf", "/etc/coredns/Corefile"],
              volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
              resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
              readinessProbe: http("/ready", 8181),
              livenessProbe: { ...http("/health", 8080), failureThreshold: 10 },
            },
          ],
          volumes: [{ name: "config", configMap: { name: "coredns" } }],
        },
      },
    },
  },
];
