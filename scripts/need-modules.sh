#!/bin/sh
# Makes sure of libraries that pkg-config finds, each given with the Debian package that has it; installs what is missing.
# Does nothing where all is there.
#   scripts/need-modules.sh glib-2.0:libglib2.0-dev
set -eu

missing() {
  for pair in "$@"; do
    pkg-config --exists "${pair%%:*}" || printf '%s ' "${pair#*:}"
  done
}

packages=$(missing "$@")
[ -n "$packages" ] || exit 0
"$(dirname "$0")/install-packages.sh" $packages
packages=$(missing "$@")
[ -z "$packages" ] || {
  echo "prerequisites: installed, and not found by pkg-config: $packages" >&2
  exit 1
}
