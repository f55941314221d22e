/** When a delivery that failed is tried again, and when no more. */

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** Pauses after the first, second, third … failure; the last one stays. */
const backoffMs = [1, 5, 15, 60, 300, 900, 3600].map((seconds) => seconds * SECOND_MS);

/** Each pause is longer or shorter by up to this part, so that many do not come back at once. */
const JITTER = 0.2;

export const RETRY_AFTER_MS_MAX = HOUR_MS;
const RETRY_AFTER_MS_MIN = SECOND_MS;

/** So long after its event, or after it was asked for again, a delivery that fails is given up. */
export const GIVE_UP_MS = 72 * HOUR_MS;

export interface FailedAttempt {
  /** How many attempts failed before this one. */
  readonly attempts: number;
  /** When the event happened, or when its delivery was asked for again. */
  readonly since: string;
  /** What the receiver asked for, or null. */
  readonly retryAfterMs: number | null;
}

/** Milliseconds to wait before the next attempt; null where there is to be none. */
export function nextPauseMs(
  failed: FailedAttempt,
  { now, fraction }: { now: Date; fraction: number },
): number | null {
  if (now.getTime() - Date.parse(failed.since) >= GIVE_UP_MS) return null;
  if (failed.retryAfterMs !== null)
    return Math.min(Math.max(failed.retryAfterMs, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX);
  const pause = backoffMs[Math.min(failed.attempts, backoffMs.length - 1)] ?? HOUR_MS;
  return Math.round(pause * (1 - JITTER + 2 * JITTER * fraction));
}

/** A Retry-After header, RFC 9110 10.2.3: seconds or a date; null where it is absent or neither. */
export function parseRetryAfter(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * SECOND_MS;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now.getTime());
}
