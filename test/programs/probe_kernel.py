"""What the kernel answers a program that asks for more than it should have."""

import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import socket

MACHINE = platform.machine()

# What nearly every call is given: nothing that any kernel takes. Where it is let through, the kernel finds fault
# with the arguments; where it is not, the answer is EPERM or ENOSYS.
NONSENSE = [-1] * 6
# Calls that nonsense does not tell apart from a kernel that lacks them: what they are given instead.
SENSE = {"modify_ldt": [0, 0, 0, 0, 0, 0]}
# Takes no arguments: where it is let through, it would hang up the terminal.
NEVER_TRIED = ("vhangup",)

CLONE = {"x86_64": 56, "aarch64": 220}.get(MACHINE)
PERSONALITY = {"x86_64": 135, "aarch64": 92}.get(MACHINE)
NEW_NAMESPACES = {
    "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
    "pid": 0x20000000, "network": 0x40000000,
}
# Linux, without a random layout, with everything that can be read executable, as Linux of 32 bits, as SVR4.
PERSONALITIES = {"linux": 0, "no-random": 0x40000, "read-implies-exec": 0x400000, "linux32": 8, "svr4": 1 | 0x4000000}
FAMILIES_MAX = 46

libc = ctypes.CDLL(None, use_errno=True)


def name_of(number):
    return errno.errorcode.get(number, str(number))


def attempt(act):
    try:
        act()
        return "ok"
    except OSError as error:
        return name_of(error.errno) if error.errno else type(error).__name__


def call(number, arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(one) for one in arguments])
    return "ok" if result >= 0 else name_of(ctypes.get_errno())


def calls():
    with open(os.path.join(os.path.dirname(__file__), "syscalls.json")) as file:
        numbers = json.load(file).get(MACHINE, {})
    return {
        name: call(number, SENSE.get(name, NONSENSE)) for name, number in numbers.items() if name not in NEVER_TRIED
    }


def in_child(act):
    """What became of a child that does it: ok, an error's name, or the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(act())
        except OSError as error:
            os._exit(error.errno)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return name_of(os.WEXITSTATUS(status)) if os.WEXITSTATUS(status) else "ok"


def clones():
    """A child in a new namespace of each kind, and one in a user and a mount namespace at once."""
    flags = {**NEW_NAMESPACES, "user and mount": NEW_NAMESPACES["user"] | NEW_NAMESPACES["mount"]}
    return {name: clone_into(flag) for name, flag in flags.items()}


def clone_into(flag):
    ctypes.set_errno(0)
    child = libc.syscall(ctypes.c_long(CLONE), ctypes.c_long(flag | signal.SIGCHLD), *[ctypes.c_long(0)] * 4)
    if child == 0:
        os._exit(0)
    if child < 0:
        return name_of(ctypes.get_errno())
    os.waitpid(child, 0)
    return "ok"


def enters():
    """Leaves its namespaces for new ones by unshare, and enters those of its init by setns."""
    done = {f"unshare {name}": in_child(lambda flag=flag: failed(libc.unshare(flag))) for name, flag in NEW_NAMESPACES.items()}
    for name in ("uts", "user", "mnt"):
        done[f"setns {name}"] = in_child(lambda name=name: enter(f"/proc/self/ns/{name}"))
    return done


def enter(path):
    handle = os.open(path, os.O_RDONLY)
    return failed(libc.setns(handle, 0))


def failed(result):
    return ctypes.get_errno() if result < 0 else 0


def families():
    """The socket families that answer otherwise than as by a kernel without them, and how."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)
    found = {}
    for family in range(1, FAMILIES_MAX):
        answers = [attempt(lambda kind=kind: socket.socket(family, kind).close()) for kind in kinds]
        known = [answer for answer in answers if answer not in ("EAFNOSUPPORT", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT")]
        if known or "ESOCKTNOSUPPORT" in answers:
            found[str(family)] = "ok" if "ok" in known else "refused"
    return found


def raw_socket():
    return attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())


def personalities():
    def take(value):
        ctypes.set_errno(0)
        return failed(libc.syscall(ctypes.c_long(PERSONALITY), ctypes.c_long(value)))

    return {name: in_child(lambda value=value: take(value)) for name, value in PERSONALITIES.items()}


def foreign_calls():
    """getpid by the doors of other architectures that this kernel may keep open."""
    if MACHINE != "x86_64":
        return {}
    codes = {"int80": b"\xb8\x14\x00\x00\x00\xcd\x80\xc3", "x32": b"\xb8\x27\x00\x00\x40\x0f\x05\xc3"}
    return {name: in_child(lambda code=code: execute(code)) for name, code in codes.items()}


def execute(code):
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    return 0 if result > 0 else -result
