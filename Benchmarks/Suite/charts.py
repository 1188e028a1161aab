"""The results as SVG: readable in light and dark, and at the width of a phone. Everything is drawn in units of a picture that
is 360 wide, so that a letter of 12 is 12 pixels there."""

import math
from xml.sax.saxutils import escape

import catalogue
from numerals import count, short
from results import figure

WIDTH = 360
STYLE = """
  svg { color-scheme: light dark; background: #ffffff; }
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .head { font-weight: 600; }
  .small { font-size: 10.5px; fill: #57606a; }
  .ours { font-weight: 700; fill: #b3470b; }
  .grid { stroke: #d0d7de; stroke-width: 0.75; }
  .bar { fill: #8c96a3; } .bar.light { fill: #c3cad2; }
  .toro { fill: #d9570f; } .toro.light { fill: #f3a877; }
  .whisker { stroke: #24292f; stroke-width: 1.25; }
  .line { fill: none; stroke: #d9570f; stroke-width: 2; }
  .law { fill: none; stroke: #8c96a3; stroke-width: 1.25; stroke-dasharray: 4 3; }
  .paper { fill: #ffffff; }
  .flame.program { fill: #d9dee4; } .flame.library { fill: #f3a877; }
  .flame.runtime { fill: #a9c7ee; } .flame.system { fill: #c9ccd1; }
  .label { font-size: 10.5px; fill: #1b1f24; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; }
    text { fill: #e6edf3; } .small { fill: #9aa4af; } .ours { fill: #ff9a5c; }
    .grid { stroke: #30363d; }
    .bar { fill: #6e7884; } .bar.light { fill: #454d57; }
    .toro { fill: #f0702a; } .toro.light { fill: #9c4a1d; }
    .whisker { stroke: #e6edf3; }
    .line { stroke: #f0702a; } .law { stroke: #6e7884; }
    .paper { fill: #0d1117; }
    .flame.program { fill: #444c56; } .flame.library { fill: #a4501c; }
    .flame.runtime { fill: #2f5d94; } .flame.system { fill: #565d66; }
    .label { fill: #f0f3f6; }
  }
"""


class Picture:
    """Lines of SVG, from the top down."""

    def __init__(self, title: str):
        self.title = title
        self.parts: list[str] = []
        self.y = 0.0

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def box(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 1.5) -> None:
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" rx="{radius}" '
            f'class="{kind}"/>')

    def paragraph(self, text: str, kind: str = "small", letters: int = 64, leading: float = 14) -> None:
        """Breaks a text into lines, below what is there."""
        line = ""
        for word in text.split():
            if line and len(line) + len(word) >= letters:
                self.text(8, self.y, line, kind)
                self.y += leading
                line = ""
            line = f"{line} {word}".strip()
        if line:
            self.text(8, self.y, line, kind)
            self.y += leading

    def svg(self) -> str:
        height = math.ceil(self.y + 4)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH * 4 // 3}" role="img" '
            f'aria-label="{escape(self.title)}">\n<style>{STYLE}</style>\n'
            f'<rect width="{WIDTH}" height="{height}" class="paper"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


class LogAxis:
    """From a power of ten to what is a little more than the greatest, along x."""

    def __init__(self, least: float, most: float, left: float, right: float):
        self.low = math.floor(math.log10(max(least, 1e-3)) - 1e-9)
        self.high = max(math.log10(most), self.low + 1)
        self.left, self.right = left, right

    def at(self, value: float) -> float:
        part = (math.log10(max(value, 10**self.low)) - self.low) / (self.high - self.low)
        return self.left + part * (self.right - self.left)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, math.floor(self.high) + 1)]


def decade(value: float) -> str:
    return count(int(value)) if value >= 1 else f"{value:g}"


def footing(results: dict) -> str:
    machine = results.get("machine", {})
    versions = ", ".join(f"{name} {version}" for name, version in results.get("versions", {}).items())
    return (
        f"{machine.get('processor', '?')}, {machine.get('cores', '?')} cores; {machine.get('system', '?')}; "
        f"{machine.get('date', '?')}. {versions}.")


def runs_of(results: dict, workload: str) -> int:
    measured = results.get("workloads", {}).get(workload, {})
    return max((figures[next(iter(figures))]["runs"] for figures in measured.values()), default=0)


def medians(runs: int) -> str:
    return "One run" if runs == 1 else f"Medians of {runs} runs"


