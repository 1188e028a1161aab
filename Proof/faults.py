#!/usr/bin/env python3
"""Has each call of the system's that a scenario makes fail once, and sees that the program is told or goes on: that nothing
crashes, hangs, leaks or is lost, and that all works afterwards.

usage: Proof/faults.py [--scenario NAME] [--call NAME] [--every N] [--processes P] [--program PATH] [--scratch DIRECTORY]

  --scenario   this one only (ToroFaults --list)
  --call       this call only
  --every      each Nth of a call's occurrences
  --processes  how many run at once (2)
  --program    ToroFaults, as `make faults` builds it
  --scratch    where the preloaded library is built (.build-faults)

Exits with 1 if anything was found; each is printed with the command that runs it again.
"""

import argparse
import errno
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 60  # seconds for a run, far more than any takes

# What the system may say of a call, by its manual page.
ERRORS = {
    "epoll_create1": ["EMFILE", "ENOMEM"],
    "epoll_wait": ["EINTR"],
    "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "accept4": ["EMFILE", "ENFILE", "ENOBUFS", "ECONNABORTED", "EINTR", "EPROTO"],
    "read": ["EINTR"],
    "write": ["EINTR"],
    "writev": ["EINTR", "ENOBUFS"],
    "recv": ["EINTR", "EAGAIN", "ECONNRESET", "ENOMEM"],
    "send": ["EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS"],
    "sendmsg": ["EINTR", "EAGAIN", "EPIPE", "ENOBUFS"],
    "recvmmsg": ["EINTR", "EAGAIN", "ENOMEM"],
    "sendmmsg": ["EINTR", "EAGAIN", "ENOBUFS"],
    "sendfile": ["EINTR", "EAGAIN", "EIO", "EINVAL"],
    "eventfd": ["EMFILE", "ENFILE", "ENOMEM"],
    "timerfd_create": ["EMFILE", "ENOMEM"],
    "socket": ["EMFILE", "ENOBUFS", "EAFNOSUPPORT"],
    "bind": ["EADDRINUSE", "EACCES"],
    "listen": ["EADDRINUSE"],
    "connect": ["EINTR", "ECONNREFUSED", "EADDRNOTAVAIL", "EAGAIN"],
    "setsockopt": ["ENOBUFS"],
    "getsockname": ["ENOBUFS"],
    "getaddrinfo": ["EAGAIN"],
    "pthread_create": ["EAGAIN"],
    "libevent": ["ENOMEM"],
}


def build(scratch):
    library = scratch / "faults.so"
    scratch.mkdir(parents=True, exist_ok=True)
    source = ROOT / "Proof" / "Faults" / "faults.c"
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def run(program, scenario, library, fault=None):
    """What came of a run: its exit status, or None if it did not end, and what it wrote."""
    environment = dict(os.environ, LD_PRELOAD=str(library), SWIFT_BACKTRACE="enable=no")
    if fault:
        call, at, error = fault
        environment.update(FAULT_CALL=call, FAULT_AT=str(at), FAULT_ERRNO=str(getattr(errno, error)))
    try:
        done = subprocess.run([program, scenario], env=environment, capture_output=True, timeout=LIMIT)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        return None, ((expired.stdout or b"") + (expired.stderr or b"")).decode(errors="replace")


def counts(program, scenario, library):
    status, text = run(program, scenario, library)
    if status != 0:
        sys.exit(f"{scenario} fails without a fault, with {status}:\n{text}")
    return {name: int(count) for name, count in re.findall(r"^count: (\w+) (\d+)$", text, re.M)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--scenario")
    parser.add_argument("--call", choices=sorted(ERRORS))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--program", default=str(ROOT / "Proof" / ".build" / "release" / "ToroFaults"))
    parser.add_argument("--scratch", type=Path, default=ROOT / ".build-faults")
    options = parser.parse_args()
    library = build(options.scratch.absolute())
    scenarios = subprocess.run([options.program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    if options.scenario:
        if options.scenario not in scenarios:
            sys.exit(f"no scenario is called {options.scenario}; there are {', '.join(scenarios)}")
        scenarios = [options.scenario]
    found = 0
    total = [0, 0, 0]
    for scenario in scenarios:
        calls = counts(options.program, scenario, library)
        faults = [
            (call, at, error)
            for call, count in calls.items()
            if options.call in (None, call)
            for at in range(1, count + 1, options.every)
            for error in ERRORS[call]
        ]
        told = went_on = missed = 0
        with ThreadPoolExecutor(options.processes) as pool:
            results = pool.map(lambda fault: (fault, run(options.program, scenario, library, fault)), faults)
            for (call, at, error), (status, text) in results:
                if status != 0:
                    found += 1
                    what = "hangs" if status is None else f"exits with {status}" if status > 0 else f"is killed by signal {-status}"
                    again = f"FAULT_CALL={call} FAULT_AT={at} FAULT_ERRNO={getattr(errno, error)} LD_PRELOAD={library}"
                    print(f"FAILED: {scenario} {what} if {call} no. {at} says {error}\n  {text.strip()[:600]}")
                    print(f"  again: {again} {shlex.quote(options.program)} {scenario}", flush=True)
                elif "fault: fired" not in text:
                    missed += 1
                elif "told: " in text:
                    told += 1
                else:
                    went_on += 1
        listed = ", ".join(f"{call} {count}" for call, count in calls.items())
        print(f"{scenario}: {told + went_on} faults, {told} told, {went_on} gone on after; {missed} not reached ({listed})", flush=True)
        total = [total[0] + told + went_on, total[1] + told, total[2] + went_on]
    print(f"{total[0]} faults: {total[1]} told, {total[2]} gone on after, {found} FAILED")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
