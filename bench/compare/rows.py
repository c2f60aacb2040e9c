"""The rows of the comparison: what is asked, of whom, and what the answer must be. Data only; bench/compare/run reads it.

A row is a figure of ours, beside a partner's or alone. Each new bench gets its rows here: one for each partner.

    Row(title, "program:question", metric, partner, need=..., good=..., procs=(1, 2))

    title     what people read; "" goes on with the row above
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
    "threads": ("compare_threads", "it was not built"),
}

ROWS = [
    # ---- switching and spawning
    Row("yield, against a raw jump", "bench_yield:yield", "yield", "context", jumps(2.5, 5), jumps(1, 5), ONE),
    Row("yield", "bench_yield:yield", "yield", "go", ratio(0.25)),
    Row("", "bench_yield:yield", "yield", "fiber"),
    Row("spawn and finish", "bench_spawn:spawn", "spawn", "go", [ratio(0.25), value(136)], value(40)),
    Row("", "bench_spawn:spawn", "spawn", "fiber", ratio(1.0)),
    Row("", "bench_spawn:spawn", "spawn", "threads"),
    # ---- channels and select
    Row("unbuffered round trip", "bench_channel:roundtrip", "roundtrip", "go", [ratio(0.3), value(185)], value(80)),
    Row("", "bench_channel:roundtrip", "roundtrip", "fiber", ratio(0.5), None, ONE),
    Row("buffered, 1 producer 1 consumer", "bench_channel:buffered11", "buffered11", "fiber", ratio(1.0), value(15)),
    Row("", "bench_channel:buffered11", "buffered11", "go", ratio(0.45)),
    Row("buffered, 4 producers 4 consumers", "bench_channel:buffered44", "buffered44", "fiber", ratio(1.0), value(15)),
    Row("", "bench_channel:buffered44", "buffered44", "go", ratio(0.45)),
    Row("select over 4, unbuffered", "bench_select:select4", "select4", "go", ratio(0.3), value(120)),
    Row("select over 4, buffered", "bench_select:select4_buffered", "select4_buffered", "go", ratio(0.5), value(60)),
    # ---- trees of Gs
    Row("skynet, 1 million leaves", "bench_skynet:skynet", "skynet", "go", [ratio(0.3), value(400)], value(200)),
    Row("skynet, peak RSS", "bench_skynet:skynet", "skynet_rss", "go", value(400)),
    Row("skynet, against tasks only", "bench_skynet:skynet", "skynet", "tbb"),
    # ---- locks
    Row("8 Gs on one mutex", "bench_mutex:mutex8", "mutex8", "go", {1: ratio(0.7), 2: [ratio(0.4), value(20)]}, value(16)),
    Row("", "bench_mutex:mutex8", "mutex8", "fiber"),
    Row("", "bench_mutex:mutex8", "mutex8", "threads"),
    # ---- timers
    Row("100,000 sleep 1 s: late by", "bench_sleep:sleep", "sleep", "go", value(66), value(10)),
    Row("  processor time", "bench_sleep:sleep", "sleep_cpu", "go", value(0.18), value(0.1)),
    Row("timer made and stopped", "bench_timer:timer", "timer", "go", ratio(0.3), value(40)),
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
]
# A row without a title goes on with the one above.
for place in range(1, len(ROWS)):
    if not ROWS[place].title:
        ROWS[place] = ROWS[place]._replace(title=ROWS[place - 1].title)


def limits(of, procs):
    """The limits at that number of Ps, as a list; `of` is a row's need or good."""
    if isinstance(of, dict):
        of = of.get(procs)
    if of is None:
        return []
    return list(of) if isinstance(of, list) else [of]
