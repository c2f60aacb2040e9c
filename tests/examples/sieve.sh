#!/bin/sh
# usage: sieve.sh PROGRAM
. "$(dirname "$0")/expect.sh"

run 0 "$1" 20
printf '%s\n' 2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71 >"$scratch/expected"
same_as "$scratch/expected"
run 0 "$1" 500
[ "$(wc -l <"$scratch/out")" -eq 500 ] && [ "$(tail -n 1 "$scratch/out")" = 3571 ] || fail "the 500th prime is 3571"
run 0 "$1" 0
[ -s "$scratch/out" ] && fail "no primes were asked for"
run 2 "$1" -- -1
finish
