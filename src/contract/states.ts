/**
 * The states of a proc and the moves between them: the one table that the daemon obeys and that clients,
 * pictures and documents read.
 */

export const procStates = ["init", "boot", "running", "stopping", "backoff", "done", "fail"] as const;
export type ProcState = (typeof procStates)[number];

/**
 * init: accepted and on disk. boot: being provisioned. running: its command has been executed. stopping:
 * asked to end. backoff: waiting to be started again. done: ended well, or as asked. fail: ended otherwise.
 */
export const moves = {
  init: ["boot", "stopping", "fail", "done"],
  boot: ["running", "stopping", "backoff", "done", "fail"],
  running: ["stopping", "backoff", "done", "fail"],
  stopping: ["backoff", "done", "fail"],
  backoff: ["boot", "stopping", "done", "fail"],
  done: [],
  fail: [],
} as const satisfies Record<ProcState, readonly ProcState[]>;

/** States that the daemon itself leaves, by finishing its work or at a deadline. */
export const transientStates: readonly ProcState[] = ["init", "boot", "stopping"];

/** States from which nothing follows. */
export const finalStates: readonly ProcState[] = procStates.filter((state) => moves[state].length === 0);

/** States in which a call that waits for a change to settle gets its answer. */
export const settledStates: readonly ProcState[] = ["running", "backoff", ...finalStates];

export function mayMove(from: ProcState, to: ProcState): boolean {
  const targets: readonly ProcState[] = moves[from];
  return targets.includes(to);
}

export const exitReasons = [
  "completed",
  "stopped",
  "ttl",
  "crashed",
  "signaled",
  "oom",
  "command",
  "boot-timeout",
  "unhealthy",
  "image",
  "template",
  "resources",
  "runtime",
  "disk",
  "host-reboot",
  "lost",
] as const;
export type ExitReason = (typeof exitReasons)[number];

/** Reasons that count as an end that was wanted: they lead to `done`, every other to `fail`. */
export const goodReasons: readonly ExitReason[] = ["completed", "stopped", "ttl"];
