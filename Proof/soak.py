#!/usr/bin/env python3
"""Lets clients that behave badly loose on the example daemons for a chosen time, and watches what the daemons hold on to.

usage: Proof/soak.py [--minutes M] [--seed S] [--clients N] [--programs DIRECTORY] [--report DIRECTORY]

  --minutes   how long the clients are at it (10); memory is judged from an hour on
  --seed      of what they do (1)
  --clients   how many at a time, of each kind (12)
  --programs  where the examples are (Examples/.build/release)
  --report    where soak.svg and soak.md go (.build-soak)

Clients stall, trickle, send too much and nonsense, end half of a connection or cut it, come in bursts and leave their work in
hand; daemons are stopped and go on, and the proxy's site dies in the middle of pages. When the clients have gone, each daemon must
have the descriptors and waits again that it began with, answer as it did, and end with status 0 when it is asked to. Memory may grow by
no more than 1 % an hour after the first quarter. Exits with 1 if not so.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import re
import signal
import socket
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = os.sysconf("SC_PAGE_SIZE")


class Daemon:
    """A program that is watched, from outside."""

    def __init__(self, name, program, arguments):
        self.name, self.program, self.arguments = name, program, arguments
        self.samples = []  # (seconds, resident bytes, descriptors, waits)
        self.lines = []
        self.port = self.inspector = None

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            self.program, *self.arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        wanted = 2 if "--inspect" in self.arguments else 1
        ports = []
        while len(ports) < wanted:
            line = await asyncio.wait_for(self.process.stdout.readline(), 30)
            if not line:
                sys.exit(f"{self.name} has ended: {self.lines}")
            text = line.decode(errors="replace")
            self.lines.append(text.rstrip())
            ports += re.findall(r"127\.0\.0\.1:(\d+)", text)
        self.port = int(ports[0])
        if wanted == 2:
            at = next(n for n, line in enumerate(self.lines) if "inspector" in line)
            self.inspector = int(re.search(r":(\d+)", self.lines[at])[1])
            self.port = int(next(re.search(r":(\d+)", line)[1] for line in self.lines if "inspector" not in line))
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        while line := await self.process.stdout.readline():
            self.lines = self.lines[-20:] + [line.decode(errors="replace").rstrip()]

    def resident(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    async def waits(self):
        """How many waits there are, where the daemon has an inspector."""
        if not self.inspector:
            return None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.inspector)
        try:
            writer.write(b"GET /snapshot.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
            if b"chunked" in head.lower():
                body = b"".join(body.split(b"\r\n")[1::2])
            return json.loads(body)["waitCount"]
        finally:
            writer.close()

    async def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


class Trouble:
    """Clients that do what clients of a daemon on the internet do."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.did = {}
        self.wrong = []

    def count(self, what):
        self.did[what] = self.did.get(what, 0) + 1

    @contextlib.asynccontextmanager
    async def connection(self, port):
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 20)
        try:
            yield reader, writer
        finally:
            with contextlib.suppress(Exception):
                if self.random.random() < 0.3:
                    self.count("cut")
                    # Closed with a linger of no time at all: a reset.
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                else:
                    writer.close()

    async def echo(self, port):
        async with self.connection(port) as (reader, writer):
            what = self.random.choice(["exchange", "trickle", "stall", "half", "burst"])
            self.count(f"echo {what}")
            if what == "exchange":
                for _ in range(self.random.randrange(1, 20)):
                    data = self.random.randbytes(self.random.randrange(1, 65_536))
                    writer.write(data)
                    if await asyncio.wait_for(reader.readexactly(len(data)), 20) != data:
                        self.wrong.append("echo: other bytes came back")
            elif what == "trickle":
                for _ in range(20):
                    writer.write(b"x")
                    await asyncio.sleep(0.02)
            elif what == "stall":
                writer.write(bytes(4_000_000))  # and reads nothing of it
                await asyncio.sleep(self.random.random() * 2)
            elif what == "half":
                writer.write(b"last words")
                writer.write_eof()
                if await asyncio.wait_for(reader.read(), 20) != b"last words":
                    self.wrong.append("echo: what was sent before the end did not come back")
            else:
                for _ in range(30):
                    with contextlib.suppress(OSError):
                        (await asyncio.open_connection("127.0.0.1", port))[1].close()

    async def work(self, port):
        async with self.connection(port) as (reader, writer):
            for _ in range(self.random.randrange(1, 30)):
                what = self.random.choice(["put", "put", "take", "take", "done", "stats", "nonsense", "long"])
                self.count(f"work {what}")
                line = {
                    "put": f"put {self.random.randrange(9)} {'w' * self.random.randrange(1, 200)}",
                    "take": f"take {self.random.randrange(50)}",
                    "nonsense": self.random.randbytes(40).replace(b"\n", b"").decode("latin-1"),
                    "long": "x" * self.random.choice([65_000, 70_000, 200_000]),
                }.get(what, what)
                writer.write(line.encode("latin-1") + b"\n")
                if not await asyncio.wait_for(reader.readline(), 20):
                    return
        # With an item in hand, as often as not.

    async def drain(self, port):
        """Takes what has been left, so that the queue's own length is not taken for a leak."""
        with contextlib.suppress(Exception):
            async with self.connection(port) as (reader, writer):
                while True:
                    writer.write(b"take 0\n")
                    answer = await asyncio.wait_for(reader.readline(), 20)
                    if not answer or not re.match(rb"item ", answer):
                        return
                    writer.write(b"done\n")
                    await asyncio.wait_for(reader.readline(), 20)

    async def chat(self, port):
        async with self.connection(port) as (reader, writer):
            writer.write(f"guest{self.random.randrange(10**9)}\n".encode())
            listener = asyncio.create_task(self.listen(reader))
            try:
                for _ in range(self.random.randrange(1, 15)):
                    what = self.random.choice(["say", "say", "/who", "/msg nobody hello", "/quit"])
                    self.count(f"chat {what.split()[0]}")
                    writer.write((("hello " * self.random.randrange(1, 50)) if what == "say" else what).encode() + b"\n")
                    await asyncio.sleep(self.random.random() * 0.05)
                    if what == "/quit":
                        return
            finally:
                listener.cancel()

    @staticmethod
    async def listen(reader):
        with contextlib.suppress(Exception):
            while await reader.read(65_536):
                pass

    async def proxy(self, port, site):
        async with self.connection(port) as (reader, writer):
            for _ in range(self.random.randrange(1, 10)):
                what = self.random.choice(["page", "page", "page", "slow", "die", "chunks", "nonsense", "leave"])
                self.count(f"proxy {what}")
                if what == "nonsense":
                    writer.write(self.random.randbytes(60) + b"\r\n\r\n")
                    await asyncio.wait_for(reader.read(), 20)
                    return
                path = f"/{what}/{self.random.randrange(300)}"
                writer.write(f"GET http://127.0.0.1:{site}{path} HTTP/1.1\r\nHost: 127.0.0.1:{site}\r\n\r\n".encode())
                if what == "leave":
                    return
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                length = re.search(rb"(?i)content-length: (\d+)", head)
                if not length:
                    await asyncio.wait_for(reader.read(1000), 30)
                    return
                body = await asyncio.wait_for(reader.readexactly(int(length[1])), 30)
                if what == "page" and head.startswith(b"HTTP/1.1 200") and body.strip(b"p"):
                    self.wrong.append(f"proxy: another body for {path}")

    async def site(self, reader, writer):
        """What is behind the proxy."""
        with contextlib.suppress(Exception):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                kind, number = re.match(rb"GET /(\w+)/(\d+)", head).groups()
                body = b"p" * (1 + int(number) * 97)
                if kind == b"slow":
                    await asyncio.sleep(0.3)
                if kind == b"chunks":
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
                    continue
                writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=2\r\nContent-Length: %d\r\n\r\n" % len(body))
                if kind == b"die":
                    writer.write(body[: len(body) // 2])
                    break
                writer.write(body)
        writer.close()


def growth(samples, minutes):
    """By how many percent an hour the memory grows after the first quarter, from the median of the second to that of the last."""
    quarters = len(samples) // 4
    if quarters < 2:
        return 0.0
    middle = sorted(sample[1] for sample in samples[quarters : 2 * quarters])[quarters // 2]
    last = sorted(sample[1] for sample in samples[3 * quarters :])[quarters // 2]
    return (last / middle - 1) * 100 / (minutes / 60 / 2)


def plot(daemons, path):
    """Resident memory and descriptors over time, one row for each daemon."""
    width, height, rows = 720, 110, len(daemons)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {rows * height + 10}" font-family="sans-serif" font-size="12">',
        "<style>text{fill:#333}.m{stroke:#d9480f}.d{stroke:#1971c2}polyline{fill:none;stroke-width:1.5}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>",
    ]
    for row, daemon in enumerate(daemons):
        top, end = row * height + 24, max(sample[0] for sample in daemon.samples) or 1
        for column, (kind, unit, scale) in enumerate([("m", "MiB", 1 << 20), ("d", "descriptors", 1)]):
            values = [sample[1 + column] / scale for sample in daemon.samples]
            most = max(values) or 1
            points = " ".join(
                f"{20 + sample[0] / end * (width - 40):.1f},{top + 70 - value / most * 66:.1f}"
                for sample, value in zip(daemon.samples, values)
            )
            parts.append(f'<polyline class="{kind}" points="{points}"/>')
            parts.append(f'<text x="{20 + column * 260}" y="{top - 8}">{daemon.name}: at most {most:.0f} {unit}</text>')
    path.write_text("\n".join(parts + ["</svg>"]) + "\n")


async def soak(options):
    programs = Path(options.programs)
    daemons = [
        Daemon("Echo", programs / "Echo", ["--listen", "127.0.0.1:0", "--idle", "10", "--reactors", "2"]),
        Daemon("WorkQueue", programs / "WorkQueue", ["--port", "0", "--max-clients", "200"]),
        Daemon("Chat", programs / "Chat", ["--port", "0"]),
        Daemon("CachingProxy", programs / "CachingProxy", ["--port", "0", "--cache-size", "8", "--inspect", "127.0.0.1:0"]),
    ]
    trouble = Trouble(options.seed)
    site = await asyncio.start_server(trouble.site, "127.0.0.1", 0)
    site_port = site.sockets[0].getsockname()[1]
    for daemon in daemons:
        await daemon.start()
    echo, work, chat, proxy = daemons
    kinds = [
        lambda: trouble.echo(echo.port),
        lambda: trouble.work(work.port),
        lambda: trouble.chat(chat.port),
        lambda: trouble.proxy(proxy.port, site_port),
    ]
    # Once each, so that what is made at the first use is there.
    for kind in kinds * 3:
        with contextlib.suppress(Exception):
            await kind()
    await asyncio.sleep(12)
    began = time.monotonic()
    first = {daemon.name: (daemon.descriptors(), await daemon.waits()) for daemon in daemons}
    end = began + options.minutes * 60

    async def keep_at_it(kind):
        while time.monotonic() < end:
            try:
                await kind()
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                trouble.count("was cut")
            except asyncio.TimeoutError:
                trouble.wrong.append("a daemon did not answer in time")

    async def freeze():
        """Now and then a daemon is stopped for a moment, as by a machine that is short of memory."""
        while time.monotonic() + 10 < end:
            await asyncio.sleep(10 + trouble.random.random() * 20)
            daemon = trouble.random.choice(daemons)
            trouble.count("stopped")
            daemon.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(1)
            daemon.process.send_signal(signal.SIGCONT)

    async def drain():
        while time.monotonic() < end:
            await asyncio.sleep(5)
            await trouble.drain(work.port)

    async def watch():
        step = max(1.0, options.minutes * 60 / 400)
        while True:
            passed = time.monotonic() - began
            for daemon in daemons:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, OSError, asyncio.TimeoutError, ValueError):
                    daemon.samples.append((passed, daemon.resident(), daemon.descriptors(), await daemon.waits()))
            if sys.stderr.isatty():
                done = "  ".join(f"{d.name} {d.samples[-1][1] >> 20} MiB, {d.samples[-1][2]} fds" for d in daemons if d.samples)
                print(f"\r{passed / 60:6.1f} of {options.minutes:g} min  {done}   ", end="", file=sys.stderr, flush=True)
            await asyncio.sleep(step)

    watching = asyncio.create_task(watch())
    await asyncio.gather(freeze(), drain(), *(keep_at_it(kind) for kind in kinds for _ in range(options.clients)))
    watching.cancel()
    await trouble.drain(work.port)
    if sys.stderr.isatty():
        print(file=sys.stderr)

    found = sorted(set(trouble.wrong))
    rows = []
    for daemon in daemons:
        if daemon.process.returncode is not None:
            found.append(f"{daemon.name} has ended with {daemon.process.returncode}: {daemon.lines[-3:]}")
            continue
        # What is kept for later use goes after a while.
        for _ in range(90):
            last = (daemon.descriptors(), await daemon.waits())
            if last[0] <= first[daemon.name][0] and (last[1] or 0) <= (first[daemon.name][1] or 0):
                break
            await asyncio.sleep(1)
        else:
            found.append(f"{daemon.name}: descriptors and waits were {first[daemon.name]} and are {last}")
        percent = growth(daemon.samples, options.minutes)
        if options.minutes >= 60 and percent > 1:
            found.append(f"{daemon.name}: memory grows by {percent:.1f} % an hour")
        status = await daemon.stop()
        if status != 0:
            found.append(f"{daemon.name} ended with {status}: {daemon.lines[-3:]}")
        memory = [sample[1] / (1 << 20) for sample in daemon.samples]
        rows.append(
            f"| {daemon.name} | {first[daemon.name][0]} | {max(s[2] for s in daemon.samples)} | {last[0]} "
            f"| {'—' if last[1] is None else f'{first[daemon.name][1]} → {last[1]}'} "
            f"| {memory[0]:.1f} | {memory[len(memory) // 4]:.1f} | {memory[-1]:.1f} | {percent:+.1f} % |"
        )
    site.close()
    report = Path(options.report)
    report.mkdir(parents=True, exist_ok=True)
    plot([daemon for daemon in daemons if daemon.samples], report / "soak.svg")
    did = ", ".join(f"{what} {count}" for what, count in sorted(trouble.did.items()))
    text = "\n".join(
        [
            f"Proof/soak.py --minutes {options.minutes:g} --seed {options.seed} --clients {options.clients}",
            "",
            "| Daemon | descriptors before | at most | after | waits | MiB at first | after a quarter | at last | an hour |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"What clients did: {did}.",
        ]
    )
    (report / "soak.md").write_text(text + "\n")
    print(text)
    for line in found:
        print(f"FOUND: {line}")
    print("soak: nothing is left behind" if not found else f"soak: {len(found)} things found")
    return 1 if found else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--programs", default=str(ROOT / "Examples" / ".build" / "release"))
    parser.add_argument("--report", default=str(ROOT / ".build-soak"))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # that a daemon has cut a client is expected
    return asyncio.run(soak(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
