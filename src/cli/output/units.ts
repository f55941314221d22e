/** Human units, as the commands take and print them. Sizes count in 1024s: 1K is 1024 bytes. */

const SIZE_UNITS = ["B", "K", "M", "G", "T"] as const;
const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `512M`, `1.5G`, `64k`, `512MiB`, or bytes without a unit; null where it is none of these. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text);
  if (!match?.[1]) return null;
  const power = SIZE_UNITS.findIndex((unit) => unit === (match[2] || "B").toUpperCase());
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `10s`, `500ms`, `1h30m`, or a bare 0; null where it is none of these. Other bare numbers do not say enough. */
export function parseDuration(text: string): number | null {
  if (text === "0") return 0;
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d))+$/.test(text)) return null;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    totalMs += Number(count) * (TIME_UNITS[unit ?? ""] ?? 0);
  return Math.round(totalMs);
}

/** Three digits at most: `512M`, `1.5G`, `87K`, `12B`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value >= 999.5 && power < SIZE_UNITS.length - 1) {
    value /= 1024;
    power += 1;
  }
  const digits = power > 0 && value < 9.95 ? value.toFixed(1).replace(".0", "") : value.toFixed(0);
  return digits + SIZE_UNITS[power];
}

/** One unit, rounded down: `45s`, `3m`, `2h`, `4d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
