#!/bin/sh
# Compiles every header by itself: each includes what it uses.
# usage: headers.sh ROOT COMPILER [FLAGS...]
set -u
root=$1
shift
failed=0
count=0
for header in $(find "$root/include" "$root/src" -name '*.hpp' | sort); do
  count=$((count + 1))
  if ! "$@" -fsyntax-only -std=c++20 -Wall -Wextra -Werror -Wno-pragma-once-outside-header \
    -I "$root/include" -I "$root/src" -x c++ -include "$header" /dev/null; then
    echo "not self-contained: ${header#"$root"/}"
    failed=$((failed + 1))
  fi
done
echo "$count headers, $failed problems"
[ "$failed" = 0 ] && [ "$count" != 0 ]
