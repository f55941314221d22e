import Type, { type Static } from "typebox";
import { nullable, strictObject, Time } from "./words.ts";

/**
 * How it is told that an app works: up to three checks, each a connection to its PORT or a request to it, from
 * outside, the way its callers come.
 */

/** One of the two; where neither is named, `tcp`. */
const target = {
  tcp: Type.Optional(Type.Literal(true, { description: "its PORT takes a connection" })),
  http: Type.Optional(
    Type.String({
      pattern: '^/[!"$-~]*$',
      maxLength: 2048,
      description: "a GET of this path is answered with 200 to 399; redirects are not followed",
    }),
  ),
};

const pace = {
  intervalMs: Type.Integer({
    minimum: 200,
    maximum: 3_600_000,
    default: 10_000,
    description: "from one to the next",
  }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 5_000,
    description: "how long one may take",
  }),
  failures: Type.Integer({ minimum: 1, maximum: 100, default: 3, description: "so many in a row count" }),
};

export const StartupCheck = strictObject({
  ...target,
  timeoutMs: Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    default: 60_000,
    description: "passed by then, counted from the start, or the run is ended as boot-timeout",
  }),
});
export type StartupCheck = Static<typeof StartupCheck>;

export const healthActions = ["restart", "none"] as const;

export const LivenessCheck = strictObject({
  ...target,
  ...pace,
  action: Type.Enum([...healthActions], {
    default: "restart",
    description:
      "restart: the run is ended as unhealthy, and the restart policy applies; none: it is only told",
  }),
});
export type LivenessCheck = Static<typeof LivenessCheck>;

export const ReadinessCheck = strictObject({ ...target, ...pace });
export type ReadinessCheck = Static<typeof ReadinessCheck>;

/** As it is asked for: null, or nothing in it, is no check at all. */
export const HealthSpec = strictObject({
  startup: Type.Optional(nullable(Type.Partial(StartupCheck, { additionalProperties: false }))),
  liveness: Type.Optional(nullable(Type.Partial(LivenessCheck, { additionalProperties: false }))),
  readiness: Type.Optional(nullable(Type.Partial(ReadinessCheck, { additionalProperties: false }))),
});
export type HealthSpec = Static<typeof HealthSpec>;

/** As it holds, every default filled in. */
export const HealthChecks = Type.Object({
  startup: nullable(StartupCheck),
  liveness: nullable(LivenessCheck),
  readiness: nullable(ReadinessCheck),
});
export type HealthChecks = Static<typeof HealthChecks>;

export const checkNames = ["startup", "liveness", "readiness"] as const;
export type CheckName = (typeof checkNames)[number];

export const noChecks: HealthChecks = { startup: null, liveness: null, readiness: null };

/** What `"process": "web"` brings where nothing else is asked for. */
export const defaultWebChecks: HealthChecks = { ...noChecks, startup: { tcp: true, timeoutMs: 60_000 } };

export const defaultStartup = { timeoutMs: 60_000 } as const;
export const defaultReadiness = { intervalMs: 10_000, timeoutMs: 5_000, failures: 3 } as const;
export const defaultLiveness = { ...defaultReadiness, action: "restart" } as const;

/** So many of the last results are kept of each check. */
export const RESULTS_KEPT = 5;

export const CheckResult = Type.Object({
  at: Time,
  ok: Type.Boolean(),
  ms: Type.Number(),
  output: Type.String({
    description:
      "the status and the first of the body, or why there is none; at most 4 KiB, without controls",
  }),
});
export type CheckResult = Static<typeof CheckResult>;

export const CheckReport = Type.Object({
  state: Type.Enum(["waiting", "passing", "failing"], {
    description: "waiting: not asked, or not passed, yet",
  }),
  failures: Type.Integer({ description: "in a row, up to now" }),
  results: Type.Array(CheckResult, { description: "the last ones, oldest first; a new daemon begins anew" }),
});
export type CheckReport = Static<typeof CheckReport>;

/** The answer of `GET /v1/procs/{id}/health`; a check that is not asked for is null. */
export const ProcHealth = Type.Object({
  ready: Type.Boolean(),
  healthy: nullable(Type.Boolean()),
  startup: nullable(CheckReport),
  liveness: nullable(CheckReport),
  readiness: nullable(CheckReport),
});
export type ProcHealth = Static<typeof ProcHealth>;
