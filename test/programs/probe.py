"""Tells what it can see and do, one fact a line as JSON. It harms nothing, also where nothing confines it.

PROBE_PATHS: paths that it tries to see. PROBE_KINDS: paths of which it tells what they are. PROBE_PEERS: host:port
words that it tries to reach; GATEWAY is its default route. PROBE_ABSTRACT: name of an abstract unix socket that it
tries to reach. PROBE_PID: a process that it tries to signal. PROBE_DEVICES: devices like c:1:3 that it
tries to make and open. PROBE_WALK: directories in which it tries to open everything for writing. All are lists
with "," between.
"""

import json
import os
import resource
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

# What it was packed from may be a directory that others look at.
sys.dont_write_bytecode = True

import probe_files as files  # noqa: E402
import probe_kernel as kernel  # noqa: E402
from probe_kernel import attempt  # noqa: E402

STATUS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Umask")
LIMITS = [name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"]


def tell(fact, find):
    """What it finds; of a kernel so unlike Linux that there is nothing to find, the error instead."""
    try:
        value = find()
    except Exception as error:  # noqa: BLE001
        value = f"{type(error).__name__}: {error}"
    print(json.dumps({"fact": fact, "value": value}), flush=True)


def words(name):
    return [word for word in os.environ.get(name, "").split(",") if word]


def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def status():
    pairs = (line.split(":", 1) for line in text("/proc/self/status").splitlines())
    return {key: value.split() for key, value in pairs if key in STATUS}


def id_map(kind):
    return [[int(word) for word in line.split()] for line in text(f"/proc/self/{kind}_map").splitlines()]


def namespaces():
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")}


def limits():
    return {name: list(resource.getrlimit(getattr(resource, name))) for name in LIMITS}


def oom_score_adj(value):
    """Tries to set its own, and sets it back."""
    path, old = "/proc/self/oom_score_adj", text("/proc/self/oom_score_adj")

    def write(words):
        with open(path, "w") as file:
            file.write(words)

    answer = attempt(lambda: write(str(value)))
    if answer == "ok":
        attempt(lambda: write(old))
    return answer


def cgroup_limits():
    """What its cgroup tells it about its own limits, where it can be read."""
    v1 = {"memory": "memory/memory.limit_in_bytes", "pids": "pids/pids.max"}
    v2 = {"memory": "memory.max", "pids": "pids.max"}
    found = {name: text(f"/sys/fs/cgroup/{v2[name]}") or text(f"/sys/fs/cgroup/{v1[name]}") for name in v2}
    return {name: value.strip() for name, value in found.items()}


def reach(peer):
    host, port = peer.rsplit(":", 1)
    return attempt(lambda: socket.create_connection((host, int(port)), timeout=1).close())


def reach_abstract(name):
    def connect():
        with socket.socket(socket.AF_UNIX) as one:
            one.connect("\0" + name)

    return attempt(connect)


def gateway():
    for line in text("/proc/net/route").splitlines():
        fields = line.split()
        if fields[1] == "00000000":
            return socket.inet_ntoa(int(fields[2], 16).to_bytes(4, "little"))
    return None


def tell_itself():
    tell("environment", lambda: dict(os.environ))
    tell("status", status)
    tell("idMaps", lambda: {"uid": id_map("uid"), "gid": id_map("gid")})
    tell("namespaces", namespaces)
    tell("cgroupPaths", lambda: sorted({line.split(":", 2)[2] for line in text("/proc/self/cgroup").splitlines()}))
    tell("cgroupLimits", cgroup_limits)
    tell("initEnvironment", lambda: sorted(pair.split("=")[0] for pair in text("/proc/1/environ").split("\0") if pair))
    tell("pids", lambda: sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
    tell("fds", lambda: sorted(os.listdir("/proc/self/fd"))[:-1])
    tell("stdin", lambda: attempt(lambda: sys.stdin.read() == "" or os.abort()))
    tell("hostname", socket.gethostname)
    tell("cwd", os.getcwd)
    tell("limits", limits)
    tell("oomScoreAdj", lambda: {"is": int(text("/proc/self/oom_score_adj")), "spared": oom_score_adj(-1), "first": oom_score_adj(1000)})
    tell("sharedMemory", lambda: len(text("/proc/sysvipc/shm").splitlines()) - 1)
    tell("killHost", lambda: attempt(lambda: os.kill(int((words("PROBE_PID") or [2**22])[0]), 0)))


def tell_kernel():
    tell("calls", kernel.calls)
    tell("clones", kernel.clones)
    tell("enters", kernel.enters)
    tell("families", kernel.families)
    tell("rawSocket", kernel.raw_socket)
    tell("personalities", kernel.personalities)
    tell("foreignCalls", kernel.foreign_calls)


def tell_files():
    tell("mounts", files.mounts)
    tell("devices", files.devices)
    tell("executes", files.executes)
    tell("setuid", files.setuid_programs)
    tell("opensDevices", lambda: {device: files.opens_device(device) for device in words("PROBE_DEVICES")})
    tell("chmodNull", lambda: attempt(lambda: os.chmod("/dev/null", 0o666)))
    tell("seen", lambda: {path: files.look(path) for path in words("PROBE_PATHS")})
    tell("kinds", lambda: {path: files.kind(path) for path in words("PROBE_KINDS")})
    tell("writable", lambda: files.try_to_write(words("PROBE_WALK")))


def tell_network():
    tell("abstract", lambda: {name: reach_abstract(name) for name in words("PROBE_ABSTRACT")})
    peers = [peer.replace("GATEWAY", gateway() or "127.0.0.1") for peer in words("PROBE_PEERS")]
    with ThreadPoolExecutor(max_workers=32) as pool:
        tell("reached", lambda: dict(zip(peers, pool.map(reach, peers))))


tell_itself()
tell_kernel()
tell_files()
tell_network()
print("probed", flush=True)
# The last, since there are kernels that obey.
tell("killInit", lambda: "is init" if os.getpid() == 1 else attempt(lambda: os.kill(1, signal.SIGKILL)))
