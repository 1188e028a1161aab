#!/bin/sh
# The functions that a C header declares and does not define, one a line: what libtoro exports.
#   scripts/exported-symbols.sh Sources/CToro/include/toro.h
set -eu
# Preprocessed, so that neither comments nor macros look like declarations; the system's headers are left out by their
# line markers.
"${CC:-cc}" -E -x c "$1" | awk -v header="$1" '
  /^# [0-9]+ "/ { inside = ($3 == "\"" header "\""); next }
  !inside { next }
  {
    text = text " " $0
    # A body, a structure or an enumeration is skipped whole, with what leads up to it; so is `extern "C" {`, which C
    # does not see.
    while (match(text, /[{};]/)) {
      mark = substr(text, RSTART, 1)
      before = substr(text, 1, RSTART - 1)
      text = substr(text, RSTART + 1)
      if (mark == "{") { depth++; continue }
      if (mark == "}") { depth--; continue }
      if (depth > 0 || before ~ /^ *(typedef|static)/) continue
      if (match(before, /toro_[a-z0-9_]+ *\(/)) {
        name = substr(before, RSTART, RLENGTH)
        sub(/ *\(/, "", name)
        print name
      }
    }
  }' | LC_ALL=C sort -u
