#!/bin/sh
# Compiles every header by itself: each includes what it uses. As many at a time as there are processors.
# usage: headers.sh ROOT SPLIT COMPILER [FLAGS...]      SPLIT: 1 with segmented stacks, else 0
set -u
root=$1
split=$2
shift 2
headers=$(find "$root/include" "$root/src" -name '*.hpp' | sort)
count=$(printf '%s\n' "$headers" | grep -c .)
# shellcheck disable=SC2016 # the inner shell expands these
failed=$(printf '%s\n' "$headers" | xargs -P "$(nproc)" -I{} sh -c '
  header=$1
  shift
  "$@" -x c++ -include "$header" /dev/null || echo "not self-contained: $header"
' sh {} "$@" -fsyntax-only -std=c++20 -Wall -Wextra -Werror -DGMPSCHED_SPLIT_STACKS="$split" \
  -I "$root/include" -I "$root/src")
[ -z "$failed" ] || printf '%s\n' "$failed"
echo "$count headers, $(printf '%s' "$failed" | grep -c .) problems"
[ -z "$failed" ] && [ "$count" != 0 ]
