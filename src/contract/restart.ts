import Type, { type Static } from "typebox";
import { nullable, strictObject } from "./words.ts";

/** Whether and how a proc is started again after its end. */

/** never: not at all. on-failure: after every end that leads to `fail`. always: after every end that nobody asked for. */
export const restartPolicies = ["never", "on-failure", "always"] as const;

export const Restart = strictObject({
  policy: Type.Enum([...restartPolicies]),
  maxAttempts: nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: "so many restarts in a row, then it is left ended; null: no end",
    }),
  ),
  backoffMs: Type.Integer({
    minimum: 0,
    maximum: 3_600_000,
    default: 1_000,
    description: "the first wait; each further one in a row is twice as long",
  }),
  backoffMaxMs: Type.Integer({ minimum: 0, maximum: 86_400_000, default: 60_000 }),
  resetAfterMs: Type.Integer({
    minimum: 0,
    maximum: 86_400_000,
    default: 60_000,
    description: "a run that has lasted so long begins the row anew",
  }),
});
export type Restart = Static<typeof Restart>;

export const defaultRestart: Restart = {
  policy: "never",
  maxAttempts: null,
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
  resetAfterMs: 60_000,
};

/** How long a proc may be there, from its creation to the moment at which it is asked to end. */
export const TtlMs = Type.Integer({ minimum: 1_000, maximum: 31_536_000_000 });

/** Signals that may be sent to a proc; those that process 1 of a container cannot hand on are left out. */
export const sendableSignals = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGWINCH",
  "SIGKILL",
] as const;

/** Body of `POST /v1/procs/{id}/signal`. */
export const SignalRequest = strictObject({ signal: Type.Enum([...sendableSignals]) });
export type SignalRequest = Static<typeof SignalRequest>;
