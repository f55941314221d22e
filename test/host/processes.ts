import { readdir, readFile } from "node:fs/promises";

/** The processes of this host, as /proc tells. One that ends while it is looked at counts as gone. */

export async function allPids(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The processes of a proc, its init among them, by what each has in its environment from its first moment. */
export async function pidsOfProc(procId: string): Promise<number[]> {
  return await pidsWhere(async (pid) =>
    (await readProc(pid, "environ")).split("\0").includes(`SHARKU_PROC=${procId}`),
  );
}

export async function pidsWhere(isOne: (pid: number) => Promise<boolean>): Promise<number[]> {
  const pids = await allPids();
  const verdicts = await Promise.all(pids.map(isOne));
  return pids.filter((_, index) => verdicts[index]).sort((a, b) => a - b);
}

export async function readProc(pid: number, name: string): Promise<string> {
  return await readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
}

/** False where there is no such process. Signal 0 only asks. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
