"""What the comparing scripts share: finding and running programs, servers, processors, medians, facts about the machine."""

import datetime
import json
import os
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RELEASE = os.path.join(ROOT, "build", "release")


class Unavailable(Exception):
    """A program is missing, failed or took too long."""


# ---- programs and processors


def find_program(build, name):
    for folder in ("bench", "examples", "", "bin"):
        path = os.path.join(build, folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def processors():
    return sorted(os.sched_getaffinity(0))


def priority_prefix():
    """The words before a command that give it a real-time priority; none where that is not allowed."""
    words = ["chrt", "-f", "10"]
    if shutil.which("chrt") and subprocess.run(words + ["true"], capture_output=True).returncode == 0:
        return words
    print("--priority: chrt -f is not allowed here, going on without", file=sys.stderr)
    return []


def pinned(command, cpus, prefix=()):
    return [*prefix, "taskset", "-c", ",".join(map(str, cpus)), *command]


def cpus_for(procs):
    """The last processors: the first one serves the machine's interrupts more often than not."""
    return processors()[-procs:]


def run(command, limit):
    """The standard output of a command; Unavailable when it fails or takes more than `limit` seconds."""
    name = " ".join(os.path.basename(word) for word in command if not word.startswith("-"))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{name} took more than {limit} s") from None
    if done.returncode != 0:
        how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"{name} ended with {how}: {last[:200]}")
    return done.stdout


def figures_of(text):
    """Lines `name value unit` as {name: (value, unit)}."""
    figures = {}
    for line in text.splitlines():
        name, value, unit = line.split()
        figures[name] = (float(value), unit)
    return figures


def questions_of(path):
    """The questions that a bench program answers, from its usage."""
    done = subprocess.run([path, "?"], capture_output=True, text=True, timeout=20)
    listed = re.search(r"questions:(.*)", done.stderr)
    if listed is None:
        raise Unavailable(f"{os.path.basename(path)} does not say which questions it answers")
    return re.findall(r"\w+", listed.group(1))


# ---- numbers


def spread(values):
    """Median and quartiles."""
    if len(values) == 1:
        return {"median": values[0], "low": values[0], "high": values[0]}
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "low": low, "high": high}


def figure(value, unit):
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


# ---- servers


def raise_descriptor_limit():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    """A running server on the first processor; the load runs on the last.

    Without a port it says on its first line where it listens: a number, alone or after the last colon.
    """

    def __init__(self, name, command, port=None, prefix=()):
        self.name = name
        said = subprocess.PIPE if port is None else subprocess.DEVNULL
        self.process = subprocess.Popen(pinned(command, processors()[:1], prefix), stdout=said, text=True,
                                        env=dict(os.environ, GOMAXPROCS="1"))
        try:
            self.port = int(self.process.stdout.readline().rsplit(":", 1)[-1]) if port is None else port
            self._await()
        except (ValueError, TimeoutError) as reason:
            self.stop()
            raise Unavailable(f"{name} does not listen") from reason

    def _await(self):
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise TimeoutError from None
                time.sleep(0.02)

    def cpu(self):
        """Microseconds of processor time so far, of all threads and of child processes."""
        parent = self.process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            family = [parent, *map(int, file.read().split())]
        total = 0
        for pid in family:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
        return total / 1000

    def resident(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# ---- progress


class Progress:
    """A line that says what runs; it moves in place on a terminal and is one line per step elsewhere."""

    def __init__(self, total):
        self.total = total
        self.step = 0
        self.start = time.monotonic()
        self.live = sys.stderr.isatty()

    def next(self):
        self.step += 1

    def show(self, text, round_number, rounds):
        if not self.live and round_number != 1:
            return
        line = f"[{self.step}/{self.total}, {time.monotonic() - self.start:.0f} s] {text}"
        if self.live:
            print(f"\r\033[K{line}, round {round_number} of {rounds}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def clear(self):
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


# ---- facts


def first_line(*command):
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = said.stdout.strip().splitlines()
    return lines[0] if said.returncode == 0 and lines else None


def package_version(name):
    return first_line("dpkg-query", "-W", "-f=${Version}", name)


def cached(build, name):
    """A variable of the build tree's CMake cache."""
    try:
        with open(os.path.join(build, "CMakeCache.txt")) as file:
            found = re.search(rf"^{re.escape(name)}:\w+=(.*)$", file.read(), re.MULTILINE)
    except OSError:
        return None
    return found.group(1) if found else None


def compiler(build):
    """The compiler and the flags of a build tree, as they say it themselves."""
    path = cached(build, "CMAKE_CXX_COMPILER")
    kind = cached(build, "CMAKE_BUILD_TYPE") or ""
    flags = [cached(build, "CMAKE_CXX_FLAGS"), cached(build, f"CMAKE_CXX_FLAGS_{kind.upper()}")]
    return {"version": (path and first_line(path, "--version")) or "unknown", "flags": " ".join(filter(None, flags))}


def machine():
    with open("/proc/cpuinfo") as file:
        text = file.read()
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    with open("/proc/meminfo") as file:
        kib = int(file.readline().split()[1])
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "architecture": platform.machine(),
        "processors": len(processors()),
        "virtual": bool(re.search(r"^flags\s*:.*\bhypervisor\b", text, re.MULTILINE)),
        "memory_gib": round(kib / 2**20, 1),
        "kernel": re.match(r"[\d.]*", platform.release()).group().rstrip("."),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
    }


def versions():
    """Of everything that takes part, {name: version}; what is not installed is left out."""
    go = first_line("go", "version")
    found = {
        "gmpsched": first_line("git", "-c", f"safe.directory={ROOT}", "describe", "--always", "--dirty"),
        "Go": go.split()[2].removeprefix("go") if go else None,
    }
    packages = {"Boost": "libboost-fiber-dev", "oneTBB": "libtbb-dev", "glibc": "libc6", "lld": "lld", "nginx": "nginx",
                "redis": "redis-tools", "wrk": "wrk"}
    for name, package in packages.items():
        found[name] = package_version(package)
    return {name: version for name, version in found.items() if version}


def header(build, **conditions):
    """How a document of results begins: where and how they were taken."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "machine": machine(),
        "compiler": compiler(build),
        "versions": versions(),
        "conditions": conditions,
    }


def write_json(path, document):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


def read_json(path):
    with open(path) as file:
        return json.load(file)
