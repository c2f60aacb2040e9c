#!/bin/sh
# proxy before two http_servers, one of which dies under load. usage: proxy.sh PROXY HTTP_SERVER POLLER
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/servers.sh"
need python3
proxy=$1
http=$2
poller=$3

for one in A B; do
  mkdir "$scratch/$one"
  echo $one >"$scratch/$one/who.txt"
done
start a "$http" --poller "$poller" --root "$scratch/A"
a=$pid a_port=$port
start b "$http" --poller "$poller" --root "$scratch/B"
b=$pid b_port=$port

start proxy "$proxy" --poller "$poller" --backend "127.0.0.1:$a_port" --backend "127.0.0.1:$b_port" --health-ms 100 \
  --health-path /who.txt
balancer=$pid
front=$port
probe proxy_probe.py "$front" kill "$a"
grep -q "127.0.0.1:$a_port is down" "$scratch/proxy.err" || fail "nobody noticed that a backend died"
start a2 "$http" --poller "$poller" --root "$scratch/A" --port "$a_port"
a=$pid
probe proxy_probe.py "$front" back A
grep -q "127.0.0.1:$a_port is up" "$scratch/proxy.err" || fail "nobody noticed that a backend came back"
probe proxy_probe.py "$front" drain "$balancer"
ended proxy "$balancer"
grep -q "backend 127.0.0.1:$b_port: [1-9]" "$scratch/proxy.out" || fail "no report"
stop a2 "$a"
stop b "$b"

start counter python3 "$here/proxy_probe.py" count
counter=$pid
start halves "$proxy" --poller "$poller" --least --backend "127.0.0.1:$port"
probe proxy_probe.py "$port" halves
kill -9 "$counter"
wait "$counter" 2>/dev/null
probe proxy_probe.py "$port" nobody
stop halves "$pid"

run 2 "$proxy"
finish
