"""Prints numbered lines, twenty a second, until SIGTERM; then says how many there were."""

import signal
import threading

asked_to_end = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked_to_end.set())
count = 0
while True:
    count += 1
    print(f"line {count}", flush=True)
    if asked_to_end.wait(0.05):
        break
print(f"printed {count}", flush=True)
