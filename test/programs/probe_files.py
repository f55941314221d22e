"""What there is of files, and what a program can do with them."""

import os
import re
import shutil
import stat
import subprocess

from probe_kernel import attempt, name_of

SETUID_PROGRAMS = ("chfn", "chsh", "gpasswd", "mount", "newgrp", "passwd", "su", "umount")
FLAGS = ("ro", "nosuid", "nodev", "noexec")


def mounts():
    """Of each mount point what is on top: its type and those flags of it that hold something back."""
    found = {}
    with open("/proc/self/mountinfo") as file:
        for line in file:
            before, after = line.split(" - ")
            _, _, _, _, path, options = before.split()[:6]
            found[path] = " ".join([after.split()[0], *[flag for flag in FLAGS if flag in options.split(",")]])
    return found


def devices():
    """What is in /dev: type, number, mode, and to whom it belongs; where a link leads."""
    return {name: describe(os.path.join("/dev", name)) for name in sorted(os.listdir("/dev"))}


def describe(path):
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        return f"-> {os.readlink(path)}"
    kind = stat.filemode(info.st_mode)[0]
    mode = f"{stat.S_IMODE(info.st_mode):o} {info.st_uid}:{info.st_gid}"
    return f"{kind} {os.major(info.st_rdev)}:{os.minor(info.st_rdev)} {mode}" if kind in "bc" else f"{kind} {mode}"


def executes():
    """Whether a program that it has put there itself runs."""
    return {place: attempt(lambda place=place: run_copy(place)) for place in ("/app", "/tmp", "/dev/shm", "/run", "/dev")}


def run_copy(place):
    path = os.path.join(place, "copy-of-true")
    shutil.copy("/bin/true", path)
    try:
        subprocess.run([path], check=True)
    finally:
        os.unlink(path)


def setuid_programs():
    """As whom programs run that are to run as root. The loader tells, but not where it runs for another."""
    found = {}
    for name in SETUID_PROGRAMS:
        path = shutil.which(name)
        if path is None or not os.stat(path).st_mode & stat.S_ISUID:
            continue
        env = {**os.environ, "LD_SHOW_AUXV": "1"}
        said = subprocess.run([path, "--help"], stdin=subprocess.DEVNULL, capture_output=True, env=env, check=False)
        told = re.search(rb"AT_EUID:\s*(\d+)", said.stdout)
        found[name] = f"as {told[1].decode()}" if told else "as another"
    return found


def opens_device(word):
    """Makes a device of such a type and number in /tmp, like c:1:3, and opens it: how far it came."""
    kind, major, minor = word.split(":")
    path = "/tmp/device"
    mode = 0o600 | (stat.S_IFCHR if kind == "c" else stat.S_IFBLK)
    made = attempt(lambda: os.mknod(path, mode, os.makedev(int(major), int(minor))))
    if made != "ok":
        return f"{made} at mknod"
    opened = attempt(lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK)))
    os.unlink(path)
    return "ok" if opened == "ok" else f"{opened} at open"


def look(path):
    """Its size in bytes or entries."""
    try:
        if os.path.isdir(path):
            return len(os.listdir(path))
        with open(path, "rb") as file:
            return len(file.read(4096))
    except OSError as error:
        return name_of(error.errno)


def kind(path):
    try:
        info = os.lstat(path)
        if stat.S_ISCHR(info.st_mode) and info.st_rdev == os.makedev(1, 3):
            return "null device"
        if stat.S_ISDIR(info.st_mode):
            return "directory" if os.listdir(path) else "empty directory"
        return "file"
    except OSError as error:
        return name_of(error.errno)


def try_to_write(tops):
    """Everything below that can be opened for writing, or in which something can be made, by full path."""
    own = {"/app", "/tmp", "/dev/shm"}
    if "/" in tops:
        # Its processes' own parts of /proc are no files of anybody else's.
        own |= {f"/proc/{name}" for name in os.listdir("/proc") if name.isdigit()} | {"/proc/self", "/proc/thread-self"}
    found = []
    for start in tops:
        for top, dirs, names in os.walk(start):
            dirs[:] = [name for name in dirs if os.path.join(top, name) not in own]
            found += [path for path in (os.path.join(top, name) for name in names) if opens(path)]
            if makes(top):
                found.append(top)
    return sorted(found)


def opens(path):
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return False
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
        return True
    except OSError:
        return False


def makes(top):
    path = os.path.join(top, "made-by-the-probe")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.unlink(path)
        return True
    except OSError:
        return False
