"""Measures the peers: each workload several times over, the peers in turn, so that what the machine does meanwhile meets all
of them alike."""

import os
import sys

import catalogue
import machine
import results
import running
from progress import Progress

# What a run takes at first guess, in seconds.
WEIGHTS = {"prims": 1.2, "echo": 3.5, "http": 5.5}


def measure(build: str, toro: str, path: str, runs: int, tries: int, groups: list[str], only: list[str]) -> bool:
    """Measures, and merges what comes of it into the results at a path.

    - Returns: Whether no peer failed.
    """
    wanted = [group for group in catalogue.GROUPS if not groups or group.name in groups]
    known = [peer for peer in catalogue.peers(build, toro) if not only or peer.name in only]
    absent = sorted({peer.name for peer in known if not peer.is_built})
    if absent:
        print(f"left out, since they are not built: {', '.join(absent)}", file=sys.stderr)
    plan = [
        (group, workload, [peer for peer in known if peer.kind == group.kind and peer.is_built])
        for group in wanted for workload in group.workloads
    ]
    progress = Progress(sum(WEIGHTS[group.kind] * runs * len(peers) for group, _, peers in plan) or 1)
    stored = results.load(path)
    stored["machine"] = machine.describe()
    stored["versions"] = machine.versions(build, catalogue.PEERS)
    stored["absent"] = absent
    today, revision = stored["machine"]["date"], stored["versions"].get("toro", "?")
    went_well = True
    for group, workload, peers in plan:
        weight = WEIGHTS[group.kind]
        kept: dict[str, list[running.Figures]] = {peer.name: [] for peer in peers}
        out: set[str] = set()
        for number in range(1, runs + 1):
            for peer in peers:
                if peer.name not in out:
                    progress.step(f"{workload}, {peer.name}, run {number} of {runs}")
                    try:
                        kept[peer.name].append(running.quietest(lambda: once(group.kind, peer, workload, build), tries))
                    except running.NotOffered:
                        out.add(peer.name)
                    except running.Failed as failure:
                        progress.note(f"FAILED: {peer.name}, {workload}: {failure}")
                        went_well = False
                progress.finish(weight)
        table = stored.setdefault("workloads", {}).setdefault(workload, {})
        for name, figures in kept.items():
            table.pop(name, None)
            if figures:
                table[name] = results.summary(figures)
        results.stamp(stored, workload, today, revision)
        results.save(path, stored)
    progress.end()
    return went_well


def once(kind: str, peer: catalogue.Peer, workload: str, build: str) -> running.Figures:
    if kind == "prims":
        return running.primitive(peer.command, workload)
    if kind == "echo":
        return running.echo(peer.command, workload, build, float(os.environ.get("ECHO_SECONDS", "2")))
    return running.http(peer.command, int(os.environ.get("HTTP_SECONDS", "4")))
