#!/bin/sh
# Stops at what a G throws with gdb: throw.sh PROGRAM. Exit code 77: skipped, gdb is missing.
set -eu
program=$1
if ! command -v gdb >/dev/null 2>&1; then
  echo "skipped: gdb is not installed"
  exit 77
fi

fail() {
  printf '%s\nFAILED: %s\n' "$out" "$1"
  exit 1
}
# Runs gdb with the commands given as arguments; `out` is what it prints.
debug() {
  for line in "$@"; do printf '%s\n' "$line"; done >"$script"
  out=$(gdb -nx -batch -ex "set width 0" -ex "set pagination off" -x "$script" "$program" 2>&1 </dev/null) || true
}
count() { printf '%s\n' "$out" | grep -c "$1" || true; }

script=$(mktemp)
trap 'rm -f "$script"' EXIT

# Every throw once, on the G and on the thread. (#2 where the thunk's frame lies between: wrapped.def.)
debug "catch throw" run bt continue bt continue bt continue
[ "$(count '(exception thrown)')" = 3 ] || fail "not every throw stopped once"
[ "$(count '^#[12] .* gdb_number ')" = 1 ] || fail "the caller of the first throw is not gdb_number"
[ "$(count '^#[12] .* gdb_text ')" = 2 ] || fail "the callers of the others are not gdb_text"
[ "$(count 'g_main *(')" = 2 ] || fail "the backtraces of the G do not end at g_main"
[ "$(count 'exited normally')" = 1 ] || fail "the program did not go on"

# By type as well; `bt` shows who throws.
debug "catch throw gdb_error" run bt continue
[ "$(count '(exception thrown)')" = 1 ] || fail "not one stop at a gdb_error"
[ "$(count '^#[12] .* gdb_number ')" = 1 ] || fail "the stop is not in gdb_number"
debug "catch throw runtime_error" run bt continue bt continue
[ "$(count '(exception thrown)')" = 2 ] || fail "not two stops at a runtime_error"
[ "$(count '^#[12] .* gdb_text ')" = 2 ] || fail "the stops are not in gdb_text"
echo "catch throw stops at a G's throws, by type as well"
