"""Where the time of a workload goes: a flame graph of its stacks, and what its functions take themselves."""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field

import charts
import machine
import running

WORKLOAD = "semaphore_pingpong"
# The share of the samples below which a frame is not drawn.
SMALLEST = 0.004


@dataclass
class Frame:
    """A function, called by way of the frames above it, with the samples in it and in what it calls."""

    name: str
    kind: str = "system"
    samples: int = 0
    itself: int = 0
    calls: dict[str, "Frame"] = field(default_factory=dict)

    def called(self, name: str) -> "Frame":
        return self.calls.setdefault(name, Frame(name, kind(name)))

    def depth(self, least: float) -> int:
        """How many levels have a frame of so many samples."""
        return 1 + max((frame.depth(least) for frame in self.calls.values() if frame.samples >= least), default=0)


def kind(symbol: str) -> str:
    if re.match(r"\$s\d+ToroBench", symbol):
        return "program"
    if re.match(r"\$s\d+Toro", symbol) or symbol.startswith("toro_"):
        return "library"
    if symbol.startswith(("swift", "$sS", "(anonymous namespace)::", "non-virtual thunk")) or "swift::" in symbol \
            or re.match(r"[a-z]+[A-Z]\w*$", symbol):
        return "runtime"
    return "system"


def record(program: str, workload: str) -> Frame:
    """Runs a workload under perf."""
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/perf.data"
        # Frame pointers: Swift keeps them.
        done = running.run(
            ["perf", "record", "--quiet", "-F", "1999", "--call-graph", "fp", "-o", data, "--", program, workload], 120)
        if done.returncode != 0:
            raise running.Failed(f"perf: {done.stderr.strip()[-300:]}")
        script = running.run(["perf", "script", "-i", data, "-F", "ip,sym"], 300)
    root = Frame("all")
    for stack in script.stdout.split("\n\n"):
        symbols = [line.split(None, 1)[1].strip() for line in stack.splitlines() if len(line.split(None, 1)) == 2]
        # What has no name is the frame of a suspended function, or the start of a thread.
        symbols = [symbol for symbol in symbols if symbol != "[unknown]"]
        if not any(kind(symbol) in ("library", "program") for symbol in symbols):
            continue  # the program's start and end
        frame = root
        frame.samples += 1
        for symbol in reversed(symbols):
            frame = frame.called(symbol)
            frame.samples += 1
        frame.itself += 1
    return root


def own_samples(root: Frame) -> dict[str, int]:
    """Samples in each function itself, wherever it was called."""
    found: dict[str, int] = {}

    def visit(frame: Frame) -> None:
        if frame.itself:
            found[frame.name] = found.get(frame.name, 0) + frame.itself
        for called in frame.calls.values():
            visit(called)

    visit(root)
    return found


def readable(symbols: list[str]) -> dict[str, str]:
    """Names as Swift's users know them, without what they are given."""
    done = subprocess.run(
        ["swift", "demangle", "--simplified", "--compact"], input="\n".join(symbols), capture_output=True, text=True,
        check=False)
    names = done.stdout.splitlines() if done.returncode == 0 else symbols
    return {symbol: tidy(name) for symbol, name in zip(symbols, names)}


def tidy(name: str) -> str:
    # Of an async function every part between two suspensions is a function.
    name = re.sub(r"^\(\d+\) (await resume|suspend resume) partial function for ", "", name)
    name = re.sub(r"^(specialized|closure #\d+ in|partial apply for|merged|reabstraction thunk \S+) ", "", name)
    name = re.sub(r"^(__swift::__runtime::|swift::|\(anonymous namespace\)::)+", "", name)
    return re.sub(r"\(.*", "", name).split("<")[0].strip() or name


def shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def draw(root: Frame, results: dict) -> str:
    names = readable(sorted(all_names(root)))
    picture = charts.Picture(f"Where the time of {WORKLOAD} goes")
    picture.text(8, 20, "Where the time of a hand-over goes", "title")
    picture.text(8, 37, f"{WORKLOAD}, tasks; {root.samples:,} samples; callees below", "small")
    x = 8.0
    for colour, text in (
            ("program", "benchmark"), ("library", "Toro"), ("runtime", "Swift's runtime"), ("system", "the rest")):
        picture.box(x, 45, 10, 10, f"flame {colour}")
        picture.text(x + 14, 54, text, "small")
        x += 27 + 6 * len(text)
    top, step, width = 64.0, 17.0, charts.WIDTH - 16

    def flame(frame: Frame, left: float, level: int) -> None:
        for called in sorted(frame.calls.values(), key=lambda one: -one.samples):
            share = called.samples / root.samples
            if share >= SMALLEST:
                wide = share * width
                picture.parts.append(f"<g><title>{charts.escape(names[called.name])}: {100 * share:.1f} %</title>")
                picture.box(left, top + level * step, wide - 0.5, step - 1, f"flame {called.kind}")
                letters = int((wide - 6) / 5.9)
                label = names[called.name].split(".")[-1]
                if letters >= 4:
                    picture.text(left + 3, top + level * step + 12, shortened(label, letters), "label")
                picture.parts.append("</g>")
                flame(called, left, level + 1)
                left += wide

    flame(root, 8, 0)
    picture.y = top + (root.depth(SMALLEST * root.samples) - 1) * step + 12
    picture.text(8, picture.y + 12, "in the function itself, of all samples", "head")
    picture.y += 20
    own = sorted(own_samples(root).items(), key=lambda pair: -pair[1])[:16]
    for symbol, samples in own:
        share = samples / root.samples
        picture.box(8, picture.y + 1, share / (own[0][1] / root.samples) * 90, 12, f"flame {kind(symbol)}")
        picture.text(104, picture.y + 11, f"{100 * share:4.1f} %", "small")
        picture.text(146, picture.y + 11, shortened(names[symbol], 31))
        picture.y += 17
    picture.y += 14
    picture.paragraph(charts.footing(results))
    return picture.svg()


def all_names(frame: Frame) -> set[str]:
    found = {frame.name}
    for called in frame.calls.values():
        found |= all_names(called)
    return found


def write(toro: str, build: str) -> None:
    """Records, and draws into the folder of the report."""
    root = record(f"{toro}/ToroBench", WORKLOAD)
    versions = {
        name: version for name, version in machine.versions(build, "").items() if name in ("toro", "swift", "libevent")}
    os.makedirs(f"{build}/report", exist_ok=True)
    with open(f"{build}/report/flames.svg", "w", encoding="utf-8") as file:
        file.write(draw(root, {"machine": machine.describe(), "versions": versions}))
