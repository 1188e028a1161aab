#!/bin/sh
# Samples the workloads by ordo-one/benchmark, and compares their 90th percentiles with the stored thresholds, or writes those.
#   scripts/bench-statistics.sh check|update|run
set -eu
cd "$(dirname "$0")/../Benchmarks/Statistics"
# The counters of allocations are left out: they read 0 here.
export BENCHMARK_DISABLE_JEMALLOC=true

case ${1:-check} in
check) swift package --disable-sandbox benchmark thresholds check --no-progress ;;
update) swift package --disable-sandbox --allow-writing-to-package-directory benchmark thresholds update --no-progress ;;
run) swift package --disable-sandbox benchmark --no-progress --scale ;;
*)
  echo "bench-statistics: check, update or run?" >&2
  exit 2
  ;;
esac
