#!/bin/sh
# usage: postgres.sh PROGRAM
# Starts a PostgreSQL of its own on loopback, its data in a temporary folder, as an unprivileged user.
. "$(dirname "$0")/expect.sh"

skip() {
  echo "skipped: $*"
  exit 77
}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] && [ -x "$bin/initdb" ] || skip "no PostgreSQL server (Debian package postgresql)"
if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || skip "no user postgres to run the server as, and it refuses root"
  command -v runuser >/dev/null || skip "no runuser"
  as_server() { (cd / && runuser -u postgres -- "$@"); }
  chown postgres "$scratch"
else
  as_server() { (cd / && "$@"); }
fi
# Short: a socket's path has at most 107 characters.
[ "${#scratch}" -lt 80 ] || skip "the temporary folder's name is too long for a socket"
chmod 711 "$scratch"

as_server "$bin/initdb" -D "$scratch/data" -A trust -U tester --no-sync >"$scratch/initdb" 2>&1 ||
  { cat "$scratch/initdb"; skip "initdb failed"; }
# A port that somebody else has: the next one.
port=$((20000 + $$ % 10000))
tries=5
until as_server "$bin/pg_ctl" -D "$scratch/data" -w -t 60 -l "$scratch/data/log" -o "-k $scratch -p $port \
  -c listen_addresses=127.0.0.1 -c max_connections=250 -c fsync=off" start >"$scratch/start" 2>&1; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { cat "$scratch/start" "$scratch/data/log"; skip "the server does not start"; }
  port=$((port + 1))
done
trap 'as_server "$bin/pg_ctl" -D "$scratch/data" -m immediate stop >/dev/null 2>&1; rm -rf "$scratch"' EXIT

server="host=127.0.0.1 port=$port user=tester dbname=postgres sslmode=disable gssencmode=disable"
for how in "" --announce; do
  run 0 "$1" "$server" --gs 200 --procs 2 $how
  said out "200 queries of 50 ms"
  said out "ticker: "
  echo "${how:-not announced}"
  cat "$scratch/out"
done
run 1 "$1" "host=127.0.0.1 port=1 connect_timeout=5"
said err "postgres: "
finish
