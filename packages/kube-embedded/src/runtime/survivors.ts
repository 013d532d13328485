import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Logger, messageOf } from "@homeplane/runtime-kit";
import { endCgroups } from "./cgroups.ts";
import { MARK_NODE } from "./container-env.ts";
import { ContainerLog } from "./container-log.ts";
import { endAll, isErrno } from "./end-processes.ts";
import { nodeMark, podFolders, podsFolder, removePodFolder, removeVolumes } from "./folders.ts";

/** What processes of an earlier run of homeplane get to end by themselves. */
const SURVIVOR_GRACE_MS = 2000;

/** Ends what an earlier run of homeplane over the same data folder left running when it was killed. */
export async function endSurvivors(dataDir: string, clock: Clock, log: Logger): Promise<void> {
  const signs = { mark: `${MARK_NODE}=${nodeMark(dataDir)}`, logFolder: podsFolder(dataDir) };
  await endAll(signs, SURVIVOR_GRACE_MS, clock, log);
  await endCgroups(dataDir, clock);
}

/** Takes into the logs what was printed after homeplane was killed; removes the folders of pods that `keep` does not know. */
export async function tidyPodFolders(
  dataDir: string,
  keep: (uid: string) => boolean,
  options: { readonly logMaxBytes: number; readonly clock: Clock; readonly log: Logger },
): Promise<void> {
  const root = podsFolder(dataDir);
  for (const uid of await namesIn(root)) {
    const folder = join(root, uid);
    try {
      if (!keep(uid)) await removePodFolder(folder);
      else {
        await removeVolumes(podFolders(dataDir, uid));
        await completeLogs(join(folder, "log"), options);
      }
    } catch (error) {
      const fields = { event: "pod_folder_not_tidied", folder, error: messageOf(error) };
      options.log.error(fields, "what an earlier run left in a pod's folder could not be put in order");
    }
  }
}

async function completeLogs(
  folder: string,
  { logMaxBytes, clock, log }: { readonly logMaxBytes: number; readonly clock: Clock; readonly log: Logger },
): Promise<void> {
  for (const container of await namesIn(folder)) {
    const one = join(folder, container);
    // Raw files go when the log is complete.
    const names = await namesIn(one);
    if (!names.includes("stdout") && !names.includes("stderr")) continue;
    await (await ContainerLog.open({ folder: one, maxBytes: logMaxBytes, clock, log })).finish();
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
