import { CannotConnect } from "../../client/cannot-connect.ts";
import type { Command, Invocation } from "../command.ts";
import { chooseTarget, explainCannotConnect } from "../connect.ts";
import { exitCode } from "../exit-codes.ts";
import type { Style } from "../output/colors.ts";
import { printJson } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";

export const doctorCommand: Command = {
  path: ["doctor"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "Check whether this machine can run procs, and what to do",
  options: {},
  examples: ["sharku doctor", "sharku doctor --json"],
  run: doctor,
};

interface Finding {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly found: string;
  readonly cure: string | null;
}

const looks = {
  ok: { mark: "ok", style: "green" },
  warn: { mark: "warn", style: "yellow" },
  fail: { mark: "FAIL", style: "red" },
} as const satisfies Record<Finding["status"], { mark: string; style: Style }>;

async function doctor(call: Invocation): Promise<number> {
  // Only this command looks at the machine; the others need not load what knows about it.
  const { runChecks } = await import("../../host/host.ts");
  const findings: Finding[] = [...(await runChecks({})), await checkDaemon(call)];
  if (call.json) printJson(call.io.stdout, findings);
  else printFindings(call, findings);
  return exitCode(findings.some(({ status }) => status === "fail") ? "refused" : "ok");
}

/** Whether a daemon answers; that none runs is no fault of the machine. */
async function checkDaemon(call: Invocation): Promise<Finding> {
  try {
    const { status } = await call.client.ready();
    const { version } = await call.client.info();
    return {
      name: "daemon",
      status: status === "ok" ? "ok" : "warn",
      found: `${version}, ${status}`,
      cure: null,
    };
  } catch (error) {
    const known =
      error instanceof CannotConnect
        ? explainCannotConnect(error, chooseTarget(call.options, call.io.env))
        : error;
    const text = known instanceof Error ? known.message : String(known);
    const cure = error instanceof CannotConnect ? "sharku serve" : null;
    return { name: "daemon", status: "warn", found: text.replace(/, start it with: .*$/, ""), cure };
  }
}

function printFindings(call: Invocation, findings: readonly Finding[]): void {
  const { io, paint } = call;
  const nameWidth = Math.max(...findings.map(({ name }) => name.length));
  for (const finding of findings) {
    if (call.quiet && finding.status === "ok") continue;
    const { mark, style } = looks[finding.status];
    const indent = " ".repeat(6);
    io.stdout.write(
      `${paint.stdout(style, mark.padEnd(4))}  ${finding.name.padEnd(nameWidth)}  ${escapeControls(finding.found)}\n`,
    );
    if (finding.cure)
      io.stdout.write(`${indent}${paint.stdout("bold", "cure:")} ${escapeControls(finding.cure)}\n`);
  }
  const open = findings.filter(({ status }) => status !== "ok").length;
  if (!call.quiet)
    io.stdout.write(open === 0 ? "All is well.\n" : `${open} of ${findings.length} want a look.\n`);
}
