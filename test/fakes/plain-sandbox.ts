import { spawn } from "node:child_process";
import { pipeline } from "node:stream/promises";
import type { UnpackJob, UnpackResult, UnpackSandbox } from "../../src/images/needs.ts";
import { BoundedLines } from "../../src/lib/bounded-lines.ts";

/**
 * Runs the command as a plain child, in place of a container: the target is its working directory, and where the
 * tests run as root, it is the user whom the files are to belong to, without a right of root's.
 */
export const plainSandbox: UnpackSandbox = {
  unpack(job: UnpackJob): Promise<UnpackResult> {
    const [program = "", ...rest] = job.argv.map((word) => (word === "/app" ? "." : word));
    const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
    return new Promise((resolve, reject) => {
      const child = spawn(program, rest, { cwd: job.targetDir, detached: true, ...user });
      const kill = () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL");
      job.signal.addEventListener("abort", kill, { once: true });
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => {
        stderr += chunk;
      });
      child.stdout.on("data", new BoundedLines(16_384, job.onLine).add);
      // As the real one does: a command that stops reading early destroys the input, with the error of the pipe.
      const fed = pipeline(job.input, child.stdin).catch(() => undefined);
      child.on("error", reject);
      child.on("close", (code) => {
        job.signal.removeEventListener("abort", kill);
        void fed.then(() => resolve({ code, stderr, cleared: Promise.resolve() }));
      });
    });
  },
};
