/**
 * The two CRCs of S3's checksums that Node does not have, reflected and table-driven: CRC-32C (Castagnoli) and CRC-64/NVME.
 * Check values (of "123456789") are in the catalogue of parametrised CRC algorithms.
 */
const CRC32C = table32(0x82f63b78);

export function crc32c(data: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (let i = 0; i < data.length; i++) crc = (CRC32C[(crc ^ (data[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function table32(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, n) => {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
}

/** In two halves of 32 bits: BigInt arithmetic for each byte would be a hundred times slower. */
export interface Crc64 {
  readonly high: number;
  readonly low: number;
}

const POLYNOMIAL_64 = { high: 0x9a6c9329 | 0, low: 0xac4bc9b5 | 0 };
const [CRC64_HIGH, CRC64_LOW] = table64();

export function crc64nvme(data: Uint8Array, previous: Crc64 = { high: 0, low: 0 }): Crc64 {
  let high = ~previous.high;
  let low = ~previous.low;
  for (let i = 0; i < data.length; i++) {
    const at = (low ^ (data[i] ?? 0)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[at] ?? 0);
    high = (high >>> 8) ^ (CRC64_HIGH[at] ?? 0);
  }
  return { high: ~high >>> 0, low: ~low >>> 0 };
}

function table64(): [Int32Array, Int32Array] {
  const highs = new Int32Array(256);
  const lows = new Int32Array(256);
  for (let n = 0; n < 256; n++) {
    let [high, low] = [0, n];
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = (low >>> 1) | (high << 31);
      high = high >>> 1;
      if (odd) {
        high ^= POLYNOMIAL_64.high;
        low ^= POLYNOMIAL_64.low;
      }
    }
    highs[n] = high;
    lows[n] = low;
  }
  return [highs, lows];
}
