#!/bin/sh
# Installs the C library that build-library.sh made, or removes every file that installing it would put there.
#   scripts/install-library.sh install|uninstall DIRECTORY
# PREFIX, LIBDIR, INCLUDEDIR and MANDIR say where it will be used, DESTDIR what to put before each of them.
set -eu
cd "$(dirname "$0")/.."
action=$1
built=$2
: "${DESTDIR:=}" "${PREFIX:=/usr/local}"
: "${LIBDIR:=$PREFIX/lib}" "${INCLUDEDIR:=$PREFIX/include}" "${MANDIR:=$PREFIX/share/man}"
cmakedir=$LIBDIR/cmake/Toro
umask 022  # who installs it is not who uses it

version=$(scripts/version.sh)
major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}

fail() {
  echo "install-library: $*" >&2
  exit 1
}

case $action in
install | uninstall) ;;
*) fail "install or uninstall?" ;;
esac
for directory in "$PREFIX" "$LIBDIR" "$INCLUDEDIR" "$MANDIR"; do
  case $directory in
  /*) ;;
  *) fail "$directory: give an absolute path" ;;
  esac
done

# Each of these makes one file at its last argument, or removes it.
put() {
  if [ "$action" = install ]; then
    install -D -m "$1" "$2" "$DESTDIR$3"
  else
    rm -f "$DESTDIR$3"
  fi
}

put_link() {
  if [ "$action" = install ]; then
    ln -sf "$1" "$DESTDIR$2"
  else
    rm -f "$DESTDIR$2"
  fi
}

put_text() {
  if [ "$action" = install ]; then
    mkdir -p "$(dirname "$DESTDIR$1")"
    cat >"$DESTDIR$1"
    chmod 644 "$DESTDIR$1"
  else
    rm -f "$DESTDIR$1"
  fi
}

# In terms of the prefix where it can be, so that the tree can be moved.
in_prefix() {
  case $1 in
  "$PREFIX"/*) printf '${prefix}%s' "${1#"$PREFIX"}" ;;
  *) printf '%s' "$1" ;;
  esac
}

# A directory as sed takes it for a replacement; and as pkg-config takes it for a value, which it splits at blanks.
replacement() { printf '%s' "$1" | sed 's/[&|\\]/\\&/g'; }
value() { replacement "$(printf '%s' "$1" | sed 's/ /\\ /g')"; }

put_pkg_config() {
  text=$(sed -e "s|@PREFIX@|$(value "$PREFIX")|" -e "s|@VERSION@|$version|" \
    -e "s|@LIBDIR@|$(value "$(in_prefix "$LIBDIR")")|" -e "s|@INCLUDEDIR@|$(value "$(in_prefix "$INCLUDEDIR")")|" \
    "packaging/$1.in")
  printf '%s\n' "$text" | put_text "$LIBDIR/pkgconfig/$1"
}

put_cmake() {
  text=$(sed -e "s|@VERSION@|$version|g" -e "s|@MAJOR@|$major|g" -e "s|@MINOR@|$minor|g" \
    -e "s|@INCLUDEDIR_FROM_CMAKEDIR@|$(replacement "$(realpath -m --relative-to="$cmakedir" "$INCLUDEDIR")")|" \
    "packaging/$1.in")
  printf '%s\n' "$text" | put_text "$cmakedir/$1"
}

put 644 Sources/CToro/include/toro.h "$INCLUDEDIR/toro.h"
put 644 "$built/libtoro.so.$version" "$LIBDIR/libtoro.so.$version"
put_link "libtoro.so.$version" "$LIBDIR/libtoro.so.$major"
put_link "libtoro.so.$major" "$LIBDIR/libtoro.so"
put 644 "$built/libtoro.a" "$LIBDIR/libtoro.a"
put_pkg_config toro.pc
put_pkg_config toro-static.pc
put_cmake ToroConfig.cmake
put_cmake ToroConfigVersion.cmake

# A page documents what its NAME section lists: every other name refers to it.
for page in docs/man/*.3; do
  name=$(basename "$page" .3)
  put 644 "$page" "$MANDIR/man3/$name.3"
  for alias in $(scripts/man-names.sh "$page"); do
    [ "$alias" = "$name" ] || echo ".so man3/$name.3" | put_text "$MANDIR/man3/$alias.3"
  done
done

if [ "$action" = uninstall ]; then
  rmdir "$DESTDIR$cmakedir" 2>/dev/null || true
else
  echo "installed libtoro $version below $DESTDIR$PREFIX"
fi
if [ "$action" = install ] && [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then
  # A program started next finds the library, if the loader looks into this directory at all.
  ldconfig
fi
