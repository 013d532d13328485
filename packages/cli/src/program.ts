/** The `homeplane` command. */
import { Command } from "commander";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { defaultDataDir } from "./up/config.ts";
import { printStatus, runDown, runStart, runUp } from "./commands.ts";
import { version } from "./version.ts";

const program = new Command("homeplane")
  .description("A data plane for the flyte Python SDK.")
  .version(version)
  .showHelpAfterError();

const withUpOptions = (command: Command): Command =>
  command
    .option("--port <n>", "port of the control plane on 127.0.0.1 (default 8090; 0 = any free one)")
    .option("--data-dir <path>", `where everything is kept (default ${defaultDataDir()})`)
    .option("--python <path>", "Python interpreter, with the package flyte, for all tasks")
    .option("--slots <n>", "how many tasks run at once (default: twice the cores, at least 4)")
    .option("--log-level <level>", "debug, info, warn, error or silent (default info)");

withUpOptions(program.command("up").description("start and serve until Ctrl-C"))
  .option("--json", "one JSON line when ready")
  .action(runUp);
withUpOptions(program.command("start").description("start, run the sample workflow, serve until Ctrl-C"))
  .option("--once", "stop after the sample; exit 0 only if it succeeded")
  .action(runStart);
for (const [name, description, run] of [
  ["down", "stop the homeplane of a data dir", runDown],
  ["status", "say whether it runs, and where", printStatus],
] as const) {
  program
    .command(name)
    .description(description)
    .option("--data-dir <path>", "", defaultDataDir())
    .option("--json", "JSON")
    .action(run);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof HomeplaneError)) throw error;
  process.stderr.write(`homeplane: ${error.message}\n  ${error.nextStep} [${error.code}]\n`);
  process.exitCode = 1;
}
