/** The components that run as processes of their own. Each is loaded only where it runs: what it does not need takes no memory. */
import type { Build } from "./component.ts";

interface Component {
  readonly name: string;
  readonly description: string;
  readonly run: (config: string) => Promise<void>;
}

function component(name: string, description: string, load: () => Promise<Build>): Component {
  const run = async (config: string): Promise<void> => {
    const [{ runComponent }, build] = await Promise.all([import("./component.ts"), load()]);
    await runComponent(name, config, build);
  };
  return { name, description, run };
}

export const components: readonly Component[] = [
  component("executor", "turns TaskActions into pods", async () => (await import("./executor.ts")).executor),
  component(
    "operator",
    "takes actions in from the control plane, keeps task namespaces",
    async () => (await import("./operator.ts")).operator,
  ),
  component("task-gateway", "what task pods talk to", async () => (await import("./task-gateway.ts")).taskGateway),
  component(
    "object-store-service",
    "presigned URLs, structured values",
    async () => (await import("./object-store-service.ts")).objectStoreService,
  ),
  component("log-provider", "live and archived logs", async () => (await import("./log-provider.ts")).logProvider),
  component("secret-service", "users' secrets", async () => (await import("./secret-service.ts")).secretService),
  {
    name: "tunnel-service",
    description: "keeps the tunnel to the control plane open",
    run: async (path) => (await import("./tunnel-service.ts")).runTunnelService(path),
  },
  {
    name: "control-plane",
    description: "runs, their history, the console: beside a data plane or anywhere else",
    run: async (path) => (await import("./control-plane.ts")).runControlPlane(path),
  },
];
