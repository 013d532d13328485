import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { text } from "node:stream/consumers";

/** A presigned URL of a store whose certificate comes from a CA of its own. */
export async function getObject(caFile: string, url: string): Promise<Response> {
  const call = get(url, { ca: await readFile(caFile), timeout: 20_000, agent: false });
  call.on("timeout", () => call.destroy(new Error(`${new URL(url).pathname}: no answer`)));
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  return new Response(await text(answer), { status: answer.statusCode ?? 500 });
}
