import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { ensureCertificates } from "./certificates.ts";
import { writeKubeconfig } from "./kubeconfig.ts";

const DAY_MS = 86_400_000;
let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "kube-certs-"));
});
afterEach(() => rm(dir, { recursive: true }));

test("certificates are made once, for the loopback names, and only their owner can read them", async () => {
  const clock = new VirtualClock();
  const first = await ensureCertificates({ dir, clock });
  const server = new X509Certificate(first.server.cert);
  expect([server.checkIP("127.0.0.1"), server.checkIP("::1"), server.checkHost("localhost")]).toEqual([
    "127.0.0.1",
    "::1",
    "localhost",
  ]);
  expect(server.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(server.verify(new X509Certificate(first.ca).publicKey)).toBe(true);
  for (const file of await readdir(dir)) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600);
  expect(await ensureCertificates({ dir, clock })).toEqual(first);
});

test("with less than 30 days left the leaves are renewed under the same CA", async () => {
  const clock = new VirtualClock();
  const first = await ensureCertificates({ dir, clock });
  clock.advance(334 * DAY_MS);
  expect(await ensureCertificates({ dir, clock })).toEqual(first);
  clock.advance(2 * DAY_MS);
  const second = await ensureCertificates({ dir, clock });
  expect(second.ca).toBe(first.ca);
  expect(second.server.cert).not.toBe(first.server.cert);
  expect(second.client.cert).not.toBe(first.client.cert);
});

test("a key that does not fit its certificate, as a kill may leave it, is replaced", async () => {
  const clock = new VirtualClock();
  const first = await ensureCertificates({ dir, clock });
  await writeFile(join(dir, "server.key"), await readFile(join(dir, "client.key")));
  const second = await ensureCertificates({ dir, clock });
  expect(second.server.cert).not.toBe(first.server.cert);
  expect(second.client).toEqual(first.client);
});

test.each(["ca.crt", "server.key", "client.crt"])("a damaged %s is named with the way out, and stays", async (file) => {
  const clock = new VirtualClock();
  await ensureCertificates({ dir, clock });
  await writeFile(join(dir, file), "no PEM");
  await expect(ensureCertificates({ dir, clock })).rejects.toMatchObject({
    code: "KUBE_CERT_DAMAGED",
    message: expect.stringContaining(join(dir, file)) as string,
    nextStep: expect.stringContaining("remove it") as string,
  });
  expect(await readFile(join(dir, file), "utf8")).toBe("no PEM");
  await rm(join(dir, file));
  await ensureCertificates({ dir, clock });
});

test("expired ones, and ones of the future, as a clock that was set back leaves them, are made anew", async () => {
  const clock = new VirtualClock();
  const first = await ensureCertificates({ dir, clock });
  clock.advance(4_000 * DAY_MS);
  const second = await ensureCertificates({ dir, clock });
  expect(second.ca).not.toBe(first.ca);
  const valid = ({ server }: typeof first, now: number): boolean => {
    const { validFromDate, validToDate } = new X509Certificate(server.cert);
    return validFromDate.getTime() <= now && validToDate.getTime() > now;
  };
  expect(valid(second, clock.now())).toBe(true);
  const before = new VirtualClock();
  expect(valid(await ensureCertificates({ dir, clock: before }), before.now())).toBe(true);
});

test("a kubeconfig is complete in itself and private", async () => {
  const path = join(dir, "kubeconfig");
  await writeKubeconfig({ path, url: "https://127.0.0.1:1", ca: "CA", cert: "CERT", key: "KEY" });
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, object[]>;
  expect(config.clusters?.[0]).toMatchObject({
    cluster: { server: "https://127.0.0.1:1", "certificate-authority-data": btoa("CA") },
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});
