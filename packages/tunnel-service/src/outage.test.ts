import { type Logger, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { Outage } from "./outage.ts";

test("an hour without the control plane is a line at its begin, one every five minutes, and one when it is back", () => {
  let now = 1_000_000;
  const lines: { level: string; event: string; at: number }[] = [];
  const note =
    (level: string) =>
    (line: object): void =>
      void lines.push({ level, event: (line as { event: string }).event, at: now });
  const log = { info: note("info"), warn: note("warn"), debug: note("debug") } as unknown as Logger;
  const outage = new Outage({ cluster: "c", clock: { ...systemClock, now: () => now }, log });
  outage.over();
  expect(lines).toEqual([]);
  const begun = now;
  // Four connections, each dialled every ten seconds.
  for (; now < begun + 3_600_000; now += 10_000)
    for (let n = 0; n < 4; n++) outage.failed({ failures: n, delay: 10_000, error: "refused" });
  outage.over();
  outage.over();
  const told = lines.filter(({ level }) => level !== "debug");
  expect(told.map(({ event }) => event)).toEqual([...Array<string>(12).fill("tunnel.dial_failed"), "tunnel.back"]);
  expect(told[1]?.at).toBe(begun + 300_000);
  outage.failed({ failures: 1, delay: 1, error: "refused" });
  expect(lines.at(-1)).toMatchObject({ level: "warn", event: "tunnel.dial_failed" });
});
