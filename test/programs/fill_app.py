"""Fills /app in the way it is told to, and tells how far it came. By the word stay it lives on, by crash it fails."""

import errno
import os
import sys
import time

# Beyond the usual limit of a gibibyte.
MORE_THAN_ANY = 2**30 + 2**28

CHUNK = b"x" * 65536


def write_all(file):
    """Writes until the disk takes no more, in ever smaller pieces; how many bytes it took, and why no more."""
    written, size = 0, len(CHUNK)
    while True:
        try:
            written += os.write(file, CHUNK[:size])
        except OSError as error:
            if size == 1:
                return f"{written} {errno.errorcode[error.errno]}"
            size //= 2
        if written > MORE_THAN_ANY:
            return "no limit"


def flags(*more):
    result = os.O_RDWR | os.O_CREAT
    for flag in more:
        result |= flag
    return result


def in_bytes():
    return write_all(os.open("/app/file", flags()))


def hidden():
    file = os.open("/app/file", flags())
    os.unlink("/app/file")
    return write_all(file)


def nameless():
    return write_all(os.open("/app", os.O_RDWR | os.O_TMPFILE))


def holes():
    file = os.open("/app/file", flags())
    os.ftruncate(file, 2**40)
    count = 0
    while True:
        try:
            os.pwrite(file, b"x", count * 2**20)
        except OSError as error:
            return f"{count} {errno.errorcode[error.errno]}"
        count += 1


def in_files():
    count = 0
    while True:
        try:
            os.close(os.open(f"/app/{count}", flags()))
        except OSError as error:
            return f"{count} {errno.errorcode[error.errno]}"
        count += 1


def own():
    """Takes the image's files for its own, which copies each."""
    count = 0
    for top, _, names in os.walk("/app/many"):
        for name in names:
            try:
                os.chmod(os.path.join(top, name), 0o600)
            except OSError as error:
                return f"{count} {errno.errorcode[error.errno]}"
            count += 1
    return f"{count} all"


def again():
    """Makes room and fills it once more, with a while in between."""
    first = in_bytes()
    time.sleep(6)
    os.truncate("/app/file", 0)
    time.sleep(6)
    return f"{first}, then {in_bytes()}"


ways = [in_bytes, hidden, nameless, holes, in_files, own, again]
print({way.__name__: way for way in ways}[sys.argv[1]](), flush=True)
if "stay" in sys.argv:
    time.sleep(1000)
sys.exit(28 if "crash" in sys.argv else 0)
