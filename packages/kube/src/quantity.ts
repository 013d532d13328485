/**
 * Amounts as Kubernetes writes them: "500m", "1.5Gi", "2e3" (API reference, `Quantity`). In thousandths, rounded up: exact up
 * to 9 PB, and nothing here counts smaller. `binary` is how the amount was written, and so how it is shown again.
 */
export interface Amount {
  readonly milli: number;
  readonly binary: boolean;
}

export const ZERO: Amount = { milli: 0, binary: false };

const FORM = /^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d{1,3})?$/;
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["", "k", "M", "G", "T", "P", "E"];
const SMALL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3 };

/** Undefined when `text` is no quantity. */
export function parseQuantity(text: string): Amount | undefined {
  const [, digits, suffix = ""] = FORM.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const binary = BINARY.indexOf(suffix);
  if (binary > 0) return { milli: up(Number(digits) * 1024 ** binary * 1000), binary: true };
  const large = DECIMAL.indexOf(suffix);
  const exponent = SMALL[suffix] ?? (large >= 0 ? large * 3 : Number(suffix.slice(1)));
  // By text, not by multiplication: 0.1 * 1000 is no whole number.
  return { milli: up(Number(`${digits}e${exponent + 3}`)), binary: false };
}

/** Away from zero; but what only the arithmetic of doubles added is no more. */
function up(milli: number): number {
  const whole = Math.round(milli);
  if (Math.abs(milli - whole) < 1e-6) return whole + 0;
  return milli > 0 ? Math.ceil(milli) : Math.floor(milli);
}

/** The canonical form: the largest unit in which the amount is whole. */
export function formatQuantity({ milli, binary }: Amount): string {
  if (milli % 1000 !== 0) return `${milli}m`;
  const step = binary ? 1024 : 1000;
  let value = milli / 1000;
  let unit = 0;
  while (value !== 0 && value % step === 0 && unit < BINARY.length - 1) {
    value /= step;
    unit++;
  }
  return `${value}${(binary ? BINARY : DECIMAL)[unit]}`;
}

export function add(a: Amount, b: Amount): Amount {
  return { milli: a.milli + b.milli, binary: a.milli === 0 ? b.binary : a.binary };
}
