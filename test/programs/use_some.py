"""Uses a known amount of each thing, says what, and waits to be ended.

Memory and files in MiB, processor time in milliseconds, and children that sleep.
"""

import json
import os
import sys
import time

memory_mib, file_mib, cpu_ms, children = map(int, sys.argv[1:5])
held = bytearray(os.urandom(2**20)) * memory_mib
with open("/app/written", "wb") as file:
    for _ in range(file_mib):
        file.write(os.urandom(2**20))
    file.flush()
    os.fsync(file.fileno())
for _ in range(children):
    if os.fork() == 0:
        time.sleep(100000)
while time.process_time() * 1000 < cpu_ms:
    pass
with open("/proc/self/status") as status:
    rss = next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))
print(json.dumps({"cpuMs": round(time.process_time() * 1000), "anonBytes": rss}), flush=True)
time.sleep(100000)
