#!/bin/sh
# usage: deadline_group.sh PROGRAM
. "$(dirname "$0")/expect.sh"

run 0 "$1"
cat >"$scratch/expected" <<'END'
answer of users
answer of prices
answer of stock
gave up on stock: Connection timed out
stopped: Operation canceled
the group failed: no such price
2 of 10 failed
nothing runs any more
END
same_as "$scratch/expected"
finish
