/**
 * The system calls, by what they are for. The lists are ours: every call that ordinary programs, language
 * runtimes and databases make, less what reaches beyond the program itself. `clone`, `socket` and `personality`
 * are in neither list: seccomp.ts allows them by their arguments. Nor are io_setup and its kin, so that they
 * answer as by a kernel without them: their requests are counted for the whole host (fs.aio-max-nr, 65536), and one
 * proc could have them all. A name that a kernel or libseccomp does not know is skipped there.
 */
/** Calls that any program may make. */
export const allowedSyscalls: readonly string[] = [
  // files and directories
  ...words("access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat"),
  ...words("faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync"),
  ...words(
    "fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd",
  ),
  ...words("getdents getdents64 getxattr ioctl lchown lgetxattr link linkat listxattr llistxattr"),
  ...words("lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2"),
  ...words("pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv"),
  ...words("removexattr rename renameat renameat2 rmdir sendfile setxattr splice stat statfs statx symlink"),
  ...words("symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes"),
  ...words("vmsplice write writev"),
  // memory
  ...words(
    "brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect",
  ),
  ...words("mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect"),
  // processes, threads and their ids
  ...words("arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area"),
  ...words("getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid"),
  ...words("getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill landlock_add_rule"),
  ...words(
    "landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal prctl prlimit64 rseq",
  ),
  ...words("seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups"),
  ...words(
    "setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sysinfo tgkill",
  ),
  ...words("times tkill uname vfork wait4 waitid"),
  // scheduling
  ...words("sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam"),
  ...words("sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam"),
  ...words("sched_setscheduler sched_yield"),
  // signals and time
  ...words("alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep pause"),
  ...words("restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn"),
  ...words("rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4 time"),
  ...words("timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create"),
  ...words("timerfd_gettime timerfd_settime"),
  // waiting and notifying
  ...words("epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 futex"),
  ...words("futex_requeue futex_wait futex_waitv futex_wake inotify_add_watch inotify_init inotify_init1"),
  ...words("inotify_rm_watch pipe pipe2 poll ppoll pselect6 select"),
  // sockets
  ...words("accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg"),
  ...words("sendmmsg sendmsg sendto setsockopt shutdown socketpair"),
  // System V and POSIX IPC
  ...words("mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv"),
  ...words("msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget"),
  // random numbers and caches
  ...words("cachestat getrandom"),
];

/** Calls that answer EPERM: what a confined program must not reach, said so that it can tell. */
export const refusedSyscalls: readonly string[] = [
  // mounts and roots
  ...words("chroot fsconfig fsmount fsopen fspick listmount mount mount_setattr move_mount open_tree"),
  ...words("pivot_root statmount umount umount2"),
  // namespaces
  ...words("setns unshare"),
  // keys
  ...words("add_key keyctl request_key"),
  // other processes
  ...words("kcmp pidfd_getfd process_madvise process_mrelease process_vm_readv process_vm_writev ptrace"),
  // wide parts of the kernel
  ...words("bpf fanotify_init fanotify_mark io_uring_enter io_uring_register io_uring_setup lookup_dcookie"),
  ...words(
    "memfd_secret modify_ldt name_to_handle_at open_by_handle_at perf_event_open quotactl quotactl_fd",
  ),
  ...words("syslog userfaultfd vhangup"),
  // the host
  ...words("acct adjtimex clock_adjtime clock_settime delete_module finit_module init_module ioperm iopl"),
  ...words("kexec_file_load kexec_load reboot setdomainname sethostname settimeofday swapoff swapon"),
  // memory placement
  ...words("get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"),
];

function words(line: string): string[] {
  return line.split(" ");
}
