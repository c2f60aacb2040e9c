# What the tests of the examples share; source it. Makes $scratch, an empty folder that goes away at the end.

set -u
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# run CODE COMMAND...: runs it, leaves its output in $scratch/out and $scratch/err, and expects the exit code.
run() {
  expected_code=$1
  shift
  "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
  code=$?
  if [ "$code" -ne "$expected_code" ]; then
    fail "exit code $code, expected $expected_code: $*"
    cat "$scratch/out" "$scratch/err" >&2
  fi
}

# said FILE TEXT: the file (out or err) contains the text.
said() { grep -qF -- "$2" "$scratch/$1" || { fail "no \"$2\" in std$1:"; cat "$scratch/$1" >&2; }; }

# same_as FILE: what the last run printed.
same_as() { diff "$1" "$scratch/out" >"$scratch/diff" || { fail "unexpected output"; head -n 20 "$scratch/diff" >&2; }; }

finish() { exit "$((failures > 0))"; }
