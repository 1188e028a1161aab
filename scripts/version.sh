#!/bin/sh
# The version of the C library, as toro.h has it.
set -eu
awk '/^#define TORO_VERSION_(MAJOR|MINOR|PATCH) / { version = version separator $3; separator = "." } END { print version }' \
  "$(dirname "$0")/../Sources/CToro/include/toro.h"
