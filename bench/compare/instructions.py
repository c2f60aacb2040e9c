"""Counts what the hot paths execute, by callgrind: instructions, locked instructions, system calls.

An operation's count is the difference of two runs divided by the difference of their n, so that start-up, warm-up and shutdown
cancel out. The monitor's ticks only ever add, so each run is made several times and the least counts. Under valgrind reading the
clock is a system call, which it is not otherwise: those are not counted as such.
"""

import collections
import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile

import common

PATHS = {  # name: (program, question, what one operation is)
    "yield": ("bench_yield", "yield", "one yield"),
    "spawn": ("bench_spawn", "spawn", "go, run, end, a share of the wait"),
    "unbuffered": ("bench_channel", "roundtrip", "there and back: two pairs of send and recv"),
    "buffered": ("bench_channel", "buffered11", "one pair of send and recv"),
    "select4": ("bench_select", "select4", "one select and its send, unbuffered"),
    "select4_buffered": ("bench_select", "select4_buffered", "one select and its send, buffered"),
    "lock": ("bench_mutex", "mutex1", "lock and unlock"),
    "timer": ("bench_timer", "timer", "made and stopped"),
}
FEW, MANY = 20_000, 60_000
TRIES = 3
TIME_LIMIT = 100
CALLGRIND = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no"]


def require_valgrind():
    if shutil.which("valgrind") is None:
        raise common.Unavailable("valgrind is not installed")


def executed(path, question, n):
    """{object file: {address: times}} of one run at one P."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        common.run([*CALLGRIND, f"--callgrind-out-file={out}", path, question, "--procs", "1", "--n", str(n)], TIME_LIMIT)
        with open(out) as file:
            return self_costs(file)


def self_costs(lines):
    found = collections.defaultdict(collections.Counter)
    where, callee_follows = None, False
    for line in lines:
        if line.startswith("ob="):
            where = found[line[3:].strip()]
        elif line.startswith("calls="):
            callee_follows = True  # the next line is what the callee cost
        elif line.startswith("0x") and where is not None:
            if not callee_follows:
                address, _, count = line.split()
                where[int(address, 16)] += int(count)
            callee_follows = False
    return found


def special(path):
    """{kind: {address: function}}, the locked instructions and the system calls of an object file. An xchg with memory is locked
    by itself."""
    kinds = {"locked": {}, "system calls": {}}
    said = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", path], capture_output=True, text=True).stdout
    function = ""
    for header, address, words in re.findall(r"^(?:[0-9a-f]+ <(.*)>:|\s*([0-9a-f]+):\t(.*))$", said, re.MULTILINE):
        if header:
            function = header
        elif words.startswith("lock ") or words.startswith("xchg") and "(" in words:
            kinds["locked"][int(address, 16)] = function
        elif words.startswith("syscall") and "clock_gettime" not in function:
            kinds["system calls"][int(address, 16)] = function
    return kinds


def summed(runs, kinds_of):
    """{kind: times} of the run that executed least."""
    least = min(runs, key=lambda run: sum(sum(counts.values()) for counts in run.values()))
    sums = collections.Counter()
    for path, counts in least.items():
        sums["instructions"] += sum(counts.values())
        for kind, addresses in kinds_of(path).items():
            sums[kind] += sum(times for address, times in counts.items() if address in addresses)
    return sums


def per_operation(build, names, with_kinds=False):
    """{name: {kind: count}}; a path whose program is missing raises Unavailable."""
    require_valgrind()
    known = {}

    def kinds_of(path):
        if not with_kinds or not os.path.isfile(path):
            return {}
        if path not in known:
            known[path] = special(path)
        return known[path]

    jobs = {}
    with concurrent.futures.ThreadPoolExecutor(len(common.processors())) as pool:
        for name in names:
            program, question, _ = PATHS[name]
            path = common.find_program(build, program)
            if path is None:
                raise common.Unavailable(f"{program} is not in {build}")
            for n in (FEW, MANY):
                jobs[name, n] = [pool.submit(executed, path, question, n) for _ in range(TRIES)]
        counts = {}
        for name in names:
            few, many = (summed([job.result() for job in jobs[name, n]], kinds_of) for n in (FEW, MANY))
            counts[name] = {kind: (many[kind] - few[kind]) / (MANY - FEW) for kind in ("instructions", "locked", "system calls")}
    return counts


def where_locked(build, name):
    """{function: locked instructions per operation}, what is less than one in twenty operations left out."""
    require_valgrind()
    program, question, _ = PATHS[name]
    path = common.find_program(build, program)
    few, many = (executed(path, question, n) for n in (FEW, MANY))
    found = collections.Counter()
    for place in filter(os.path.isfile, many):
        for address, function in special(place)["locked"].items():
            found[function] += (many[place][address] - few[place][address]) / (MANY - FEW)
    return {function: count for function, count in found.most_common() if count > 0.05}
