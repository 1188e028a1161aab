"""Measures Toro beside its peers, and writes what came of it.

    python3 Benchmarks/Suite compare [--only GROUP]... [--peer NAME]...   into BUILD/results.json
    python3 Benchmarks/Suite scale                                        into BUILD/scale.json
    python3 Benchmarks/Suite idle [--peer NAME]...                        of 10,000 connections: printed
    python3 Benchmarks/Suite flames                                       into BUILD/report/flames.svg
    python3 Benchmarks/Suite counts [--update] [WORKLOAD]...              beside Counts/expected.txt
    python3 Benchmarks/Suite report                                       Markdown and SVG, into BUILD/report
    python3 Benchmarks/Suite publish                                      into docs/Performance.md and README.md

RUNS (5), TRIES (3), ECHO_SECONDS (2) and HTTP_SECONDS (4) narrow or widen it.
"""

import argparse
import os
import sys

import catalogue
import comparison
import counts
import flames
import idle
import report
import running
import scale

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main() -> int:
    parser = argparse.ArgumentParser(prog="Suite", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", default=f"{ROOT}/.build-peers", help="where the peers are built and results are kept")
    parser.add_argument("--toro", default=f"{ROOT}/Benchmarks/.build/release", help="where ToroBench and ToroCBench are")
    commands = parser.add_subparsers(dest="command", required=True)
    compare = commands.add_parser("compare")
    compare.add_argument("--only", action="append", default=[], choices=[group.name for group in catalogue.GROUPS])
    compare.add_argument("--peer", action="append", default=[])
    commands.add_parser("scale")
    commands.add_parser("idle").add_argument("--peer", action="append", default=[])
    commands.add_parser("flames")
    counting = commands.add_parser("counts")
    counting.add_argument("--update", action="store_true")
    counting.add_argument("workloads", nargs="*")
    commands.add_parser("report")
    commands.add_parser("publish")
    given = parser.parse_args()
    build, toro = os.path.abspath(given.build), os.path.abspath(given.toro)
    runs, tries = int(os.environ.get("RUNS", "5")), int(os.environ.get("TRIES", "3"))
    if given.command == "counts":
        if given.update:
            counts.update(toro)
            return 0
        return 0 if counts.check(toro, given.workloads) else 1
    if given.command == "idle":
        idle.measure(build, toro, runs, given.peer)
        return 0
    os.makedirs(build, exist_ok=True)
    went_well = True
    if given.command == "compare":
        went_well = comparison.measure(build, toro, f"{build}/results.json", runs, tries, given.only, given.peer)
    elif given.command == "scale":
        went_well = scale.measure(build, toro, f"{build}/scale.json", runs, tries)
    elif given.command == "flames":
        flames.write(toro, build)
    if given.command == "publish":
        report.publish(build, ROOT)
    else:
        report.write(build)
    return 0 if went_well else 1


try:
    sys.exit(main())
except running.Failed as failure:
    sys.exit(f"Suite: {failure}")
