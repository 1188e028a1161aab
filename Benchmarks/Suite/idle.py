"""What connections cost an echo server that are open and silent: memory each, and what they do to the latency of the others."""

import os
import re
import resource
import socket
import statistics

import catalogue
import running

IDLE = 10_000
ACTIVE = 100


def resident_bytes(server: running.Server) -> int:
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) * 1024


def open_served(port: int) -> socket.socket:
    """A connection that has been served once."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(bytes(64))
    left = 64
    while left > 0:
        left -= len(connection.recv(left)) or left
    return connection


def once(command: list[str], build: str, seconds: float) -> running.Figures:
    def latency(port: int) -> float:
        load = ["taskset", "-c", "1", f"{build}/bin/echo-load", str(port), str(ACTIVE), str(seconds), "64"]
        done = running.run(load, 60)
        if done.returncode != 0:
            raise running.Failed(f"the client's exit status is {done.returncode}: {done.stderr.strip()[-200:]}")
        return running.numbers(done.stdout)["p99_us"]

    with running.Server(command) as server:
        alone = latency(server.port)  # and what the server makes once has been made
        before = resident_bytes(server)
        idle = [open_served(server.port) for _ in range(IDLE)]
        each = (resident_bytes(server) - before) / IDLE
        beside = latency(server.port)
        for connection in idle:
            connection.close()
    return {"bytes_each": each, "p99_alone_us": alone, "p99_beside_us": beside}


def measure(build: str, toro: str, runs: int, only: list[str]) -> None:
    needed = IDLE + 200
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise running.Failed(f"{needed} descriptors are needed, and no more than {hard} may be open (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    seconds = float(os.environ.get("ECHO_SECONDS", "2"))
    peers = [
        peer for peer in catalogue.peers(build, toro)
        if peer.kind == "echo" and (not only or peer.name in only) and peer.is_built]
    figures: dict[str, list[running.Figures]] = {peer.name: [] for peer in peers}
    for _ in range(runs):
        for peer in peers:
            figures[peer.name].append(once(peer.command, build, seconds))
    print(f"{IDLE} idle connections beside {ACTIVE} active ones, medians of {runs} runs of {seconds:g} s")
    for name, measured in figures.items():
        median = {key: statistics.median(run[key] for run in measured) for key in measured[0]}
        ratio = median["p99_beside_us"] / median["p99_alone_us"]
        print(f"{name}: {median['bytes_each']:.0f} bytes each; p99 {median['p99_beside_us']:.0f} us,"
              f" alone {median['p99_alone_us']:.0f} ({ratio:.2f})")
