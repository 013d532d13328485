/**
 * The order of two resource versions: negative, 0 or positive; undefined when they can not be compared. They are decimal numbers
 * of any length, growing with each write (Kubernetes enhancement 5504; before it, so in every server that stored in etcd).
 */
export function compareVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined || !isDecimal(a) || !isDecimal(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

const isDecimal = (version: string): boolean => /^(0|[1-9]\d*)$/.test(version);
