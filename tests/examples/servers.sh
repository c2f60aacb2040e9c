# What the tests of the servers share; source it after expect.sh. Servers that are left are killed at the end.

here=$(cd "$(dirname "$0")" && pwd)
servers=
trap 'kill -9 $servers 2>/dev/null; rm -rf "$scratch"' EXIT

skip() { echo "skipped: $*"; exit 77; }
need() { for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || skip "there is no $tool"; done; }

# start NAME COMMAND...: runs a server; sets $pid, and $address and $port to where it listens.
start() {
  name=$1
  shift
  : >"$scratch/$name.out"  # the address of an earlier one of that name
  "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" </dev/null &
  pid=$!
  servers="$servers $pid"
  until address=$(sed -n 's/^listening on //p' "$scratch/$name.out" 2>/dev/null) && [ -n "$address" ]; do
    if ! kill -0 "$pid" 2>/dev/null; then
      cat "$scratch/$name.err" >&2
      fail "$name did not start"
      finish
    fi
    sleep 0.02
  done
  port=${address##*:}
}

# stop NAME PID: SIGTERM, and it must end with 0.
stop() {
  kill -TERM "$2" || fail "$1 has gone"
  ended "$1" "$2"
}
ended() {
  wait "$2"
  code=$?
  if [ "$code" -ne 0 ]; then
    fail "$1 ended with $code"
    cat "$scratch/$1.err" >&2
  fi
}

# probe SCRIPT ARGUMENTS...: a client in Python, which says what it found wrong.
probe() {
  script=$1
  shift
  timeout 60 python3 "$here/$script" "$@" >"$scratch/probe" 2>&1 || { fail "$script $*"; tail -n 20 "$scratch/probe" >&2; }
}

# stop_impatiently NAME PID: SIGTERM again and again until it is gone, and it must end with 0 all the same.
stop_impatiently() {
  (while kill -TERM "$2" 2>/dev/null; do :; done) &
  ended "$1" "$2"
}
