/** Default-deny in and out, and the few ways out: one policy a purpose, so that `kubectl get networkpolicies` reads as a list of them. Pure. */
import type { NetworkPolicy } from "@homeplane/kube";
import type { NamespaceConfig } from "./config.ts";
import { type EgressRule, egressRule } from "./egress-peers.ts";

export function policies({ egress, gateway }: NamespaceConfig): NetworkPolicy[] {
  const { namespace, podLabels, port } = gateway;
  const tcp = (target: Parameters<typeof egressRule>[0]): EgressRule => egressRule(target, egress.except);
  const dns = egress.dns.map((target) => egressRule(target, egress.except, ["UDP", "TCP"]));
  const rules: Readonly<Record<string, readonly EgressRule[]>> = {
    "homeplane-dns": dns,
    "homeplane-extra": egress.extra.map(tcp),
    "homeplane-object-store": egress.objectStore.map(tcp),
    "homeplane-task-gateway": [tcp({ namespace, podLabels, ports: [port] })],
  };
  const deny = policy("homeplane-default-deny", { policyTypes: ["Ingress", "Egress"] });
  const allows = Object.entries(rules).flatMap(([name, egressRules]) =>
    egressRules.length === 0 ? [] : [policy(name, { policyTypes: ["Egress"], egress: egressRules })],
  );
  return [deny, ...allows];
}

function policy(name: string, spec: Omit<NetworkPolicy["spec"], "podSelector">): NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name },
    spec: { podSelector: {}, ...spec },
  };
}
