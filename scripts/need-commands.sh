#!/bin/sh
# Makes sure of commands, each given with the Debian package that has it; installs what is missing. Does nothing where all
# is there.
#   scripts/need-commands.sh cmake:cmake objcopy:binutils
set -eu

missing() {
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || printf '%s ' "${pair#*:}"
  done
}

packages=$(missing "$@")
[ -n "$packages" ] || exit 0
"$(dirname "$0")/install-packages.sh" $packages
packages=$(missing "$@")
[ -z "$packages" ] || {
  echo "prerequisites: installed, and their commands are not found: $packages" >&2
  exit 1
}
