#!/bin/sh
# usage: foreign_calls.sh PROGRAM
. "$(dirname "$0")/expect.sh"

run 0 "$1"
said out "getaddrinfo: "
said out "std::mutex: 8 turns"
said out "computed: done"
# A second of computing at one P: the ticker has run all the while.
ticks=$(sed -n 's/^ticker: \([0-9]*\) ticks.*/\1/p' "$scratch/out")
[ "${ticks:-0}" -ge 50 ] || fail "only ${ticks:-no} ticks"
cat "$scratch/out"
finish
