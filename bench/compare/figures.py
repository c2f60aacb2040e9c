"""What a compared row is, as the JSON holds it, and how it is judged.

A row is a dictionary:
    source, title, metric, question, procs, partner, unit
    ours, partner's     medians with quartiles {"median", "low", "high"}; the partner's may be None
    ratio               the same of the ratio within a round, None without a partner. Always cost by cost: below 1 we are ahead.
                        Where more is better (`better` is "more": requests per second) it is the partner's value by ours
    need, good          lists of limits, see rows.py
    result              "pass", "pass, good", "FAIL", "not run", or "-" where nothing is required
    values              the raw figures of the rounds, [ours, partner's]
"""

from common import figure, spread


def ratios(ours, theirs, better="less"):
    pairs = zip(ours, theirs)
    if better == "more":
        return [b / a for a, b in pairs if a > 0]
    return [a / b for a, b in pairs if b > 0]


def meets(limit, ours, theirs, better="less"):
    kind = limit[0]
    if kind == "value":
        return spread(ours)["median"] <= limit[1]
    found = ratios(ours, theirs, better)
    if kind == "ratio":
        return bool(found) and spread(found)["median"] <= limit[1]
    return spread([a - (limit[1] * b + limit[2]) for a, b in zip(ours, theirs)])["median"] <= 0


def verdict(need, good, ours, theirs, better="less"):
    if not need:
        return "-"
    if not all(meets(limit, ours, theirs, better) for limit in need):
        return "FAIL"
    if good and all(meets(limit, ours, theirs, better) for limit in good):
        return "pass, good"
    return "pass"


def judged_alone(partner, need):
    """Fixed limits can be judged without the partner."""
    return partner is None or bool(need) and all(limit[0] == "value" for limit in need)


def compared(source, title, procs, metric, unit, ours, theirs, partner=None, need=(), good=(), question=None, better="less"):
    """A row that was measured; ours and theirs hold one value for each round, theirs may be empty."""
    found = ratios(ours, theirs, better) if theirs else []
    return {
        "source": source, "title": title, "metric": metric, "question": question or metric, "procs": procs,
        "partner": partner, "unit": unit, "better": better, "ours": spread(ours), "theirs": spread(theirs) if theirs else None,
        "ratio": spread(found) if found else None, "need": list(need), "good": list(good),
        "result": verdict(need, good, ours, theirs, better), "values": [ours, theirs],
    }


def not_run(source, title, procs, metric, partner=None, need=(), good=(), question=None):
    return {
        "source": source, "title": title, "metric": metric, "question": question or metric, "procs": procs,
        "partner": partner, "unit": "", "better": "less", "ours": None, "theirs": None, "ratio": None, "need": list(need),
        "good": list(good), "result": "not run", "values": [[], []],
    }


def failed(row):
    """A requirement was missed or could not be judged."""
    return row["result"] == "FAIL" or row["result"] == "not run" and bool(row["need"])


def standing(row):
    """ahead, even or behind; even when one lies between the quartiles of the ratio. None without a partner."""
    ratio = row["ratio"]
    if ratio is None:
        return None
    if ratio["low"] <= 1 <= ratio["high"]:
        return "even"
    return "ahead" if ratio["median"] < 1 else "behind"


# ---- in words


def standing_text(row):
    where, ratio = standing(row), row["ratio"]
    if where is None:
        return "-"
    if where == "even":
        return "even"
    by = ratio["median"] if where == "behind" else 1 / ratio["median"] if ratio["median"] > 0 else float("inf")
    return f"{by:.3g} x {where}"


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio['median']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})"


def limit_text(limit, unit):
    if limit[0] == "value":
        return f"<= {limit[1]:,} {unit}".rstrip()
    if limit[0] == "ratio":
        return f"<= {limit[1]:.3g} x"
    return f"<= {limit[1]:g} jumps + {limit[2]} {unit}".rstrip()


def limits_text(limits, unit):
    return ", ".join(limit_text(limit, unit) for limit in limits) or "-"


HEAD = ["question", "procs", "ours", "partner", "partner's", "ratio (quartiles)", "standing", "required", "good", "result"]


def cells(row):
    unit = row["unit"]
    middle = {side: row[side]["median"] if row[side] else None for side in ("ours", "theirs")}
    return [row["title"], str(row["procs"]), figure(middle["ours"], unit), row["partner"] or "-", figure(middle["theirs"], unit),
            ratio_text(row["ratio"]), standing_text(row), limits_text(row["need"], unit), limits_text(row["good"], unit),
            row["result"]]


def table(head, lines):
    """A Markdown table with straight columns, for people who read it raw."""
    widths = [max(len(line[i]) for line in [head] + lines) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
                     for line in [head, rule] + lines)
