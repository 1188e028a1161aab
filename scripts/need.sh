#!/bin/sh
# Makes sure of commands, or of libraries that pkg-config finds, each given with the Debian package that has it; installs
# what is missing. Does nothing where all is there.
#   scripts/need.sh commands cmake:cmake objcopy:binutils
#   scripts/need.sh libraries glib-2.0:libglib2.0-dev
set -eu

kind=$1
shift

is_there() {
  case $kind in
    commands) command -v "$1" >/dev/null ;;
    libraries) pkg-config --exists "$1" ;;
    *)
      echo "need.sh: commands or libraries, not $kind" >&2
      exit 2
      ;;
  esac
}

missing() {
  for pair in "$@"; do
    is_there "${pair%%:*}" || printf '%s ' "${pair#*:}"
  done
}

packages=$(missing "$@")
[ -n "$packages" ] || exit 0
"$(dirname "$0")/install-packages.sh" $packages
packages=$(missing "$@")
[ -z "$packages" ] || {
  echo "prerequisites: installed, and still not found: $packages" >&2
  exit 1
}
