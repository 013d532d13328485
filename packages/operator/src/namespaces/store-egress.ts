/** What of the network the object store is, where the configuration does not say it. Pure. */
import { isIP } from "node:net";
import type { EgressTarget } from "./config.ts";

/** A cluster's own, and other private addresses: where a cloud's store is not. */
const privateRanges = {
  "0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  "::/0": ["::1/128", "fc00::/7", "fe80::/10"],
} as const;

/**
 * An endpoint that is an address is itself. A cloud's store, and whatever else has but a name, may have any public address: port 443 (or the endpoint's) of all
 * that is not private. Policies know no names, so a store with a private address behind a name has to be written down; `named` are those endpoints.
 */
export function objectStoreEgress(endpoints: readonly (string | undefined)[]): {
  readonly targets: readonly EgressTarget[];
  readonly named: readonly string[];
} {
  const addresses = new Map<string, EgressTarget>();
  const ports = new Set<number>();
  const named: string[] = [];
  for (const endpoint of endpoints) {
    if (endpoint === undefined) {
      ports.add(443);
      continue;
    }
    const { hostname, port, protocol } = new URL(endpoint);
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const number = port === "" ? (protocol === "http:" ? 80 : 443) : Number(port);
    const version = isIP(host);
    if (version === 0) {
      ports.add(number);
      named.push(endpoint);
    } else {
      addresses.set(`${host} ${number}`, { cidr: `${host}/${version === 4 ? 32 : 128}`, ports: [number] });
    }
  }
  const anywhere = Object.entries(privateRanges).map(([cidr, except]) => ({ cidr, except, ports: [...ports] }));
  return { targets: [...addresses.values(), ...(ports.size === 0 ? [] : anywhere)], named };
}
