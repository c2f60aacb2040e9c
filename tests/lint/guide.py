#!/usr/bin/env python3
"""Compiles the C++ examples of a document.

usage: guide.py DOCUMENT COMPILER [OPTION...]

Each block of C++ must stand on its own behind the headers below.
"""
import re
import subprocess
import sys

HEAD = """#include <gmp/gmp.hpp>
#include <netdb.h>
#include <spawn.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
"""


def main():
    document, compiler = sys.argv[1], sys.argv[2:]
    text = open(document, encoding="utf-8").read()
    parts = [HEAD]
    for match in re.finditer(r"^```cpp\n(.*?)^```", text, re.S | re.M):
        line = text[: match.start(1)].count("\n") + 1
        parts.append(f'namespace at_line_{line} {{\n#line {line} "{document}"\n{match.group(1)}}}\n')
    if len(parts) == 1:
        sys.exit(f"{document}: no examples found")
    command = compiler + ["-fsyntax-only", "-Wall", "-Wextra", "-x", "c++", "-"]
    sys.exit(subprocess.run(command, input="".join(parts), text=True).returncode)


if __name__ == "__main__":
    main()
