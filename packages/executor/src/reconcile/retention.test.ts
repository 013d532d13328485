import fc from "fast-check";
import { expect, test } from "vitest";
import { Retention } from "./retention.ts";

test("the runs that ended first make room, each is told once, and what is gone takes no room", () => {
  const steps = fc.array(fc.record({ uid: fc.nat(20).map(String), endedAt: fc.nat(1000), gone: fc.boolean() }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5 }), (list, max) => {
      const woken: string[] = [];
      const retention = new Retention(max, (key) => woken.push(key));
      const kept = new Map<string, number>();
      const leaving = new Set<string>();
      for (const { uid, endedAt, gone } of list) {
        if (gone) {
          retention.forget(uid);
          kept.delete(uid);
          leaving.delete(uid);
          continue;
        }
        const at = kept.get(uid) ?? endedAt;
        const keeps = retention.keeps({ uid, key: uid, endedAt: at });
        if (leaving.has(uid)) {
          expect(keeps).toBe(false);
          continue;
        }
        kept.set(uid, at);
        if (kept.size > max) {
          const oldest = Math.min(...kept.values());
          const [out] = keeps ? woken.slice(-1) : [uid];
          expect(kept.get(out ?? "")).toBe(oldest);
          kept.delete(out ?? "");
          leaving.add(out ?? "");
        } else expect(keeps).toBe(true);
        expect(kept.size).toBeLessThanOrEqual(max);
      }
    }),
  );
});
