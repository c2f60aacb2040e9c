#!/bin/sh
# usage: producer_consumer.sh PROGRAM
. "$(dirname "$0")/expect.sh"
program=$1

# exchange ITEMS SUM ARGUMENT...
exchange() {
  items=$1 sum=$2
  shift 2
  run 0 "$program" --items "$items" "$@"
  [ "$(grep -c "sum $sum is right" "$scratch/out")" -eq 2 ] || fail "the sum of $items items: $(cat "$scratch/out")"
}

exchange 100000 5000050000
exchange 100001 5000150001 --capacity 1
exchange 20000 200010000 --producers 1 --consumers 1 --capacity 1000
exchange 20000 200010000 --producers 100 --consumers 3
exchange 20000 200010000 --producers 3 --consumers 100 --capacity 7
exchange 1 1
exchange 0 0

run 2 "$program" --capacity 0
run 2 "$program" --producers none
run 2 "$program" --procs 100000
said err procs
finish
