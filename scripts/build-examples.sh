#!/bin/sh
# Builds the examples in C as programs elsewhere are built: by gcc and pkg-config, against an installation of what `make lib`
# built.
#   scripts/build-examples.sh DIRECTORY            all of them
#   scripts/build-examples.sh DIRECTORY sanitized  the one that valgrind cannot run, so that it checks itself, for the tests
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
out=$(cd "$1" && pwd)
prefix=$out/prefix
unset LIBDIR INCLUDEDIR MANDIR DESTDIR MAKEFLAGS MFLAGS MAKEOVERRIDES

DESTDIR= PREFIX=$prefix scripts/install-library.sh install .build-library/lib
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
# The installation is not where the loader looks.
build() { make --no-print-directory -C Examples/C CC=gcc LDFLAGS="-Wl,-rpath,$prefix/lib" "$@"; }
if [ "${2:-}" = sanitized ]; then
  mkdir -p "$out/sanitized"
  build OUT="$out/sanitized" PROGRAMS=lookup-server CFLAGS="-g -fsanitize=address,undefined -fno-sanitize-recover"
else
  build OUT="$out"
fi
