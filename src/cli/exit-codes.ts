/**
 * What the command's exit code says; `sharku help` prints the same. `run` in the foreground and `wait` give the
 * proc's own code instead, where it has one.
 */
export const exitCodes = {
  ok: [0, "done"],
  refused: [1, "the daemon refused, or the proc did not do what was asked"],
  usage: [2, "wrong usage"],
  unreachable: [69, "cannot connect to the daemon"],
  cannotStart: [78, "sharku serve cannot start"],
  interrupted: [130, "interrupted (Ctrl-C)"],
} as const satisfies Record<string, readonly [code: number, meaning: string]>;

export type ExitName = keyof typeof exitCodes;

export function exitCode(name: ExitName): number {
  return exitCodes[name][0];
}
