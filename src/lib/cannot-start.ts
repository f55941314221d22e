/**
 * The daemon cannot begin its work, and trying again without a change would not help. The message is one clear
 * line that says what was so and what to do; the daemon prints it and exits with 78 (EX_CONFIG).
 */
export class CannotStart extends Error {
  override readonly name = "CannotStart";
}
