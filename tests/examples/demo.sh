#!/bin/sh
# The demo with small numbers and without a terminal. usage: demo.sh PROGRAM SOURCE_DIRECTORY
. "$(dirname "$0")/expect.sh"

run 0 "$1" --items 20000 --gs 5000 --seconds 0.2 "$2/src" "$2/LICENSE"
said out "20,000 of 20,000 items"
said out "the sums are right"
said out "different words"
grep -q "http: [1-9][0-9,]* requests answered on 100 connections" "$scratch/out" || fail "no requests"
said out "5,000 of 5,000 parked, 5,000 woken"
for row in "Gs made" "switches per second" "steals" "P utilisation" "requests per second" "bytes per parked G"; do said out "$row"; done
grep -q "$(printf '[\r\033]')" "$scratch/out" && fail "control characters without a terminal"

# On one, the line is rewritten.
if command -v script >/dev/null 2>&1; then
  TERM=xterm script -qec "$1 --items 20000 --gs 5000 --seconds 0.2 $2/LICENSE" /dev/null >"$scratch/out" </dev/null || fail "the demo fails on a terminal"
  grep -q "$(printf '\r\033\\[K')" "$scratch/out" || fail "no progress line on a terminal"
fi

run 2 "$1" "$scratch/missing"
run 2 "$1" --gs many
finish
