import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";

/**
 * Runs in the namespaces of `unshare`: an empty /run, so that a daemon in use is neither found nor disturbed; what
 * is written to /etc and /var/lib (Docker's key, Podman's cache) goes to memory; an init reaps what the peer's
 * helpers leave.
 */
const SCRIPT = `
set -e
mount -t tmpfs -o mode=755 tmpfs /run
for dir in /etc /var/lib; do
  mkdir -p /run/veil$dir/upper /run/veil$dir/work
  mount -t overlay -o lowerdir=$dir,upperdir=/run/veil$dir/upper,workdir=/run/veil$dir/work overlay $dir
done
ip link set lo up
exec catatonit -- "$@"`;

export interface Apart extends AsyncDisposable {
  isAlive(): boolean;
  readonly logFile: string;
}

/**
 * Starts a peer's daemon in network, mount and pid namespaces of its own. Its bridges, firewall rules (Docker
 * sets the host's forward chain to drop), mounts and helpers vanish with it, however it ends; a start does in
 * there what it does outside.
 */
export async function startApart(
  argv: readonly string[],
  { dir, env = {} }: { readonly dir: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Apart> {
  const logFile = join(dir, "log");
  const log = await open(logFile, "w", 0o600);
  const unshare = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = spawn("unshare", [...unshare, "sh", "-c", SCRIPT, "sh", ...argv], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    // Podman leaves copies of what it imports in the directory for temporary files.
    env: { ...process.env, TMPDIR: dir, ...env },
  });
  await Promise.all([once(child, "spawn"), log.close()]);
  return {
    logFile,
    isAlive: () => isAlive(child),
    [Symbol.asyncDispose]: async () => {
      if (!isAlive(child)) return;
      const ended = once(child, "exit");
      // unshare lets no milder signal through to what it started; its own end takes the first process of the
      // namespace along, and that one all others.
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
