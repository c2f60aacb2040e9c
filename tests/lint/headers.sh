#!/bin/sh
# Compiles every header by itself: each includes what it uses.
# usage: headers.sh ROOT SPLIT COMPILER [FLAGS...]      SPLIT: 1 with segmented stacks, else 0
set -u
root=$1
split=$2
shift 2
failed=0
count=0
for header in $(find "$root/include" "$root/src" -name '*.hpp' | sort); do
  count=$((count + 1))
  if ! "$@" -fsyntax-only -std=c++20 -Wall -Wextra -Werror -DGMPSCHED_SPLIT_STACKS="$split" \
    -I "$root/include" -I "$root/src" -x c++ -include "$header" /dev/null; then
    echo "not self-contained: ${header#"$root"/}"
    failed=$((failed + 1))
  fi
done
echo "$count headers, $failed problems"
[ "$failed" = 0 ] && [ "$count" != 0 ]
