#!/bin/sh
# Installs Debian packages, as root or by sudo; fails with a word of what to do where that is not possible.
#   scripts/install-packages.sh PACKAGE...
set -eu

fail() {
  echo "prerequisites: $*" >&2
  exit 1
}

command -v apt-get >/dev/null || fail "these are missing, and so is apt-get: $*"
if [ "$(id -u)" = 0 ]; then
  as_root() { env DEBIAN_FRONTEND=noninteractive "$@"; }
else
  command -v sudo >/dev/null || fail "these are missing: install them as root with apt-get install $*"
  as_root() { sudo env DEBIAN_FRONTEND=noninteractive "$@"; }
fi
echo "prerequisites: installing $*"
# The package lists may be absent or out of date: fetch them only if it does not work without.
as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || {
  as_root apt-get update -qq >/dev/null || fail "apt-get update failed, and these are missing: $*"
  as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null || fail "apt-get could not install $*"
}
