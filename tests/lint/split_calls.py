#!/usr/bin/env python3
"""Checks in a linked program that library code which runs on Gs borrows no big segment.

usage: split_calls.py OBJDUMP PROGRAM ALLOWED

The linker makes a function that calls into code without split stacks call __morestack_non_split: every G that parks
below such a function would hold a segment of 64 KiB and more. ALLOWED lists, by demangled name and with the reason, the
functions for which that is meant.
"""
import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
CALL = re.compile(r"\b(?:call|jmp)q?\s.*<__morestack_non_split>")
OURS = re.compile(r"^(?:\w[\w ]*? )?gmp::")


def allowed_names(path):
    with open(path) as file:
        lines = [line.split("#")[0].strip() for line in file]
    return [re.compile(line) for line in lines if line]


def main():
    objdump, program, allow_file = sys.argv[1:4]
    allowed = allowed_names(allow_file)
    code = subprocess.run([objdump, "-d", "-C", "--no-show-raw-insn", program],
                          check=True, capture_output=True, text=True).stdout
    name, functions, found, split = "", 0, set(), False
    for line in code.splitlines():
        start = FUNCTION.match(line)
        if start:
            name = start.group(1)
            functions += 1 if OURS.match(name) else 0
        elif "<__morestack" in line:
            split = True
            if CALL.search(line) and OURS.match(name):
                found.add(name)
    bad = sorted(name for name in found if not any(rule.search(name) for rule in allowed))
    for name in bad:
        print(f"runs on Gs and calls code without split stacks: {name}")
    print(f"{functions} functions of the library, {len(found)} on big segments, {len(bad)} problems")
    if not split:
        print("the program has no split stacks: nothing was checked")
        return 1
    return 1 if bad else 0


sys.exit(main())
