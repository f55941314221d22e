import { SharkuError } from "../contract/errors.ts";
import {
  type Callback,
  defaultLimits,
  defaultNetwork,
  defaultStop,
  type Limits,
  type ProcSpec,
} from "../contract/proc.ts";
import { defaultRestart, type Restart } from "../contract/restart.ts";
import { healthOf } from "./health-spec.ts";
import type { Needs } from "./needs.ts";
import type { FullSpec } from "./record.ts";

const DIGEST_PREFIX = "sha256:";

/**
 * Fills in every default and looks up what the request names.
 * Errors: `invalid-request`, `unknown-image`, `bad-image-url`, `unknown-template`, `unknown-runtime`, `unbounded-app`, `bad-callback`.
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
    ...imageOf(spec, needs),
    template,
    command: spec.command ?? null,
    process: spec.process ?? null,
    config: spec.config ?? {},
    ...callbackOf(spec.callback ?? null, needs),
    limits: limitsOf(spec, needs),
    stop: { ...defaultStop, ...spec.stop },
    restart: restartOf(spec),
    ttlMs: spec.ttlMs ?? null,
    health: healthOf(spec),
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

function restartOf({ restart }: ProcSpec): Restart {
  const full = { ...defaultRestart, ...restart };
  // One who asks for a longer first wait than the usual longest means both.
  if (restart?.backoffMaxMs === undefined)
    return { ...full, backoffMaxMs: Math.max(full.backoffMaxMs, full.backoffMs) };
  if (full.backoffMs <= full.backoffMaxMs) return full;
  throw fault(
    "invalid-request",
    "/restart/backoffMaxMs",
    `Cannot wait at most ${full.backoffMaxMs} ms for a restart: the first wait is ${full.backoffMs} ms already`,
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

/** The image as it is asked for: a digest that is stored here, or a URL that may be fetched. */
function imageOf({ image }: ProcSpec, { images }: Pick<Needs, "images">) {
  if (image == null) return { image: null, imageSha256: null };
  if (typeof image === "string" && image.startsWith(DIGEST_PREFIX)) {
    if (images.find(image) !== null) return { image, imageSha256: image };
    throw fault(
      "unknown-image",
      "/image",
      `Cannot use image "${image}": it is not stored here, send its archive to POST /v1/images first`,
    );
  }
  const { url, sha256 = null } = typeof image === "string" ? { url: image } : image;
  const wrong = images.judgeUrl(url);
  if (wrong !== null) throw fault("bad-image-url", "/image", `Cannot fetch the image: ${wrong}`);
  return { image: url, imageSha256: sha256 === null ? null : withPrefix(sha256) };
}

function withPrefix(sha256: string): string {
  return sha256.startsWith(DIGEST_PREFIX) ? sha256 : `${DIGEST_PREFIX}${sha256}`;
}

function callbackOf(
  callback: Callback | null,
  { judgeCallback }: Pick<Needs, "judgeCallback">,
): Pick<FullSpec, "callbackUrl" | "callbackSecrets"> {
  if (callback === null) return { callbackUrl: null, callbackSecrets: [] };
  const { url, secret = [] } = typeof callback === "string" ? { url: callback } : callback;
  const wrong = judgeCallback(url);
  if (wrong !== null) throw fault("bad-callback", "/callback", wrong);
  return { callbackUrl: url, callbackSecrets: [secret].flat() };
}

function fault(code: SharkuError["code"], pointer: string, detail: string): SharkuError {
  return new SharkuError(code, detail, { faults: [{ pointer, detail }] });
}
