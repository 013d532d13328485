/**
 * A control plane whose database lies on a small disk that fills up. Run in a mount namespace of its own, where the folder given is a tmpfs.
 * Prints one line of JSON that tells what clients saw.
 */
import { statfsSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Code, ConnectError } from "@connectrpc/connect";
import { inProject, startHarness, taskSpec } from "./harness.ts";

const folder = process.argv[2] ?? "";
const path = join(folder, "db.sqlite");
await using h = await startHarness({ path });
// Half of the disk is somebody else's.
const filler = join(folder, "filler");
const { bsize, bavail } = statfsSync(folder);
writeFileSync(filler, Buffer.alloc(Math.floor(bavail / 2) * bsize));

const large = { case: "taskSpec" as const, value: taskSpec("large", 64 << 10) };
let accepted = 0;
let refused: ConnectError | undefined;
while (refused === undefined && accepted < 1_000) {
  try {
    await h.runs.createRun({ id: inProject, task: large });
    accepted++;
  } catch (error) {
    refused = ConnectError.from(error);
  }
}
const listed = async (): Promise<number> => (await h.runs.listRuns({ request: { limit: 1_000 } })).runs.length;
const whileFull = await listed();
const again = await h.runs
  .createRun({ id: inProject, task: large })
  .catch((error: unknown) => ConnectError.from(error).code);
unlinkSync(filler);
await h.runs.createRun({ id: inProject, task: large });
const afterwards = await listed();
const orders = (await h.store.orders.pending(0n, 10_000)).length;
const db = new DatabaseSync(path, { readOnly: true });
const integrity = Object.values(db.prepare("PRAGMA integrity_check").get() ?? {})[0];
db.close();
const code = refused === undefined ? "none" : Code[refused.code];
process.stdout.write(
  `${JSON.stringify({ accepted, code, message: refused?.rawMessage, again: again === Code.ResourceExhausted, whileFull, afterwards, orders, integrity })}\n`,
);
