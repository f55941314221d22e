"""Uses up what it is told to, as far as it is let, and tells how far it came: memory, pids, tmp or files."""

import errno
import os
import sys
import time


def memory():
    held = []
    while True:
        held.append(bytearray(b"x" * 2**20))
        if len(held) > 4096:
            return "no limit"


def pids():
    children = 0
    while children < 4096:
        try:
            child = os.fork()
        except OSError as error:
            return f"{children} {errno.errorcode[error.errno]}"
        if child == 0:
            time.sleep(1000)
        children += 1
    return "no limit"


def tmp():
    written = 0
    with open("/tmp/file", "wb", buffering=0) as file:
        while written < 2**30:
            try:
                written += file.write(b"x" * 65536)
            except OSError as error:
                return f"{written} {errno.errorcode[error.errno]}"
    return "no limit"


def files():
    held = []
    while len(held) < 2**20:
        try:
            held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            return f"{len(held)} {errno.errorcode[error.errno]}"
    return "no limit"


print({"memory": memory, "pids": pids, "tmp": tmp, "files": files}[sys.argv[1]](), flush=True)
os._exit(0)
