"""The results as tables in Markdown."""

import catalogue
from numerals import count, short
from results import figure

NAMES = {
    "processor": "Processor", "cores": "Cores", "memory": "Memory", "system": "System", "date": "Date",
}
PER_PEER = {
    "deadlines": [
        ("deadline_expired", "late_p50_us", "late by, µs (median)"),
        ("deadline_expired", "late_max_us", "late by, µs (most)"),
        ("waiters_100k_memory", "bytes_per_waiter", "bytes a waiter"),
        ("waiters_100k_memory", "arm_ns", "ns to begin a wait"),
    ],
}


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join([row(heads), "|---|" + "---:|" * (len(heads) - 1)] + [row(cells) for cells in rows])


def spread(results: dict, workload: str, peer: str, name: str) -> str:
    """The median, with the least and the most where they differ."""
    figures = results.get("workloads", {}).get(workload, {}).get(peer, {}).get(name)
    return median_and_spread(figures) if figures else "—"


def median_and_spread(figures: dict) -> str:
    median, least, most = (short(figures[which]) for which in ("median", "min", "max"))
    return median if least == most else f"{median} ({least}–{most})"


def peers_of(results: dict, group: catalogue.Group) -> list[str]:
    """Those with a figure, Toro's first, then the best first, by the workload that most of them have."""
    measured = results.get("workloads", {})
    names = {name for workload in group.workloads for name in measured.get(workload, {})}
    if not names:
        return []
    common = max(group.workloads, key=lambda workload: len(measured.get(workload, {})))
    sign = 1 if group.lower_is_better else -1

    def place(name: str) -> tuple:
        value = figure(results, common, name, group.measure)
        return (not catalogue.is_toro(name), value is None, sign * (value or 0), name)

    return sorted(names, key=place)


def named(peer: str) -> str:
    return f"**{peer}**" if catalogue.is_toro(peer) else peer


def group_tables(results: dict, group: catalogue.Group) -> str:
    names = peers_of(results, group)
    if not names:
        return "Not measured."
    if group.kind == "prims":
        rows = [
            [named(name)] + [spread(results, workload, name, group.measure) for workload in group.workloads]
            for name in names
        ]
        text = f"{group.unit}: median (least–most)\n\n" + table([""] + list(group.workloads), rows)
        if group.name in PER_PEER:
            columns = PER_PEER[group.name]
            rows = [
                [named(name)] + [short(figure(results, workload, name, key)) for workload, key, _ in columns]
                for name in names if any(figure(results, workload, name, key) is not None for workload, key, _ in columns)
            ]
            text += "\n\nmedians\n\n" + table([""] + [head for _, _, head in columns], rows)
        return text
    columns = [
        ("p50_us", "p50, µs"), ("p99_us", "p99, µs"), ("server_us_per_request", "server's µs of CPU each"),
        ("peak_rss_kb", "peak KB"),
    ]
    texts = []
    for workload in group.workloads:
        measured = [name for name in names if figure(results, workload, name, group.measure) is not None]
        measured.sort(key=lambda name: -figure(results, workload, name, group.measure))
        rows = [
            [named(name), spread(results, workload, name, group.measure)]
            + [short(figure(results, workload, name, key)) for key, _ in columns]
            for name in measured
        ]
        texts.append(f"{workload}\n\n" + table(["", group.unit] + [head for _, head in columns], rows))
    return "\n\n".join(texts)


def machine_table(results: dict) -> str:
    machine = results.get("machine", {})
    rows = [[label, str(machine[key])] for key, label in NAMES.items() if key in machine]
    versions = ", ".join(f"{name} {version}" for name, version in results.get("versions", {}).items())
    rows.append(["Versions", versions or "—"])
    if results.get("absent"):
        rows.append(["Not built, left out", ", ".join(results["absent"])])
    rows.append(["Others’ share while it ran", disturbance(results)])
    return "| | |\n|---|---|\n" + "\n".join(row(cells) for cells in rows)


def disturbance(results: dict) -> str:
    """How much of a core other processes took, at the median and at the worst of the medians."""
    shares = sorted(
        peer["others_cpu"]["median"]
        for workload in results.get("workloads", {}).values() for peer in workload.values() if "others_cpu" in peer)
    if not shares:
        return "—"
    return f"{shares[len(shares) // 2]:.2f} of a core at the median, {shares[-1]:.2f} at the most"


def short_form(results: dict) -> str:
    """A few rows for the README: hand-overs, queues and sockets beside those who are best known."""
    peers = ["toro", "libevent-c", "tokio", "go", "swift-nio", "swift-concurrency", "asyncio", "gevent"]
    echo = {"libevent-c": "libevent-event", "asyncio": "asyncio-streams"}
    rows = []
    for workload, label in (
        ("lock_uncontended", "acquire and release a free lock, ns"),
        ("semaphore_pingpong", "hand a permit to another task, ns"),
        ("deadline_satisfied", "the same, with a deadline, ns"),
        ("queue_spsc", "an item through a queue, ns"),
        ("spawn", "spawn and await a task, ns"),
    ):
        rows.append([label] + [short(figure(results, workload, peer, "ns_per_op")) for peer in peers])
    rows.append(
        ["echo, 64 connections, messages/s"]
        + [short(figure(results, "tcp_echo_64", echo.get(peer, peer), "rps")) for peer in peers])
    return table([""] + [named(peer) for peer in peers], rows)


def scaling(results: dict) -> str:
    operations = results["operations"]
    sizes = sorted({int(size) for operation in operations.values() for size in operation["sizes"]})

    def cell(operation: dict, size: int) -> str:
        figures = operation["sizes"].get(str(size), {}).get("ns_per_op")
        return median_and_spread(figures) if figures else "—"

    rows = [
        [name, operation["law"]] + [cell(operation, size) for size in sizes] for name, operation in operations.items()]
    return "ns per operation: median (least–most), with so many there\n\n" + table(
        ["", "grows as"] + [count(size) for size in sizes], rows)


def counts(expected: dict[tuple[str, str], tuple[float, float]]) -> str:
    """Of tasks and callbacks beside each other."""
    workloads = list(dict.fromkeys(workload for workload, _ in expected))
    rows = []
    for workload in workloads:
        cells = [workload]
        for place in (0, 1):
            for form in ("task", "callback"):
                figures = expected.get((workload, form))
                cells.append("—" if figures is None else f"{figures[place]:.3f}")
        rows.append(cells)
    return table(
        ["one operation of", "allocations, tasks", "callbacks", "system calls, tasks", "callbacks"], rows)
