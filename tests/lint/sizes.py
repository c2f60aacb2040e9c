#!/usr/bin/env python3
"""Checks that no file is longer than 400 lines and no function longer than 60.

usage: sizes.py ROOT

Functions are found by layout, which clang-format fixes: a body opens with a line that ends in "{" and belongs to a
parameter list, and ends with "}" at the same indent.
"""
import pathlib
import re
import sys

FILE_LIMIT, FUNCTION_LIMIT = 400, 60
FOLDERS = ("include", "src", "tests", "bench", "examples")
OTHER_BLOCKS = re.compile(r"^\s*(template\s*)?(inline\s+)?(namespace|class|struct|union|enum|extern\s+\"C\"\s*{)")
CONTROL = re.compile(r"^\s*(\}?\s*else|if|for|while|switch|do|try|\}?\s*catch|case|default)\b")


def functions(lines):
    """Yields (first line, name line, length) of each function body at namespace or class level."""
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.rstrip().endswith("{") and "(" in statement(lines, number):
            head = without_templates(statement(lines, number))
            if not OTHER_BLOCKS.match(head) and not CONTROL.match(head) and not value(head):
                start = first_line(lines, number)
                indent = len(lines[start]) - len(lines[start].lstrip())
                end = closing(lines, number, indent)
                yield start, head, end - start + 1
                number = end
        number += 1


def without_templates(head):
    """The statement without anything in angle brackets."""
    while True:
        shorter = re.sub(r"(?<!operator)<[^<>]*>", "", head)
        if shorter == head:
            return head.strip()
        head = shorter


def value(head):
    """Whether a variable gets its value here (a lambda, an initialiser list) and no function opens."""
    before = head.split("(")[0]
    return "=" in before and "operator" not in before


def first_line(lines, number):
    """The line where the statement that ends on this line begins."""
    start = number
    while start > 0:
        before = lines[start - 1].strip()
        if not before or before.startswith(("//", "#")) or before[-1] in "{};:>" and not before.startswith(":"):
            break
        start -= 1
    return start


def statement(lines, number):
    return " ".join(line.strip() for line in lines[first_line(lines, number):number + 1])


def closing(lines, number, indent):
    for end in range(number + 1, len(lines)):
        line = lines[end]
        if line.strip().startswith("}") and len(line) - len(line.lstrip()) <= indent:
            return end
    return len(lines) - 1


def main():
    root = pathlib.Path(sys.argv[1])
    problems, files = [], 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".hpp", ".cpp", ".h", ".S"):
                continue
            files += 1
            lines = path.read_text().splitlines()
            name = path.relative_to(root)
            if len(lines) > FILE_LIMIT:
                problems.append(f"{name}: {len(lines)} lines, at most {FILE_LIMIT}")
            if path.suffix == ".S":
                continue
            for start, head, length in functions(lines):
                if length > FUNCTION_LIMIT:
                    problems.append(f"{name}:{start + 1}: {length} lines, at most {FUNCTION_LIMIT}: {head}")
    print("\n".join(problems + [f"{files} files, {len(problems)} problems"]))
    return 1 if problems or not files else 0


sys.exit(main())
