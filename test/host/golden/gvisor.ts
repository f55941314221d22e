/**
 * What a proc finds where runsc runs it. The kernel that answers is gVisor's, a program of the proc's own on the
 * host; where it is more generous than ours, it gives of its own and not of the host's.
 */

import { limits as linuxLimits } from "./sandbox.ts";

const ordinary = Array(4).fill("1000");
const none = ["0000000000000000"];

/** It tells of no ambient set, no_new_privs and umask, and its filter is not the app's. */
export const status = {
  Uid: ordinary,
  Gid: ordinary,
  Groups: [],
  ...{ CapInh: none, CapPrm: none, CapEff: none, CapBnd: none },
  Seccomp: ["0"],
};

export const limits = linuxLimits;

/** Of the calls that a proc is refused elsewhere, those that gVisor has; each acts on its own kernel only. */
export const offered = [
  ...["get_mempolicy", "io_setup", "io_uring_enter", "io_uring_setup", "mbind", "ptrace", "set_mempolicy"],
  "unshare",
];

/** How it refuses the others: it knows them, has nothing of the kind, or has not been told of them. */
export const refusals = ["EPERM", "EACCES", "ENOSYS", "ENODEV", "ENOTSUP"];

/** The first four are as elsewhere; packet sockets are known, and refused. Above all there is no vsock. */
export const families = { "1": "ok", "2": "ok", "10": "ok", "16": "ok", "17": "refused" };

/** In its own /dev; those of fuse and of tunnels are its own too. */
export const writable = [
  ...["full", "fuse", "net/tun", "null", "pts/ptmx", "random", "urandom", "zero"].map(
    (name) => `/dev/${name}`,
  ),
];

/** What is mounted, with the flags that it tells; it knows no nosuid. */
export const mounts = {
  "/": "ro",
  "/app": "",
  "/dev": "noexec",
  "/dev/pts": "noexec",
  "/dev/shm": "noexec",
  "/etc": "ro",
  "/etc/hosts": "ro",
  "/etc/resolv.conf": "ro",
  "/proc": "noexec",
  "/run": "noexec",
  "/run/init": "ro",
  "/sys": "ro noexec",
  "/tmp": "",
  "/usr": "ro",
};
