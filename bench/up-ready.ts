/** From starting the program to its word that it is ready, on a data dir that has been used before. Budget: 1.5 s. */
import { figure, print, up, withDataDir } from "./measure.ts";

const rounds = 7;

print(
  await withDataDir(async (dataDir) => {
    // The first start makes certificates and fills the compile cache.
    await (await up(dataDir)).stop();
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const homeplane = await up(dataDir);
      samples.push(homeplane.readyMs);
      await homeplane.stop();
    }
    return [figure("up-ready", "ms", samples)];
  }),
);
