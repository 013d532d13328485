import { Resolver } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { network } from "./layout.ts";

/** A pod of its image starts, gets its address, and kube-proxy has its rules: some seconds. */
const longestMs = 60_000;

/** Whether the cluster's DNS answers at its Service: then pods, their network and Services all work. */
export async function dnsAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([network.dns]);
  return await resolver.resolve4("kubernetes.default.svc.cluster.local").then(
    () => true,
    () => false,
  );
}

export async function untilDnsAnswers(): Promise<void> {
  for (const end = Date.now() + longestMs; !(await dnsAnswers()); await sleep(200))
    if (Date.now() > end)
      throw new Error(
        `the cluster's DNS did not answer within ${longestMs / 1000} s: kubectl -n kube-system describe pods`,
      );
}
