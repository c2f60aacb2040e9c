#!/usr/bin/env python3
"""Checks that the links between the project's documents lead somewhere.

usage: links.py ROOT
"""
import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def main():
    root = pathlib.Path(sys.argv[1])
    documents = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "src").rglob("*.md")]
    problems = []
    for document in sorted(documents):
        for target in LINK.findall(document.read_text()):
            if "://" not in target and not (document.parent / target).exists():
                problems.append(f"{document.relative_to(root)}: no such file: {target}")
    print("\n".join(problems + [f"{len(documents)} documents, {len(problems)} problems"]))
    return 1 if problems or not documents else 0


sys.exit(main())
