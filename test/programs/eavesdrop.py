"""Holds a lock on a file of the template for a while, and tells whether somebody else opens another one meanwhile."""

import ctypes
import fcntl
import select
import sys
import time

IN_OPEN = 0x20
SECONDS = 1

locked, watched = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
notices = libc.inotify_init()
if libc.inotify_add_watch(notices, watched.encode(), IN_OPEN) < 0:
    raise OSError(ctypes.get_errno(), "inotify_add_watch")
with open(locked) as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    heard, _, _ = select.select([notices], [], [], SECONDS)
    # Whoever wants the lock too has its time, also where something was heard at once.
    time.sleep(SECONDS)
    print("heard it" if heard else "heard nothing", flush=True)
