"""Writes the results as Markdown and SVG into a folder beside them."""

import os
import re

import catalogue
import charts
import counts
import results
import tables

TITLES = {group.name: group.title for group in catalogue.GROUPS} | {
    "machine": "Where it was measured",
    "short": "In short",
    "scale": "Cost against scale",
    "flames": "Where the time of a hand-over goes",
    "counts": "Allocations and system calls",
}


def parts(build: str) -> tuple[dict[str, str], dict[str, str]]:
    """Texts and pictures, by name, of what has been measured."""
    compared = results.load(f"{build}/results.json")
    texts, pictures = {}, {}
    if compared:
        texts["machine"] = tables.machine_table(compared)
        texts["short"] = tables.short_form(compared)
    for group in catalogue.GROUPS:
        picture = charts.bars(compared, group)
        if picture:
            texts[group.name] = tables.group_tables(compared, group)
            pictures[group.name] = picture
    scaled = results.load(f"{build}/scale.json")
    picture = charts.scaling(scaled)
    if picture:
        texts["scale"] = tables.scaling(scaled)
        pictures["scale"] = picture
    if os.path.exists(f"{build}/report/flames.svg"):
        with open(f"{build}/report/flames.svg", encoding="utf-8") as file:
            texts["flames"], pictures["flames"] = "", file.read()
    texts["counts"] = tables.counts(counts.expected())
    return texts, pictures


def write(build: str) -> None:
    folder = f"{build}/report"
    os.makedirs(folder, exist_ok=True)
    texts, pictures = parts(build)
    for name, picture in pictures.items():
        with open(f"{folder}/{name}.svg", "w", encoding="utf-8") as file:
            file.write(picture)
    with open(f"{folder}/README.md", "w", encoding="utf-8") as file:
        for name, text in texts.items():
            title = TITLES.get(name, name.capitalize())
            image = f"![{title}]({name}.svg)\n\n" if name in pictures else ""
            file.write(f"## {title}\n\n{(image + text).strip()}\n\n")
    print(f"written: {folder}/README.md, with {len(pictures)} plots")


def publish(build: str, root: str) -> None:
    """Writes the tables into the documents, between their marks, and the plots beside them."""
    texts, pictures = parts(build)
    folder = f"{root}/docs/performance"
    os.makedirs(folder, exist_ok=True)
    for name, picture in pictures.items():
        with open(f"{folder}/{name}.svg", "w", encoding="utf-8") as file:
            file.write(picture)
    for document, images in ((f"{root}/docs/Performance.md", "performance"), (f"{root}/README.md", "docs/performance")):
        with open(document, encoding="utf-8") as file:
            before = file.read()

        def part(mark: re.Match) -> str:
            name = mark["name"]
            if name not in texts:
                return mark[0]
            image = f"![{TITLES[name]}]({images}/{name}.svg)\n\n" if name in pictures else ""
            return f"<!-- measured: {name} -->\n\n{(image + texts[name]).strip()}\n\n<!-- end -->"

        after = re.sub(r"<!-- measured: (?P<name>\w+) -->\n.*?<!-- end -->", part, before, flags=re.DOTALL)
        if after != before:
            with open(document, "w", encoding="utf-8") as file:
                file.write(after)
            print(f"written: {os.path.relpath(document, root)}")
