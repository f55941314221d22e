import { SharkuError } from "../contract/errors.ts";
import {
  type Callback,
  type Command,
  defaultLimits,
  defaultNetwork,
  defaultStop,
  type Limits,
  type ProcSpec,
} from "../contract/proc.ts";
import type { Needs } from "./needs.ts";
import type { FullSpec } from "./record.ts";

/**
 * Fills in every default and looks up what the request names.
 * Errors: `invalid-request` where there is nothing to run, `unknown-image`, `unknown-template`,
 * `unknown-runtime`, `unbounded-app`, `unknown-process`, `bad-callback`.
 */
export function fillSpec(
  spec: ProcSpec,
  needs: Pick<Needs, "images" | "templates" | "isolation" | "judgeCallback">,
): FullSpec {
  const template = spec.template ?? "host";
  if (needs.templates.find(template) === null) {
    throw fault(
      "unknown-template",
      "/template",
      `Cannot use template "${template}": there is none of that name`,
    );
  }
  return {
    app: spec.app,
    name: spec.name,
    image: spec.image ?? null,
    template,
    command: commandOf(spec, needs),
    process: spec.process ?? null,
    config: spec.config ?? {},
    callbackUrl: callbackOf(spec.callback ?? null, needs),
    limits: limitsOf(spec, needs),
    stop: { ...defaultStop, ...spec.stop },
    network: { ...defaultNetwork, ...spec.network },
    runtime: runtimeOf(spec, needs),
    labels: spec.labels ?? {},
  };
}

function limitsOf({ limits }: ProcSpec, { isolation }: Pick<Needs, "isolation">): Limits {
  if (limits?.appBytes === undefined || isolation.boundsApp) return { ...defaultLimits, ...limits };
  throw fault(
    "unbounded-app",
    "/limits/appBytes",
    "Cannot bound what is written to /app: this host has neither loop devices nor mke2fs at hand; sharku info tells what is missing, leave the limit out to run without it",
  );
}

function runtimeOf({ runtime }: ProcSpec, { isolation }: Pick<Needs, "isolation">): string {
  const names = isolation.runtimeNames;
  const [standard] = names;
  const wanted = runtime ?? standard;
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  throw fault(
    "unknown-runtime",
    "/runtime",
    `Cannot use runtime "${wanted}": this host has ${names.join(", ")}; sharku doctor tells why another is not at hand`,
  );
}

function commandOf(spec: ProcSpec, { images }: Pick<Needs, "images">): Command {
  const image = spec.image == null ? null : images.find(spec.image);
  if (spec.image != null && image === null) {
    throw fault(
      "unknown-image",
      "/image",
      `Cannot use image "${spec.image}": it is not stored here, send its archive to POST /v1/images first`,
    );
  }
  if (spec.command !== undefined) return spec.command;
  if (spec.process === undefined) {
    throw fault(
      "invalid-request",
      "/command",
      "Cannot run nothing: give a command, or a process of the image's Procfile",
    );
  }
  const known = image?.processes ?? {};
  if (Object.hasOwn(known, spec.process)) return String(known[spec.process]);
  const names = Object.keys(known);
  throw fault(
    "unknown-process",
    "/process",
    `Cannot find process "${spec.process}": ${image === null ? "there is no image" : names.length === 0 ? "the image has no Procfile" : `its Procfile has ${names.join(", ")}`}`,
  );
}

function callbackOf(
  callback: Callback | null,
  { judgeCallback }: Pick<Needs, "judgeCallback">,
): string | null {
  if (callback === null) return null;
  const url = typeof callback === "string" ? callback : callback.url;
  const wrong = judgeCallback(url);
  if (wrong !== null) throw fault("bad-callback", "/callback", wrong);
  return url;
}

function fault(code: SharkuError["code"], pointer: string, detail: string): SharkuError {
  return new SharkuError(code, detail, { faults: [{ pointer, detail }] });
}
