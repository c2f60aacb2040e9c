"""How cost grows with the number of Gs, Ps, channels, timers: the series that bench_growth prints.

A line `gs_yield_1000 41.5 ns` is the point 1000 of the series gs_yield. The limit: a tenfold number costs at most FLAT times as
much for each operation.
"""

import math
import re

import common
import figures
from rows import GROWTH, PARTNERS

PROGRAM = "bench_growth"
FLAT = 1.5
HEAD = ["cost per operation of", "with", "from", "to", "worst decade", "required", "result"]


def chosen(build, only):
    """[(path, question, partner or None)]: the questions of bench_growth that --only wants, and of Go as far as it answers them."""
    path = common.find_program(build, PROGRAM)
    if path is None:
        return []
    words = (only or "").split(",")
    wanted = [question for question in common.questions_of(path)
              if any(word in text for word in words for text in (PROGRAM, question))]
    go = common.find_program(build, PARTNERS["go"][0])
    theirs = common.questions_of(go) if go and wanted else []
    return [each for question in wanted
            for each in ((path, question, None), *([(go, question, "go")] if question in theirs else []))]


def names_of(series):
    """The title and the axis of a series."""
    return GROWTH.get(series, (series.replace("_", " "), "things"))


def worst_decade(points):
    """The greatest growth by a tenfold x, over the points that lie at least a decade apart, or the first and the last."""
    pairs = [(a, b) for a in points for b in points if b[0] >= 10 * a[0]]
    if not pairs and len(points) > 1:
        pairs = [(points[0], points[-1])]
    return max(((b[1] / a[1]) ** (1 / math.log10(b[0] / a[0])) for a, b in pairs), default=1.0)


def judged(series, unit, values, partner=None):
    """values: {x: figures of the rounds}. A partner's series is shown beside ours and not judged."""
    points = []
    for x in sorted(values):
        middle = common.spread(values[x])
        points.append([x, middle["median"], middle["low"], middle["high"]])
    title, axis = names_of(series)
    if partner:
        title = f"{title} ({partner})"
    worst = worst_decade(points)
    return {"series": series, "title": title, "axis": axis, "unit": unit, "points": points, "worst_decade": worst,
            "partner": partner, "limit": None if partner else FLAT,
            "result": "-" if partner else "pass" if worst <= FLAT else "FAIL"}


def failed(series):
    return series["result"] == "FAIL"


def measure(questions, args, ask, notes):
    """All series; ask(path, question) gives the figures of one run. Each point is the best of several already,
    so two rounds are enough for a trend."""
    found = {}  # (series, partner): (unit, {x: values})
    rounds = min(args.rounds, 2)
    progress = common.Progress(len(questions))
    for path, question, partner in questions:
        progress.next()
        for number in range(1, rounds + 1):
            progress.show(f"growth: {question}" + (f", {partner}" if partner else ""), number, rounds)
            try:
                answer = ask(path, question)
            except common.Unavailable as reason:
                notes.append(f"not run: {reason}")
                break
            for name, (value, unit) in answer.items():
                point = re.fullmatch(r"(.+)_(\d+)", name)
                if point and value > 0:
                    series = found.setdefault((point.group(1), partner), (unit, {}))
                    series[1].setdefault(int(point.group(2)), []).append(value)
    progress.clear()
    return [judged(name, unit, values, partner) for (name, partner), (unit, values) in found.items() if len(values) > 1]


def cells(series):
    ends = [f"{common.figure(point[1], series['unit'])} at {point[0]:,}" for point in (series["points"][0], series["points"][-1])]
    return [series["title"], series["axis"], *ends, f"{series['worst_decade']:.2f} x", f"<= {series['limit']:g} x" if series["limit"] else "-", series["result"]]


def table(all_series):
    return figures.table(HEAD, [cells(series) for series in all_series])
