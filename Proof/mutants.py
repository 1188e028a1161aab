#!/usr/bin/env python3
"""Shows that the tests and the simulation find faults: compiles every mutant of Proof/Mutants/mutants.txt into a copy of the
library, once, and runs the tests and the simulation with each of them on.

usage: Proof/mutants.py [--scratch DIRECTORY] [--only N[,N...]] [--every N] [--quick] [--check]

  --scratch  where to copy and build (.build-mutants)
  --only     these mutants only, by number
  --every    each Nth mutant
  --quick    run the tests only with mutants that the simulation does not find
  --check    only look whether every mutant's line is where the list says

Exits with 1 if a mutant survives both, or its line is not found.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
import scratch as scratch_package

ROOT = scratch_package.ROOT
LIST = ROOT / "Proof" / "Mutants" / "mutants.txt"
LIMIT = 60  # seconds for a mutant's simulation, and for its tests

MANIFEST = """// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "Mutants",
  targets: [
    .systemLibrary(name: "CLibevent", path: "CLibevent", pkgConfig: "libevent_core"),
    .target(name: "CToroShims"),
    .target(name: "Toro", dependencies: ["CLibevent", "CToroShims"], swiftSettings: settings),
    .target(
      name: "ToroModels", dependencies: ["Toro"], path: "Proof/Sources/ToroModels",
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    .executableTarget(name: "ToroProof", dependencies: ["ToroModels"], path: "Proof/Sources/ToroProof"),
    .testTarget(name: "ToroTests", dependencies: ["Toro"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
"""

SWITCH = """import Glibc

/// Which fault is on.
@usableFromInline
enum Mutant {
  @usableFromInline static let number = getenv("TORO_MUTANT").flatMap { Int(String(cString: $0)) } ?? 0
  @usableFromInline static func isOn(_ mutant: Int) -> Bool { number == mutant }
}
"""


class Mutant:
    def __init__(self, number, title):
        self.number = number
        self.title = title
        self.file = None
        self.occurrence = None
        self.right = None
        self.faulty = None


def fail(message):
    sys.exit(f"mutants: {message}")


def read_list():
    mutants = []
    for place, line in enumerate(LIST.read_text().splitlines(), 1):
        if line.startswith("## "):
            mutants.append(Mutant(len(mutants) + 1, line[3:].strip()))
        elif line.startswith("#") or not line.strip():
            continue
        elif not mutants:
            fail(f"{LIST.name}:{place}: no mutant has begun")
        elif line.startswith("file "):
            mutants[-1].file = line[5:].strip()
        elif line.startswith("occurrence "):
            mutants[-1].occurrence = int(line[11:])
        elif line.startswith("- "):
            mutants[-1].right = line[2:].strip()
        elif line.startswith("+"):
            mutants[-1].faulty = line[1:].strip()
        else:
            fail(f"{LIST.name}:{place}: what is {line!r}?")
    for mutant in mutants:
        if None in (mutant.file, mutant.right, mutant.faulty):
            fail(f"mutant {mutant.number}, {mutant.title}: not complete")
    return mutants


def mutate(mutants, sources):
    """The mutated files by their paths below `sources`."""
    files = {}
    changes = {}
    for mutant in mutants:
        lines = files.setdefault(mutant.file, (sources / mutant.file).read_text().splitlines())
        places = [place for place, line in enumerate(lines) if line.strip() == mutant.right]
        number = mutant.occurrence or 1
        if len(places) < number or (mutant.occurrence is None and len(places) > 1):
            fail(f"mutant {mutant.number}, {mutant.title}: its line is {len(places)} times in {mutant.file}: {mutant.right}")
        changes.setdefault((mutant.file, places[number - 1]), []).append(mutant)
    for (file, place), group in changes.items():
        lines = files[file]
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        if any("MUTANT" in mutant.faulty for mutant in group):
            if len(group) > 1:
                fail(f"mutants {[mutant.number for mutant in group]} are of one line, and one of them says MUTANT")
            changed = group[0].faulty.replace("MUTANT", f"Mutant.isOn({group[0].number})")
        else:
            right = re.sub(r"\s*//.*", "", group[0].right)
            changed = ""
            for mutant in group:
                changed += f"if Mutant.isOn({mutant.number}) {{ {mutant.faulty} }} else "
            changed += f"{{ {right} }}"
        lines[place] = indent + changed
    return {file: "\n".join(lines) + "\n" for file, lines in files.items()}


def copy(mutants, scratch):
    sources = Path("Sources") / "Toro"
    changed = {sources / file: text for file, text in mutate(mutants, ROOT / sources).items()}
    changed[sources / "Support" / "Mutant.swift"] = SWITCH
    parts = ["CLibevent", "Sources/CToroShims", "Sources/Toro", "Tests/ToroTests", "Proof/Sources/ToroModels", "Proof/Sources/ToroProof"]
    scratch_package.copy(parts, scratch, MANIFEST, changed)


def run(command, scratch, mutant):
    """The output and the exit status of a command, None if it took too long."""
    environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no", "TORO_MUTANT": str(mutant)}
    process = subprocess.Popen(
        command, cwd=scratch, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=LIMIT)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = None
    return re.sub(r"\x1b\[[0-9;]*m", "", output), status


def simulation_killer(output, status):
    if status == 0:
        return None
    failed = re.findall(r"^(\w+): FAILED", output, re.M)
    if failed:
        return "simulation of " + ", ".join(failed)
    return "simulation, which did not end" if status is None else f"simulation, which ended with {status}"


def test_killer(output, status):
    if status == 0:
        return None
    failed = []
    for name in re.findall(r"^✘ Test (.+?) (?:with \d+ test cases? )?(?:recorded an issue|failed after)", output, re.M):
        name = re.sub(r" with \d+ arguments?.*", "", name)
        if name not in failed and not name.startswith("run with") and name != "«unknown»":
            failed.append(name)
    begun = re.findall(r"^◇ Test (.+?) started", output, re.M)
    ended = set(re.findall(r"^[✔✘] Test (.+?) (?:with \d+ test cases? )?(?:passed|failed)", output, re.M))
    running = [name for name in begun if name not in ended and not name.startswith("run")]
    if failed:
        return ", ".join(failed[:2]) + (f" and {len(failed) - 2} more" if len(failed) > 2 else "")
    how = "did not end" if status is None else f"ended with {status}"
    return f"the tests' process {how}, in {', '.join(running[:2]) or 'none'}"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--scratch", type=Path, default=ROOT / ".build-mutants")
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    mutants = read_list()
    if arguments.check:
        mutate(mutants, ROOT / "Sources" / "Toro")
        print(f"{len(mutants)} mutants, and their lines are there")
        return 0
    copy(mutants, arguments.scratch)
    if subprocess.run(["swift", "build", "--build-tests"], cwd=arguments.scratch).returncode != 0:
        fail("the mutated copy does not build")
    simulate = [
        arguments.scratch / ".build/debug/ToroProof", "simulate", "all", "--programs", "400", "--form", "mixed", "--threaded",
        "16", "--seed", "1"]
    # The tests' program itself: `swift test` would not take it along when it is ended.
    tests = [arguments.scratch / ".build/debug/MutantsPackageTests.xctest", "--testing-library", "swift-testing"]
    for what, command in [("simulation", simulate), ("tests", tests)]:
        output, status = run(command, arguments.scratch, 0)
        if status != 0:
            print(output)
            fail(f"without a mutant the {what} must pass")
    only = [int(number) for number in arguments.only.split(",") if number]
    chosen = [mutant for mutant in mutants if mutant.number in only or not only and mutant.number % arguments.every == 0]
    survivors = []
    slowest = 0.0
    for mutant in chosen:
        killers = []
        times = []
        for killer, command in [(simulation_killer, simulate), (test_killer, tests)]:
            if killers and arguments.quick:
                break
            began = time.monotonic()
            found = killer(*run(command, arguments.scratch, mutant.number))
            if found:
                killers.append(found)
                times.append(time.monotonic() - began)
        if not killers:
            survivors.append(mutant)
        else:
            slowest = max(slowest, min(times))
        print(f"{mutant.number:3} {'killed  ' if killers else 'SURVIVED'} {mutant.title}", flush=True)
        for killer, seconds in zip(killers, times):
            print(f"      {seconds:4.1f} s  {killer}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed, the slowest in {slowest:.1f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
