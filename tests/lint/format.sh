#!/bin/sh
# Says which sources clang-format would change. usage: format.sh ROOT
set -u
cd "$1" || exit 1
find include src tests bench examples \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
  xargs -0 clang-format --dry-run --Werror --ferror-limit=1 2>&1 | grep -E 'error:' && {
  echo "run ./dev format"
  exit 1
}
echo "format is right"
