#!/usr/bin/env python3
"""Checks that every file includes its own layer and lower ones only, and that no headers include each other in a circle.

usage: layers.py ROOT        the rules are data: tests/lint/layers.txt
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.M)


class Rules:
    def __init__(self, path):
        self.rank = {}  # folder -> position in the order
        self.public = []  # (path prefix, rank of the first folder that may include it)
        self.only = []  # (header prefix, folders)
        for line in path.read_text().splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "public":
                self.public.append((words[1], self.rank[words[3]]))
            elif words[0] == "only":
                self.only.append((words[1], words[2:]))
            else:
                for folder in words[1:]:
                    self.rank[folder] = len(self.rank)
        self.public.sort(key=lambda rule: -len(rule[0]))

    def rank_of(self, name):
        """Position of a file of src/, or None when its folder has no line."""
        folder = "/".join(name.split("/")[:2])
        return self.rank.get(folder)

    def public_rank(self, name):
        return next((rank for prefix, rank in self.public if name.startswith(prefix)), len(self.rank))


def resolve(root, included):
    for base in ("include", "src"):
        if (root / base / included).is_file():
            return f"{base}/{included}"
    return None


def check_one(rules, name, included, target):
    for prefix, folders in rules.only:
        if included.startswith(prefix) and not any(name.startswith(f + "/") for f in folders):
            yield f"{name}: includes {included}, which is for {' '.join(folders)} only"
    if target is None or target == name:
        return
    if name.startswith("include/"):
        if target.startswith("src/"):
            yield f"{name}: a public header includes the private {target}"
        return
    own = rules.rank_of(name)
    if own is None:
        yield f"{name}: its folder has no line in tests/lint/layers.txt"
    elif target.startswith("include/"):
        if own < rules.public_rank(target):
            yield f"{name}: includes {target}, which belongs to a higher layer"
    elif rules.rank_of(target) is not None and rules.rank_of(target) > own:
        yield f"{name}: includes {target} of a higher layer"


def circles(graph):
    done, path = set(), []

    def visit(node):
        if node in path:
            yield "circle: " + " -> ".join(path[path.index(node):] + [node])
            return
        if node in done:
            return
        path.append(node)
        for target in graph.get(node, ()):
            yield from visit(target)
        path.pop()
        done.add(node)

    for node in graph:
        yield from visit(node)


def main():
    root = pathlib.Path(sys.argv[1])
    rules = Rules(root / "tests/lint/layers.txt")
    graph, problems, seen = {}, [], 0
    for top in ("include", "src"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".hpp", ".cpp", ".S"):
                continue
            seen += 1
            name = str(path.relative_to(root))
            targets = []
            for included in INCLUDE.findall(path.read_text()):
                target = resolve(root, included)
                problems += check_one(rules, name, included, target)
                if target and target != name:
                    targets.append(target)
            graph[name] = targets
    problems += circles(graph)
    print("\n".join(problems + [f"{seen} files, {len(problems)} problems"]))
    return 1 if problems or not seen else 0


sys.exit(main())
