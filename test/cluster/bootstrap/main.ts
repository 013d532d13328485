/** `npm run cluster -- <command>`: see {@link usage}. */
import { environment } from "./environment.ts";
import { down, reset } from "./down.ts";
import { full, kubeconfigOf, minimal } from "./layout.ts";
import { withLock } from "./locked.ts";
import { status } from "./status.ts";
import { upFull, upMinimal } from "./up.ts";

const usage = `npm run cluster -- up | down | status | kubeconfig | env | reset [--minimal]

  up          builds what is missing (25 minutes the first time, then never again) and starts what does not run
  down        stops everything that up has started, and waits for it; what the cluster knows and holds stays
  status      each program of the cluster, and whether it does its work
  kubeconfig  the path of the administrator's kubeconfig
  env         where everything is, as JSON, for tests
  reset       down, and forgets everything but the builds

  --minimal   instead: an API server and an etcd that waits for the disk, for benchmarks
`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(args: readonly string[]): Promise<number> {
  const isMinimal = args.includes("--minimal");
  const [command, ...rest] = args.filter((arg) => arg !== "--minimal");
  const place = isMinimal ? minimal : full;
  if (command === undefined || rest.length > 0) throw new Error(usage);
  switch (command) {
    case "up": {
      const start = Date.now();
      await (isMinimal ? upMinimal(say) : upFull(say));
      say(`the cluster is up (${((Date.now() - start) / 1000).toFixed(1)} s); kubeconfig: ${kubeconfigOf(place)}`);
      return 0;
    }
    case "down":
      await withLock(place, say, () => down(place, say));
      return 0;
    case "reset":
      await withLock(place, say, () => reset(place, say));
      return 0;
    case "status":
      return (await status(place, print)) ? 0 : 1;
    case "kubeconfig":
      print(kubeconfigOf(place));
      return 0;
    case "env":
      print(JSON.stringify(await environment(), undefined, 2));
      return 0;
    default:
      throw new Error(`${command} is not known.\n\n${usage}`);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
