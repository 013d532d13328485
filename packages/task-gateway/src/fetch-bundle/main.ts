/**
 * What a task pod's init container runs: gets the code of the pod's task and places it where the SDK looks for what it has downloaded already.
 * A program of its own without dependencies, because every pod waits for its start. Its last line on stderr becomes the reason that users see.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { fetchBundle } from "./fetch-bundle.ts";

const { values } = parseArgs({
  options: {
    gateway: { type: "string", default: "" },
    token: { type: "string", default: "" },
    ca: { type: "string", default: "" },
    kind: { type: "string", default: "tgz" },
    folder: { type: "string", default: "." },
  },
});

// Files are the pod's group's too, whatever user the task's container runs as.
process.umask(0o002);
try {
  // Says nothing when all is well: its words would come first in the archive of the task's log, and late in the live one.
  await fetchBundle({
    gateway: values.gateway,
    readToken: async () => (await readFile(values.token, "utf8")).trim(),
    ca: values.ca === "" ? undefined : await readFile(values.ca, "utf8"),
    kind: values.kind === "pkl" ? "pkl" : "tgz",
    folder: values.folder,
    signal: AbortSignal.timeout(300_000),
  });
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`the task's code could not be placed: ${reason}\n`);
  process.exitCode = 1;
}
