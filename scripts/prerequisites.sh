#!/bin/sh
# Makes sure of what a build needs: libevent's headers, which it installs where apt-get is at hand, and Swift 6.3 or
# later, which it only asks for. Does nothing where all is there.
set -eu

fail() {
  echo "prerequisites: $*" >&2
  exit 1
}

has_libevent() {
  pkg-config --exists libevent_core 2>/dev/null && return 0
  [ -e /usr/include/event2/event.h ] && dpkg -s libevent-dev >/dev/null 2>&1
}

if ! has_libevent; then
  "$(dirname "$0")/install-packages.sh" libevent-dev pkg-config
  has_libevent || fail "libevent-dev is installed, and its headers are not found"
fi

command -v swift >/dev/null || fail "swift is not on the PATH: install Swift 6.3 or later from https://swift.org/install"
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
set -- $version
[ $# -eq 2 ] || fail "swift --version says nothing of use"
[ "$1" -gt 6 ] || { [ "$1" -eq 6 ] && [ "$2" -ge 3 ]; } || fail "Swift $1.$2 is too old: Toro needs 6.3 or later"
