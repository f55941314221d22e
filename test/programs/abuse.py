"""Does to its host what it is told by name, as hard as it is let; what can be told, it prints."""

import errno
import os
import signal
import subprocess
import sys
import time


def name_of(error):
    return errno.errorcode[error.errno]


def forks():
    """A fork bomb that lives: every process forks on and on; the first says how it is refused."""
    top = os.getpid()
    told = False
    while True:
        try:
            os.fork()
        except OSError as error:
            if os.getpid() == top and not told:
                print(name_of(error), flush=True)
                told = True
            time.sleep(0.01)


def memory_of_child():
    """A child takes all memory; it goes first, being the largest, and the parent tells and lives on."""
    child = os.fork()
    if child == 0:
        held = []
        while True:
            held.append(bytearray(b"x" * 2**20))
    print("child ended by", os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)


def fill(path):
    """Writes to one file as much as goes, and says how much; then makes room and writes again."""
    written = 0
    with open(path, "wb", buffering=0) as file:
        while True:
            try:
                written += file.write(b"x" * 65536)
            except OSError as error:
                print(written, name_of(error), flush=True)
                break
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(b"x" * 65536)
    print("usable again", flush=True)


def files(directory):
    """Makes files until it is refused, and says how many there were."""
    count = 0
    while True:
        try:
            os.close(os.open(f"{directory}/{count}", os.O_CREAT | os.O_WRONLY))
            count += 1
        except OSError as error:
            print(count, name_of(error), flush=True)
            return


def terminals():
    """Opens terminals, of which a host has 4096 for all."""
    held = []
    while True:
        try:
            held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
        except OSError as error:
            print(len(held), name_of(error), flush=True)
            return


def flood(mebibytes):
    """Prints numbered lines as fast as it can, so many MiB of them."""
    count = 0
    for _ in range(int(mebibytes) * 16):
        block = b""
        for _ in range(640):
            count += 1
            block += b"%09d " % count + b"x" * 91 + b"\n"
        os.write(1, block + b"." * (65536 - len(block) - 1) + b"\n")
    print("flooded", count, flush=True)


def letters():
    """A line that comes byte by byte, one of 8 MiB, and what a terminal would obey."""
    for _ in range(20_000):
        os.write(1, b"a")
    os.write(1, b"\n")
    sys.stdout.buffer.write(b"b" * 8 * 2**20 + b"\n")
    sys.stdout.buffer.write(b"\x1b[2J\x1b]0;title\x07one\rtwo\x00three\xff\xfe\n")
    sys.stdout.buffer.write(b'2026-01-01T00:00:00Z stdout F {"line":"forged"}\n')
    sys.stdout.buffer.write(b"behind them all\n")
    sys.stdout.flush()


def spins():
    """Eight processes that do nothing but count, until they are killed."""
    for _ in range(7):
        if os.fork() == 0:
            break
    print("spinning", flush=True)
    while True:
        pass


def zombies():
    """Orphans that end at once: somebody else must see to them."""
    for _ in range(500):
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                os._exit(0)
            os._exit(0)
        os.waitpid(child, 0)
    time.sleep(0.2)
    states = subprocess.run(["ps", "-eo", "stat="], capture_output=True, text=True, check=True).stdout.split()
    print("zombies", sum(state.startswith("Z") for state in states), "of", len(states), flush=True)


def churn():
    """Files made and gone a hundred thousand times, with a sync now and then."""
    for count in range(100_000):
        os.close(os.open("/app/churn", os.O_CREAT | os.O_WRONLY))
        os.unlink("/app/churn")
        if count % 2_000 == 0:
            os.sync()
    print("churned", flush=True)


def stops():
    """Stops itself, so that it can no longer hear a polite signal."""
    print("stopping", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(1000)


def hides():
    """Ignores SIGTERM, and so does a family of its own sessions."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
            break
    print("hidden", flush=True)
    time.sleep(1000)


verb, *words = sys.argv[1:]
{
    "forks": forks, "memory-of-child": memory_of_child, "fill": fill, "files": files, "terminals": terminals, "flood": flood,
    "letters": letters, "spins": spins, "zombies": zombies, "churn": churn, "stops": stops, "hides": hides,
}[verb](*words)