def bars(results: dict, group: catalogue.Group) -> str | None:
    """A bar for each peer, the best first, in a panel for each workload."""
    panels = []
    for workload in group.workloads:
        measured = results.get("workloads", {}).get(workload, {})
        names = [name for name in measured if figure(results, workload, name, group.measure)]
        names.sort(key=lambda name: figure(results, workload, name, group.measure), reverse=not group.lower_is_better)
        if names:
            panels.append((workload, names))
    if not panels:
        return None
    values = [
        figure(results, workload, name, group.measure, which)
        for workload, names in panels for name in names for which in ("median", "min", "max")]
    label, gap, step = 112, 5, 17
    axis = LogAxis(min(value for value in values if value), max(values), label + gap, WIDTH - 58)
    picture = Picture(f"{group.title}: {group.unit}, logarithmic")
    picture.text(8, 20, group.title, "title")
    picture.text(8, 37, f"{group.unit}, {'less' if group.lower_is_better else 'more'} is better; logarithmic", "small")
    picture.y = 45
    legend(picture, group)
    for workload, names in panels:
        picture.text(8, picture.y + 17, workload, "head")
        picture.text(8, picture.y + 31, group.workloads[workload], "small")
        top = picture.y + 38
        bottom = top + step * len(names)
        for value in axis.decades():
            picture.line(axis.at(value), top, axis.at(value), bottom + 3, "grid")
            picture.text(axis.at(value), bottom + 14, decade(value), "small", "middle")
        for place, name in enumerate(names):
            middle = top + step * (place + 0.5)
            median, least, most = (
                figure(results, workload, name, group.measure, which) for which in ("median", "min", "max"))
            kind = ("toro" if catalogue.is_toro(name) else "bar") + (
                " light" if name in catalogue.CALLBACKS and group.kind == "prims" else "")
            ours = "ours" if catalogue.is_toro(name) else ""
            picture.text(label, middle + 4, name, ours, "end")
            picture.box(axis.left, middle - 6, axis.at(median) - axis.left, 12, kind)
            if least != most:
                picture.line(axis.at(least), middle, axis.at(most), middle, "whisker")
            picture.text(axis.at(max(median, most)) + 4, middle + 4, short(median), ours)
        picture.y = bottom + 20
    picture.y += 10
    number = runs_of(results, panels[0][0])
    picture.paragraph(f"{medians(number)}, the peers in turn; the thin line is from the least to the most.")
    picture.paragraph(footing(results))
    return picture.svg()


def legend(picture: Picture, group: catalogue.Group) -> None:
    entries = [("toro", "Toro"), ("bar", "others")]
    if group.kind == "prims":
        entries = [("toro", "Toro: tasks"), ("toro light", "callbacks"), ("bar", "others: tasks"), ("bar light", "callbacks")]
    x = 8.0
    for kind, text in entries:
        picture.box(x, picture.y, 10, 10, kind)
        picture.text(x + 14, picture.y + 9, text, "small")
        x += 24 + 5.6 * len(text)
    picture.y += 16


def scaling(results: dict) -> str | None:
    """What an operation costs, against how many of its kind there are: a panel for each operation."""
    operations = results.get("operations", {})
    if not operations:
        return None
    picture = Picture("Cost of an operation against how many there are, logarithmic both ways")
    picture.text(8, 20, "Cost against scale", "title")
    picture.text(8, 37, "ns per operation; logarithmic both ways", "small")
    picture.y = 44
    left, right, height = 44, WIDTH - 40, 92
    for name, operation in operations.items():
        points = sorted((int(size), figures["ns_per_op"]) for size, figures in operation["sizes"].items())
        if not points:
            continue
        picture.text(8, picture.y + 17, name, "head")
        picture.text(WIDTH - 8, picture.y + 17, operation["law"], "small", "end")
        picture.text(8, picture.y + 31, operation["summary"], "small")
        top = picture.y + 42
        across = LogAxis(points[0][0], max(points[-1][0], 10), left, right)
        least, most = min(ns["min"] for _, ns in points), max(ns["max"] for _, ns in points)
        # Two decades at the least, so that noise does not look like growth.
        low = math.floor(math.log10(max(least, 0.01)))
        high = max(math.ceil(math.log10(most)), low + 2)

        def up(value: float) -> float:
            return top + height * (1 - (math.log10(max(value, 10**low)) - low) / (high - low))

        for power in range(low, high + 1):
            picture.line(left, up(10**power), right, up(10**power), "grid")
            picture.text(left - 5, up(10**power) + 4, decade(10.0**power), "small", "end")
        path = " ".join(f"{across.at(size):.1f},{up(ns['median']):.1f}" for size, ns in points)
        picture.parts.append(f'<polyline points="{path}" class="line"/>')
        for size, ns in points:
            x, y = across.at(size), up(ns["median"])
            picture.line(x, up(ns["min"]), x, up(ns["max"]), "whisker")
            picture.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="toro"/>')
            picture.text(x, y - 8, short(ns["median"]), "ours", "middle")
            picture.text(x, top + height + 15, count(size), "small", "middle")
        picture.y = top + height + 24
    picture.y += 8
    runs = max(figures["ns_per_op"]["runs"] for operation in operations.values() for figures in operation["sizes"].values())
    picture.paragraph(f"{medians(runs)}, each in a process of its own. All but waiters_served and the tasks are chosen at random.")
    picture.paragraph(footing(results))
    return picture.svg()
