/** The `homeplane` command. */
import { Command } from "commander";
import { defaultDataDir } from "./up/config.ts";
import { explainError } from "./explain-error.ts";
import { components } from "./serve/components.ts";
import { version } from "./version.ts";

const program = new Command("homeplane")
  .description("A data plane for the flyte Python SDK.")
  .version(version)
  .showHelpAfterError();

const withUpOptions = (command: Command): Command =>
  command
    .option("--host <address>", "address to listen on: loopback alone, as nothing asks who calls (default 127.0.0.1)")
    .option("--port <n>", "port of the control plane on 127.0.0.1 (default 8090; 0 = any free one)")
    .option("--data-dir <path>", `where everything is kept (default ${defaultDataDir()})`)
    .option("--python <path>", "Python interpreter, with the package flyte, for all tasks")
    .option("--cpus <n>", "cores for all tasks together, by what they request (default: this machine's)")
    .option("--memory <amount>", "memory for all tasks together, such as 8Gi (default: this machine's, less a reserve)")
    .option("--slots <n>", "at most so many tasks at once, whatever they request (default 110)")
    .option("--log-level <level>", "debug, info, warn, error or silent (default info)");

withUpOptions(program.command("up").description("start and serve until Ctrl-C"))
  .option("--json", "one JSON line when ready")
  .action(async (options) => (await import("./commands.ts")).runUp(options));
withUpOptions(program.command("start").description("start, run the sample workflow, serve until Ctrl-C"))
  .option("--once", "stop after the sample; exit 0 only if it succeeded")
  .action(async (options) => (await import("./commands.ts")).runStart(options));
program
  .command("down")
  .description("stop the homeplane of a data dir")
  .option("--data-dir <path>", "", defaultDataDir())
  .option("--json", "JSON")
  .action(async (options) => (await import("./commands.ts")).runDown(options));
program
  .command("status")
  .description(
    "say whether it runs, and where; with --namespace of an installation on a cluster, what keeps it from working",
  )
  .option("--data-dir <path>", "", defaultDataDir())
  .option("--namespace <name>", "of a release on a cluster (usually union)")
  .option("--kubeconfig <file>", "of that cluster (default: KUBECONFIG, or ~/.kube/config)")
  .option("--json", "JSON")
  .action(async (options) => (await import("./commands.ts")).printStatus(options));

program
  .command("doctor")
  .description("say what is missing here and how to get it; exit 1 when something is")
  .option("--data-dir <path>", "", defaultDataDir())
  .option("--port <n>", "port that `up` would use", "8090")
  .option("--python <path>", "interpreter that `up` would use")
  .option("--json", "JSON")
  .action(async (options) => (await import("./doctor.ts")).runDoctor(options));
program
  .command("reset")
  .description("give up all runs, their data and their logs; asks first")
  .option("--data-dir <path>", "", defaultDataDir())
  .option("--yes", "do not ask")
  .option("--json", "JSON")
  .action(async (options) => (await import("./reset/run-reset.ts")).runReset(options));
program
  .command("version")
  .description("the versions of homeplane, its Node and the tasks' SDK")
  .option("--python <path>", "the tasks' interpreter")
  .option("--json", "JSON")
  .action(async (options) => (await import("./commands.ts")).printVersion(options));

/** What runs in the pods of a cluster; the chart starts them. */
const defaultConfig = "/etc/homeplane/config.yaml";
for (const { name, description, run } of components) {
  program
    .command(name)
    .description(`${description} (a component on Kubernetes; runs until SIGTERM)`)
    .option("--config <file>", "its configuration", defaultConfig)
    .action((options: { config: string }) => run(options.config));
}

try {
  await program.parseAsync();
} catch (error) {
  const { message, nextStep, code } = explainError(error);
  process.stderr.write(`homeplane: ${message}\n  ${nextStep} [${code}]\n`);
  process.exitCode = 1;
}
