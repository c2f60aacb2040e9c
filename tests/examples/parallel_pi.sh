#!/bin/sh
# usage: parallel_pi.sh PROGRAM
. "$(dirname "$0")/expect.sh"

echo 3.141592653590 >"$scratch/expected"
run 0 "$1" --steps 1000000 --chunk 10000
same_as "$scratch/expected"
run 0 "$1" --steps 1000000 --chunk 999 --workers 50  # does not divide evenly
same_as "$scratch/expected"
run 0 "$1" --steps 1000000 --chunk 5000000           # one chunk
same_as "$scratch/expected"
echo 3.200000000000 >"$scratch/expected"
run 0 "$1" --steps 1
same_as "$scratch/expected"
run 2 "$1" --steps 0
run 2 "$1" --chunk 0
finish
