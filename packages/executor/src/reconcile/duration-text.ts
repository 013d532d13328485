const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** As people say it: `1h30m`, `2.5s`, `0s`. */
export function durationText(ms: number): string {
  let left = Math.max(0, Math.round(ms));
  let text = "";
  for (const [unit, size] of units) {
    // Fractions of a second matter only where there is little else.
    const count = unit === "s" && left < 10_000 && text === "" ? left / size : Math.floor(left / size);
    if (count > 0) text += `${count}${unit}`;
    left %= size;
  }
  return text === "" ? "0s" : text;
}
