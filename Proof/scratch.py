"""Copies parts of the project into a package of their own, which is built for one purpose."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def copy(parts, scratch, manifest, changed=None):
    """Copies `parts`, files or folders below the project's, and writes `manifest` as the package's. What is there already and
    the same is left alone, so that it is not built again.

    `changed` has the text of files that are to differ, by their paths."""
    wanted = {Path("Package.swift"): manifest.encode()}
    for part in parts:
        source = ROOT / part
        for file in [source] if source.is_file() else sorted(source.rglob("*")):
            if file.is_file():
                wanted[file.relative_to(ROOT)] = file.read_bytes()
    for path, text in (changed or {}).items():
        wanted[Path(path)] = text.encode()
    for path, content in wanted.items():
        target = scratch / path
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for part in parts:
        for file in (scratch / part).rglob("*"):
            if file.is_file() and file.relative_to(scratch) not in wanted:
                file.unlink()
