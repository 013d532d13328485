import { join } from "node:path";
import { full } from "./layout.ts";
import { run, succeeds } from "./run.ts";

/** The rules of kube-proxy, kubelet and Felix would answer for addresses that are not there any more. */
export async function removeRules(): Promise<void> {
  await succeeds(join(full.folder, "bin/kube-proxy"), "--cleanup");
  const rules = await run("iptables-save", []).catch(() => "");
  const kept = rules.split("\n").filter((line) => !/cali-|cali:|KUBE-/.test(line));
  if (kept.length < rules.split("\n").length) await run("iptables-restore", [], { input: kept.join("\n") });
  const sets = await run("ipset", ["list", "-name"]).catch(() => "");
  for (const set of sets.split("\n").filter((name) => name.startsWith("cali40")))
    await succeeds("ipset", "destroy", set);
}
