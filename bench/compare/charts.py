"""Results as SVG charts, drawn by gnuplot: the overview of all ratios, the series of growth, the echo servers."""

import shutil
import subprocess

import common
import figures

AHEAD, EVEN, BEHIND = "#1b6ca8", "#8a8a8a", "#c8321f"
COLOURS = {"ahead": AHEAD, "even": EVEN, "behind": BEHIND}
SERIES_COLOURS = [AHEAD, BEHIND, "#3a8f4c", "#8157a5", "#b07c1f", "#4a4a4a"]


def gnuplot(path, size, commands):
    if shutil.which("gnuplot") is None:
        raise common.Unavailable("no charts: gnuplot is not installed (package gnuplot-nox)")
    script = [f"set terminal svg size {size[0]},{size[1]} noenhanced background rgb 'white' font 'sans-serif,12'",
              f"set output {quoted(path)}", *commands]
    done = subprocess.run(["gnuplot"], input="\n".join(script) + "\n", capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or "line " in done.stderr:
        raise common.Unavailable(f"gnuplot failed: {done.stderr.strip()[:300]}")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def block(name, lines):
    return [f"${name} << END", *(" ".join(map(str, line)) for line in lines), "END"]


def subtitle(document):
    machine, conditions = document["machine"], document["conditions"]
    return (f"{document['date']}, {machine['cpu']}, {machine['processors']} processors, {conditions['rounds']} rounds, "
            f"{conditions.get('clock', 'wall time')}")


# ---- all ratios


def overview(document, path):
    """One line for each question and partner, one mark for each number of Ps. False: nothing to draw."""
    rows = [row for row in document["rows"] if row["ratio"] and not (row["source"] != "run" and row["metric"] == "cpu")]
    labels = list(dict.fromkeys((row["title"], row["partner"]) for row in rows))
    if not labels:
        return False
    commands, plots = [], []
    height = 190 + 17 * len(labels)
    procs_seen = sorted({row["procs"] for row in rows})
    for where, colour in COLOURS.items():
        for index, procs in enumerate(procs_seen):
            marks = []
            for row in rows:
                if row["procs"] == procs and figures.standing(row) == where:
                    ratio = row["ratio"]
                    y = len(labels) - labels.index((row["title"], row["partner"]))
                    marks.append((ratio["median"], y, ratio["low"], ratio["high"]))
            if marks:
                name = f"at{procs}{where}"
                commands += block(name, marks)
                title = quoted(f"{where}, {procs} P")
                plots.append(f"${name} using 1:2:3:4 with xerrorbars pt {7 if index == 0 else 9 if index == 1 else 5} ps 0.7 "
                             f"lc rgb '{colour}' title {title}")
    ticks = ", ".join(f"{quoted(f'{title}: {partner}')} {len(labels) - at}" for at, (title, partner) in enumerate(labels))
    commands += [
        # Over the whole width: the plot itself is narrow beside its long labels.
        f"set label 1 {quoted('Cost of ours / cost of the partner (left of 1 we are ahead); bars: quartiles')} at screen 0.5, "
        f"screen {1 - 18 / height} center",
        f"set label 2 {quoted(subtitle(document))} at screen 0.5, screen {1 - 38 / height} center", "set tmargin 4",
        "set logscale x", "set grid x ytics lc rgb '#dddddd' lt 1", f"set yrange [0.3:{len(labels) + 0.7}]", f"set ytics ({ticks})",
        "set key at screen 0.98, screen 0.01 right bottom horizontal maxcols 3", "set bmargin 5",
        "set arrow 1 from 1, graph 0 to 1, graph 1 nohead lw 2 lc rgb 'black'",
        f"set xrange [*<0.5:2<*]",
        "plot " + ", ".join(plots),
    ]
    gnuplot(path, (900, height), commands)
    return True


# ---- growth


def growth_chart(document, path):
    """A panel for each thing that grows in number. False: nothing to draw."""
    axes = {}
    for series in document["growth"]:
        axes.setdefault(series["axis"], []).append(series)
    if not axes:
        return False
    columns = min(2, len(axes))
    lines = (len(axes) + columns - 1) // columns
    commands = [f"set multiplot layout {lines},{columns} title "
                + quoted("Cost of an operation as numbers grow (flat is good); " + subtitle(document)),
                "set logscale xy", "set grid lc rgb '#dddddd' lt 1", "set key top left"]
    for axis, members in axes.items():
        plots = []
        for index, series in enumerate(members):
            name = "d" + "".join(c if c.isalnum() else "_" for c in series["title"])
            commands += block(name, series["points"])
            plots.append(f"${name} using 1:2:3:4 with yerrorlines pt 7 ps 0.6 "
                         f"lc rgb '{SERIES_COLOURS[index % len(SERIES_COLOURS)]}' title {quoted(series['title'])}")
        top = max(point[1] for series in members for point in series["points"])
        bottom = min(point[1] for series in members for point in series["points"])
        commands += [f"set xlabel {quoted('number of ' + axis)}", f"set ylabel {quoted(members[0]['unit'])}",
                     f"set yrange [{bottom / 3}:{top * 10}]", "plot " + ", ".join(plots)]
    gnuplot(path, (900, 60 + 300 * lines), [*commands, "unset multiplot"])
    return True


# ---- echo


def echo_chart(document, path):
    """Requests per second by raw's, for each load. False: nothing to draw."""
    rows = [row for row in document["rows"] if row["source"] == "echo" and row["metric"] == "rate"]
    shapes = list(dict.fromkeys(row["question"] for row in rows))
    raw, servers = {}, {}  # {shape: raw's figures of the rounds}, {name: {shape: rate by raw's}}

    def add(name, shape, rates):
        by_raw = [rate / base for rate, base in zip(rates, raw[shape])]
        servers.setdefault(name, {})[shape] = common.spread(by_raw)["median"]

    for row in sorted(rows, key=lambda row: row["partner"] != "raw"):
        ours, theirs = row["values"]
        if row["partner"] == "raw":
            raw[row["question"]] = theirs
            add(f"gmpsched, {row['title'].rpartition(', ')[2]}", row["question"], ours)
        elif row["question"] in raw:
            add(row["partner"], row["question"], theirs)
    if not servers:
        return False
    names = list(servers)
    lines = [(f'"{shape}"', *(f"{servers[name].get(shape, 0):.4f}" for name in names)) for shape in shapes]
    colours = [AHEAD, "#7fb2d6", "#b07c1f", EVEN, "#8157a5"]
    plots = [f"$echo using {2 + at}:xtic(1) title {quoted(name)} lc rgb '{colours[at % len(colours)]}'"
             for at, name in enumerate(names)]
    commands = [*block("echo", lines), f"set title {quoted('Echo: requests per second by those of a hand-written epoll loop')}",
                f"set xlabel {quoted('connections; ' + subtitle(document).rpartition(', ')[0])}", "set style data histograms",
                "set style histogram clustered gap 1", "set style fill solid", "set yrange [0:*]",
                "set grid y lc rgb '#dddddd' lt 1", "set key below",
                "set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead lw 2 lc rgb 'black' front", "plot " + ", ".join(plots)]
    gnuplot(path, (900, 420), commands)
    return True


CHARTS = {"": overview, "_growth": growth_chart, "_echo": echo_chart}


def draw_all(document, stem):
    """Draws stem.svg, stem_growth.svg, stem_echo.svg as far as there is something to draw; their paths."""
    return [f"{stem}{tail}.svg" for tail, draw in CHARTS.items() if draw(document, f"{stem}{tail}.svg")]
