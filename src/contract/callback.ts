import Type, { type Static } from "typebox";
import { eventTypes } from "./event.ts";
import { procStates } from "./states.ts";
import { nullable, strictObject, Time } from "./words.ts";

/** What becomes of the callbacks of a proc: each event's delivery, and asking for deliveries again. */

/** `given-up`: tried in vain for too long. `called-off`: the receiver has said by 410 that it wants no more. */
export const deliveryStates = ["waiting", "delivered", "given-up", "called-off"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

const Seq = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const Delivery = Type.Object({
  seq: Seq,
  id: Type.String({ description: "the event's, and the delivery's webhook-id" }),
  type: Type.Enum([...eventTypes]),
  state: Type.Enum([...procStates]),
  time: Time,
  host: Type.String({ description: "of the URL; the rest of it may be a secret" }),
  status: Type.Enum([...deliveryStates]),
  attempts: Type.Integer({ description: "since it was asked for, or asked for again" }),
  lastWord: nullable(
    Type.String({ description: "what came of the last attempt: `status 500`, or why none came" }),
  ),
  lastAttemptAt: nullable(Time),
  nextAttemptAt: nullable(Time),
  deliveredAt: nullable(Time),
});
export type Delivery = Static<typeof Delivery>;

/** So many are put back at once, the oldest first. */
export const REPLAY_MAX = 1000;

/** What is to be delivered again: those of these numbers; without any, all that was given up or called off. */
export const ReplayRequest = strictObject({
  seqs: Type.Optional(Type.Array(Seq, { minItems: 1, maxItems: REPLAY_MAX })),
  from: Type.Optional(Seq),
  to: Type.Optional(Seq),
});
export type ReplayRequest = Static<typeof ReplayRequest>;

export const Replayed = Type.Object({
  seqs: Type.Array(Seq, {
    description: `what was put back, at most ${REPLAY_MAX} at once; what still waits is not put back again`,
  }),
});
export type Replayed = Static<typeof Replayed>;
