import * as fc from "fast-check";
import { BlockList } from "node:net";
import { KubeClient } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { namespaceDefaults } from "./config.ts";
import { contains, egressRule, metadataAddresses } from "./egress-peers.ts";
import { NamespaceKeeper } from "./keeper.ts";
import { policies } from "./policies.ts";
import { objectStoreEgress } from "./store-egress.ts";

/** Whether a rule's address range lets an address through, as NetworkPolicy defines it. */
function lets(rule: ReturnType<typeof egressRule>, address: string): boolean {
  const family = address.includes(":") ? "ipv6" : "ipv4";
  return rule.to.some((peer) => {
    if (!("ipBlock" in peer)) return false;
    const inRange = (cidr: string): boolean => {
      const [net = "", prefix = ""] = cidr.split("/");
      if (net.includes(":") !== (family === "ipv6")) return false;
      const list = new BlockList();
      list.addSubnet(net, Number(prefix), family);
      return list.check(address, family);
    };
    return inRange(peer.ipBlock.cidr) && !(peer.ipBlock.except ?? []).some(inRange);
  });
}

const metadata = ["169.254.169.254", "169.254.170.2", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23"];

test("no range that may be configured lets instance metadata through", () => {
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
  const near = fc.tuple(fc.constantFrom(...metadata), fc.integer({ min: 0, max: 32 }));
  const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }));
  fc.assert(
    fc.property(fc.oneof(v4, near, v6), ([address, prefix]) => {
      let rule;
      try {
        rule = egressRule({ cidr: `${address}/${prefix}`, ports: [80] }, []);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return;
      }
      for (const one of metadata) expect(lets(rule, one), `${address}/${prefix} and ${one}`).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("what is excepted lies within its range, as Kubernetes demands", () => {
  const rule = egressRule({ cidr: "10.0.0.0/8", ports: [443] }, ["10.1.2.3/32", "192.168.0.0/16"]);
  expect(rule.to).toEqual([{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.2.3/32"] } }]);
});

test("a target that is refused is named, with what is wrong", () => {
  const refused =
    (target: Parameters<typeof egressRule>[0], never: string[] = []) =>
    () =>
      egressRule(target, never);
  expect(refused({ cidr: "169.254.169.254/32", ports: [80] })).toThrow(/169.254.169.254\/32 lies in 169.254.0.0\/16/);
  expect(refused({ cidr: "10.0.0.5/32", ports: [1] }, ["10.0.0.0/24"])).toThrow(/lies in 10.0.0.0\/24/);
  expect(refused({ cidr: "10.0.0.0", ports: [1] })).toThrow(/no address range/);
  expect(refused({ cidr: "10.0.0.0/33", ports: [1] })).toThrow(/no address range/);
  expect(refused({ cidr: "10.0.0.0/8", ports: [] })).toThrow(/name at least one/);
  expect(refused({ cidr: "169.254.20.10/32", ports: [53] })).not.toThrow();
});

test("a configuration that could not be kept is refused at the start", () => {
  const egress = { ...namespaceDefaults.egress, extra: [{ cidr: "169.254.169.254/32", ports: [80] }] };
  const options = { clock: systemClock, random: () => 0, log: silentLogger };
  const client = new KubeClient({
    ...options,
    transport: { request: () => Promise.reject(new Error()), close: async () => undefined },
  });
  expect(() => new NamespaceKeeper({ ...options, client, config: { ...namespaceDefaults, egress } })).toThrow(
    "namespaces.egress: cidr: 169.254.169.254/32 lies in 169.254.0.0/16",
  );
});

test("ranges contain what lies in them, and nothing else", () => {
  expect(contains("0.0.0.0/0", metadataAddresses[0])).toBe(true);
  expect(contains(metadataAddresses[0], "0.0.0.0/0")).toBe(false);
  expect(contains("::/0", "10.0.0.0/8")).toBe(false);
  expect(contains("fd00::/8", "fd00:ec2::254/128")).toBe(true);
});

test("the object store's place in the network follows from its endpoint", () => {
  expect(objectStoreEgress(["https://10.99.0.1:9000", "https://10.99.0.1:9000"])).toEqual([
    { cidr: "10.99.0.1/32", ports: [9000] },
  ]);
  expect(objectStoreEgress(["http://[fd12::1]"])).toEqual([{ cidr: "fd12::1/128", ports: [80] }]);
  expect(objectStoreEgress(["https://minio.storage.svc:9000"])).toEqual([{ namespace: "storage", ports: [9000] }]);
  const aws = objectStoreEgress([undefined, "https://sts.eu-west-1.amazonaws.com"]);
  expect(aws.map((target) => "cidr" in target && [target.cidr, target.ports])).toEqual([
    ["0.0.0.0/0", [443]],
    ["::/0", [443]],
  ]);
  const [any] = aws.map((target) => egressRule(target, []));
  if (any === undefined) throw new Error("no rule");
  expect(lets(any, "52.218.1.1")).toBe(true);
  for (const own of ["10.96.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254"]) expect(lets(any, own)).toBe(false);
});

test("DNS goes over UDP and TCP, and only to the cluster's own", () => {
  const dns = policies(namespaceDefaults).find(({ metadata: { name } }) => name === "homeplane-dns");
  expect(dns?.spec.egress).toEqual([
    {
      to: [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
          podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
        },
      ],
      ports: [
        { protocol: "UDP", port: 53 },
        { protocol: "TCP", port: 53 },
      ],
    },
  ]);
});
