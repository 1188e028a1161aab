#!/bin/sh
# Runs every workload of the benchmarks in both forms, each in a process of its own, and prints a table, then the lines
# of JSON that it is made of.
#
#   scripts/bench.sh [path of ToroBench]
set -eu
bench=${1:-Benchmarks/.build/release/ToroBench}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

figure() { sed -n "s/.*\"workload\":\"$1\".*\"ns_per_op\":\([0-9.]*\).*/\1/p"; }

printf '%-20s %14s %14s\n' "ns per operation" "tasks" "callbacks"
for workload in $("$bench" --list); do
  task=$("$bench" "$workload")
  echo "$task" >>"$lines"
  callback=$("$bench" --form callback "$workload") && echo "$callback" >>"$lines" || callback=
  printf '%-20s %14s %14s\n' "$workload" "$(echo "$task" | figure "$workload")" \
    "$(echo "$callback" | figure "$workload" | grep . || echo -)"
done
echo
cat "$lines"
