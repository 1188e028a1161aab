"""Runs one workload of one peer, once, and says what came of it."""

import ctypes
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
Figures = dict[str, float]


class Failed(Exception):
    """A peer ended otherwise than it should have."""


class NotOffered(Exception):
    """A peer has no such workload."""


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def run(command: list[str], seconds: int, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Runs a command that has to end within some seconds."""
    return subprocess.run(
        ["timeout", str(seconds)] + command, capture_output=True, text=True, check=False,
        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **(environment or {})), preexec_fn=end_with_parent)


def numbers(line: str) -> Figures:
    return {name: value for name, value in json.loads(line).items() if isinstance(value, (int, float))}


def primitive(command: list[str], workload: str) -> Figures:
    done = run(command + [workload], 120)
    if done.returncode == 3:
        raise NotOffered
    if done.returncode != 0:
        raise Failed(f"exit status {done.returncode}: {done.stderr.strip()[-200:]}")
    return numbers(done.stdout.strip().splitlines()[-1])


class Server:
    """A server on core 0, on a port of 127.0.0.1 that is free; it ends with the `with`."""

    def __init__(self, command: list[str]):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            ["taskset", "-c", "0"] + command + [str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), preexec_fn=end_with_parent)

    def __enter__(self) -> "Server":
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.__exit__()
        raise Failed("does not listen")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def processor_seconds(self) -> float:
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_kilobytes(self) -> int:
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])


def under_load(command: list[str], client, read) -> Figures:
    """Has a client on core 1 ask a server.

    - `client` makes the client's command of a port.
    - `read` makes figures of what the client printed; `rps` has to be one of them.
    """
    with Server(command) as server:
        used, began = server.processor_seconds(), time.monotonic()
        done = run(["taskset", "-c", "1"] + client(server.port), 60)
        share = (server.processor_seconds() - used) / (time.monotonic() - began)
        if done.returncode != 0:
            raise Failed(f"the client's exit status is {done.returncode}: {done.stderr.strip()[-200:]}")
        figures = read(done.stdout)
        figures["peak_rss_kb"] = server.peak_kilobytes()
        figures["server_us_per_request"] = round(share * 1e6 / max(figures["rps"], 1), 3)
        return figures


def echo(command: list[str], workload: str, build: str, seconds: float) -> Figures:
    connections = workload.rsplit("_", 1)[1]

    def read(printed: str) -> Figures:
        figures = numbers(printed)
        return {name: figures[name] for name in ("rps", "p50_us", "p99_us")}

    return under_load(
        command, lambda port: [f"{build}/bin/echo-load", str(port), connections, str(seconds), "64"], read)


def http(command: list[str], seconds: int) -> Figures:
    def read(printed: str) -> Figures:
        rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
        if not rate or float(rate[1]) == 0 or "Non-2xx" in printed or "Socket errors" in printed:
            raise Failed(printed[-200:])

        def microseconds(percent: int) -> float:
            value, unit = re.search(rf"\b{percent}%\s+([\d.]+)(us|ms|s)", printed).groups()
            return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]

        return {"rps": float(rate[1]), "p50_us": microseconds(50), "p99_us": microseconds(99)}

    return under_load(
        command,
        lambda port: ["wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/"], read)


def processor_of_others() -> float:
    """Seconds that other processes than this one and its children have had."""
    with open("/proc/stat", encoding="utf-8") as file:
        busy = sum(map(int, file.readline().split()[1:4])) / TICKS
    ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return busy - sum(usage.ru_utime + usage.ru_stime for usage in ours)


def quietest(measure, tries: int) -> Figures:
    """Measures again, up to some tries, while other processes take more than a tenth of a core, and keeps the run that was
    disturbed the least. What is left of the disturbance is in `others_cpu`, in cores."""
    best: Figures | None = None
    for _ in range(tries):
        used, began = processor_of_others(), time.monotonic()
        figures = measure()
        others = max(0.0, (processor_of_others() - used) / (time.monotonic() - began))
        figures["others_cpu"] = round(others, 3)
        if best is None or others < best["others_cpu"]:
            best = figures
        if others < 0.1:
            break
    return best
