#!/bin/sh
# usage: sqlite.sh PROGRAM
. "$(dirname "$0")/expect.sh"

run 0 "$1"
said out "1000 rows"
said out "ticker: "
run 0 "$1" "$scratch/file.db" --gs 8 --rows 5
said out "40 rows"
finish
