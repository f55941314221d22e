"""Invented weather: the same for a town at the same minute, wherever it is asked."""

import hashlib
import time

SKIES = ["clear", "a few clouds", "overcast", "drizzle", "rain", "fog", "wind from the east"]


def weather(town):
    seed = hashlib.sha256(f"{town} {int(time.time() // 60)}".encode()).digest()
    return {"town": town, "sky": SKIES[seed[0] % len(SKIES)], "celsius": seed[1] % 35 - 5}
