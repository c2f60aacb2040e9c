#!/bin/sh
# Uses the library as outside projects do.
# usage: outside.sh STEP SOURCE BUILD WORK COMPILER LAUNCHER
#   prefix_static, prefix_shared   install BUILD, or what subdirectory_shared built, into WORK, then move the prefix: it
#                                  must be relocatable
#   package_*, pkg_config_*, subdirectory_*, gnu_mp_*, refusals
set -eu
step=$1 source=$2 build=$3 work=$4 compiler=$5 launcher=${6:-}
here="$source/tests/install"
kind=${step##*_}
prefix="$work/moved-$kind"
mkdir -p "$work"

configure() { # configure SOURCE BUILD [OPTIONS...]
  from=$1 to=$2
  shift 2
  cmake -G Ninja -S "$from" -B "$to" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" "$@"
}

outside_project() { # outside_project FOLDER [OPTIONS...]
  folder=$1
  shift
  rm -rf "${work:?}/$step"
  configure "$here/$folder" "$work/$step" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" "$@"
  cmake --build "$work/$step" -j 1
  "$work/$step/outside"
  if [ -x "$work/$step/outside_tls" ]; then "$work/$step/outside_tls"; fi
}

install_into_prefix() { # install_into_prefix BUILD
  rm -rf "$prefix" "$work/first-$kind"
  cmake --install "$1" --prefix "$work/first-$kind" >/dev/null
  mv "$work/first-$kind" "$prefix"
  if [ -n "$(find "$prefix" -name 'gmp.h' -o -name 'libgmp.*' -o -name 'gmp.pc')" ]; then
    echo "the installation has files that are GNU MP's by name"
    return 1
  fi
  if grep -rIl -e "$source" -e "$work" "$prefix"; then
    echo "the files above name the place where they were built"
    return 1
  fi
}

refused() { # refused WORDS OPTIONS...: the configure step says no, and why
  words=$1
  shift
  rm -rf "$work/refused"
  if configure "$source" "$work/refused" "$@" >"$work/refused.log" 2>&1; then
    echo "accepted: $*"
    return 1
  fi
  tr -s ' \n' ' ' <"$work/refused.log" | grep -q "$words" || {
    echo "refused without saying \"$words\": $*"
    cat "$work/refused.log"
    return 1
  }
  echo "refused, as it must be: $*"
}

case $step in
  prefix_static) install_into_prefix "$build" ;;
  prefix_shared) install_into_prefix "$work/subdirectory_shared" ;;
  package_*) outside_project package ;;
  gnu_mp_*) outside_project gnu_mp ;;
  subdirectory_static)
    outside_project subdirectory -DGMPSCHED_SOURCE="$source" -DCMAKE_CXX_FLAGS_RELEASE=-O1
    ;;
  subdirectory_shared) outside_project subdirectory -DGMPSCHED_SOURCE="$source" -DBUILD_SHARED_LIBS=ON ;;
  pkg_config_*)
    file=$(find "$prefix" -name gmpsched.pc)
    PKG_CONFIG_PATH=$(dirname "$file")
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046
    "$compiler" -x c $(pkg-config --cflags gmpsched) -O2 -c "$here/outside.c" -o "$work/outside-$kind.o"
    # shellcheck disable=SC2046
    "$compiler" -std=c++20 -O2 $(pkg-config --cflags gmpsched) "$here/program.cpp" "$work/outside-$kind.o" \
      -o "$work/pkg-config-$kind" $(pkg-config --libs gmpsched)
    LD_LIBRARY_PATH=$(dirname "$(dirname "$file")") "$work/pkg-config-$kind"
    if pkg-config --exists gmpsched-tls; then
      # shellcheck disable=SC2046
      "$compiler" -std=c++20 -O2 $(pkg-config --cflags gmpsched-tls) "$here/secure.cpp" -o "$work/pkg-config-tls-$kind" \
        $(pkg-config --libs gmpsched-tls)
      LD_LIBRARY_PATH=$(dirname "$(dirname "$file")") "$work/pkg-config-tls-$kind"
    fi
    ;;
  refusals)
    refused "link-time optimisation" -DCMAKE_CXX_FLAGS=-flto
    refused "link-time optimisation" -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON
    refused "Install lld" -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=bfd
    refused "Remove it or pass -fcf-protection=none" -DCMAKE_CXX_FLAGS=-fcf-protection=full
    refused "use auto, segmented or reserved" -DGMPSCHED_STACK=round
    refused "sanitizers (address)" -DGMPSCHED_STACK=segmented -DGMPSCHED_SANITIZE=address
    ;;
  *)
    echo "no such step: $step" >&2
    exit 2
    ;;
esac
