"""Says so when it is asked to end, and stays."""

import signal

signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("ready", flush=True)
while True:
    signal.pause()
