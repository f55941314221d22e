import { CannotStart } from "../lib/cannot-start.ts";

/** How much of the journal is kept: whatever is over either of the two goes. */
export interface EventOptions {
  readonly eventsMax: number;
  readonly ms: number;
}

type Name = "events-keep" | "events-keep-days";

const EVENTS_MAX = 1_000_000_000;
const DAYS_MAX = 36_500;
const DAY_MS = 24 * 3_600_000;

/** `pick` answers with the option's text, or the default given. Errors: CannotStart. */
export function parseEventOptions(pick: (name: Name, fallback: string) => string): EventOptions {
  return {
    eventsMax: parseCount("events-keep", pick("events-keep", "100000"), EVENTS_MAX),
    ms: parseCount("events-keep-days", pick("events-keep-days", "7"), DAYS_MAX) * DAY_MS,
  };
}

function parseCount(name: Name, text: string, max: number): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= max) return count;
  throw new CannotStart(`Cannot use --${name} "${text}": wanted a whole number from 1 to ${max}`);
}
