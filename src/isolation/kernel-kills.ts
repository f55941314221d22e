import { constants } from "node:fs";
import { open, readlink } from "node:fs/promises";

/** The kernel's log tells pids of this namespace, the first one; its inode is fixed. */
const FIRST_PID_NAMESPACE = "pid:[4026531836]";

/** Character device 1:11. In a container something else may lie in its place, and would tell of no kill. */
const KMSG_RDEV = (1 << 8) | 11;

/** A record is never longer. */
const RECORD_BYTES_MAX = 8 * 1024;

/** More than the kernel's log holds, so that one that is written to meanwhile cannot keep us. */
const RECORDS_MAX = 200_000;

/** The processes that the kernel says it has killed for want of memory; null where its log cannot be read. */
export async function killedForMemory(): Promise<ReadonlySet<number> | null> {
  const namespace = await readlink("/proc/self/ns/pid").catch(() => null);
  if (namespace !== FIRST_PID_NAMESPACE) return null;
  const log = await open("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (log === null) return null;
  const pids = new Set<number>();
  const buffer = Buffer.alloc(RECORD_BYTES_MAX);
  try {
    const { rdev } = await log.stat();
    if (rdev !== KMSG_RDEV) return null;
    // Each read gives one record, the oldest first.
    for (let records = 0; records < RECORDS_MAX; records += 1) {
      const length = await log.read(buffer, 0, RECORD_BYTES_MAX, null).then(
        ({ bytesRead }) => bytesRead,
        (error: NodeJS.ErrnoException) => error.code ?? "unknown",
      );
      // What was to come next is overwritten: the read after it begins with the oldest there is.
      if (length === "EPIPE") continue;
      if (length === "EAGAIN") return pids;
      if (typeof length === "string") return null;
      const pid = victimOf(buffer.toString("latin1", 0, length));
      if (pid !== null) pids.add(pid);
    }
    return pids;
  } finally {
    await log.close();
  }
}

/**
 * Which process a record says was killed. By its message only: what apps say themselves, where they may write there at
 * all, is not of the kernel's facility 0.
 */
export function victimOf(record: string): number | null {
  const [, priority, message = ""] = /^(\d+),[^;]*;([^\n]*)/.exec(record) ?? [];
  if (priority === undefined || Number(priority) >> 3 !== 0) return null;
  const pid = /^(?:Memory cgroup out of memory|Out of memory[^:]*): Kill(?:ed)? process (\d+) /.exec(
    message,
  )?.[1];
  return pid === undefined ? null : Number(pid);
}
