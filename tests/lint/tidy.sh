#!/bin/sh
# clang-tidy over the library's sources. usage: tidy.sh BUILD-DIRECTORY JOBS [FILE...]
set -eu
cd "$(dirname "$0")/../.."
build=$1
jobs=$2
shift 2
files() { if [ $# = 0 ]; then find src -name '*.cpp' | sort; else printf '%s\n' "$@"; fi; }
# clang-tidy knows clang's options only.
mkdir -p "$build/tidy"
sed -e 's/-mindirect-branch=[a-z-]*//g; s/-fno-jump-tables//g; s/-maccumulate-outgoing-args//g; s/-Winvalid-pch -include [^ ]*cmake_pch.hxx//g; s/ccache //g' \
  "$build/compile_commands.json" >"$build/tidy/compile_commands.json"
# shellcheck disable=SC2016
files "$@" | while read -r file; do grep -q "/$file\"" "$build/compile_commands.json" && echo "$file"; done | xargs -P "$jobs" -n 1 sh -c '
  echo "clang-tidy $1"
  clang-tidy -p "$0" --quiet --warnings-as-errors="*" "$1" 2>/dev/null' "$build/tidy"
