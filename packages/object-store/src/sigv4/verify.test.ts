import { expect, test } from "vitest";
import type { S3Request } from "../s3/request.ts";
import { parseAmzDate } from "./scope.ts";
import { createVerifier } from "./verify.ts";

// The examples of the Amazon S3 API Reference, "Signature Calculations for the Authorization Header" and "Authenticating
// Requests: Using Query Parameters".
const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const NOW = parseAmzDate("20130524T000000Z") ?? 0;
const verifyAt = (now: number) => createVerifier({ region: "us-east-1", credentials, clock: { now: () => now } });

function request(method: string, path: string, query: [string, string][], headers: Record<string, string>): S3Request {
  const all: Record<string, string> = { host: "examplebucket.s3.amazonaws.com", ...headers };
  return {
    method,
    path,
    bucket: "",
    key: "",
    query,
    param: (name) => query.find(([other]) => other === name)?.[1],
    header: (name) => all[name],
    headerNames: Object.keys(all),
  };
}

function signed(signedHeaders: string, signature: string, headers: Record<string, string>): Record<string, string> {
  const credential = `${credentials.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`,
    "x-amz-date": "20130524T000000Z",
    "x-amz-content-sha256": EMPTY,
    ...headers,
  };
}

const BASE = "host;x-amz-content-sha256;x-amz-date";
const GET_OBJECT = request(
  "GET",
  "/test.txt",
  [],
  signed(
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    {
      range: "bytes=0-9",
    },
  ),
);
const PUT_OBJECT = request(
  "PUT",
  "/test$file.text",
  [],
  signed(
    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
      "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    },
  ),
);
const LIFECYCLE = request(
  "GET",
  "/",
  [["lifecycle", ""]],
  signed(BASE, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", {}),
);
const LIST = request(
  "GET",
  "/",
  [
    ["prefix", "J"],
    ["max-keys", "2"],
  ],
  signed(BASE, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", {}),
);
const presignedQuery = (change: Record<string, string> = {}): [string, string][] =>
  Object.entries({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${credentials.accessKeyId}/20130524/us-east-1/s3/aws4_request`,
    "X-Amz-Date": "20130524T000000Z",
    "X-Amz-Expires": "86400",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    ...change,
  });
const PRESIGNED = request("GET", "/test.txt", presignedQuery(), {});

test.each([
  ["GET object", GET_OBJECT],
  ["PUT object", PUT_OBJECT],
  ["a query without value", LIFECYCLE],
  ["a query out of order", LIST],
  ["a presigned URL", PRESIGNED],
])("AWS's published example passes: %s", (_, example) => {
  expect(() => verifyAt(NOW)(example)).not.toThrow();
});

test.each<[string, S3Request, number, string]>([
  ["another method", { ...PRESIGNED, method: "PUT" }, NOW, "SignatureDoesNotMatch"],
  ["another path", { ...PRESIGNED, path: "/test2.txt" }, NOW, "SignatureDoesNotMatch"],
  ["one more parameter", { ...PRESIGNED, query: [...PRESIGNED.query, ["acl", ""]] }, NOW, "SignatureDoesNotMatch"],
  [
    "a longer life",
    request("GET", "/test.txt", presignedQuery({ "X-Amz-Expires": "86401" }), {}),
    NOW,
    "SignatureDoesNotMatch",
  ],
  ["the moment of expiry", PRESIGNED, NOW + 86_400_000, "AccessDenied"],
  ["a URL from the future", PRESIGNED, NOW - 900_001, "AccessDenied"],
  [
    "8 days",
    request("GET", "/test.txt", presignedQuery({ "X-Amz-Expires": "691200" }), {}),
    NOW,
    "AuthorizationQueryParametersError",
  ],
  [
    "host not signed",
    request("GET", "/test.txt", presignedQuery({ "X-Amz-SignedHeaders": "range" }), {}),
    NOW,
    "AuthorizationQueryParametersError",
  ],
  [
    "another key id",
    request("GET", "/test.txt", presignedQuery({ "X-Amz-Credential": "X/20130524/us-east-1/s3/aws4_request" }), {}),
    NOW,
    "InvalidAccessKeyId",
  ],
  [
    "a header in the request that was not signed",
    request("GET", "/test.txt", presignedQuery(), { "x-amz-meta-a": "b" }),
    NOW,
    "AccessDenied",
  ],
  ["15 minutes late", GET_OBJECT, NOW + 900_001, "RequestTimeTooSkewed"],
  ["15 minutes early", GET_OBJECT, NOW - 900_001, "RequestTimeTooSkewed"],
  ["both ways at once", { ...GET_OBJECT, param: (name) => PRESIGNED.param(name) }, NOW, "InvalidArgument"],
  ["no signature at all", request("GET", "/", [], {}), NOW, "AccessDenied"],
])("refused: %s", (_, altered, now, code) => {
  expect(() => verifyAt(now)(altered)).toThrow(expect.objectContaining({ code }) as Error);
});
