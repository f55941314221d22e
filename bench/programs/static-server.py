"""The smallest static server that is one: gives index.html of its directory to whoever asks, on $PORT."""

import os
import socket

with open("index.html", "rb") as file:
    body = file.read()
head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)

listener = socket.create_server(("0.0.0.0", int(os.environ["PORT"])))
while True:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(head + body)
