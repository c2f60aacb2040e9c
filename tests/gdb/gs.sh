#!/bin/sh
# `info gs`, `g ID bt`, `g all bt` on a live process and on its core file: gs.sh PROGRAM
# gdb loads the commands from the program by itself. Exit code 77: skipped, gdb is missing.
set -eu
program=$1
if ! command -v gdb >/dev/null 2>&1 || ! gdb -nx -batch -ex "python print(1)" >/dev/null 2>&1; then
  echo "skipped: gdb with Python is not installed"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf '%s\nFAILED: %s\n' "$out" "$1"
  exit 1
}
debug() { # debug ARGUMENT...: `out` is what gdb prints
  out=$(timeout 100 gdb -nx -batch -iex "set auto-load safe-path /" -ex "set width 0" \
    -ex "set pagination off" "$@" 2>&1 </dev/null) || true
}
count() { printf '%s\n' "$out" | grep -c "$1" || true; }
is() { [ "$(count "$1")" = "$2" ] || fail "not $2 lines with: $1"; }

check() {
  is '^G [0-9]* "reader" waits: chan receive; made by G ' 2
  is '^G [0-9]* "deep" waits: chan receive; made by G ' 3
  is '^G [0-9]* "computes" is running; made by G ' 2
  is '^#.* gdb_waits ' 3
  is '^#.* gdb_waits_far_down ' 62
  is '^#.* gdb_computes ' 1
  [ "$(count 'g_main')" -ge 4 ] || fail "the stacks do not end at g_main"
}

deep='python gdb.execute("g %d bt" % [g.id for g in Program().gs() if "deep" in g.line()][0])'
debug -ex "break gdb_stop_here" -ex run -ex "info gs" -ex "g all bt" -ex "$deep" -ex "g 4711 bt" \
  -ex "generate-core-file $work/core" -ex "delete breakpoints" -ex continue "$program"
check
is '^no G 4711' 1
is 'exited normally' 1
debug -ex "info gs" -ex "g all bt" -ex "$deep" "$program" "$work/core"
check
echo "3 Gs and their stacks, live and from the core"
