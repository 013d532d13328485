import { create, toBinary } from "@bufbuild/protobuf";
import { ContainerErrorSchema, ErrorDocumentSchema } from "@homeplane/idl/flyteidl2/core/execution";
import fc from "fast-check";
import { expect, test } from "vitest";
import { errorHead } from "./error-head.ts";

const documentOf = (code: string, message: string): Uint8Array =>
  toBinary(
    ErrorDocumentSchema,
    create(ErrorDocumentSchema, { error: create(ContainerErrorSchema, { code, message, kind: 1, origin: 1 }) }),
  );
const text = fc.string({ unit: "grapheme", maxLength: 200 });

test("wherever a document is cut, what is read is the start of what it says", () => {
  fc.assert(
    fc.property(text, text, fc.nat(1000), (code, message, cut) => {
      const whole = documentOf(code, message);
      const head = errorHead(whole.subarray(0, Math.min(cut, whole.length)));
      expect(code.startsWith(head.code)).toBe(true);
      expect(message.startsWith(head.message)).toBe(true);
      if (cut >= whole.length) expect(head).toEqual({ code, message });
    }),
  );
});

test("bytes that are no document make an empty head, never an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(errorHead(bytes)).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    }),
  );
});
