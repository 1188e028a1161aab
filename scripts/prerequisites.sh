#!/bin/sh
# Makes sure of what a build needs: libevent's headers, which it installs where apt-get is at hand, and Swift 6.2 or
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

if [ "$(id -u)" = 0 ]; then
  as_root() { env DEBIAN_FRONTEND=noninteractive "$@"; }
else
  as_root() { sudo env DEBIAN_FRONTEND=noninteractive "$@"; }
fi

install_packages() {
  as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

if ! has_libevent; then
  command -v apt-get >/dev/null || fail "libevent's headers are missing, and so is apt-get: install libevent 2.1 with its headers"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "libevent-dev is missing: install it as root with apt-get install libevent-dev"
  echo "prerequisites: installing libevent-dev"
  # The package lists may be absent or out of date: fetch them only if it does not work without.
  if ! install_packages libevent-dev pkg-config; then
    as_root apt-get update -qq >/dev/null || fail "apt-get update failed, and libevent-dev is missing"
    install_packages libevent-dev pkg-config || fail "apt-get could not install libevent-dev"
  fi
  has_libevent || fail "libevent-dev is installed, and its headers are not found"
fi

command -v swift >/dev/null || fail "swift is not on the PATH: install Swift 6.2 or later from https://swift.org/install"
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
set -- $version
[ $# -eq 2 ] || fail "swift --version says nothing of use"
[ "$1" -gt 6 ] || { [ "$1" -eq 6 ] && [ "$2" -ge 2 ]; } || fail "Swift $1.$2 is too old: Toro needs 6.2 or later"
