#!/bin/sh
# Holds wordcount against the pipeline that defines it. usage: wordcount.sh PROGRAM SOURCE_DIRECTORY
. "$(dirname "$0")/expect.sh"
program=$1
sources=$2

expected() { cat "$@" | tr -cs 'A-Za-z' '\n' | tr A-Z a-z | sed '/^$/d' | sort | uniq -c >"$scratch/expected"; }

# check [OPTION...] -- FILE...
check() {
  options=
  while [ "$1" != -- ]; do
    options="$options $1"
    shift
  done
  shift
  expected "$@"
  run 0 "$program" $options -- "$@"
  same_as "$scratch/expected"
}

# The repository itself, and chunks small enough that most of them end inside a word.
set -- $(find "$sources/include" "$sources/src" "$sources/examples" -type f)
check -- "$@"
check --chunk 4099 --workers 7 -- "$@"
check --procs 3 -- "$@"
check --chunk 1 -- "$sources/LICENSE"
check --chunk 7 -- "$sources/LICENSE" "$sources/LICENSE"

# Binary, empty, one long word, nothing but separators, bytes above 127, separators first, no newline at the end.
: >"$scratch/empty"
head -c 300000 "$program" >"$scratch/binary"
head -c 200000 /dev/zero | tr '\0' x >"$scratch/long"
head -c 100000 /dev/zero >"$scratch/zeros"
printf 'na\303\257ve NA\303\217VE \377word\200Word' >"$scratch/bytes"
printf '\n\n  first it'"'"'s 2nd-last' >"$scratch/leading"
check -- "$scratch/empty"
check -- "$scratch/binary"
check --chunk 513 -- "$scratch/binary"
check -- "$scratch/long"
check --chunk 1000 -- "$scratch/long" "$scratch/long" "$scratch/empty" "$scratch/long"
check --chunk 1000 -- "$scratch/zeros" "$scratch/long" "$scratch/zeros"
check --chunk 2 -- "$scratch/bytes" "$scratch/leading" "$scratch/bytes"

# The most frequent.
printf 'b a c b a d b\n' >"$scratch/few"
run 0 "$program" --top 3 "$scratch/few"
printf '      3 b\n      2 a\n      1 c\n' >"$scratch/expected"
same_as "$scratch/expected"
run 0 "$program" --top 0 "$scratch/few"
[ -s "$scratch/out" ] && fail "--top 0 printed something"

# Unknown files and folders: named, the others are counted, exit code 1.
expected "$scratch/few"
run 1 "$program" "$scratch/missing" "$scratch/few" "$scratch"
same_as "$scratch/expected"
said err "wordcount: $scratch/missing: No such file or directory"
said err "wordcount: $scratch: Is a directory"

# Wrong use, and output that cannot be written.
run 2 "$program"
run 2 "$program" --chunk 0 "$scratch/few"
run 2 "$program" --top few "$scratch/few"
run 2 "$program" --procs 100000 "$scratch/few"
said err procs
run 0 "$program" --help
if [ -w /dev/full ]; then
  "$program" "$scratch/few" >/dev/full 2>"$scratch/err" && fail "a full disk went unnoticed"
  said err "wordcount: "
fi
finish
