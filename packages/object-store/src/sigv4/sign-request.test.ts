import { hash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { signHeaders } from "../testing/sign.ts";
import { canonicalQuery } from "./canonical.ts";
import { signRequest } from "./sign-request.ts";
import { uriEncodePath } from "./uri-encode.ts";

const example = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
const at = Date.UTC(2013, 4, 24);
const host = "examplebucket.s3.amazonaws.com";
const sha256 = (text: string): string => hash("sha256", text, "hex");
const signatureOf = (headers: Record<string, string>): string | undefined =>
  /Signature=(\w+)/.exec(headers["authorization"] ?? "")?.[1];

// AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".
test.each([
  [
    "GET Object",
    { method: "GET", path: "/test.txt", query: [], headers: { range: "bytes=0-9" }, payloadHash: sha256("") },
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  ],
  [
    "PUT Object",
    {
      method: "PUT",
      path: uriEncodePath("/test$file.text"),
      query: [],
      headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
      payloadHash: sha256("Welcome to Amazon S3."),
    },
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  ],
  [
    "GET Bucket Lifecycle",
    { method: "GET", path: "/", query: [["lifecycle", ""]] as const, headers: {}, payloadHash: sha256("") },
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  ],
  [
    "List Objects",
    {
      method: "GET",
      path: "/",
      query: [["max-keys", "2"] as const, ["prefix", "J"] as const],
      headers: {},
      payloadHash: sha256(""),
    },
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
])("AWS's published example is signed as published: %s", (_, request, signature) => {
  expect(signatureOf(signRequest({ ...request, host }, example, "us-east-1", at))).toBe(signature);
});

test("a session's token goes along, and is signed", () => {
  const request = { method: "GET", host, path: "/", query: [], headers: {}, payloadHash: sha256("") };
  const signed = signRequest(request, { ...example, sessionToken: "token" }, "us-east-1", at);
  expect(signed["x-amz-security-token"]).toBe("token");
  expect(signed["authorization"]).toContain("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,");
});

test("any request is signed as an independent signer signs it", () => {
  const name = fc.string({ minLength: 1, unit: "grapheme" });
  const query = fc.array(fc.tuple(name, fc.string({ unit: "grapheme" })), { maxLength: 4 });
  const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[!-~]{0,20}$/), { maxKeys: 3 });
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), query, metadata, fc.string(), (key, pairs, meta, body) => {
      fc.pre(!/(^|\/)\.{1,2}(\/|$)|\\/.test(key) && pairs.every(([first]) => first.isWellFormed()));
      const path = `/bucket/${uriEncodePath(key)}`;
      const headers = Object.fromEntries(
        Object.entries(meta).map(([header, value]) => [`x-amz-meta-${header}`, value]),
      );
      const request = { method: "PUT", host, path, query: pairs, headers, payloadHash: sha256(body) };
      const ours = signRequest(request, example, "us-east-1", at);
      const url = `https://${host}${path}?${canonicalQuery(pairs)}`;
      const theirs = signHeaders({ method: "PUT", url, body, headers, at: new Date(at), ...example });
      expect(signatureOf(ours)).toBe(signatureOf(theirs));
    }),
  );
});
