/** When the node's containers started and ended, to the millisecond: Kubernetes tells whole seconds. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ctr } from "../test/cluster/bootstrap/containerd.ts";
import { prepareMachine } from "../test/cluster/bootstrap/machine.ts";

export interface ContainerTimes extends Disposable {
  /** In milliseconds since 1970; undefined: not yet. */
  of(containerId: string): { readonly started?: number; readonly ended?: number };
}

export async function containerTimes(): Promise<ContainerTimes> {
  // Its events have no end.
  const [program, ...args] = ctr(await prepareMachine(() => undefined), "--timeout", "0s", "events");
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const times = new Map<string, { started?: number; ended?: number }>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [, at = "", topic, json = ""] = /^(\S+ \S+) \S+ \S+ \S+ (\/tasks\/(?:start|exit)) (.*)$/.exec(line) ?? [];
    if (topic === undefined) return;
    const { container_id: id = "", id: process } = JSON.parse(json) as { container_id?: string; id?: string };
    // A program that was started in it ends too.
    if (topic === "/tasks/exit" && process !== undefined && process !== id) return;
    const known = times.get(id) ?? {};
    const milliseconds = Date.parse(`${at.replace(" ", "T").slice(0, 23)}Z`);
    times.set(id, { ...known, [topic === "/tasks/start" ? "started" : "ended"]: milliseconds });
  });
  return { of: (id) => times.get(id.replace(/^\w+:\/\//, "")) ?? {}, [Symbol.dispose]: () => void child.kill() };
}
