/** The images of this tree, in the test cluster's registry. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterEnvironment } from "../bootstrap/environment.ts";
import { run } from "../bootstrap/run.ts";
import { root } from "../../sdk/sdk-client.ts";

let built: Promise<string> | undefined;

/** Builds and pushes what changed; resolves with homeplane's reference by digest. The tasks' images are then where the SDK looks for its default one. */
export function homeplaneImage(cluster: ClusterEnvironment): Promise<string> {
  built ??= build(cluster);
  return built;
}

async function build({ registry }: ClusterEnvironment): Promise<string> {
  const args = ["scripts/images.ts", "build", "--push", `http://${registry}`];
  await run(process.execPath, args, { cwd: root, timeoutMs: 15 * 60_000 });
  const images = JSON.parse(await readFile(join(root, "dist/images/images.json"), "utf8")) as Record<string, string>;
  const { homeplane } = images;
  if (homeplane === undefined) throw new Error("scripts/images.ts built no homeplane image");
  return homeplane;
}
