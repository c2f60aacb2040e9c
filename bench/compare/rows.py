"""The rows of the comparison: what is asked, of whom, and what the answer must be. Data only; bench/compare/run reads it.

A row is a figure of ours, beside a partner's or alone. Each new bench gets its rows here: one for each partner.

    Row(title, "program:question", metric, partner, need=..., good=..., procs=(1, 2))

    title     what people read; "" goes on with the row above, "  more" says more about the last that is not indented
    program   ours, in build/release/bench; the question is put to the partner's program, too
    metric    the name of the line `name value unit` that both print; smaller is better
    partner   a name of PARTNERS, or None: the figure stands alone
    need      what is required; good: what would be good. A limit, a list of limits that must all hold, or {procs: either} when it
              depends on the number of Ps. None: nothing is required, the row is shown for comparison
    procs     the numbers of Ps at which the row makes sense
"""

from typing import Any, NamedTuple

BOTH = (1, 2)
ONE = (1,)
TWO = (2,)


class Row(NamedTuple):
    title: str
    ours: str
    metric: str
    partner: str | None = None
    need: Any = None
    good: Any = None
    procs: tuple = BOTH

    @property
    def program(self):
        return self.ours.split(":")[0]

    @property
    def question(self):
        return self.ours.split(":")[1]


def ratio(most):
    """ours / partner's <= most"""
    return ("ratio", most)


def value(most):
    """ours <= most, in the unit of the metric"""
    return ("value", most)


def jumps(most, plus):
    """ours <= most * partner's + plus: the partner is a raw context jump"""
    return ("jumps", most, plus)


# How a partner's program is called, and why it may be missing.
PARTNERS = {
    "go": ("compare_go", "the Go tool was not found at configure time (package golang-go)"),
    "fiber": ("compare_fiber", "Boost.Fiber was not found at configure time (package libboost-fiber-dev)"),
    "context": ("compare_context", "Boost.Context was not found at configure time (package libboost-context-dev)"),
    "tbb": ("compare_tbb", "oneTBB was not found at configure time (package libtbb-dev)"),
    "asio": ("compare_asio", "Asio with coroutines was not found at configure time (package libboost-dev, newer for clang)"),
    "threads": ("compare_threads", "it was not built"),
}

