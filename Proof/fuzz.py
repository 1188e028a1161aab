#!/usr/bin/env python3
"""Gives what takes bytes from outside the bytes that a fuzzer makes up, under the address sanitizer.

usage: Proof/fuzz.py [--target NAME]... [--runs N] [--processes P] [--seed S] [--scratch DIRECTORY] [--list]

  --target     these only, each named or by how it begins, as `http` (all)
  --runs       how many inputs each target is given (20000)
  --processes  how many targets are at it at once (2)
  --seed       of what the fuzzer makes up (1)
  --scratch    where the program is built, and where the inputs that ran something new are kept, to begin with the next time
               (.build-fuzz)
  --list       only say what targets there are

First come the inputs in Proof/Crashers, which stopped a target once, and then what the target itself suggests. A target is
stopped by a crash, an assertion, a report of the sanitizer, an input that takes more than 20 s or 2 GiB, and by what it finds wrong itself.
What stopped it is kept, and the command that runs it again printed; then the exit status is 1.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRASHERS = ROOT / "Proof" / "Crashers"
MAX_LENGTH = {"http": 2048, "urls": 256, "addresses": 128, "workqueue": 512, "c-interface": 1024, "primitive": 400}
# (Of several -sanitize the compiler takes the last, and the package manager gives them in any order: so once more, together.)
BUILD = [
    "swift", "build", "--package-path", ROOT / "Proof", "-c", "release", "--product", "ToroFuzz",
    "--sanitize", "fuzzer", "--sanitize", "address", "-Xswiftc", "-sanitize=address,fuzzer",
    "-Xswiftc", "-assert-config", "-Xswiftc", "Debug", "-Xcc", "-DTORO_LIBFUZZER"]
LEAST_EDGES = 50
# What a process has not freed when it ends is no leak: the library's statics are there for good.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "SWIFT_BACKTRACE": "enable=no"}


def build(scratch):
    result = subprocess.run([*BUILD, "--scratch-path", scratch / "build"], stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit("fuzz: the program does not build")
    return scratch / "build" / "release" / "ToroFuzz"


def names(program):
    result = subprocess.run([program], env={**ENVIRONMENT, "TORO_FUZZ": ""}, capture_output=True, text=True)
    return re.findall(r"^  (\S+)$", result.stderr, re.M)


def fuzz(program, name, arguments):
    """What came of a target: how it went, and a line about it."""
    corpus = arguments.scratch / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    environment = {**ENVIRONMENT, "TORO_FUZZ": name}
    subprocess.run([program], env={**environment, "TORO_FUZZ_SEEDS": str(corpus)}, check=True)
    found = arguments.scratch / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    length = next(length for prefix, length in MAX_LENGTH.items() if name.startswith(prefix))
    known = sorted(path for path in (CRASHERS / name).glob("*") if path.is_file())
    if known:
        result = subprocess.run([program, *known], env=environment, capture_output=True, text=True, errors="replace")
        if result.returncode != 0:
            return False, f"{name}: FAILED again, by one of {CRASHERS / name}\n{tail(result.stderr)}"
    command = [
        program, f"-runs={arguments.runs}", f"-seed={arguments.seed}", f"-max_len={length}", "-timeout=20",
        "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}/", corpus]
    began = time.monotonic()
    result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    seconds = time.monotonic() - began
    if result.returncode != 0:
        artifact = re.search(r"Test unit written to (\S+)", result.stderr)
        again = f"TORO_FUZZ={name} {shlex.quote(str(program))} {artifact.group(1) if artifact else ''}"
        return False, f"{name}: FAILED, again by: {again}\n{tail(result.stderr)}"
    runs = int(re.search(r"number_of_executed_units: (\d+)", result.stderr).group(1))
    edges = max(map(int, re.findall(r"cov: (\d+)", result.stderr)), default=0)
    if edges < LEAST_EDGES:
        return False, f"{name}: FAILED, {edges} edges: what it runs is not instrumented, so the inputs were made up blindly"
    return True, (
        f"{name}: {runs} inputs, {len(known)} known ones, nothing found; {edges} edges, "
        f"{len(list(corpus.iterdir()))} inputs kept, {seconds:.0f} s, {runs / seconds:.0f} a second", runs)


def tail(text):
    return "\n".join("    " + line for line in text.splitlines()[-40:])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--runs", type=int, default=20000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=ROOT / ".build-fuzz")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    arguments.scratch = arguments.scratch.resolve()
    program = build(arguments.scratch)
    targets = names(program)
    if arguments.list:
        print("\n".join(targets))
        return 0
    chosen = [name for name in targets if not arguments.target or name.startswith(tuple(arguments.target))]
    if not chosen:
        sys.exit(f"fuzz: no target is called {', '.join(arguments.target)}; see --list")
    failed = total = 0
    with ThreadPoolExecutor(arguments.processes) as pool:
        for isGood, report in pool.map(lambda name: fuzz(program, name, arguments), chosen):
            if isGood:
                report, runs = report
                total += runs
            else:
                failed += 1
            print(report, flush=True)
    print(f"{len(chosen)} targets, {total} inputs, {failed} FAILED")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
