/** What homeplane takes while it does nothing. Budget: less than 1 % of a core, 200 MB resident. */
import { setTimeout as wait } from "node:timers/promises";
import { print, up, withDataDir } from "./measure.ts";
import { idleFigures } from "./usage.ts";

const settleMs = 5_000;

print(
  await withDataDir(async (dataDir) => {
    await (await up(dataDir)).stop();
    const homeplane = await up(dataDir);
    await wait(settleMs);
    const figures = await idleFigures(homeplane, "idle");
    await homeplane.stop();
    return figures;
  }),
);
