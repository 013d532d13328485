import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writePrivateFile } from "./atomic-file.ts";

/** The key that signs service accounts' tokens, kept in `dir` (0600): tokens outlive a restart. Made when missing. */
export async function ensureTokenKey(dir: string): Promise<KeyObject> {
  const path = join(dir, "service-account.key");
  try {
    return createPrivateKey(await readFile(path, "utf8"));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writePrivateFile(path, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return privateKey;
}
