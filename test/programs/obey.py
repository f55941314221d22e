"""A web server that does what it is told by the path: /print/N, /exit/CODE, /signal/NUMBER; any other: its pid.

/hold/MIB takes so much memory and keeps it, /fork/N starts so many children and tells how many there are now,
/spin/MS works for so long and tells for how many milliseconds it had a CPU.
"""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


held = []
children = []


def fork(count):
    for _ in range(count):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            time.sleep(1000)
        children.append(child)
    return len(children)


def spin(ms):
    began = time.process_time()
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        pass
    return round((time.process_time() - began) * 1000)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        verb, _, number = self.path[1:].partition("/")
        if verb == "print":
            for line in range(1, int(number) + 1):
                print(f"line {line}", flush=True)
        if verb == "hold":
            held.append(bytearray(b"x" * 2**20) * int(number))
        tell = {"fork": fork, "spin": spin}.get(verb)
        self.answer(f"{tell(int(number)) if tell else os.getpid()}\n".encode())
        if verb == "exit":
            os._exit(int(number))
        if verb == "signal":
            # Python ignores SIGPIPE and handles SIGINT; the default is what an app without handlers has.
            signal.signal(int(number), signal.SIG_DFL) if int(number) != signal.SIGKILL else None
            os.kill(os.getpid(), int(number))

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *parts):
        pass


server = HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler)
print("ready", flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
