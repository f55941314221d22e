import type { Proc } from "../../contract/proc.ts";
import type { Invocation } from "../command.ts";
import { remark } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";

/** The last lines of a proc that has failed, for those who do not have its log before their eyes. */
export function remarkLogTail(call: Invocation, { exit }: Proc): void {
  for (const line of exit?.logTail ?? [])
    remark(call, call.paint.stderr("dim", `  | ${escapeControls(line)}`));
}
