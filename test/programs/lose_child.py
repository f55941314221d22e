"""Loses a child that takes all the memory, says so, and does what it is told then: exit, kill (itself) or wait, which
kills it at SIGUSR1."""

import os
import signal
import sys


def kill_itself(*_):
    os.kill(os.getpid(), signal.SIGKILL)


signal.signal(signal.SIGUSR1, kill_itself)
child = os.fork()
if child == 0:
    held = []
    while True:
        held.append(bytearray(b"x" * 2**20))
print("child ended by", os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)
if sys.argv[1] == "exit":
    sys.exit(1)
if sys.argv[1] == "kill":
    kill_itself()
while True:
    signal.pause()
