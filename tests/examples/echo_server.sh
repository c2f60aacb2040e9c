#!/bin/sh
# echo_server over TCP and a unix socket, past its descriptors, and drained. usage: echo_server.sh PROGRAM POLLER
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/servers.sh"
need python3
program=$1
poller=$2

start tcp "$program" --poller "$poller"
probe echo_probe.py "$address" echo
probe echo_probe.py "$address" drain "$pid"
ended tcp "$pid"

start unix "$program" --poller "$poller" --host "unix:$scratch/socket"
probe echo_probe.py "$address" echo
stop unix "$pid"
[ -e "$scratch/socket" ] && fail "the socket's path is still there"

start few sh -c "ulimit -n 40; exec '$program' --poller '$poller'"
probe echo_probe.py "$address" flood 200
grep -q "waiting" "$scratch/few.err" || fail "not a word about the shortage"
stop few "$pid"

run 2 "$program" --poller carrier_pigeon
run 1 "$program" --host 203.0.113.1
finish
