/**
 * Makes certificates. Imported only when some must be made: loading the ASN.1 stack takes longer than the rest of a start.
 */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
/** Clocks of machines differ: a new certificate is valid a little in the past. */
const BACKDATE_MS = 60 * 60_000;

export interface Pair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

async function newKeys(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { keys, pem: PemConverter.encode(pkcs8, "PRIVATE KEY") };
}

function validity(now: number, days: number): { notBefore: Date; notAfter: Date; serialNumber: string } {
  // The first bit is 0: a serial number is a positive integer of at most 20 bytes (RFC 5280, 4.1.2.2).
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return {
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + days * DAY_MS),
    serialNumber: serial.toString("hex"),
  };
}

/** `now` in milliseconds. */
export async function issueCa(now: number, days: number): Promise<Pair> {
  const { keys, pem } = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(now, days),
    name: "CN=homeplane embedded Kubernetes CA",
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { cert: certificate.toString("pem"), key: pem };
}

export interface LeafOptions {
  readonly ca: Pair;
  readonly subject: string;
  readonly usage: "server" | "client";
  readonly names: readonly { readonly type: "dns" | "ip"; readonly value: string }[];
  readonly now: number;
  readonly days: number;
}

export async function issueLeaf(options: LeafOptions): Promise<Pair> {
  const { ca, subject, usage, names, now, days } = options;
  const { keys, pem } = await newKeys();
  const authority = new X509Certificate(ca.cert);
  const [der] = PemConverter.decode(ca.key);
  if (der === undefined) throw new Error("the CA's key file holds no PEM block");
  const signingKey = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
  const purpose = usage === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  const certificate = await X509CertificateGenerator.create({
    ...validity(now, days),
    subject,
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([purpose]),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
    ],
  });
  return { cert: certificate.toString("pem"), key: pem };
}
