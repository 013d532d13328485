import {
  type ObjectBody,
  type ObjectMeta,
  type ObjectStore,
  ObjectStoreError,
  parseNativeUrl,
} from "@homeplane/object-store";

/** Objects in memory, as far as the executor uses a store. `opened` counts bodies that were handed out and not closed. */
export class MemoryStore implements ObjectStore {
  readonly #objects = new Map<string, Uint8Array>();
  away = false;
  opened = 0;

  write(url: string, content: Uint8Array): void {
    const { bucket, key } = parseNativeUrl(url);
    this.#objects.set(`${bucket}/${key}`, content);
  }

  async put(): Promise<ObjectMeta> {
    throw new ObjectStoreError("Internal", "tests write with write()");
  }

  async get(bucket: string, key: string): Promise<{ meta: ObjectMeta; body: ObjectBody }> {
    const content = this.#find(bucket, key);
    this.opened++;
    const closed = (): void => {
      this.opened--;
    };
    async function* read(): ObjectBody {
      try {
        for (let from = 0; from < content.length; from += 65_536) yield content.subarray(from, from + 65_536);
      } finally {
        closed();
      }
    }
    return { meta: metaOf(key, content), body: read() };
  }

  async head(bucket: string, key: string): Promise<ObjectMeta> {
    return metaOf(key, this.#find(bucket, key));
  }

  async delete(bucket: string, key: string): Promise<void> {
    this.#objects.delete(`${bucket}/${key}`);
  }

  async list(): Promise<{ objects: ObjectMeta[]; commonPrefixes: string[] }> {
    return { objects: [], commonPrefixes: [] };
  }

  #find(bucket: string, key: string): Uint8Array {
    if (this.away) throw new ObjectStoreError("Internal", "the store is away");
    const content = this.#objects.get(`${bucket}/${key}`);
    if (content === undefined) throw new ObjectStoreError("NotFound", `${bucket}/${key} does not exist`);
    return content;
  }
}

function metaOf(key: string, content: Uint8Array): ObjectMeta {
  return { key, size: content.length, etag: "0", lastModified: new Date(0), metadata: {} };
}
