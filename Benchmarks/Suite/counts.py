"""How many allocations and system calls an operation takes: those of twice as many operations, less those of as many."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import running

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTER = os.path.join(os.path.dirname(HERE), "Counts", "allocations.c")
EXPECTED = os.path.join(os.path.dirname(HERE), "Counts", "expected.txt")

# Of each workload the forms, and how many operations. Left out is what depends on how two threads come to run: cross_thread.
WORKLOADS = {
    "lock_uncontended": ("task callback", 100_000),
    "lock_contended": ("task callback", 100_000),
    "semaphore_pingpong": ("task callback", 100_000),
    "condition_notify": ("task callback", 100_000),
    "queue_spsc": ("task callback", 100_000),
    "queue_rendezvous": ("task callback", 100_000),
    "queue_mpmc": ("task callback", 100_000),
    "priority_queue": ("task callback", 100_000),
    "event_broadcast": ("task callback", 100_000),
    "deadline_satisfied": ("task callback", 100_000),
    "deadline_expired": ("task callback", 20_000),
    "waiters_100k_memory": ("task callback", 100_000),
    "spawn": ("task", 100_000),
    "http_parse_head": ("task", 20_000),
    "http_parse_head_fields": ("task", 20_000),
}
REQUESTS = {
    "tcp_echo": (b"x" * 64, 64),
    "http_hello": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", None),
}
EXCHANGES = 2_000

# Of one operation. Allocations have to be what is expected, to a thousandth; pools and arrays that grow are less than that.
# System calls may differ a little more, since what comes late is waited for; so may a server's allocations, which makes the line of
# the field Date once a second.
ALLOCATIONS_TOLERANCE = 0.001
SERVER_ALLOCATIONS_TOLERANCE = 0.01
CALLS_TOLERANCE = 0.01


class Counters:
    """Runs programs under the counters, in a scratch folder."""

    def __init__(self, toro: str, folder: str):
        self.program = f"{toro}/ToroBench"
        self.folder = folder
        self.library = f"{folder}/allocations.so"
        subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", self.library, COUNTER], check=True)

    def command(self, what: str) -> tuple[list[str], str]:
        """What to put before a program to count, and the file that says how many."""
        path = f"{self.folder}/{what}"
        if what == "allocations":
            return ["env", f"LD_PRELOAD={self.library}", f"ALLOCATIONS_FILE={path}"], path
        return ["strace", "--follow-forks", "--summary-only", "--output", path], path

    def read(self, path: str) -> int:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        match = re.search(r"^\s*100[.,]00\s+\S+\s+\S+\s+(\d+)\s+(?:\d+\s+)?total$", text, re.MULTILINE)
        return int(match[1] if match else text)

    def of_run(self, what: str, form: str, workload: str, operations: int) -> int:
        prefix, path = self.command(what)
        done = running.run(
            prefix + [self.program, "--form", form, "--operations", str(operations), workload], 300)
        if done.returncode != 0:
            raise running.Failed(f"{workload}, {form}: {done.stderr.strip()[-300:]}")
        return self.read(path)

    def of_server(self, what: str, role: str, exchanges: int) -> int:
        prefix, path = self.command(what)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(prefix + [self.program, role, str(port)], preexec_fn=running.end_with_parent)
        try:
            converse(port, *REQUESTS[role], exchanges)
        finally:
            # strace stands between; what it traces is to end in order.
            with open(f"/proc/{server.pid}/task/{server.pid}/children", encoding="utf-8") as file:
                children = [int(child) for child in file.read().split()]
            for pid in children or [server.pid]:
                os.kill(pid, signal.SIGTERM)
            server.wait(10)
        return self.read(path)


def converse(port: int, request: bytes, length: int | None, exchanges: int) -> None:
    """Sends a request and waits for its answer, again and again, over one connection."""
    for attempt in range(200):
        try:
            connection = socket.create_connection(("127.0.0.1", port), 10)
            break
        except OSError:
            if attempt == 199:
                raise
            time.sleep(0.05)
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(exchanges):
            connection.sendall(request)
            answer = b""
            while len(answer) < length if length else not answer.endswith(b"Hello, World!"):
                portion = connection.recv(4096)
                if not portion:
                    raise running.Failed("the server closed")
                answer += portion


def measure(toro: str, only: list[str]) -> dict[tuple[str, str], tuple[float, float]]:
    """Allocations and system calls of one operation, by workload and form."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        counters = Counters(toro, folder)
        for workload, (forms, operations) in WORKLOADS.items():
            for form in forms.split() if not only or workload in only else []:
                found[workload, form] = tuple(
                    (counters.of_run(what, form, workload, 2 * operations)
                     - counters.of_run(what, form, workload, operations)) / operations
                    for what in ("allocations", "calls"))
        for role in REQUESTS:
            if not only or role in only:
                found[role, "task"] = tuple(
                    (counters.of_server(what, role, 2 * EXCHANGES) - counters.of_server(what, role, EXCHANGES))
                    / EXCHANGES
                    for what in ("allocations", "calls"))
    return found


def written(found: dict[tuple[str, str], tuple[float, float]]) -> str:
    lines = [
        "# Of one operation: allocations, and system calls. Measured by `make bench-counts`, which compares them; one that gets",
        "# better or worse on purpose is written anew by `make bench-counts COUNTS=--update`.",
    ]
    for (workload, form), (allocations, calls) in found.items():
        lines.append(f"{workload:24}{form:10}{abs(allocations):10.3f}{abs(calls):10.3f}")
    return "\n".join(lines) + "\n"


def expected() -> dict[tuple[str, str], tuple[float, float]]:
    found = {}
    with open(EXPECTED, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                workload, form, allocations, calls = line.split()
                found[workload, form] = (float(allocations), float(calls))
    return found


def update(toro: str) -> None:
    with open(EXPECTED, "w", encoding="utf-8") as file:
        file.write(written(measure(toro, [])))


def check(toro: str, only: list[str]) -> bool:
    """Compares what is measured with what is expected, and says where they differ."""
    wanted = expected()
    found = measure(toro, only)
    passed = failed = 0
    for (workload, form), figures in found.items():
        wants = wanted.get((workload, form))
        if wants is None:
            print(f"{workload}, {form}: not in expected.txt")
            failed += 1
            continue
        allocations = SERVER_ALLOCATIONS_TOLERANCE if workload in REQUESTS else ALLOCATIONS_TOLERANCE
        for name, value, want, tolerance in zip(
                ("allocations", "system calls"), figures, wants, (allocations, CALLS_TOLERANCE)):
            if abs(value - want) <= tolerance + 0.0005:
                passed += 1
            else:
                print(f"{workload}, {form}: {value:.3f} {name} per operation, expected {want:.3f}")
                failed += 1
    print(f"counts: {passed} passed, {failed} failed")
    return failed == 0