ROWS = [
    # ---- switching and spawning
    Row("yield, against a raw jump", "bench_yield:yield", "yield", "context", jumps(2.5, 5), jumps(1, 5), ONE),
    Row("yield", "bench_yield:yield", "yield", "go", ratio(0.25)),
    Row("", "bench_yield:yield", "yield", "fiber"),
    Row("", "bench_yield:yield", "yield", "asio"),
    Row("spawn and finish", "bench_spawn:spawn", "spawn", "go", [ratio(0.25), value(136)], value(40)),
    Row("", "bench_spawn:spawn", "spawn", "fiber", ratio(1.0)),
    Row("", "bench_spawn:spawn", "spawn", "asio", ratio(1.0)),
    Row("", "bench_spawn:spawn", "spawn", "threads"),
    Row("wake-up on another P, its M asleep", "bench_wake:wake_idle", "wake_idle", "go", None, None, TWO),
    Row("", "bench_wake:wake_idle", "wake_idle", "threads", None, None, TWO),
    Row("wake-up on another P, its M asleep: 99 of 100", "bench_wake:wake_idle", "wake_idle_p99", "go", None, None, TWO),
    Row("wake-up on another P, its M in search", "bench_wake:wake_spinning", "wake_spinning", "go", None, None, TWO),
    Row("", "bench_wake:wake_spinning", "wake_spinning", "threads", None, None, TWO),
    Row("wake-up on another P, its M in search: 99 of 100", "bench_wake:wake_spinning", "wake_spinning_p99", "go", None, None, TWO),
    Row("a runtime made, used, ended", "bench_startup:startup", "startup", "threads"),
    Row("the smallest program", "bench_startup:process", "process", "go", None, None, ONE),
    Row("", "bench_startup:process", "process", "threads", None, None, ONE),
    Row("an idle runtime's wake-ups", "bench_stall:idle", "idle_wakeups", "go", value(0), None, ONE),
    Row("an idle runtime's processor time", "bench_stall:idle", "idle_cpu", "go", None, None, ONE),
    # ---- channels and select
    Row("unbuffered round trip", "bench_channel:roundtrip", "roundtrip", "go", [ratio(0.3), value(185)], value(80)),
    Row("", "bench_channel:roundtrip", "roundtrip", "fiber", ratio(0.5), None, ONE),
    Row("buffered, 1 producer 1 consumer", "bench_channel:buffered11", "buffered11", "fiber", ratio(1.0), value(15)),
    Row("", "bench_channel:buffered11", "buffered11", "go", ratio(0.45)),
    Row("buffered, 4 producers 4 consumers", "bench_channel:buffered44", "buffered44", "fiber", ratio(1.0), value(15)),
    Row("", "bench_channel:buffered44", "buffered44", "go", ratio(0.45)),
    Row("buffered, 1 producer 4 consumers", "bench_channel:buffered14", "buffered14", "go"),
    Row("", "bench_channel:buffered14", "buffered14", "fiber"),
    Row("buffered, 4 producers 1 consumer", "bench_channel:buffered41", "buffered41", "go"),
    Row("", "bench_channel:buffered41", "buffered41", "fiber"),
    Row("unbuffered, 1 producer 4 consumers", "bench_channel:unbuffered14", "unbuffered14", "go"),
    Row("", "bench_channel:unbuffered14", "unbuffered14", "fiber"),
    Row("unbuffered, 4 producers 1 consumer", "bench_channel:unbuffered41", "unbuffered41", "go"),
    Row("", "bench_channel:unbuffered41", "unbuffered41", "fiber"),
    Row("values of 8 bytes, buffered", "bench_payload:payload8", "payload8", "go"),
    Row("", "bench_payload:payload8", "payload8", "fiber"),
    Row("values of 64 bytes, buffered", "bench_payload:payload64", "payload64", "go"),
    Row("", "bench_payload:payload64", "payload64", "fiber"),
    Row("values of 256 bytes, buffered", "bench_payload:payload256", "payload256", "go"),
    Row("", "bench_payload:payload256", "payload256", "fiber"),
    Row("values of 1,024 bytes, buffered", "bench_payload:payload1024", "payload1024", "go"),
    Row("", "bench_payload:payload1024", "payload1024", "fiber"),
    Row("values of 8 bytes, unbuffered", "bench_payload:payload8_unbuffered", "payload8_unbuffered", "go"),
    Row("", "bench_payload:payload8_unbuffered", "payload8_unbuffered", "fiber"),
    Row("values of 64 bytes, unbuffered", "bench_payload:payload64_unbuffered", "payload64_unbuffered", "go"),
    Row("", "bench_payload:payload64_unbuffered", "payload64_unbuffered", "fiber"),
    Row("values of 256 bytes, unbuffered", "bench_payload:payload256_unbuffered", "payload256_unbuffered", "go"),
    Row("", "bench_payload:payload256_unbuffered", "payload256_unbuffered", "fiber"),
    Row("values of 1,024 bytes, unbuffered", "bench_payload:payload1024_unbuffered", "payload1024_unbuffered", "go"),
    Row("", "bench_payload:payload1024_unbuffered", "payload1024_unbuffered", "fiber"),
    Row("select over 4, unbuffered", "bench_select:select4", "select4", "go", ratio(0.3), value(120)),
    Row("select over 4, buffered", "bench_select:select4_buffered", "select4_buffered", "go", ratio(0.5), value(60)),
    Row("select over 1, unbuffered", "bench_select:select1", "select1", "go"),
    Row("select over 2, unbuffered", "bench_select:select2", "select2", "go"),
    Row("select over 8, unbuffered", "bench_select:select8", "select8", "go"),
    Row("select over 32, unbuffered", "bench_select:select32", "select32", "go"),
    Row("select over 1, buffered", "bench_select:select1_buffered", "select1_buffered", "go"),
    Row("select over 2, buffered", "bench_select:select2_buffered", "select2_buffered", "go"),
    Row("select over 8, buffered", "bench_select:select8_buffered", "select8_buffered", "go"),
    Row("select over 32, buffered", "bench_select:select32_buffered", "select32_buffered", "go"),
    Row("select over 1, none ready, with a default", "bench_select:select1_none", "select1_none", "go"),
    Row("select over 4, none ready, with a default", "bench_select:select4_none", "select4_none", "go"),
    Row("select over 32, none ready, with a default", "bench_select:select32_none", "select32_none", "go"),
    # ---- trees of Gs
    Row("fork and join, fib(32)", "bench_steal:fib", "fib", "tbb", None, ratio(2.0)),
    Row("fork and join, fib, one fork", "bench_steal:fib", "fib_fork", "go", ratio(0.3)),
    Row("", "bench_steal:fib", "fib_fork", "fiber"),
    Row("fork and join, fib(32), with tasks", "bench_steal:fib_task", "fib_task"),
    Row("skynet by join", "bench_steal:skynet_join", "skynet_join", "go", value(380), value(120)),
    Row("", "bench_steal:skynet_join", "skynet_join", "tbb"),
    Row("12 queens", "bench_steal:queens", "queens", "go"),
    Row("", "bench_steal:queens", "queens", "tbb"),
    Row("a node of an uneven tree", "bench_steal:uneven", "uneven", "go"),
    Row("", "bench_steal:uneven", "uneven", "tbb"),
    Row("", "bench_steal:uneven", "uneven", "fiber"),
    Row("skynet, 1 million leaves", "bench_skynet:skynet", "skynet", "go", [ratio(0.3), value(400)], value(200)),
    Row("skynet, peak RSS", "bench_skynet:skynet", "skynet_rss", "go", value(400)),
    Row("skynet, against tasks only", "bench_skynet:skynet", "skynet", "tbb"),
    # ---- locks
    Row("8 Gs on one mutex", "bench_mutex:mutex8", "mutex8", "go", {1: ratio(0.7), 2: [ratio(0.4), value(20)]}, value(16)),
    Row("", "bench_mutex:mutex8", "mutex8", "fiber"),
    Row("", "bench_mutex:mutex8", "mutex8", "threads"),
    Row("shared mutex, 99 of 100 read, 1 G", "bench_sync:shared_mutex1", "shared_mutex1", "go"),
    Row("", "bench_sync:shared_mutex1", "shared_mutex1", "threads"),
    Row("shared mutex, 99 of 100 read, 8 Gs", "bench_sync:shared_mutex8", "shared_mutex8", "go"),
    Row("", "bench_sync:shared_mutex8", "shared_mutex8", "threads"),
    Row("4 permits of a semaphore, 8 Gs", "bench_sync:semaphore8", "semaphore8", "go"),
    Row("", "bench_sync:semaphore8", "semaphore8", "threads"),
    Row("condition, there and back", "bench_sync:condition", "condition", "go"),
    Row("", "bench_sync:condition", "condition", "fiber"),
    Row("", "bench_sync:condition", "condition", "threads"),
    # ---- timers
    Row("100,000 sleep 1 s: late by", "bench_sleep:sleep", "sleep", "go", value(66), value(10)),
    Row("  processor time", "bench_sleep:sleep", "sleep_cpu", "go", value(0.18), value(0.1)),
    Row("timer made and stopped", "bench_timer:timer", "timer", "go", ratio(0.3), value(40)),
    Row("", "bench_timer:timer", "timer", "asio"),
    Row("timer moved", "bench_timer:timer_reset", "timer_reset", "go"),
    Row("100,000 sleep 1 s: late by", "bench_sleep:sleep", "sleep", "asio"),
    Row("ticker of 1 ms: late by", "bench_timer:ticker", "ticker", "go"),
    Row("ticker of 1 ms: 99 of 100 late by", "bench_timer:ticker", "ticker_p99", "go"),
    Row("ticker beside a hog: 99 of 100 late by", "bench_stall:hog", "hog_p99", procs=ONE),
    Row("ticker beside a hog: a thread alone", "bench_stall:hog", "thread_p99", procs=ONE),
    Row("ticker beside 100 ms calls: 99 of 100 late by", "bench_stall:unannounced", "unannounced_p99", procs=ONE),
    Row("ticker beside 100 ms calls: a thread alone", "bench_stall:unannounced", "thread_p99", procs=ONE),
    Row("ticker beside announced calls: 99 of 100 late by", "bench_stall:announced", "announced_p99", procs=ONE),
    Row("ticker beside announced calls: a thread alone", "bench_stall:announced", "thread_p99", procs=ONE),
    # ---- memory and stacks
    Row("RSS per parked G, 1 million", "bench_parked:parked", "parked", "go", value(2250), value(2100), ONE),
    Row("", "bench_parked:parked", "parked", "fiber", value(2250), value(2100), ONE),
    Row("the same after allocating, throwing", "bench_parked:parked_throw", "parked_throw", None, value(2300), value(2100), ONE),
    Row("the same after snprintf, 100,000", "bench_parked:parked_snprintf", "parked_snprintf", None, value(8192), None, ONE),
    Row("100,000-deep recursion", "bench_stack:deep", "deep", "threads", ratio(3.0), None, ONE),
    Row("", "bench_stack:deep", "deep", "go", None, None, ONE),
    Row("1 MiB of stack in a fresh G", "bench_stack:stack_1m", "stack_1m", "go", ratio(0.1), None, ONE),
    Row("  the first in the process", "bench_stack:stack_1m", "stack_1m_first", "go", None, None, ONE),
    Row("64 KiB of stack in a fresh G", "bench_stack:stack_64k", "stack_64k", "go", ratio(0.1), None, ONE),
    Row("split on every call", "bench_stack:split", "split", None, value(20), None, ONE),
    Row("call through a pointer", "bench_stack:indirect", "indirect", "threads", None, None, ONE),
    Row("", "bench_stack:indirect", "indirect", "go", None, None, ONE),
    Row("call through a pointer into libc, no frame", "bench_stack:indirect", "indirect_leaf", "threads", None, None, ONE),
    Row("call through a pointer into libc", "bench_stack:indirect", "indirect_libc", "threads", None, None, ONE),
    Row("throw and catch, 4 calls: G to thread", "bench_throw:throw_catch", "throw_catch_ratio", None, value(1.1), None, ONE),
    Row("throw and catch, 0 calls: G to thread", "bench_throw:throw_catch", "throw_catch0_ratio", None, value(1.1), None, ONE),
    Row("throw and catch, 16 calls: G to thread", "bench_throw:throw_catch", "throw_catch16_ratio", None, value(1.1), None, ONE),
]
# The series of bench_growth, {series: (what costs, the number it may grow with)}.
GROWTH = {
    "gs_yield": ("yield", "Gs"),
    "gs_spawn": ("spawn, park together, end", "Gs"),
    "ps_yield": ("yield of 64 Gs", "Ps"),
    "ps_channel": ("hand-over in 16 pairs", "Ps"),
    "channels": ("send and receive", "channels"),
    "timers": ("timer made and stopped", "timers"),
    "timers_reset": ("timer moved", "timers"),
}


def with_whole_titles(rows):
    """A row without a title has that of the row above; one that is indented says more about the last that is not."""
    whole, heading = [], ""
    for row in rows:
        if row.title.startswith(" "):
            title = f"{heading}: {row.title.strip()}"
        elif row.title:
            title = heading = row.title
        else:
            title = whole[-1].title
        whole.append(row._replace(title=title))
    return whole


ROWS = with_whole_titles(ROWS)


def limits(of, procs):
    """The limits at that number of Ps, as a list; `of` is a row's need or good."""
    if isinstance(of, dict):
        of = of.get(procs)
    if of is None:
        return []
    return list(of) if isinstance(of, list) else [of]
