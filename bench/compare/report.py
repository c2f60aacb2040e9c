"""Results as Markdown: what took part, how it ended, all rows. Also replaces the part of a document between the markers."""

import figures
import growth

BEGIN = "<!-- measured: begin, written by ./dev bench --compare --publish -->"
END = "<!-- measured: end -->"
SOURCES = {"run": "Our programs and their partners", "echo": "Echo servers", "http": "HTTP servers", "redis": "Key-value servers"}


def place(document):
    """One line each: the machine, the software, the conditions."""
    machine, conditions = document["machine"], document["conditions"]
    kind = "virtual" if machine["virtual"] else "physical"
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    clock = conditions.get("clock", "wall time")
    loads = ", load average before each part " + ", ".join(map(str, conditions["loads"])) if "loads" in conditions else ""
    return [
        f"{document['date']}: {machine['cpu']} ({kind}), {machine['processors']} processors, {machine['memory_gib']} GiB, "
        f"Linux {machine['kernel']}, {machine['system']}.",
        f"Compiler: {document['compiler']['version']}, `{document['compiler']['flags']}`. {versions}.",
        f"{conditions['rounds']} rounds, {clock}{', real-time priority' if conditions.get('priority') else ''}{loads}.",
    ]


def summary(document):
    rows, series = document["rows"], document["growth"]
    where = [figures.standing(row) for row in rows]
    ends = [row["result"] for row in rows if row["need"]] + [one["result"] for one in series if one["limit"]]
    lines = [f"Beside partners: ahead in {where.count('ahead')} rows, even in {where.count('even')}, behind in "
             f"{where.count('behind')}. Required: {sum(end.startswith('pass') for end in ends)} met, {ends.count('FAIL')} missed, "
             f"{ends.count('not run')} not run."]
    behind = [f"- behind: {name(row)}: {figures.standing_text(row)}" for row in rows if figures.standing(row) == "behind"]
    missed = [f"- missed: {name(row)}: {figures.cells(row)[2]}, ratio {figures.ratio_text(row['ratio'])}, required "
              f"{figures.limits_text(row['need'], row['unit'])}" for row in rows if row["result"] == "FAIL"]
    missed += [f"- missed: growth of {one['title']} with {one['axis']}: {one['worst_decade']:.2f} x in the worst decade"
               for one in series if growth.failed(one)]
    return [*lines, "", *behind, *missed]


def name(row):
    beside = f" beside {row['partner']}" if row["partner"] else ""
    return f"{row['title']}{beside}, {row['procs']} P"


def markdown(document):
    lines = [*place(document), "", *summary(document)]
    for source, title in SOURCES.items():
        rows = [figures.cells(row) for row in document["rows"] if row["source"] == source]
        if rows:
            lines += ["", f"### {title}", "", figures.table(figures.HEAD, rows)]
    if document["growth"]:
        lines += ["", "### How cost grows", "", growth.table(document["growth"])]
    if document["notes"]:
        lines += ["", *(f"- {note}" for note in document["notes"])]
    return "\n".join(lines) + "\n"


def publish(path, text):
    """Replaces what is between the markers of a document."""
    with open(path) as file:
        whole = file.read()
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} lacks the markers {BEGIN} and {END}")
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
