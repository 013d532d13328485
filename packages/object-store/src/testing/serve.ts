/** The server as a process of its own, to be killed or measured: prints its URL, then its peak memory in bytes for each line that it is sent. */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { silentLogger, systemClock as clock } from "@homeplane/runtime-kit";
import { openFsObjectStore } from "../fs/fs-object-store.ts";
import { startS3Server } from "../s3/server.ts";
import { credentials } from "./credentials.ts";

const root = process.argv[2] ?? "";
const buckets = ["data"];
const store = await openFsObjectStore({ root: join(root, "objects"), buckets, clock });
const multipartRoot = join(root, "multipart");
const common = { host: "127.0.0.1", port: 0, credentials, clock, log: silentLogger };
const { url } = await startS3Server({ store, buckets, multipartRoot, ...common });
process.stdout.write(`${url}\n`);
for await (const _line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`);
}
