import type { Proc } from "../contract/proc.ts";
import { finalStates } from "../contract/states.ts";
import { healthView } from "./health-view.ts";
import type { Images, Needs } from "./needs.ts";
import type { ProcRecord } from "./record.ts";

/** The proc as its callers see it. Config values stay out: names only. */
export function viewOf(
  record: ProcRecord,
  { images, network, hypervisor }: Pick<Needs, "images" | "network" | "hypervisor">,
): Proc {
  const { id, spec, state, port } = record;
  return {
    id,
    app: spec.app,
    name: spec.name,
    state,
    ...healthView(record),
    // The exit is on record a little before the state says so; the two are told together.
    exit: finalStates.includes(state) ? record.exit : null,
    image: imageView(record, images),
    progress: progressView(record, images),
    template: spec.template,
    command: record.program?.command ?? spec.command,
    process: spec.process,
    configNames: Object.keys(spec.config).sort(),
    port,
    ports: {},
    address: port === null || finalStates.includes(state) ? null : network.addressOf(port),
    network: spec.network,
    limits: spec.limits,
    stop: spec.stop,
    restart: spec.restart,
    restarts: record.restarts,
    nextRestartAt: record.nextRestartAt,
    lastExit: record.lastExit,
    ttlMs: spec.ttlMs,
    expiresAt: expiryOf(record),
    health: spec.health,
    runtime: spec.runtime,
    labels: spec.labels,
    hypervisor,
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    exitedAt: record.exitedAt,
    timings: record.timings,
    links: {
      self: `/v1/procs/${id}`,
      logs: `/v1/procs/${id}/logs`,
      events: `/v1/procs/${id}/events`,
      health: `/v1/procs/${id}/health`,
      stats: `/v1/procs/${id}/stats`,
    },
  };
}

/** When its time is over; null where it has no end. */
export function expiryOf({ spec, createdAt }: Pick<ProcRecord, "spec" | "createdAt">): string | null {
  return spec.ttlMs === null ? null : new Date(Date.parse(createdAt) + spec.ttlMs).toISOString();
}

function imageView({ spec, program }: ProcRecord, images: Pick<Images, "find">): Proc["image"] {
  if (spec.image === null) return null;
  const digest = program?.digest ?? null;
  const bytes = digest === null ? null : (images.find(digest)?.bytes ?? null);
  return { ref: withoutQuery(spec.image), digest, bytes };
}

/** Only while its image is on the way. */
function progressView(
  { spec, state, program }: ProcRecord,
  images: Pick<Images, "progressOf">,
): Proc["progress"] {
  if (state !== "boot" || program !== null || spec.image === null) return null;
  return images.progressOf({ url: spec.image, sha256: spec.imageSha256 });
}

/** The query of a URL may be a secret, and so may its fragment. */
function withoutQuery(ref: string): string {
  const [address = ""] = ref.split("#");
  const [plain = "", query] = address.split("?");
  return query === undefined ? address : `${plain}?…`;
}
