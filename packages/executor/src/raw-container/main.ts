/**
 * What runs beside a raw container on a real cluster, from our image: `inputs` before it, `outputs` next to it. The kubelet ends the latter by
 * SIGTERM when the task's container has ended: that is when it stores what it finds. Its last line on stderr becomes the reason that users see.
 */
import { access, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { VariableMapSchema } from "@homeplane/idl/flyteidl2/core/interface";
import { createS3ObjectStore, webIdentityCredentials } from "@homeplane/object-store";
import { systemClock as clock } from "@homeplane/runtime-kit";
import { writeInputs } from "./inputs.ts";
import { OutputProblem, storeOutputs } from "./outputs.ts";

const text = { type: "string", default: "" } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ region: text, endpoint: text, sts: text, role: text, token: text, ca: text },
    ...{ from: text, to: text, ready: text, variables: text },
    "named-dirs": { type: "boolean", default: false },
  },
});
const timeLimitMs = 3_600_000;
const readyWithinMs = 60_000;

process.umask(0o002);
const at = <K extends string>(key: K, value: string): { [key in K]?: string } =>
  (value === "" ? {} : { [key]: value }) as { [key in K]?: string };
const common = { region: values.region, clock, random: Math.random, ...at("caFile", values.ca) };
const credentials = webIdentityCredentials({
  ...common,
  tokenFile: values.token,
  sessionName: "homeplane-raw-container",
  ...at("stsEndpoint", values.sts),
  ...at("roleArn", values.role),
});
const store = createS3ObjectStore({ ...common, ...at("endpoint", values.endpoint), credentials });
const signal = AbortSignal.timeout(timeLimitMs);

/** There is somebody who stores the outputs: before that the task must not start. */
async function awaitReady(file: string): Promise<void> {
  for (const end = Date.now() + readyWithinMs; Date.now() < end; await sleep(20)) {
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) return rm(file);
  }
  throw new Error(`nobody is there to store the outputs: no ${file} within ${readyWithinMs / 1000} s`);
}

const actions: Record<string, () => Promise<string>> = {
  inputs: async () => {
    const options = { store, inputUri: values.from, folder: values.to, namedDirs: values["named-dirs"], signal };
    const count = values.from === "" ? 0 : await writeInputs(options);
    if (values.ready !== "") await awaitReady(values.ready);
    return `${count} inputs written to ${values.to}`;
  },
  outputs: async () => {
    const ended = new Promise((resolve) => process.once("SIGTERM", resolve));
    const alive = setInterval(() => undefined, 60_000);
    await writeFile(values.ready, "");
    await ended;
    clearInterval(alive);
    const variables = fromBinary(VariableMapSchema, Buffer.from(values.variables, "base64"));
    const count = await storeOutputs({ store, folder: values.from, prefix: values.to, variables, signal });
    return `${count} outputs stored`;
  },
};

try {
  const action = actions[positionals[0] ?? ""];
  if (action === undefined) throw new Error(`unknown action "${positionals[0]}": say inputs or outputs`);
  process.stdout.write(`homeplane: ${await action()}\n`);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`the task's ${positionals[0] ?? "files"}: ${reason}\n`);
  process.exitCode = error instanceof OutputProblem ? 3 : 1;
} finally {
  await store.close();
  await credentials.close();
}
