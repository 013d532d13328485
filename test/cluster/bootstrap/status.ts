import { isAlive, records } from "./daemon.ts";
import type { Place } from "./layout.ts";

/** Prints what runs; whether anything should but does not. */
export async function status(place: Place, print: (line: string) => void): Promise<boolean> {
  const known = records(place.folder).toReversed();
  if (known.length === 0) print("nothing was started (npm run cluster -- up)");
  for (const record of known) print(`${record.name.padEnd(24)} ${isAlive(record) ? `runs (${record.pid})` : "ENDED"}`);
  return known.length > 0 && known.every((record) => isAlive(record));
}
