"""Tells what it can see and do, one fact a line as JSON. It harms nothing, also where nothing confines it.

PROBE_PATHS: paths, with ":" between, that it tries to see. PROBE_PEERS: host:port words that it tries to reach.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

# What every system call here is given: nothing that any kernel takes. Where it is let through, the kernel finds
# fault with the arguments; where it is not, the answer is EPERM or ENOSYS.
NONSENSE = [ctypes.c_long(-1)] * 6
BOTH = {
    "clone3": 435, "fsopen": 430, "io_uring_setup": 425, "mount_setattr": 442, "move_mount": 429,
    "open_tree": 428, "pidfd_getfd": 438, "process_madvise": 440,
}
CALLS = {
    "x86_64": {
        **BOTH, "add_key": 248, "bpf": 321, "chroot": 161, "fanotify_init": 300, "init_module": 175, "kcmp": 312,
        "kexec_load": 246, "keyctl": 250, "mount": 165, "move_pages": 279, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "perf_event_open": 298, "pivot_root": 155, "process_vm_readv": 310,
        "ptrace": 101, "quotactl": 179, "request_key": 249, "set_mempolicy": 238, "setns": 308, "swapon": 167,
        "syslog": 103, "umount2": 166, "unshare": 272, "userfaultfd": 323,
    },
    "aarch64": {
        **BOTH, "add_key": 217, "bpf": 280, "chroot": 51, "fanotify_init": 262, "init_module": 105, "kcmp": 272,
        "kexec_load": 104, "keyctl": 219, "mount": 40, "move_pages": 239, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "perf_event_open": 241, "pivot_root": 41, "process_vm_readv": 270,
        "ptrace": 117, "quotactl": 60, "request_key": 218, "set_mempolicy": 237, "setns": 268, "swapon": 224,
        "syslog": 116, "umount2": 39, "unshare": 97, "userfaultfd": 282,
    },
}[platform.machine()]
CLONE = {"x86_64": 56, "aarch64": 220}[platform.machine()]
NEW_NAMESPACES = {"user": 0x10000000, "mount": 0x20000, "network": 0x40000000}
SIGCHLD = 17

libc = ctypes.CDLL(None, use_errno=True)


def tell(fact, value):
    print(json.dumps({"fact": fact, "value": value}), flush=True)


def name_of(number):
    return errno.errorcode.get(number, str(number))


def attempt(act):
    try:
        act()
        return "ok"
    except OSError as error:
        return name_of(error.errno) if error.errno else type(error).__name__


def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    return "ok" if result >= 0 else name_of(ctypes.get_errno())


def clone_into(flag):
    ctypes.set_errno(0)
    child = libc.syscall(ctypes.c_long(CLONE), ctypes.c_long(flag | SIGCHLD), *[ctypes.c_long(0)] * 4)
    if child == 0:
        os._exit(0)
    if child < 0:
        return name_of(ctypes.get_errno())
    os.waitpid(child, 0)
    return "ok"


def status():
    with open("/proc/self/status") as file:
        pairs = (line.split(":", 1) for line in file)
        return {key: value.split() for key, value in pairs}


def writable_paths():
    """Everything that could be written, outside what is the app's own and the process's own part of /proc."""
    own = ("/app", "/tmp", "/dev/shm", "/proc")
    found = []
    for top, dirs, files in os.walk("/"):
        dirs[:] = [name for name in dirs if os.path.join(top, name) not in own]
        paths = [top] + [os.path.join(top, name) for name in files]
        found += [path for path in paths if not os.path.islink(path) and os.access(path, os.W_OK)]
    for top, _, files in os.walk("/proc/sys"):
        found += [path for path in (os.path.join(top, name) for name in files) if os.access(path, os.W_OK)]
    return sorted(found)


def look(path):
    try:
        if os.path.isdir(path):
            return len(os.listdir(path))
        with open(path, "rb") as file:
            return len(file.read(4096))
    except OSError as error:
        return name_of(error.errno)


def reach(peer):
    host, port = peer.rsplit(":", 1)
    return attempt(lambda: socket.create_connection((host, int(port)), timeout=1).close())


def gateway():
    with open("/proc/net/route") as file:
        for line in file:
            words = line.split()
            if words[1] == "00000000":
                return socket.inet_ntoa(int(words[2], 16).to_bytes(4, "little"))
    return None


def words(name):
    return [word for word in os.environ.get(name, "").split(",") if word]


tell("environment", dict(os.environ))
tell("status", {key: value for key, value in status().items() if key[:3] in ("Uid", "Gid", "Cap", "NoN", "Sec", "Gro")})
tell("pids", sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
tell("fds", sorted(os.listdir("/proc/self/fd"))[:-1])
tell("stdin", attempt(lambda: sys.stdin.read() == "" or os.abort()))
tell("hostname", socket.gethostname())
tell("cwd", os.getcwd())
tell("devices", sorted(os.listdir("/dev")))
tell("limits", {name: resource.getrlimit(getattr(resource, name))[1] for name in ("RLIMIT_NOFILE", "RLIMIT_CORE")})
tell("calls", {name: call(number, *NONSENSE) for name, number in CALLS.items()})
tell("clones", {name: clone_into(flag) for name, flag in NEW_NAMESPACES.items()})
families = {"vsock": 40, "packet": 17, "alg": 38, "xdp": 44, "bluetooth": 31}
tell("sockets", {name: attempt(lambda: socket.socket(family, socket.SOCK_DGRAM).close()) for name, family in families.items()})
tell("rawSocket", attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()))
tell("chmodNull", attempt(lambda: os.chmod("/dev/null", 0o666)))
tell("killHost", attempt(lambda: os.kill(int(os.environ.get("PROBE_PID", "0")) or 2**22, 0)))
tell("seen", {path: look(path) for path in words("PROBE_PATHS")})
peers = [peer.replace("GATEWAY", gateway() or "127.0.0.1") for peer in words("PROBE_PEERS")]
with ThreadPoolExecutor(max_workers=32) as pool:
    tell("reached", dict(zip(peers, pool.map(reach, peers))))
if "PROBE_WALK" in os.environ:
    tell("writable", writable_paths())
print("probed", flush=True)
