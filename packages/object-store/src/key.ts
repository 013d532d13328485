import { ObjectStoreError } from "./error.ts";

/** S3's own limit, in UTF-8 bytes. */
export const MAX_KEY_BYTES = 1024;

/** Throws `InvalidKey`. A lone surrogate has no UTF-8 form, so two such keys would become one object. */
export function checkKey(key: string): void {
  if (key === "") throw new ObjectStoreError("InvalidKey", "the key is empty");
  if (!key.isWellFormed()) throw new ObjectStoreError("InvalidKey", "the key is not well-formed Unicode");
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new ObjectStoreError("InvalidKey", `the key is longer than ${MAX_KEY_BYTES} bytes in UTF-8`);
  }
}
