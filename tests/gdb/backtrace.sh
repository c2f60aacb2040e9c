#!/bin/sh
# Looks at a G's grown stack with gdb: backtrace.sh PROGRAM. Exit code 77: skipped, gdb is missing.
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
  if printf '%s\n' "$out" | grep -i -e 'corrupt stack' -e 'previous frame inner'; then fail "gdb complains"; fi
  frames=$(printf '%s\n' "$out" | grep '^#' || true)
}
count() { printf '%s\n' "$frames" | grep -c "$1" || true; }

script=$(mktemp)
trap 'rm -f "$script"' EXIT

debug "break gdb_stop_here" run bt
[ "$(count ' gdb_stop_here ')" = 1 ] || fail "the breakpoint was not reached"
[ "$(count ' gdb_recurse ')" = 100 ] || fail "not all 100 frames of the recursion are there"
[ "$(count ' __morestack ')" -ge 5 ] || fail "fewer than 5 segments were crossed"
printf '%s\n' "$frames" | tail -n 1 | grep -q 'g_main' || fail "the last frame is not the G's entry, g_main"
segments=$(count ' __morestack ')

# From every instruction of a growth, and of the return from it, the chain is whole too.
steps=200
walk="set \$i = 0
while \$i < $steps
  bt
  stepi
  set \$i = \$i + 1
end"
debug "tbreak gdb_recurse" run "break *__morestack" continue "delete breakpoints" "$walk"
[ "$(count '^#0 .* __morestack ')" -ge 30 ] || fail "the growth was not stepped through"
[ "$(count 'g_main *(')" = "$steps" ] || fail "a backtrace out of a growth does not end at g_main"
debug "tbreak gdb_stop_here" run "frame function __morestack" "tbreak *\$pc" continue "$walk"
[ "$(count '^#0 .* __morestack ')" -ge 10 ] || fail "the return was not stepped through"
[ "$(count 'g_main *(')" = "$steps" ] || fail "a backtrace out of a return does not end at g_main"
echo "100 frames over $segments segments, down to g_main"
