import { SharkuError } from "../contract/errors.ts";
import type { Limits } from "../contract/proc.ts";
import { finalStates } from "../contract/states.ts";
import type { Life } from "./life.ts";
import type { HostRoom, Needs } from "./needs.ts";

interface Living {
  readonly lives: ReadonlyMap<string, Life>;
  readonly creating: ReadonlyMap<string, { readonly limits: Limits }>;
}

/** Errors: `no-slot`, `no-room`. */
export function assertRoom(limits: Limits, living: Living, { room, network }: Needs): void {
  const others = limitsOf(living);
  if (others.length >= network.slotCount) {
    throw new SharkuError(
      "no-slot",
      `Cannot create a proc: ${network.slotCount} are there already, as many as this host takes`,
    );
  }
  room.assertRoom(limits, others);
}

/** Errors: `limit-beyond-host`, `no-room`. What lowers its limits is let through whatever the host has left. */
export function assertRoomToChange(
  life: Life,
  wanted: Partial<Limits>,
  { room, living }: { room: HostRoom; living: Living },
): void {
  const before = life.record.spec.limits;
  const limits = { ...before, ...wanted };
  room.assertPossible(limits);
  if (limits.memoryBytes > before.memoryBytes) room.assertRoom(limits, limitsOf(living, life));
}

/** Of all that have not ended, and of those being created; but not of that one. */
function limitsOf({ lives, creating }: Living, besides?: Life): Limits[] {
  const living = [...lives.values()].filter(
    (life) => life !== besides && !life.isForgotten && !finalStates.includes(life.record.state),
  );
  return [
    ...living.map(({ record }) => record.spec.limits),
    ...[...creating.values()].map(({ limits }) => limits),
  ];
}
