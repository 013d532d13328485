/** Egress targets as NetworkPolicy peers, with instance metadata left out of every address range. Pure. */
import { BlockList, isIP } from "node:net";
import type { EgressTarget } from "./config.ts";

/** Instance metadata and what else a node's own services answer on (AWS, GCP, Azure; IPv4 link-local holds ECS' and EKS' credentials too). */
export const metadataAddresses = ["169.254.0.0/16", "168.63.129.16/32", "fd00:ec2::/32"] as const;

export type Peer =
  | { readonly ipBlock: { readonly cidr: string; readonly except?: readonly string[] } }
  | {
      readonly namespaceSelector: { readonly matchLabels: Readonly<Record<string, string>> };
      readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
    };

export interface EgressRule {
  readonly to: readonly Peer[];
  readonly ports: readonly { readonly protocol: "TCP" | "UDP"; readonly port: number }[];
}

/** One rule a target. Throws a RangeError that names what is wrong with it. */
export function egressRule(
  target: EgressTarget,
  never: readonly string[],
  protocols: readonly ("TCP" | "UDP")[] = ["TCP"],
): EgressRule {
  const ports = target.ports.flatMap((port) => protocols.map((protocol) => ({ protocol, port })));
  // A rule without ports is one for all of them.
  if (ports.length === 0) throw new RangeError(`ports: name at least one, or leave ${nameOf(target)} out`);
  return { to: [peerOf(target, never)], ports };
}

function peerOf(target: EgressTarget, never: readonly string[]): Peer {
  if (!("cidr" in target)) {
    const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": target.namespace } };
    const pods = target.podLabels === undefined ? {} : { podSelector: { matchLabels: target.podLabels } };
    return { namespaceSelector, ...pods };
  }
  const all = [...metadataAddresses, ...never];
  const covering = all.find((one) => contains(one, target.cidr));
  // NodeLocal DNSCache lives in the link-local range: a single address there may be named, metadata itself may not.
  if (covering !== undefined && (never.includes(covering) || !isHarmlessLinkLocal(target.cidr)))
    throw new RangeError(`cidr: ${target.cidr} lies in ${covering}, which no task may reach`);
  const except = [...new Set([...(target.except ?? []), ...all.filter((one) => contains(target.cidr, one))])];
  return { ipBlock: { cidr: target.cidr, ...(except.length === 0 ? {} : { except: except.toSorted() }) } };
}

function isHarmlessLinkLocal(cidr: string): boolean {
  return cidr === "169.254.20.10/32" || cidr === "169.254.25.10/32";
}

/** True when all of `inner` lies in `outer`. Throws a RangeError when one of them is no range. */
export function contains(outer: string, inner: string): boolean {
  const [a, b] = [parseCidr(outer), parseCidr(inner)];
  if (a.family !== b.family || b.prefix < a.prefix) return false;
  const range = new BlockList();
  range.addSubnet(a.address, a.prefix, a.family);
  return range.check(b.address, b.family);
}

export function parseCidr(text: string): { address: string; prefix: number; family: "ipv4" | "ipv6" } {
  const [address = "", length = ""] = text.split("/");
  const version = isIP(address);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (version === 0 || text.split("/").length !== 2 || !(prefix <= (version === 4 ? 32 : 128)))
    throw new RangeError(`cidr: ${JSON.stringify(text)} is no address range such as 10.0.0.0/8`);
  return { address, prefix, family: version === 4 ? "ipv4" : "ipv6" };
}

function nameOf(target: EgressTarget): string {
  return "cidr" in target ? target.cidr : `namespace ${target.namespace}`;
}
