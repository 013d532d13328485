import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { createLogger } from "./log.ts";

test("no secret reaches the log, at the top or within objects, and the rest stays", async () => {
  const folder = await mkdtemp(join(tmpdir(), "homeplane-log-"));
  try {
    const file = join(folder, "logs/out.log");
    const log = createLogger({ level: "info", file });
    const secrets = ["secret", "token", "authorization", "password", "signedUrl", "secretAccessKey", "sessionToken"];
    for (const name of secrets) {
      log.info({
        event: name,
        [name]: "hush",
        inner: { [name]: "hush", kept: "shown" },
        deep: { headers: { [name]: "hush" } },
      });
    }
    log.debug({ event: "too fine" });
    // The file is opened and written behind the caller's back.
    const text = await vi.waitFor(async () => {
      const written = await readFile(file, "utf8");
      expect(written.split("\n")).toHaveLength(secrets.length + 1);
      return written;
    });
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(lines.map((line) => line.event)).toEqual(secrets);
    expect(text).not.toContain("hush");
    expect(text).toContain('"kept":"shown"');
  } finally {
    await rm(folder, { recursive: true });
  }
});
