"""Clients of echo_server. usage: echo_probe.py (HOST:PORT | unix:PATH) (echo | flood N | drain PID)"""
import os
import signal
import socket
import sys
import threading

WAIT = 30


def connect(address):
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(WAIT)
        s.connect(address[5:])
        return s
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), WAIT)


def read_exactly(s, n):
    got = b""
    while len(got) < n:
        piece = s.recv(n - len(got))
        assert piece, f"end of file after {len(got)} of {n} bytes"
        got += piece
    return got


def exchange(s, data):
    s.sendall(data)
    assert read_exactly(s, len(data)) == data, "other bytes came back"


def big(address):
    """More than all buffers hold, so both directions must move at once; then a half-close."""
    data = os.urandom(4_000_000)
    s = connect(address)
    sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
    sender.start()
    assert read_exactly(s, len(data)) == data
    assert s.recv(1) == b"", "no end of file"
    sender.join()


def echo(address):
    many = [connect(address) for _ in range(50)]
    for size in (1, 64, 5000):
        for s in many:
            exchange(s, os.urandom(size))
    for s in many[::2]:
        s.close()
    for s in many[1::2]:
        exchange(s, b"still here")
    big(address)


def flood(address, n):
    """More connections than the server has descriptors: all of them are served in the end."""
    waiting = [connect(address) for _ in range(n)]
    for s in waiting:
        s.sendall(b"hello")
    for s in waiting:
        assert read_exactly(s, 5) == b"hello"
        s.close()
    exchange(connect(address), b"as before")


def drain(address, pid):
    """What the server has taken comes back, whenever SIGTERM comes."""
    s = connect(address)
    exchange(s, b"before")
    os.kill(pid, signal.SIGTERM)
    exchange(s, os.urandom(100_000))
    assert s.recv(1) == b"", "no end of file after the drain"


address, what = sys.argv[1:3]
if what == "echo":
    echo(address)
elif what == "flood":
    flood(address, int(sys.argv[3]))
elif what == "drain":
    drain(address, int(sys.argv[3]))
