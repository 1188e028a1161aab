"""On what, with what and when something was measured."""

import os
import platform
import re
import subprocess
import time


def output(*command: str) -> str:
    """What a command says of its version; nothing where it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip()


def first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


def processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return first(r"model name\s*:\s*(.+)", file.read()) or platform.machine()


def memory() -> str:
    with open("/proc/meminfo", encoding="utf-8") as file:
        kilobytes = int(first(r"MemTotal:\s+(\d+)", file.read()) or 0)
    return f"{round(kilobytes / 2**20)} GiB"


def system() -> str:
    with open("/etc/os-release", encoding="utf-8") as file:
        name = first(r'PRETTY_NAME="(.+)"', file.read()) or platform.system()
    return f"{name}, Linux {platform.release().split('-')[0]}, {' '.join(platform.libc_ver())}"


def describe() -> dict:
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": memory(),
        "system": system(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def crate(build: str, name: str) -> str | None:
    try:
        with open(f"{build}/rust/Cargo.lock", encoding="utf-8") as file:
            return first(rf'name = "{name}"\nversion = "(.+)"', file.read())
    except OSError:
        return None


def swift_package(peers: str, package: str, name: str) -> str | None:
    try:
        with open(f"{peers}/{package}/Package.resolved", encoding="utf-8") as file:
            return first(rf'"identity" : "{name}"(?:[^}}]*?)"version" : "([^"]+)"', file.read())
    except OSError:
        return None


def versions(build: str, peers: str) -> dict[str, str]:
    """Of everything that is compared, as far as it can be found."""
    root = os.path.dirname(os.path.dirname(peers))
    found = {
        "toro": output("git", "-C", root, "describe", "--always", "--dirty"),
        "swift": first(r"Swift version (\S+)", output("swift", "--version")),
        "libevent": output("pkg-config", "--modversion", "libevent"),
        "libuv": output("pkg-config", "--modversion", "libuv"),
        "asio": first(r"Version: (\S+?)-", output("dpkg", "-s", "libasio-dev")),
        "gcc": output("gcc", "-dumpfullversion"),
        "go": first(r"go version go(\S+)", output("go", "version")),
        "rustc": first(r"rustc (\S+)", output("rustc", "--version")),
        "tokio": crate(build, "tokio"),
        "hyper": crate(build, "hyper"),
        "swift-nio": swift_package(peers, "swift", "swift-nio"),
        "swift-async-algorithms": swift_package(peers, "swift", "swift-async-algorithms"),
        "hummingbird": swift_package(peers, "swift-hummingbird", "hummingbird"),
        "node": first(r"v(\S+)", output("node", "--version")),
    }
    python = f"{build}/venv/bin/python"
    found["python"] = first(r"Python (\S+)", output(python, "--version"))
    for line in output(python, "-m", "pip", "list", "--format=freeze").splitlines():
        name, _, version = line.partition("==")
        if name in ("uvloop", "gevent", "tornado", "trio", "aiohttp"):
            found[name] = version
    return {name: version for name, version in found.items() if version}
