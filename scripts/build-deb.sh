#!/bin/sh
# Makes the Debian packages of the C library from a copy of this checkout, with what `make lib` built, and has lintian check
# them.
#   scripts/build-deb.sh DIRECTORY
set -eu
cd "$(dirname "$0")/.."
out=$1
version=$(scripts/version.sh)
source=$out/toro-$version

packaged=$(sed -n '1s/^toro (\(.*\)) .*/\1/p' packaging/debian/changelog)
[ "$packaged" = "$version" ] || {
  echo "build-deb: packaging/debian/changelog says $packaged, toro.h says $version" >&2
  exit 1
}

rm -rf "$out"
mkdir -p "$source"
tar -c --exclude='./.build*' --exclude='./.git' --exclude='*/.build' . | tar -x -C "$source"
mkdir -p "$source/.build-library"
cp -a .build-library/lib "$source/.build-library/"
cp -a packaging/debian "$source/debian"

# What is given here for `make install` is not for the packages. Swift is not among the build dependencies: see control.
(
  unset PREFIX LIBDIR INCLUDEDIR MANDIR DESTDIR MAKEFLAGS MFLAGS MAKEOVERRIDES
  cd "$source"
  dpkg-buildpackage --build=binary --no-sign
)
lintian --fail-on error,warning --allow-root --tag-display-limit 0 "$out/toro_${version}_$(dpkg --print-architecture).changes"
ls -l "$out"/*.deb
