#!/usr/bin/env python3
"""Finds public symbols without a documentation comment, and what DocC warned of.

usage: scripts/check-comments.py FOLDER

FOLDER has what `swift symbolgraph-extract` made, and the files NAME.diagnostics that `docc convert` wrote. A symbol that a protocol
of the standard library or of another module asks for may do without a comment, since its meaning is said there; and the
parameters `file` and `line`, which say where a call stands and are never given, without a description. Exits with 1 if there is
anything else.
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parent.parent / "Sources"
# What protocols of others ask for.
INHERITED = {
    "==(_:_:)", "<(_:_:)", "hash(into:)", "description", "makeAsyncIterator()", "Element", "AsyncIterator", "Failure", "enqueue(_:)",
    "asUnownedSerialExecutor()", "asUnownedTaskExecutor()", "isIsolatingCurrentContext()", "checkIsolated()",
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    graphs = sorted(Path(sys.argv[1]).rglob("*.symbols.json"))
    if not graphs:
        sys.exit(f"check-comments: no symbol graphs in {sys.argv[1]}")
    count, missing = 0, {}
    for graph in graphs:
        for symbol in json.loads(graph.read_text())["symbols"]:
            if symbol["accessLevel"] not in ("public", "open") or "location" not in symbol:
                continue
            path = Path(unquote(urlparse(symbol["location"]["uri"]).path))
            if not path.is_relative_to(ROOT):
                continue
            count += 1
            name = symbol["pathComponents"][-1]
            if "docComment" in symbol or name in INHERITED:
                continue
            place = f"{path.relative_to(ROOT.parent)}:{symbol['location']['position']['line'] + 1}"
            missing[place] = ".".join(symbol["pathComponents"])
    for place, name in sorted(missing.items()):
        print(f"{place}: {name} has no comment")
    warnings = 0
    for diagnostics in sorted(Path(sys.argv[1]).glob("*.diagnostics")):
        for warning in json.loads(diagnostics.read_text())["diagnostics"]:
            if warning["severity"] not in ("warning", "error"):
                continue
            if re.fullmatch("Parameter '(file|line)' is missing documentation", warning["summary"]):
                continue
            place = unquote(urlparse(warning.get("source", "")).path)
            line = warning.get("range", {}).get("start", {}).get("line", 0)
            print(f"{place}:{line}: {warning['summary']}")
            warnings += 1
    print(f"{count} public symbols, {len(missing)} without a comment; {warnings} warnings")
    return 1 if missing or warnings else 0


if __name__ == "__main__":
    sys.exit(main())
