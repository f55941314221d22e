/**
 * The system calls that a proc is refused, and what must be taken away before the kernel even looks at one. All but
 * the ones named here answer EPERM, and reach the kernel as soon as the filter is gone. test/programs/syscalls.json
 * has all names and numbers.
 */

export const REFUSED = "EPERM";

/** What a proc is answered instead. */
export const otherAnswers: Readonly<Record<string, readonly string[]>> = {
  // As by a kernel that lacks it, so that the C library falls back to clone, whose flags a filter can see.
  clone3: ["ENOSYS"],
  // As by a kernel that lacks it, which every program that knows it copes with.
  io_setup: ["ENOSYS"],
  // libseccomp before 2.6 does not know their names, and then they are like any call that is not listed.
  listmount: ["EPERM", "ENOSYS"],
  statmount: ["EPERM", "ENOSYS"],
};

/** Without the filter the kernel refuses these itself, for want of a capability in the proc's user namespace. */
export const needCapability: readonly string[] = [
  ...["fsmount", "fsopen", "fspick", "move_mount", "pivot_root", "reboot", "setdomainname", "sethostname"],
];

/** These it refuses to everybody but root of the host. */
export const needHost: readonly string[] = [
  ...["acct", "delete_module", "fanotify_init", "finit_module", "init_module", "ioperm", "iopl"],
  ...["kexec_file_load", "kexec_load", "lookup_dcookie", "open_by_handle_at", "swapoff", "swapon", "syslog"],
];

/** No kernel has to have these: where one lacks them, there is nothing that a control could reach. */
export const mayLack: readonly string[] = [
  ...["add_key", "bpf", "delete_module", "fanotify_init", "fanotify_mark", "finit_module", "get_mempolicy"],
  ...[
    "init_module",
    "io_setup",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
  ],
  ...["kexec_file_load", "kexec_load", "keyctl", "listmount", "lookup_dcookie", "mbind", "memfd_secret"],
  ...["migrate_pages", "modify_ldt", "move_pages", "perf_event_open", "process_mrelease", "quotactl_fd"],
  ...[
    "request_key",
    "set_mempolicy",
    "set_mempolicy_home_node",
    "statmount",
    "swapoff",
    "swapon",
    "userfaultfd",
  ],
];

/** Refused, but never tried, with the reason why. */
export const untried: Readonly<Record<string, string>> = {
  umount:
    "x86 of 32 bits and old architectures have it under this name; the filter kills those calls altogether",
  vhangup: "it takes no arguments: where it is let through, the terminal is hung up",
};
