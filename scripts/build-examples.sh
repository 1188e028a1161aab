#!/bin/sh
# Builds the examples in C as programs elsewhere are built: by gcc and pkg-config, against an installation of what `make lib`
# built.
#   scripts/build-examples.sh DIRECTORY
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1/sanitized"
out=$(cd "$1" && pwd)
prefix=$out/prefix
unset LIBDIR INCLUDEDIR MANDIR DESTDIR MAKEFLAGS MFLAGS MAKEOVERRIDES

DESTDIR= PREFIX=$prefix scripts/install-library.sh install .build-library/lib
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
# The installation is not where the loader looks.
build() { make --no-print-directory -C Examples/C CC=gcc LDFLAGS="-Wl,-rpath,$prefix/lib" "$@"; }
build OUT="$out"
# The one that valgrind cannot run checks itself.
build OUT="$out/sanitized" PROGRAMS=lookup-server CFLAGS="-g -fsanitize=address,undefined -fno-sanitize-recover"
