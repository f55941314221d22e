"""The web process: listens where PORT says."""

import html
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sky import weather

PORT = int(os.environ.get("PORT", "5000"))
TOWN = os.environ.get("TOWN", "Barad-dur")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Weather</title>
<style>
  body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; color: #fff;
         background: linear-gradient(#23395b, #6f8fb3); font: 18px/1.5 system-ui, sans-serif; }}
  main {{ text-align: center; }}
  h1 {{ margin: 0; font-size: 1.2rem; font-weight: 500; letter-spacing: .2em; text-transform: uppercase; }}
  .celsius {{ font-size: 6rem; font-weight: 200; line-height: 1.1; }}
  small {{ opacity: .75; }}
</style>
<main>
  <h1>Weather</h1>
  <div class="celsius">{celsius}&deg;</div>
  <p>{sky} in {town}</p>
  <small>{proc} &middot; Python {python} &middot; port {port}</small>
</main>
"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/healthz":
            self.answer(200, "text/plain", "ok\n")
        elif path == "/weather.json":
            self.answer(200, "application/json", json.dumps(weather(TOWN)) + "\n")
        elif path == "/":
            self.answer(200, "text/html", page())
        else:
            self.answer(404, "text/plain", "nothing here\n")

    def answer(self, status, kind, body):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *parts):
        say(f"{self.command} {self.path}" if self.command else "a request that is none")


def page():
    facts = {key: html.escape(str(value)) for key, value in weather(TOWN).items()}
    proc = html.escape(os.environ.get("SHARKU_PROC", "running by itself"))
    return PAGE.format(**facts, proc=proc, python=sys.version.split()[0], port=PORT)


def say(line):
    print(line, flush=True)


def main():
    server = ThreadingHTTPServer(("0.0.0.0", PORT), Handler)
    # shutdown() waits for the loop below, so it may not run on its thread.
    end = lambda *_: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    say(f"weather listens on port {PORT}")
    server.serve_forever(poll_interval=0.1)
    say("weather says goodbye")


main()
