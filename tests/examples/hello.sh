#!/bin/sh
# usage: hello.sh PROGRAM
. "$(dirname "$0")/expect.sh"

run 0 "$1"
for i in 1 2 3; do said out "hello from G number $i"; done
said out "hello from a channel"
finish
