#!/usr/bin/env python3
"""A client of kv_server that does not keep to the rules, or to the pace. usage: kv_probe.py PORT WHAT [ARGUMENT]"""
import os
import random
import signal
import socket
import sys
import time

PORT = int(sys.argv[1])
MALFORMED = [
    (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1048577\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*" + b"9" * 70000, b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1\r\n:4\r\n", b"-ERR Protocol error: expected '$', got ':'\r\n"),
    (b"*1\r\n$-1\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$536870913\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$3\r\nPING\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"set \"a\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
    (b"x" * 70000, b"-ERR Protocol error: too big inline request\r\n"),
]


def connect():
    return socket.create_connection(("127.0.0.1", PORT), timeout=20)


def command(*words):
    words = [w if isinstance(w, bytes) else w.encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def expect(client, answer, what):
    got = b""
    while len(got) < len(answer):
        piece = client.recv(min(1 << 20, len(answer) - len(got)))
        if not piece:
            break
        got += piece
    assert got == answer, f"{what}: {got[:200]!r}, expected {answer[:200]!r}"


def expect_end(client, what):
    """The server has closed, whether it read all or not."""
    try:
        rest = client.recv(1000)
    except ConnectionResetError:
        return
    assert rest == b"", f"{what}: {rest[:200]!r} instead of the end"


def send(client, data):
    try:
        client.sendall(data)
    except (ConnectionResetError, BrokenPipeError):
        pass  # it needs no more to know


def malformed():
    for data, answer in MALFORMED:
        client = connect()
        send(client, command("PING") + data)
        expect(client, b"+PONG\r\n" + answer, repr(data[:40]))
        expect_end(client, repr(data[:40]))


def cut_anywhere():
    """A pipeline in pieces of any size gives the same answers."""
    value = bytes(range(256)) * 20
    whole = (command("SET", "cut", value) + b"\r\nPING\r\n" + command("GET", "cut") + b"get 'cut'\n" +
             command("DEL", "cut") + b"*0\r\n" + command("ECHO", ""))
    bulk = b"$%d\r\n%s\r\n" % (len(value), value)
    answer = b"+OK\r\n+PONG\r\n" + bulk + bulk + b":1\r\n$0\r\n\r\n"
    dice = random.Random(7)
    for _ in range(20):
        client = connect()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        while at < len(whole):
            size = dice.choice((1, 2, 7, 100, 3000))
            client.sendall(whole[at:at + size])
            at += size
        expect(client, answer, "cut anywhere")


def large():
    """A long value, a long pipeline that is read only when all of it is sent, lengths that nobody honours."""
    client = connect()
    value = b"x" * (48 << 20)
    client.sendall(command("SET", "large", value) + command("GET", "large") + command("DEL", "large"))
    expect(client, b"+OK\r\n$%d\r\n%s\r\n:1\r\n" % (len(value), value), "a large value")
    count = 20_000
    client.sendall(command("SET", "p", "v" * 100) + command("GET", "p") * count)
    expect(client, b"+OK\r\n" + (b"$100\r\n" + b"v" * 100 + b"\r\n") * count, "a long pipeline")
    liars = [connect() for _ in range(30)]
    for liar in liars:
        liar.sendall(b"*1048576\r\n$536870912\r\nabc")
    client.sendall(command("PING"))
    expect(client, b"+PONG\r\n", "after lengths that lie")
    for liar in liars:
        liar.close()
    many = command("RPUSH", "many", *["e"] * 100_000)
    client.sendall(many + command("LLEN", "many") + command("DEL", "many"))
    expect(client, b":100000\r\n:100000\r\n:1\r\n", "many arguments")


def half_closed():
    client = connect()
    client.sendall(command("PING") * 3 + b"*1\r\n$4\r\nPI")
    client.shutdown(socket.SHUT_WR)
    expect(client, b"+PONG\r\n" * 3, "half closed")
    expect_end(client, "half closed")
    client = connect()
    client.sendall(command("PING") + command("QUIT") + command("PING"))
    expect(client, b"+PONG\r\n+OK\r\n", "quit")
    expect_end(client, "quit")
    for _ in range(50):  # gone in the middle, with answers on their way
        client = connect()
        client.sendall(command("LRANGE", "none", "0", "-1") * 100 + b"*2\r\n$3\r\nGET\r\n$100\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()


def rules():
    malformed()
    cut_anywhere()
    large()
    half_closed()


def message(channel, text):
    return b"*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(channel), channel, len(text), text)


def confirmation(what, channel, count):
    return b"*3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:%d\r\n" % (len(what), what, len(channel), channel, count)


def pubsub():
    listeners = [connect() for _ in range(10)]
    for client in listeners:
        client.sendall(command("SUBSCRIBE", "a", "b", "a") + command("GET", "x") + command("PING"))
        expect(client, confirmation(b"subscribe", b"a", 1) + confirmation(b"subscribe", b"b", 2) +
               confirmation(b"subscribe", b"a", 2) + b"-ERR Can't execute 'get': only (P|S)SUBSCRIBE / "
               b"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n",
               "subscribe")
    # More than a mailbox holds, in one pipeline: all of it arrives, in order.
    speaker = connect()
    count = 5000
    speaker.sendall(b"".join(command("PUBLISH", "a", str(i)) for i in range(count)))
    for client in listeners:
        expect(client, b"".join(message(b"a", b"%d" % i) for i in range(count)), "messages")
    expect(speaker, b":10\r\n" * count, "publish")
    for client in listeners[1:]:
        client.sendall(command("UNSUBSCRIBE"))
        expect(client, confirmation(b"unsubscribe", b"a", 1) + confirmation(b"unsubscribe", b"b", 0), "unsubscribe")
    for client in listeners[1:]:
        client.sendall(command("PUBLISH", "b", "last") + command("UNSUBSCRIBE"))
        expect(client, b":1\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n", "afterwards")
    expect(listeners[0], message(b"b", b"last") * 9, "the last listener")


def drain(pid):
    """What has arrived when SIGTERM comes is answered, idle clients see the end, nobody new comes in."""
    idle = [connect() for _ in range(20)]
    for client in idle:
        client.sendall(command("PING"))
        expect(client, b"+PONG\r\n", "before the end")
    listener = connect()
    listener.sendall(command("SUBSCRIBE", "a"))
    expect(listener, confirmation(b"subscribe", b"a", 1), "subscribe")
    busy = connect()
    value = b"v" * 1000
    count = 3000
    busy.sendall(command("SET", "d", value) + command("GET", "d") * count)
    busy.recv(5, socket.MSG_PEEK)  # the answers have begun: all the commands have arrived, or are queued behind
    os.kill(pid, signal.SIGTERM)
    expect(busy, b"+OK\r\n" + (b"$1000\r\n" + value + b"\r\n") * count, "draining")
    for client in idle + [busy, listener]:
        expect_end(client, "draining")
    try:
        connect()
        raise AssertionError("somebody came in after the end")
    except ConnectionRefusedError:
        pass


def slow():
    """Who takes no answers is cut off; the others notice nothing."""
    lazy = connect()
    lazy.sendall(command("SET", "big", b"x" * (16 << 20)))
    expect(lazy, b"+OK\r\n", "set")
    lazy.settimeout(0.2)
    ended = False
    until = time.monotonic() + 15
    while not ended and time.monotonic() < until:
        try:
            lazy.sendall(command("GET", "big") * 4)
        except socket.timeout:
            pass
        except (ConnectionResetError, BrokenPipeError):
            ended = True
        other = connect()
        other.sendall(command("PING"))
        expect(other, b"+PONG\r\n", "beside a slow client")
        time.sleep(0.05)
    assert ended, "a client that takes nothing was kept"


def silent():
    """Who says nothing, or stops in the middle of a command, is cut off; a subscriber may be silent."""
    listener = connect()
    listener.sendall(command("SUBSCRIBE", "a"))
    expect(listener, confirmation(b"subscribe", b"a", 1), "subscribe")
    silent = connect()
    silent.sendall(b"*2\r\n$3\r\nGET\r\n")
    expect_end(silent, "a silent client")
    mute = connect()
    expect_end(mute, "a mute client")
    listener.sendall(command("UNSUBSCRIBE", "a"))
    expect(listener, confirmation(b"unsubscribe", b"a", 0), "unsubscribe")
    expect_end(listener, "one that listens no more")


def flood(count, log):
    """More clients than descriptors: who is in stays in, who waits gets in when others leave."""
    first = connect()
    first.sendall(command("PING"))
    expect(first, b"+PONG\r\n", "first")
    crowd = [connect() for _ in range(count)]
    for client in crowd:
        client.sendall(command("PING"))
    while "cannot accept" not in open(log).read():  # all stay until it has run short
        time.sleep(0.02)
    first.sendall(command("PING"))
    expect(first, b"+PONG\r\n", "first in the crowd")
    while crowd:  # in the order in which they came
        client = crowd.pop(0)
        expect(client, b"+PONG\r\n", "one of the crowd")
        client.close()
    first.sendall(command("PING"))
    expect(first, b"+PONG\r\n", "first after the crowd")


what = {"rules": rules, "pubsub": pubsub, "slow": slow, "silent": silent, "drain": lambda: drain(int(sys.argv[3])),
        "flood": lambda: flood(int(sys.argv[3]), sys.argv[4])}[sys.argv[2]]
what()
