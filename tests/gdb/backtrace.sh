#!/bin/sh
# Looks at a G's grown stack with gdb: backtrace.sh PROGRAM. Exit code 77: skipped, gdb is missing.
set -eu
program=$1
if ! command -v gdb >/dev/null 2>&1; then
  echo "skipped: gdb is not installed"
  exit 77
fi
out=$(gdb -nx -batch -ex "set width 0" -ex "break gdb_stop_here" -ex run -ex bt "$program" 2>&1 </dev/null) || true

fail() {
  printf '%s\nFAILED: %s\n' "$out" "$1"
  exit 1
}
frames=$(printf '%s\n' "$out" | grep '^#' || true)
count() { printf '%s\n' "$frames" | grep -c "$1" || true; }

[ "$(count ' gdb_stop_here ')" = 1 ] || fail "the breakpoint was not reached"
[ "$(count ' gdb_recurse ')" = 100 ] || fail "not all 100 frames of the recursion are there"
[ "$(count ' __morestack ')" -ge 5 ] || fail "fewer than 5 segments were crossed"
printf '%s\n' "$frames" | tail -n 1 | grep -q 'g_main' || fail "the last frame is not the G's entry, g_main"
if printf '%s\n' "$out" | grep -i -e 'corrupt stack' -e 'previous frame inner'; then fail "gdb complains"; fi
echo "100 frames over $(count ' __morestack ') segments, down to g_main"
