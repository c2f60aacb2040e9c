#!/usr/bin/env python3
"""Checks that every test which docs/failure.md names exists, and that gdb's names of waits are the library's.

usage: failures.py ROOT
"""
import pathlib
import re
import sys

AT_LEAST = 30
DEFAULT = "tests/death/panic_death_test.cpp"
TEST = r"^\s*TEST[A-Z_]*\(\s*\w+,\s*%s\)"


def rows(text):
    """The third cells of the table, with the failure's name."""
    for line in text[text.index("## Table"):].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and "`" in cells[2]:
            yield cells[0], cells[2]


def tests_of(cell):
    """Pairs of a test and its file: "in `file`" belongs to the names of the part of the cell before it."""
    pending = []
    for name in re.findall(r"`([^`]+)`", cell):
        if "/" in name:
            # Only names that stand in no other place belong to it.
            yield from ((test, name) for test in pending)
            pending = []
        else:
            pending.append(name)
    yield from ((test, DEFAULT) for test in pending)


def check_table(root, problems):
    count = 0
    for failure, cell in rows((root / "docs/failure.md").read_text()):
        count += 1
        for test, file in tests_of(cell):
            at = root / file
            found = at.exists() and re.search(TEST % re.escape(test), at.read_text(), re.M)
            if not found and not re.search(TEST % re.escape(test), (root / DEFAULT).read_text(), re.M):
                problems.append(f"docs/failure.md: {failure}: no test {test} in {file}")
    if count < AT_LEAST:
        problems.append(f"docs/failure.md: {count} failures, at least {AT_LEAST}")
    return count


def check_names(root, problems):
    library = re.findall(r'return "([^"]+)"', (root / "src/g/g_g0.cpp").read_text())[:-1]  # the last: unknown
    listed = re.search(r"REASONS = \[(.*?)\]", (root / "src/debug/gmpsched-gdb.py").read_text(), re.S).group(1)
    if re.findall(r'"([^"]+)"', listed) != library:
        problems.append("src/debug/gmpsched-gdb.py: REASONS are not the names in src/g/g_g0.cpp")
    order = re.search(r"enum class wait_reason[^{]*{(.*?)}", (root / "src/g/g.hpp").read_text(), re.S).group(1)
    cases = re.findall(r"case wait_reason::(\w+):", (root / "src/g/g_g0.cpp").read_text())
    if re.findall(r"\w+", order) != cases:
        problems.append("src/g/g_g0.cpp: the names are not in the order of enum wait_reason")


def main():
    root = pathlib.Path(sys.argv[1])
    problems = []
    count = check_table(root, problems)
    check_names(root, problems)
    print("\n".join(problems))
    print(f"{count} failures, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
