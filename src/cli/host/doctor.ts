import { CannotConnect } from "../../client/cannot-connect.ts";
import type { Command, Invocation } from "../command.ts";
import { addressOf, adviceFor } from "../connect.ts";
import { UsageError } from "../errors.ts";
import { exitCode } from "../exit-codes.ts";
import type { Style } from "../output/colors.ts";
import { printJson } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { wrap } from "../output/wrap.ts";
import { runtimeLine } from "./info.ts";

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
  const stateDir = call.io.env["SHARKU_STATE_DIR"];
  const portRange = call.io.env["SHARKU_PORT_RANGE"];
  const checks = await runChecks({
    ...(stateDir && { stateDir }),
    ...(portRange && { portRange: parsePortRange(portRange) }),
  });
  const findings: Finding[] = [...checks, ...(await checkRuntimes(call)), await checkDaemon(call)];
  if (call.json) printJson(call.io.stdout, findings);
  else printFindings(call, findings);
  return exitCode(findings.some(({ status }) => status === "fail") ? "refused" : "ok");
}

/** The same words as `sharku serve` takes: what it would refuse is no range to look at. */
function parsePortRange(text: string): [first: number, last: number] {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || first < 1024 || last > 65535 || first > last)
    throw new UsageError(
      `Cannot use SHARKU_PORT_RANGE "${text}": wanted two ports from 1024 to 65535, the lower one first, like 10000-19999`,
    );
  return [first, last];
}

/** What the daemon has found of its runtimes; none where no daemon answers, which is told elsewhere. */
async function checkRuntimes(call: Invocation): Promise<Finding[]> {
  const info = await call.client.info().catch(() => null);
  return (info?.runtimes ?? []).map((runtime) => {
    const { name, usable, isDefault, problems } = runtime;
    const faults = usable ? problems : problems.slice(1);
    return {
      name: `runtime ${name}`,
      status: usable ? "ok" : isDefault ? "fail" : "warn",
      found: [runtimeLine(runtime), ...faults].join("; "),
      cure: usable ? null : "install it, or name another by --runtime; procs that ask for it fail",
    };
  });
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
    if (error instanceof CannotConnect) {
      const found = `none answers at ${addressOf(call.target)}`;
      return { name: "daemon", status: "warn", found, cure: adviceFor(error, call.target) };
    }
    return {
      name: "daemon",
      status: "warn",
      found: error instanceof Error ? error.message : String(error),
      cure: null,
    };
  }
}

function printFindings(call: Invocation, findings: readonly Finding[]): void {
  const { io, paint } = call;
  const nameWidth = Math.max(...findings.map(({ name }) => name.length));
  for (const finding of findings) {
    if (call.quiet && finding.status === "ok") continue;
    const { mark, style } = looks[finding.status];
    const head = `${paint.stdout(style, mark.padEnd(4))}  ${finding.name.padEnd(nameWidth)}  `;
    io.stdout.write(`${head}${fit(call, { text: finding.found, indent: nameWidth + 8 })}\n`);
    if (finding.cure)
      io.stdout.write(
        `      ${paint.stdout("bold", "cure:")} ${fit(call, { text: finding.cure, indent: 12 })}\n`,
      );
  }
  const open = findings.filter(({ status }) => status !== "ok").length;
  if (!call.quiet)
    io.stdout.write(open === 0 ? "All is well.\n" : `${open} of ${findings.length} want a look.\n`);
}

/** Wrapped beneath itself on a terminal, on one line elsewhere. */
function fit({ io }: Invocation, { text, indent }: { text: string; indent: number }): string {
  const clean = escapeControls(text);
  return io.stdout.isTTY ? wrap(clean, " ".repeat(indent)).trimStart() : clean;
}
