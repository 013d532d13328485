import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, HomeplaneError, messageOf } from "@homeplane/runtime-kit";
import { writePrivateFile } from "./atomic-file.ts";
import type { Pair } from "./issue.ts";

const CA_DAYS = 3650;
const LEAF_DAYS = 365;
const RENEW_BELOW_MS = 30 * 86_400_000;

const SERVER_NAMES = [
  { type: "dns", value: "localhost" },
  { type: "ip", value: "127.0.0.1" },
  { type: "ip", value: "::1" },
] as const;

export interface Certificates {
  /** The CA's certificate, PEM. */
  readonly ca: string;
  readonly server: Pair;
  readonly client: Pair;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A stored pair that fits together, is signed by `ca` and stays valid for 30 days more; else undefined, and it is made anew. */
async function load(dir: string, name: string, ca: string | undefined, now: number): Promise<Pair | undefined> {
  const [cert, key] = await Promise.all([readText(join(dir, `${name}.crt`)), readText(join(dir, `${name}.key`))]);
  if (cert === undefined || key === undefined) return undefined;
  const certificate = parsed(join(dir, `${name}.crt`), () => new X509Certificate(cert));
  const fits = certificate.checkPrivateKey(parsed(join(dir, `${name}.key`), () => createPrivateKey(key)));
  const signed = ca === undefined || certificate.verify(new X509Certificate(ca).publicKey);
  const fresh = certificate.validToDate.getTime() - now >= RENEW_BELOW_MS && certificate.validFromDate.getTime() <= now;
  return fits && signed && fresh ? { cert, key } : undefined;
}

/** What is in a file that no kill can have left (they are written whole) is not thrown away unasked. */
function parsed<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const next = `put back a copy of the file, or remove it and start again: a new one is made, and copies of the kubeconfig have to be made anew`;
    throw new HomeplaneError("KUBE_CERT_DAMAGED", `${path} can not be read: ${messageOf(error)}`, next, {
      cause: error,
    });
  }
}

async function save(dir: string, name: string, pair: Pair): Promise<Pair> {
  await writePrivateFile(join(dir, `${name}.key`), pair.key);
  await writePrivateFile(join(dir, `${name}.crt`), pair.cert);
  return pair;
}

/**
 * The CA, server and client certificates in `dir`: ECDSA P-256, files 0600 in a folder 0700. Made when missing, mismatched
 * or with less than 30 days left; a new CA renews the others too. A kill between two files leaves a pair that does not fit, which is made anew.
 */
export async function ensureCertificates(options: { dir: string; clock: Clock }): Promise<Certificates> {
  const { dir, clock } = options;
  const now = clock.now();
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const known = await load(dir, "ca", undefined, now);
  const ca = known ?? (await save(dir, "ca", await (await import("./issue.ts")).issueCa(now, CA_DAYS)));
  const leaf = async (name: string, usage: "server" | "client", subject: string): Promise<Pair> => {
    const stored = await load(dir, name, ca.cert, now);
    if (stored !== undefined) return stored;
    const { issueLeaf } = await import("./issue.ts");
    const names = usage === "server" ? SERVER_NAMES : [];
    return await save(dir, name, await issueLeaf({ ca, subject, usage, names, now, days: LEAF_DAYS }));
  };
  const server = await leaf("server", "server", "CN=homeplane-embedded-kube");
  const client = await leaf("client", "client", "O=system:masters, CN=homeplane-admin");
  return { ca: ca.cert, server, client };
}
