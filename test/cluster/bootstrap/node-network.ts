import { writeFile } from "node:fs/promises";
import { network, node } from "./layout.ts";
import { run, succeeds } from "./run.ts";

const podGateway = "169.254.1.1/32";

/** The node's address, and that packets pass from pod to pod. */
export async function setUpNetwork(): Promise<void> {
  if (!(await succeeds("ip", "link", "show", node.device)))
    await run("ip", ["link", "add", node.device, "type", "bridge"]);
  await run("ip", ["address", "replace", `${node.address}/32`, "dev", node.device]);
  await run("ip", ["link", "set", node.device, "up"]);
  // Without them only a machine with a default route would find Services, and answer for the gateway that Calico's pods have.
  for (const to of [network.services, podGateway]) await run("ip", ["route", "replace", to, "dev", node.device]);
  await writeFile("/proc/sys/net/ipv4/ip_forward", "1");
}
