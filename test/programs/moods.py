"""A web server that does what it is told: BIND, LISTEN_AFTER and ON_PORT in its environment say where and when it
listens; a GET of /be/MOOD what it answers to any other path from then on."""

import os
import socket
import sys
import threading
import time

mood = os.environ.get("MOOD", "fine")
asked = 0


def say(line):
    print(line, flush=True)


def answer(connection, path):
    global mood, asked
    if path.startswith("/be/"):
        mood = path[4:]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
        return
    if path == "/asked":
        body = str(asked).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return
    asked += 1
    if mood == "fine":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
    elif mood == "sick":
        body = b"\x1b[31mthe \x00database\xff is gone"
        connection.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    elif mood == "moved":
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    elif mood == "hanging":
        time.sleep(3600)
    elif mood == "flooding":
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"water " * 10000)
    elif mood == "babbling":
        connection.sendall(b"220 mail.example ESMTP\r\n")
    elif mood == "interim":
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    # "closing": nothing at all.


def serve(connection):
    try:
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                return
            request += part
        answer(connection, request.split(b" ")[1].decode())
    except OSError:
        pass
    finally:
        connection.close()


say("begun")
time.sleep(float(os.environ.get("LISTEN_AFTER", "0")))
bind = os.environ.get("BIND", "0.0.0.0")
port = int(os.environ.get("ON_PORT", os.environ["PORT"]))
if bind == "nowhere":
    time.sleep(3600)
family = socket.AF_INET6 if ":" in bind else socket.AF_INET
server = socket.socket(family, socket.SOCK_STREAM)
if family == socket.AF_INET6:
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
server.bind((bind, port))
server.listen(64)
say(f"listens as {os.getpid()}")
sys.stdout.flush()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
