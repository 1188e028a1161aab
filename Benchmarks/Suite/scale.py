"""Measures what an operation costs while 1, 100, 10,000 and a million of its kind are there."""

import json

import catalogue
import machine
import results
import running
from progress import Progress

SIZES = [1, 100, 10_000, 1_000_000]


def operations(program: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in running.run([program, "scale", "--list", "--json"], 30).stdout.splitlines()]


def measure(build: str, toro: str, path: str, runs: int, tries: int) -> bool:
    """Measures, and writes what comes of it to a path.

    - Returns: Whether every run succeeded.
    """
    program = f"{toro}/ToroBench"
    listed = operations(program)
    # A million tasks take a while to be made.
    weights = {size: 4.0 if size == 1_000_000 else 0.7 for size in SIZES}
    progress = Progress(runs * len(listed) * sum(weights.values()))
    stored: dict = {"machine": machine.describe(), "operations": {}}
    stored["versions"] = {
        name: version for name, version in machine.versions(build, catalogue.PEERS).items()
        if name in ("toro", "swift", "libevent")}
    kept: dict[tuple[str, int], list[running.Figures]] = {}
    went_well = True
    for number in range(1, runs + 1):
        for operation in listed:
            name = operation["name"]
            for size in SIZES:
                progress.step(f"{name}, {size} of them, run {number} of {runs}")
                try:
                    figures = running.quietest(lambda: running.primitive([program, "scale", name], str(size)), tries)
                    kept.setdefault((name, size), []).append(figures)
                except running.Failed as failure:
                    progress.note(f"FAILED: {name} at {size}: {failure}")
                    went_well = False
                progress.finish(weights[size])
    for operation in listed:
        name = operation["name"]
        stored["operations"][name] = {
            "summary": operation["operation"], "law": operation["law"],
            "sizes": {str(size): results.summary(kept[name, size]) for size in SIZES if (name, size) in kept},
        }
    results.save(path, stored)
    progress.end()
    return went_well


