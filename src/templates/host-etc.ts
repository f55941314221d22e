import { lstat, readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type Entry, file, link } from "./entries.ts";

/**
 * The /etc of the host template: what names an app's user and resolves names is written by us, what belongs to
 * the software below /usr is copied. Nothing is copied that not everybody on the host may read, nor a private key.
 */

const written: readonly Entry[] = [
  file(
    "passwd",
    "root:x:0:0:root:/root:/usr/sbin/nologin\n" +
      "app:x:1000:1000:app:/app:/bin/sh\n" +
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  ),
  file("group", "root:x:0:\napp:x:1000:\nnogroup:x:65534:\n"),
  file(
    "nsswitch.conf",
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n" +
      "protocols: files\nservices: files\nethers: files\nrpc: files\n",
  ),
  file("host.conf", "multi on\n"),
  file("hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"),
  // Places for what each proc gets of its own.
  file("resolv.conf", ""),
  file("hostname", ""),
  file("shells", "/bin/sh\n"),
  link("mtab", "/proc/self/mounts"),
];

/** Files and directories that are copied where the host has them. */
const copied: readonly string[] = [
  "alternatives",
  "ca-certificates",
  "crypto-policies",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "mime.types",
  "os-release",
  "pki/ca-trust/extracted",
  "pki/tls/cert.pem",
  "pki/tls/certs",
  "protocols",
  "services",
  "ssl/cert.pem",
  "ssl/certs",
  "ssl/openssl.cnf",
  "timezone",
];

/** Runtimes that keep a part of themselves in /etc, and would not start, or do less, without it. */
const runtimePattern = /^(java-\d+-openjdk|perl|python3(\.\d+)?|R)$/;

const FILE_BYTES_MAX = 4 * 1024 * 1024;
/** Bounds the copying as a whole: what is beyond is left out. */
const ENTRIES_MAX = 10_000;

export async function hostEtc(hostRoot: string): Promise<Entry[]> {
  const etc = join(hostRoot, "etc");
  const names = await readdir(etc);
  const paths = [...copied, ...names.filter((name) => runtimePattern.test(name))];
  const copy = new EtcCopy(hostRoot, paths);
  for (const path of paths) await copy.add(path);
  return [...written, ...copy.entries];
}

class EtcCopy {
  readonly entries: Entry[] = [];
  readonly #hostRoot: string;
  readonly #paths: readonly string[];

  constructor(hostRoot: string, paths: readonly string[]) {
    this.#hostRoot = hostRoot;
    this.#paths = paths;
  }

  async add(path: string): Promise<void> {
    const from = join(this.#hostRoot, "etc", path);
    const stats = await lstat(from).catch(() => null);
    if (stats === null || this.entries.length >= ENTRIES_MAX) return;
    if (stats.isSymbolicLink()) await this.#addLink(path);
    else if (stats.isDirectory())
      for (const name of (await readdir(from)).sort()) await this.add(`${path}/${name}`);
    else if (stats.isFile()) await this.#addFile(path, from);
  }

  /** A link into what the template has as well stays one; of another, the file is taken. */
  async #addLink(path: string): Promise<void> {
    const target = await readlink(join(this.#hostRoot, "etc", path));
    const absolute = resolve("/etc", dirname(path), target);
    if (this.#isThere(absolute)) {
      this.entries.push(link(path, target));
      return;
    }
    const real = await realpath(join(this.#hostRoot, absolute)).catch(() => null);
    if (real !== null && !path.startsWith("alternatives/")) await this.#addFile(path, real);
  }

  #isThere(absolute: string): boolean {
    if (absolute.startsWith("/usr/")) return true;
    const inEtc = relative("/etc", absolute);
    return this.#paths.some((path) => inEtc === path || inEtc.startsWith(`${path}/`));
  }

  async #addFile(path: string, from: string): Promise<void> {
    const stats = await stat(from).catch(() => null);
    if (!stats?.isFile() || stats.size > FILE_BYTES_MAX || !(await this.#isOpenToAll(from))) return;
    const content = await readFile(from);
    if (!content.includes("PRIVATE KEY-----")) this.entries.push(file(path, content));
  }

  /** Whether everybody on the host may read a file, by its own mode and by those of the directories above it. */
  async #isOpenToAll(path: string): Promise<boolean> {
    if (((await stat(path)).mode & 0o004) === 0) return false;
    for (let above = dirname(path); above !== this.#hostRoot && above !== "/"; above = dirname(above))
      if (((await stat(above)).mode & 0o001) === 0) return false;
    return true;
  }
}
