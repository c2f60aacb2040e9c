#!/bin/sh
# clang-tidy over the library's sources. usage: tidy.sh BUILD-DIRECTORY JOBS [FILE...]
set -eu
cd "$(dirname "$0")/../.."
build=$1
jobs=$2
shift 2
if [ $# = 0 ]; then set -- $(find src -name '*.cpp' | sort); fi
# clang-tidy knows clang's options only.
mkdir -p "$build/tidy"
sed -e 's/-mindirect-branch=[a-z-]*//g; s/-fno-jump-tables//g; s/ccache //g' \
  "$build/compile_commands.json" >"$build/tidy/compile_commands.json"
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 sh -c '
  echo "clang-tidy $1"
  clang-tidy -p "$0" --quiet --warnings-as-errors="*" "$1" 2>/dev/null' "$build/tidy"
