"""Clients of http_server (and of proxy before it) that curl cannot be. usage: http_probe.py PORT WHAT [ARGUMENTS]"""
import os
import signal
import socket
import struct
import sys
import threading
import time

WAIT = 30
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Gone(Exception):
    """The connection ended."""


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise Gone(f"end of file after {self.buffer[:200]!r}")
        self.buffer += piece

    def response(self, head=False):
        """(status, headers, body) of the next response."""
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        text, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = text.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        length = 0 if head or status == 100 else int(headers["content-length"])
        while len(self.buffer) < length:
            self.fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def get(self, path="/"):
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return self.response()

    def at_end(self):
        """Nothing but an end of file may come."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def hello(response):
    assert response[0] == 200 and response[2] == b"Hello, world!\n", response


def expect(port, request, *statuses, ends=True):
    """The request is answered by one of these; if it cannot be read, the connection ends."""
    client = Client(port)
    client.send(request)
    status, headers, _ = client.response(head=request.startswith(b"HEAD"))
    assert status in statuses, f"{request[:100]!r}: {status}, expected {statuses}"
    if ends and status in (400, 408, 413, 431, 505):
        assert headers.get("connection") == "close", headers
        client.at_end()


def connections(port):
    client = Client(port)
    for _ in range(100):
        hello(client.get())
    client.send(GET * 500)
    for _ in range(500):
        hello(client.response())
    for i in range(len(GET)):
        client.send(GET[i:i + 1])
    hello(client.response())
    client.send(GET + b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + GET[:-3])
    hello(client.response())
    status, headers, _ = client.response(head=True)
    assert status == 200 and headers["content-length"] == "14"
    client.send(GET[-3:])
    hello(client.response())
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + GET)
    assert client.response()[0] == 405
    hello(client.response())
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.response()[0] == 100
    client.send(b"hello")
    hello(client.response())
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + GET)
    hello(client.response())
    hello(client.response())
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    status, headers, _ = client.response()
    assert status == 200 and headers["connection"] == "close"
    client.at_end()
    old = Client(port)
    old.send(b"GET / HTTP/1.0\r\n\r\n")
    hello(old.response())
    old.at_end()


def malformed(port):
    line = b"GET / HTTP/1.1\r\n"
    for request in (
            b"\r\n\r\n\r\n\r\nGET\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\0\0\0\0\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # a TLS client
            b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", line + b"\r\n", line + b"Host: x\r\nHost: y\r\n\r\n",
            line + b"Host x\r\n\r\n", line + b": x\r\n\r\n", line + b"Host: x\r\nA\0: y\r\n\r\n",
            line + b"Host: x\r\nContent-Length: -1\r\n\r\n", line + b"Host: x\r\nContent-Length: 5x\r\n\r\n",
            line + b"Host: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            line + b"Host: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello",
            line + b"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            line + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
            line + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"):
        expect(port, request, 400)
    for version in (b"HTTQ/1.1", b"HTTP/9.9", b"HTTP/2.0", b"HTTP/1"):
        expect(port, b"GET / " + version + b"\r\nHost: x\r\n\r\n", 400, 505)
    expect(port, line + b"Host: x\r\nContent-Length: 10000000\r\n\r\n", 413)
    expect(port, line + b"Host: x\r\nA: " + b"a" * 20000 + b"\r\n\r\n", 431)
    expect(port, line + b"Host: x\r\n" + b"".join(b"A%d: b\r\n" % i for i in range(3000)) + b"\r\n", 431)
    expect(port, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, 431)
    expect(port, b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 200)
    expect(port, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405)
    for path in (b"/../secret", b"/%2e%2e/secret", b"/a/../../secret", b"/..%2fsecret", b"/link", b"/folder_link/secret"):
        expect(port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n", 403, 404)
    for path in (b"/%", b"/%zz", b"/a%00b"):
        expect(port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, ends=False)
    hello(Client(port).get())


def slow(port):
    """Clients that send a header byte by byte, or nothing, and those that take nothing: nobody else waits for them."""
    crowd = [Client(port) for _ in range(100)]
    for client in crowd[:50]:
        client.send(b"GET / HTTP/1.1\r\nHo")
    takers = [Client(port) for _ in range(10)]
    for client in takers:
        client.send(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(50):
        hello(Client(port).get())
    for client in crowd[:50]:
        assert client.response()[0] == 408
        client.at_end()
    for client in crowd[50:]:
        client.at_end()  # idle for too long
    for client in takers:
        client.at_end()  # cut: the rest of the file does not come
    gone = [Client(port) for _ in range(50)]
    for i, client in enumerate(gone):
        client.send((GET, b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n", GET[:10])[i % 3])
        client.reset()
    hello(Client(port).get())


def flood(port, n):
    """More connections than descriptors: nobody is lost."""
    crowd = [Client(port) for _ in range(n)]
    for client in crowd:
        client.send(GET)
    for client in crowd:
        hello(client.response())
        client.socket.close()
    hello(Client(port).get())


class Load:
    """Clients that ask on kept connections until an answer says close, or the connection ends between two requests."""

    def __init__(self, port, n, path="/"):
        self.lock = threading.Lock()
        self.problems = []
        self.stop = threading.Event()
        self.done = [0] * n
        self.bodies = [None] * n
        self.path = path
        self.clients = [Client(port) for _ in range(n)]
        for i, client in enumerate(self.clients):
            self.one(i, client)  # so that all of them are accepted
        self.threads = [threading.Thread(target=self.work, args=(i, c)) for i, c in enumerate(self.clients)]
        for thread in self.threads:
            thread.start()

    def one(self, i, client):
        status, headers, body = client.get(self.path)
        assert status == 200, status
        assert self.bodies[i] in (None, body), "another backend's answer"
        self.bodies[i] = body
        self.done[i] += 1
        return headers.get("connection") != "close"

    def work(self, i, client):
        try:
            while self.one(i, client):
                if self.stop.is_set():
                    client.socket.close()
                    return
            client.at_end()
        except Exception as why:
            with self.lock:
                self.problems.append((self.bodies[i], f"client {i}, request {self.done[i]}: {why!r}"))

    def running(self, requests):
        """Waits until all clients that are well have made so many more."""
        goal = [n + requests for n in self.done]
        end = time.monotonic() + WAIT
        while any(n < g and t.is_alive() for n, g, t in zip(self.done, goal, self.threads)):
            assert time.monotonic() < end, "the load stands still"
            time.sleep(0.01)

    def end(self):
        for thread in self.threads:
            thread.join(WAIT)
            assert not thread.is_alive(), "a client still waits"


def drain(port, pid):
    load = Load(port, 20)
    idle = [Client(port) for _ in range(20)]
    for client in idle:
        hello(client.get())
    load.running(20)
    os.kill(pid, signal.SIGTERM)
    for client in idle[:10]:  # a request that was on its way
        hello(client.get())
    for client in idle:
        client.at_end()
    load.end()
    assert not load.problems, load.problems


if __name__ == "__main__":
    PORT, WHAT = int(sys.argv[1]), sys.argv[2]
    {"connections": connections, "malformed": malformed, "slow": slow, "flood": flood, "drain": drain}[WHAT](
        PORT, *map(int, sys.argv[3:]))
