#!/bin/sh
# usage: select_timeout.sh PROGRAM
. "$(dirname "$0")/expect.sh"

run 0 "$1"
said out "answer of the quick server"
said out "the slow server took too long"
said out "case 1 was first: answer of replica B"
said out "nothing there"
said out "but there was room to send"
said out "10 numbers before the stop"
finish
