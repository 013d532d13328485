/** Makes an X.509 certificate for 127.0.0.1 (RFC 5280, DER by hand), so that no key has to be kept in the repository. */
import { generateKeyPairSync, sign } from "node:crypto";

const tlv = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  // DER wants the shortest form, and Go insists on it.
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: Uint8Array[]): Buffer => tlv(0x30, ...parts);
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const oid = (text: string): Buffer => tlv(0x06, hex(text));

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Self-signed, so it is its own authority; serves and authenticates as `commonName`. */
export function testCertificate(commonName: string): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(tlv(0x31, sequence(oid(COMMON_NAME), tlv(0x0c, Buffer.from(commonName)))));
  const time = (text: string): Buffer => tlv(0x18, Buffer.from(text));
  const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), tlv(0x04, value));
  const extensions = sequence(
    extension(BASIC_CONSTRAINTS, sequence(tlv(0x01, hex("ff")))),
    extension(SUBJECT_ALT_NAME, sequence(tlv(0x87, Buffer.from([127, 0, 0, 1])))),
  );
  const unsigned = sequence(
    tlv(0xa0, tlv(0x02, hex("02"))),
    tlv(0x02, hex("01")),
    ECDSA_WITH_SHA256,
    name,
    sequence(time("20200101000000Z"), time("21200101000000Z")),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, extensions),
  );
  const signature = tlv(0x03, hex("00"), sign("sha256", unsigned, privateKey));
  const base64 = sequence(unsigned, ECDSA_WITH_SHA256, signature).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
