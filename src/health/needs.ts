import type { Clock } from "../procs/needs.ts";

/** What the room asks of the others. */
export interface HealthNeeds {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly randomFraction: () => number;
  /** Faults of the daemon's own, which say nothing of the app. */
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
  /** Asks an app once; `probe.ts` is the real one. */
  readonly probe: Probe;
  /** What its processes listen on, seen from the host without their help; `listeners.ts` is the real one. */
  readonly listenersOf: (pid: number) => Promise<readonly Listener[]>;
}

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** Path of a GET; null where a connection is all that is wanted. */
  readonly path: string | null;
}

/**
 * `refused`: as `failed`, since nothing takes connections there. `unknown`: the daemon could not ask, which says
 * nothing of the app.
 */
export interface Probed {
  readonly outcome: "passed" | "failed" | "refused" | "unknown";
  readonly ms: number;
  readonly output: string;
}

/** Never rejects but by the signal. */
export type Probe = (
  target: ProbeTarget,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
) => Promise<Probed>;

/** A socket that waits for connections. */
export interface Listener {
  readonly family: 4 | 6;
  readonly port: number;
  /** `any` answers on every address, `loopback` only inside of the proc, `other` on one address. */
  readonly scope: "any" | "loopback" | "other";
  /** For people: `127.0.0.1:3000`. */
  readonly text: string;
}
