"""The worker process: measures once a second until it is asked to end."""

import os
import signal
import threading

from sky import weather

TOWN = os.environ.get("TOWN", "Barad-dur")


def main():
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    print("weather worker starts", flush=True)
    count = 0
    while not asked_to_end.wait(1):
        count += 1
        print(f"measurement {count}: {weather(TOWN)['celsius']} degrees", flush=True)
    print(f"weather worker says goodbye after measurement {count}", flush=True)


main()
