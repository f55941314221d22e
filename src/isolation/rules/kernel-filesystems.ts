import { type Rule, withMounts } from "../bundle.ts";
import type { OciMount } from "../oci.ts";

/**
 * The filesystems that a program expects of a Linux system. Each is bounded in bytes and in files; what apps
 * write to them counts against their memory.
 */
export const kernelFilesystemsRule: Rule = (config, { limits }) =>
  withMounts(config, [
    mount("/proc", "proc", ["nosuid", "noexec", "nodev"]),
    mount("/dev", "tmpfs", ["nosuid", "noexec", "strictatime", "mode=755", "size=65536", "nr_inodes=256"]),
    // Without gid=5: that group is not mapped, and the mount would be refused.
    // With a maximum: terminals are counted for the whole host, and one proc could have them all.
    mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "max=64"]),
    mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864", "nr_inodes=4096"]),
    mount("/sys", "sysfs", ["ro", "nosuid", "noexec", "nodev"]),
    // rro: on cgroup v1 this is a tmpfs with a mount for each hierarchy below it, and crun's ro reaches only the first.
    mount("/sys/fs/cgroup", "cgroup", ["ro", "rro", "nosuid", "noexec", "nodev", "relatime"]),
    mount("/tmp", "tmpfs", ["nosuid", "nodev", "mode=1777", `size=${limits.tmpBytes}`, "nr_inodes=10240"]),
    mount("/run", "tmpfs", ["nosuid", "noexec", "nodev", "mode=755", "size=1048576", "nr_inodes=256"]),
  ]);

function mount(destination: string, type: string, options: readonly string[]): OciMount {
  return { destination, type, source: type, options };
}
