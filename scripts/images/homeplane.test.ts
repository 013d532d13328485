import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { settings } from "./homeplane.ts";

const dockerfile = readFileSync(join(import.meta.dirname, "../../deploy/images/homeplane/Dockerfile"), "utf8");
/** The last stage: what the image is. */
const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
const valueOf = (instruction: string): string | undefined => new RegExp(`^${instruction} (.+)$`, "m").exec(last)?.[1];

test("customers' own build is the image that is packed here: user, entry point, environment, working directory", () => {
  const { User, Entrypoint, Env, WorkingDir } = settings("1");
  expect({
    User: valueOf("USER"),
    Entrypoint: JSON.parse(valueOf("ENTRYPOINT") ?? "null") as unknown,
    Env: valueOf("ENV")?.split(" "),
    WorkingDir: valueOf("WORKDIR"),
  }).toEqual({ User, Entrypoint, Env, WorkingDir });
});
