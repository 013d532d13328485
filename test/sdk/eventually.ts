/** Asks again until `ready` gives something; fails after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  ready: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await ready();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
