const pattern = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)$/;

/**
 * An RFC 3339 time in UTC with all nine digits, so that times compare as strings; null where it is none.
 */
export function normaliseTime(text: string): string | null {
  const [, date, time, fraction = "", zone] = pattern.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return null;
  const nanoseconds = fraction.padEnd(9, "0");
  if (zone === "+00:00" || zone === "Z" || zone === "z") return `${date}T${time}.${nanoseconds}Z`;
  const instant = new Date(`${date}T${time}${zone}`);
  if (Number.isNaN(instant.getTime())) return null;
  return `${instant.toISOString().slice(0, 19)}.${nanoseconds}Z`;
}
