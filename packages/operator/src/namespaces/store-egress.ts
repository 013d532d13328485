/** What of the network the object store is, where the configuration does not say it. Pure. */
import { isIP } from "node:net";
import type { EgressTarget } from "./config.ts";

/** A cluster's own, and other private addresses: where a cloud's store is not. */
const privateRanges = {
  "0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  "::/0": ["::1/128", "fc00::/7", "fe80::/10"],
} as const;

/**
 * An endpoint that is an address is itself, a Service of the cluster its namespace. A cloud's store, and whatever else has but a name, may have any public
 * address: its port at all that is not private. Policies know no names, so a store with a private address behind a name has to be written down.
 * `undefined` = the cloud's own.
 */
export function objectStoreEgress(endpoints: readonly (string | undefined)[]): readonly EgressTarget[] {
  const targets = new Map<string, EgressTarget>();
  const anywhere = new Set<number>();
  for (const endpoint of endpoints) {
    const { hostname, port, protocol } = new URL(endpoint ?? "https://cloud");
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const number = port === "" ? (protocol === "http:" ? 80 : 443) : Number(port);
    const version = isIP(host);
    const [, namespace] = /^[^.]+\.([^.]+)\.svc(\.cluster\.local)?$/.exec(host) ?? [];
    if (version !== 0)
      targets.set(`${host} ${number}`, { cidr: `${host}/${version === 4 ? 32 : 128}`, ports: [number] });
    else if (namespace !== undefined) targets.set(`${namespace} ${number}`, { namespace, ports: [number] });
    else anywhere.add(number);
  }
  const ports = [...anywhere];
  const open = Object.entries(privateRanges).map(([cidr, except]) => ({ cidr, except, ports }));
  return [...targets.values(), ...(ports.length === 0 ? [] : open)];
}
