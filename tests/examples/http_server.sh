#!/bin/sh
# http_server against curl, wrk and clients that do what those do not. usage: http_server.sh PROGRAM POLLER
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/servers.sh"
need python3 curl
program=$1
poller=$2

root=$scratch/root
mkdir -p "$root/folder"
head -c 5000000 /dev/urandom >"$root/big.bin"
echo "<p>index</p>" >"$root/folder/index.html"
: >"$root/empty.txt"
echo "a b" >"$root/a b.txt"
echo secret >"$scratch/secret"
ln -s ../secret "$root/link"
ln -s .. "$root/folder_link"
mkfifo "$root/pipe"

start http "$program" --poller "$poller" --root "$root" --grace-ms 2000
at=http://127.0.0.1:$port

# fetch CODE PATH [OPTIONS]: the answer is in $scratch/body.
fetch() {
  expected=$1
  path=$2
  shift 2
  got=$(curl -s --max-time 20 -o "$scratch/body" -w '%{http_code}' "$@" "$at$path")
  [ "$got" = "$expected" ] || fail "GET $path: $got, expected $expected"
}
fetch 200 /
[ "$(cat "$scratch/body")" = "Hello, world!" ] || fail "another greeting"
fetch 200 /big.bin
cmp "$scratch/body" "$root/big.bin" || fail "big.bin arrived changed"
fetch 200 /folder/
cmp "$scratch/body" "$root/folder/index.html" || fail "index.html arrived changed"
fetch 200 /empty.txt
fetch 200 "/a%20b.txt?query"
fetch 404 /missing
fetch 404 /folder/missing
fetch 404 /big.bin/below
fetch 403 /pipe
fetch 403 /../secret --path-as-is
fetch 405 / -X DELETE
fetch 200 / --http1.0
fetch 200 /debug/stats
python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); assert s["procs"] >= 1 and s["http"]["requests"] > 5, s' \
  "$scratch/body" || fail "the statistics are wrong: $(cat "$scratch/body")"
run 0 curl -sSI --max-time 20 "$at/big.bin"
said out "HTTP/1.1 200 OK"
said out "Content-Length: 5000000"
run 0 curl -sSv --max-time 20 "$at/" "$at/folder/" "$at/"  # over one connection
[ "$(grep -c "Re-using existing connection" "$scratch/err")" = 2 ] || fail "no kept connection"

probe http_probe.py "$port" connections
probe http_probe.py "$port" malformed
if command -v wrk >/dev/null 2>&1; then
  run 0 timeout 60 wrk -t1 -c50 -d1 "$at/"
  grep -q "Requests/sec" "$scratch/out" || fail "wrk says nothing"
  grep -E "Non-2xx|Socket errors" "$scratch/out" && fail "wrk met errors"
fi
probe http_probe.py "$port" drain "$pid"
ended http "$pid"

start slow "$program" --poller "$poller" --root "$root" --request-ms 500 --idle-ms 700 --write-ms 500
probe http_probe.py "$port" slow
stop slow "$pid"

start few sh -c "ulimit -n 40; exec '$program' --poller '$poller'"
probe http_probe.py "$port" flood 200
stop few "$pid"

for each in 1 2 3 4 5; do
  start impatient "$program" --poller "$poller" --grace-ms 5
  run 0 curl -sS --max-time 20 "http://127.0.0.1:$port/"
  stop_impatiently impatient "$pid"
done

# HTTPS, where it was built and certificates can be made.
if "$program" --help | grep -q -e --cert && command -v openssl >/dev/null 2>&1; then
  run 0 openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/key.pem" -out "$scratch/cert.pem"
  start secure "$program" --poller "$poller" --root "$root" --cert "$scratch/cert.pem" --key "$scratch/key.pem"
  at=https://127.0.0.1:$port
  fetch 200 / --cacert "$scratch/cert.pem"
  [ "$(cat "$scratch/body")" = "Hello, world!" ] || fail "another greeting"
  fetch 200 /big.bin -k
  cmp "$scratch/body" "$root/big.bin" || fail "big.bin arrived changed"
  fetch 404 /missing -k
  run 60 curl -sS --max-time 20 "$at/"  # nobody vouches for it
  run 0 curl -sSkv --max-time 20 "$at/" "$at/folder/" "$at/big.bin" -o /dev/null -o /dev/null -o /dev/null
  [ "$(grep -c "Re-using existing connection" "$scratch/err")" = 2 ] || fail "no kept connection"
  said err "ALPN: server accepted http/1.1"
  curl -s --max-time 20 "http://127.0.0.1:$port/" >/dev/null && fail "HTTP answered where HTTPS is"
  fetch 200 / -k --tls-max 1.2
  if command -v wrk >/dev/null 2>&1; then
    run 0 timeout 60 wrk -t1 -c20 -d1 "$at/"
    grep -E "Non-2xx|Socket errors" "$scratch/out" && fail "wrk met errors over TLS"
  fi
  stop secure "$pid"
  run 1 "$program" --cert "$scratch/key.pem"
fi

run 2 "$program" --root "$scratch/missing"
finish
