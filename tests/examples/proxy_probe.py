"""Clients of proxy. usage: proxy_probe.py PORT (kill PID | back NAME | halves | drain PID | nobody), or: proxy_probe.py count"""
import os
import signal
import socket
import sys
import time

from http_probe import WAIT, Client, Gone, Load, hello


def kill(port, pid):
    """One of two backends dies under load: its own connections end, the others know nothing of it."""
    load = Load(port, 16, "/who.txt")
    assert sorted(set(load.bodies)) == [b"A\n", b"B\n"], load.bodies
    load.running(20)
    os.kill(pid, signal.SIGKILL)
    load.running(20)
    for _ in range(20):  # who comes now gets the other one
        assert Client(port).get("/who.txt")[2] == b"B\n"
    load.running(20)
    load.stop.set()
    load.end()
    harmed = [text for who, text in load.problems if who == b"B\n"]
    assert not harmed, harmed


def back(port, name):
    """A backend that is there again is found by its health check."""
    end = time.monotonic() + WAIT
    while Client(port).get("/who.txt")[2].decode().strip() != name:
        assert time.monotonic() < end, f"{name} gets no connection"
        time.sleep(0.02)


def drain(port, pid):
    """Connections at work go on, quiet ones end, new ones are refused."""
    quiet = [Client(port) for _ in range(10)]
    for client in quiet:
        hello(client.get())
    load = Load(port, 10)
    load.running(20)
    os.kill(pid, signal.SIGTERM)
    for client in quiet:
        client.at_end()
    load.running(20)
    try:
        Client(port).get()
        sys.exit("a new connection is served")
    except (Gone, ConnectionError):
        pass
    load.stop.set()
    load.end()
    assert not load.problems, load.problems


def count_to_end(listener):
    while True:
        try:
            one, _ = listener.accept()
        except OSError:
            return
        n = 0
        while piece := one.recv(65536):
            n += len(piece)
        one.sendall(b"%d" % n)
        one.close()


def serve_counts():
    """A backend that answers after the client's half-close; prints its port and runs until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    count_to_end(listener)


def halves(port):
    for size in (0, 1, 3_000_000):
        s = socket.create_connection(("127.0.0.1", port), WAIT)
        s.sendall(b"x" * size)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := s.recv(100):
            answer += piece
        if size > 0 or answer:
            assert answer == b"%d" % size, (size, answer)


what = sys.argv[1] if len(sys.argv) == 2 else sys.argv[2]
if what == "count":
    serve_counts()
elif what == "kill":
    kill(int(sys.argv[1]), int(sys.argv[3]))
elif what == "back":
    back(int(sys.argv[1]), sys.argv[3])
elif what == "halves":
    halves(int(sys.argv[1]))
elif what == "drain":
    drain(int(sys.argv[1]), int(sys.argv[3]))
elif what == "nobody":
    try:
        Client(int(sys.argv[1])).get()
        sys.exit("an answer without a backend")
    except (Gone, ConnectionError):
        pass
