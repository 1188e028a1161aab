#!/bin/sh
# Runs every workload of the benchmarks in both forms, each in a process of its own, and prints a table, then the lines
# of JSON that it is made of, then those of the C interface if its benchmark is given.
#
#   scripts/bench.sh [path of ToroBench [path of ToroCBench]]
set -eu
bench=${1:-Benchmarks/.build/release/ToroBench}
bench_of_c=${2:-}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

# The figure of a line of JSON, or "-".
figure() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" | grep . || echo -; }

# A task's figure and a callback's, under their heads, as wide as the rest of the table.
pair() { printf '%12s %12s  ' "$(echo "$2" | figure "$1")" "$(echo "$3" | figure "$1")"; }

printf '%-20s%24s   %24s   %24s\n' "" "ns per operation" "bytes per waiter" "late by, in us (p50)"
printf '%-20s%12s %12s  %12s %12s  %12s %12s   %s\n' workload tasks callbacks tasks callbacks tasks callbacks "one operation"
"$bench" --list | while read -r workload operation; do
  task=$("$bench" "$workload")
  echo "$task" >>"$lines"
  callback=$("$bench" --form callback "$workload") && echo "$callback" >>"$lines" || callback=
  printf '%-20s' "$workload"
  for key in ns_per_op bytes_per_waiter late_p50_us; do pair "$key" "$task" "$callback"; done
  printf ' %s\n' "$operation"
done
echo
cat "$lines"
[ -z "$bench_of_c" ] || "$bench_of_c"
