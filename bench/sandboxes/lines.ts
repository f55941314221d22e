import type { Facts } from "../../test/host/probe-facts.ts";
import { devices } from "./wishes.ts";

/** The lines of the comparison: each is told by the probe's facts alone, so that nobody's word is taken. */
interface Line {
  readonly title: string;
  readonly tell: (facts: Facts) => string;
}

const REFUSED = ["EPERM", "ENOSYS"];

/** More than any machine has: how cgroup v1 says that there is no limit. */
const NO_LIMIT = 2 ** 62;

export const lines: readonly Line[] = [
  {
    title: "The program is",
    tell: ({ status }) => (status["Uid"]?.[0] === "0" ? "root" : `uid ${status["Uid"]?.[0]}`),
  },
  {
    title: "Root inside is, on the host",
    tell: ({ idMaps }) => (idMaps.uid[0]?.[1] === 0 ? "root" : "nobody else's uid"),
  },
  {
    title: "Capabilities it has, and may have",
    tell: ({ status }) => `${bits(status["CapEff"])}, ${bits(status["CapBnd"])}`,
  },
  {
    title: "May gain privileges by executing",
    tell: ({ status }) => (status["NoNewPrivs"]?.[0] === "1" ? "no" : "yes"),
  },
  { title: "System call filter", tell: ({ status }) => (status["Seccomp"]?.[0] === "2" ? "yes" : "no") },
  { title: "Of the system calls that a proc is refused, refused", tell: refusedCalls },
  { title: "Let through of these", tell: reachedCalls },
  {
    title: "A new user namespace, and a mount namespace in it",
    tell: ({ clones }) => allowed(clones["user and mount"]),
  },
  { title: "Sockets of the virtual machine's host (vsock)", tell: ({ families }) => allowed(families["40"]) },
  {
    title: "Raw and packet sockets",
    tell: ({ rawSocket, families }) => allowed(rawSocket === "ok" ? "ok" : families["17"]),
  },
  {
    title: "System calls of 32-bit programs",
    tell: ({ foreignCalls }) =>
      foreignCalls["int80"] === "SIGSYS" ? "end the caller" : allowed(foreignCalls["int80"]),
  },
  {
    title: "Memory without a random layout (personality)",
    tell: ({ personalities }) => allowed(personalities["no-random"]),
  },
  {
    title: "Root filesystem",
    tell: ({ mounts }) => (/ ro\b/.test(mounts["/"] ?? "") ? "read-only" : "writable"),
  },
  { title: "Can be written outside /app, /tmp, /dev", tell: writable },
  { title: "Of what /proc and /sys tell about the host, hidden", tell: masked },
  {
    title: "Runs programs from /dev/shm",
    tell: ({ executes }) => (executes["/dev/shm"] === "ok" ? "yes" : "no"),
  },
  { title: "Makes device files", tell: ({ opensDevices }) => allowed(opensDevices[devices.harmless]) },
  {
    title: "Opens the kernel's messages, or a disk, by such",
    tell: ({ opensDevices }) =>
      [devices.messages, devices.disk].map((device) => allowed(opensDevices[device])).join(", "),
  },
  { title: "Memory limit", tell: ({ cgroupLimits }) => memoryLimit(cgroupLimits.memory) },
  {
    title: "Limit of processes",
    tell: ({ cgroupLimits }) => (["max", ""].includes(cgroupLimits.pids) ? "none" : cgroupLimits.pids),
  },
  { title: "Limit of open files", tell: ({ limits }) => String(limits["RLIMIT_NOFILE"]?.[1]) },
  {
    title: "Core dumps",
    tell: ({ limits }) => (limits["RLIMIT_CORE"]?.[1] === 1 ? "none" : "as the host says"),
  },
  {
    title: "When memory is short, it is ended",
    tell: ({ oomScoreAdj }) => (oomScoreAdj.is > 0 ? "before the host's own" : "as the host's own"),
  },
  {
    title: "Knows where its cgroup lies on the host",
    tell: ({ cgroupPaths }) => (cgroupPaths.every((path) => path === "/") ? "no" : "yes"),
  },
  {
    title: "Reaches another container by its address",
    tell: ({ reached }) => allowed(Object.values(reached)[0]),
  },
  { title: "Reaches what listens on the host", tell: ({ reached }) => allowed(Object.values(reached)[1]) },
];

function allowed(answer: string | undefined): string {
  return answer === "ok" ? "yes" : "no";
}

function bits(set: readonly string[] | undefined): number {
  return [...BigInt(`0x${set?.[0] ?? "0"}`).toString(2)].filter((bit) => bit === "1").length;
}

function refusedCalls({ calls }: Facts): string {
  const answers = Object.values(calls);
  return `${answers.filter((answer) => REFUSED.includes(answer)).length} of ${answers.length}`;
}

function reachedCalls({ calls }: Facts): string {
  const names = Object.keys(calls).filter((name) => !REFUSED.includes(calls[name] ?? ""));
  return names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(" ");
}

/** Where the null device lies on something, writing to it changes nothing. */
function writable({ writable, kinds }: Facts): string {
  const found = writable.filter((path) => !path.startsWith("/dev") && kinds[path] !== "null device");
  return found.length === 0 ? "nothing" : `${found.length} files and directories`;
}

function masked({ kinds }: Facts): string {
  const there = Object.values(kinds).filter((kind) => kind !== "ENOENT");
  return `${there.filter((kind) => ["null device", "empty directory"].includes(kind)).length} of ${there.length}`;
}

function memoryLimit(words: string): string {
  const bytes = Number(words);
  return words === "" || words === "max" || bytes > NO_LIMIT ? "none" : `${bytes / 2 ** 20} MiB`;
}
