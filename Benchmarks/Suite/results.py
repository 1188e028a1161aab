"""What was measured, in results.json: of each workload, peer and figure the median, the least, the most and how many runs."""

import json
import os
import statistics


def load(path: str) -> dict:
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path: str, results: dict) -> None:
    """Writes all or nothing."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def summary(runs: list[dict[str, float]]) -> dict:
    """Of runs of the same kind."""
    figures = {}
    for name in runs[0]:
        values = [run[name] for run in runs if name in run]
        figures[name] = {
            "median": statistics.median(values), "min": min(values), "max": max(values), "runs": len(values)}
    return figures


def figure(results: dict, workload: str, peer: str, name: str, which: str = "median") -> float | None:
    return results.get("workloads", {}).get(workload, {}).get(peer, {}).get(name, {}).get(which)


def stamp(results: dict, workload: str, date: str, revision: str) -> None:
    """Notes when a workload was measured, and of which Toro. What is left from earlier keeps its own, and all are told."""
    stamps = results.setdefault("stamps", {})
    stamps[workload] = {"date": date, "toro": revision}
    results["machine"]["date"] = ", ".join(sorted({stamp["date"] for stamp in stamps.values()}))
    results["versions"]["toro"] = ", ".join(dict.fromkeys(stamp["toro"] for stamp in stamps.values()))
