#!/usr/bin/env python3
"""Tells which lines of the waiting core, the primitives and the queues the tests of Toro and its C interface do not run.

usage: Proof/coverage.py [--scratch DIRECTORY] [--show]

  --scratch  where to copy and build (.build-coverage)
  --show     print the lines that are not run, those of Proof/uncovered.txt too

Exits with 1 if a line is not run that Proof/uncovered.txt does not list with a reason, or one is listed that is gone.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import scratch as scratch_package

ROOT = scratch_package.ROOT
FOLDERS = ["Waiting", "Primitives", "Queues"]

MANIFEST = """// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "Covered",
  targets: [
    .systemLibrary(name: "CLibevent", path: "CLibevent", pkgConfig: "libevent_core"),
    .target(name: "CToroShims"),
    .target(name: "Toro", dependencies: ["CLibevent", "CToroShims"], swiftSettings: settings),
    .target(name: "CToro"),
    .target(name: "ToroC", dependencies: ["Toro", "CToro"], swiftSettings: settings),
    .target(
      name: "ToroScenarios", dependencies: ["CToro"], path: "Tests/C/ToroScenarios",
      linkerSettings: [.linkedLibrary("event_core"), .linkedLibrary("event_pthreads")]),
    .executableTarget(name: "ToroCheck", dependencies: ["ToroC", "ToroScenarios"], path: "Tests/C/ToroCheck"),
    .target(
      name: "ToroModels", dependencies: ["Toro"], path: "Proof/Sources/ToroModels",
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    .executableTarget(name: "ToroProof", dependencies: ["ToroModels"], path: "Proof/Sources/ToroProof"),
    .testTarget(
      name: "ToroCTests", dependencies: ["Toro", "ToroC", "ToroScenarios", "ToroCheck"],
      exclude: ["HeaderTests.swift"], swiftSettings: settings),
    .testTarget(name: "ToroReactorTests", dependencies: ["Toro", "CLibevent"], swiftSettings: settings),
    .testTarget(name: "ToroTests", dependencies: ["Toro"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
"""


def tool(name):
    """A tool of the toolchain that `swift` is of."""
    swift = Path(shutil.which("swift") or "swift").resolve()
    beside = swift.parent / name
    return str(beside) if beside.exists() else name


def uncovered(export):
    """The lines that are not run, by file; how many that is, and how many lines there are."""
    lines = {}
    total = 0
    count = 0
    for file in export["data"][0]["files"]:
        path = Path(file["filename"])
        if path.parent.name not in FOLDERS or path.parent.parent.name != "Toro":
            continue
        summary = file["summary"]["lines"]
        total += summary["count"]
        name = f"{path.parent.name}/{path.name}"
        missed = missed_lines(file["segments"])
        count += len(missed)
        if missed:
            text = path.read_text().splitlines()
            # A brace alone is as its body is.
            lines[name] = [
                (number, text[number - 1].strip()) for number in missed
                if text[number - 1].strip() != "}" or number - 1 not in missed]
    return lines, count, total


def missed_lines(segments):
    """The lines of which no region is run, by the rules of `llvm-cov show`."""
    by_line = {}
    for line, column, count, has_count, is_entry, is_gap in segments:
        by_line.setdefault(line, []).append((count, has_count, is_entry, is_gap))
    missed = []
    wrapped = None
    for line in range(min(by_line, default=1), max(by_line, default=0) + 1):
        here = by_line.get(line, [])
        starts = [segment for segment in here if segment[1] and segment[2] and not segment[3]]
        is_mapped = bool(starts) or (wrapped is not None and wrapped[1])
        if here and not starts and here[0][1] is False and not (wrapped and wrapped[1]):
            is_mapped = False
        if is_mapped:
            counts = [segment[0] for segment in starts]
            if wrapped is not None and wrapped[1] and not wrapped[3]:
                counts.append(wrapped[0])
            if counts and max(counts) == 0:
                missed.append(line)
        if here:
            wrapped = here[-1]
    return missed


def read_excuses():
    """Lines that are not run, with their reasons: by file and text."""
    excuses = {}
    reason = None
    path = ROOT / "Proof" / "uncovered.txt"
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            reason = line[3:]
        elif line.strip() and not line.startswith("#"):
            file, text = re.fullmatch(r"(\S+): (.*)", line).groups()
            excuses[(file, text)] = reason
    return excuses


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--scratch", type=Path, default=ROOT / ".build-coverage")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    scratch = arguments.scratch
    parts = [
        "CLibevent", "Sources/CToroShims", "Sources/Toro", "Sources/CToro", "Sources/ToroC", "Tests/C", "Tests/ToroCTests",
        "Tests/ToroReactorTests", "Tests/ToroTests", "Proof/Sources/ToroModels", "Proof/Sources/ToroProof"]
    scratch_package.copy(parts, scratch, MANIFEST)
    build = ["swift", "build", "--build-tests", "--enable-code-coverage"]
    if subprocess.run(build, cwd=scratch).returncode != 0:
        sys.exit("coverage: the copy does not build")
    profiles = scratch / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir()
    # A process that a signal ends leaves no profile: what stops the process counts as not run.
    environment = {
        **os.environ, "SWIFT_BACKTRACE": "enable=no", "LLVM_PROFILE_FILE": str(profiles.resolve() / "%p-%m.profraw")}
    built = scratch / ".build" / "debug"
    tests = subprocess.run(["swift", "test", "--skip-build"], cwd=scratch, env=environment, stdout=subprocess.PIPE, text=True)
    if tests.returncode != 0:
        print(tests.stdout)
        sys.exit("coverage: the tests failed")
    merged = scratch / "merged.profdata"
    raw = [str(path) for path in profiles.glob("*.profraw")]
    (scratch / "profiles.txt").write_text("\n".join(raw) + "\n")
    subprocess.run(
        [tool("llvm-profdata"), "merge", "-sparse", "-failure-mode=all", "-f", scratch / "profiles.txt", "-o", merged],
        check=True)
    bundle = next(built.glob("*.xctest"))
    export = subprocess.run(
        [tool("llvm-cov"), "export", "-instr-profile", merged, bundle, "-object", built / "ToroCheck"],
        stdout=subprocess.PIPE, check=True)
    missed, count, total = uncovered(json.loads(export.stdout))
    excuses = read_excuses()
    unused = set(excuses)
    bad = 0
    for file in sorted(missed):
        for number, text in missed[file]:
            unused.discard((file, text))
            if (file, text) not in excuses:
                bad += 1
                print(f"{file}:{number}: {text}")
            elif arguments.show:
                print(f"{file}:{number}: {text}    # {excuses[(file, text)]}")
    gone = [
        (file, text) for file, text in sorted(unused)
        if text not in [line.strip() for line in (ROOT / "Sources" / "Toro" / file).read_text().splitlines()]]
    for file, text in gone:
        print(f"{file}: listed in uncovered.txt, and gone: {text}")
    print(
        f"{total - count} of {total} lines of {', '.join(FOLDERS)} are run ({100 * (total - count) / total:.2f} %), "
        f"{count} are not, {bad} of them without a reason")
    return 1 if bad or gone else 0


if __name__ == "__main__":
    sys.exit(main())
