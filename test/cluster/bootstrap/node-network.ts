import { writeFile } from "node:fs/promises";
import { node } from "./layout.ts";
import { run, succeeds } from "./run.ts";

/** The node's address, and that packets pass from pod to pod. */
export async function setUpNetwork(): Promise<void> {
  if (!(await succeeds("ip", "link", "show", node.device)))
    await run("ip", ["link", "add", node.device, "type", "bridge"]);
  await run("ip", ["address", "replace", `${node.address}/32`, "dev", node.device]);
  await run("ip", ["link", "set", node.device, "up"]);
  await writeFile("/proc/sys/net/ipv4/ip_forward", "1");
}
