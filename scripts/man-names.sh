#!/bin/sh
# The names that a manual page's NAME section lists, one a line.
set -eu
awk '/^\.SH / { inside = ($2 == "NAME"); next } inside { sub(/\\-.*/, ""); gsub(/,/, " "); print }' "$1" | tr -s ' ' '\n' | sed '/^$/d'
