/** Shorter arrays are not worth cutting. */
const MIN_CUT = 1024;

/** A queue of distinct strings. An array and a set, as the first of a JavaScript Set costs as much as was deleted before it. */
export class Fifo {
  #items: string[] = [];
  #head = 0;
  readonly #known = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  has(item: string): boolean {
    return this.#known.has(item);
  }

  /** No effect when it waits already. */
  push(item: string): void {
    if (this.#known.has(item)) return;
    this.#known.add(item);
    this.#items.push(item);
  }

  shift(): string | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    this.#known.delete(item);
    if (this.#head >= MIN_CUT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#known.clear();
  }
}
