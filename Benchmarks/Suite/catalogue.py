"""What is measured: the peers, and the workloads in the groups in which they are tabled and plotted."""

import os
import re
import shlex
import shutil
from dataclasses import dataclass

PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Peers")


@dataclass(frozen=True)
class Group:
    """Workloads that share a table and a plot."""

    name: str
    kind: str  # prims, echo or http, as in peers.txt
    title: str
    measure: str  # the figure that is plotted
    unit: str
    lower_is_better: bool
    workloads: dict[str, str]  # a workload, and what one operation of it is


GROUPS = [
    Group("locks", "prims", "Locks and semaphores", "ns_per_op", "ns per operation", True, {
        "lock_uncontended": "one task acquires and releases",
        "lock_contended": "of 100 tasks, one acquires, yields and releases",
        "semaphore_pingpong": "a permit is handed from one task to another",
    }),
    Group("signals", "prims", "Conditions and events", "ns_per_op", "ns per operation", True, {
        "condition_notify": "one wait is notified, and the waiter runs",
        "event_broadcast": "one waiter is woken, of 10,000 by one set",
    }),
    Group("queues", "prims", "Queues", "ns_per_op", "ns per operation", True, {
        "queue_spsc": "an item goes through a queue of 128, 1 task to 1",
        "queue_mpmc": "an item goes through a queue of 128, 10 tasks to 10",
        "queue_rendezvous": "a message, ping-pong over two queues of 1",
        "priority_queue": "an item is put and later got, of 100,000",
    }),
    Group("deadlines", "prims", "Deadlines", "ns_per_op", "ns per operation", True, {
        "deadline_satisfied": "semaphore_pingpong, a deadline 1 s away",
        "deadline_expired": "a wait of 10 ms times out, of 10,000",
        "waiters_100k_memory": "a waiter is woken, of 100,000 with deadlines",
    }),
    Group("tasks", "prims", "Tasks and threads", "ns_per_op", "ns per operation", True, {
        "spawn": "a task is spawned, runs and is awaited",
        "cross_thread": "an item comes from another thread",
    }),
    Group("network", "echo", "TCP echo, 64 bytes", "rps", "messages a second", False, {
        "tcp_echo_64": "64 connections, one message in flight on each",
        "tcp_echo_1000": "1,000 connections, one message in flight on each",
    }),
    Group("http", "http", "HTTP/1.1, keep-alive", "rps", "requests a second", False, {
        "http_hello": "64 connections, “Hello, World!”",
    }),
]

# What libraries are measured against where one has to be named: the same in hand-written C on the same event loop.
REFERENCE = {"prims": "libevent-c", "echo": "libevent-event", "http": "libevent-evhttp"}


# Those whose operations are callbacks, not tasks that are suspended and go on.
CALLBACKS = {"toro-callbacks", "toro-c", "libevent-c", "libuv-c", "swift-nio"}


def is_toro(peer: str) -> bool:
    return peer == "toro" or peer.startswith("toro-")


@dataclass(frozen=True)
class Peer:
    kind: str
    name: str
    command: list[str]

    @property
    def program(self) -> str:
        """The first of the command that is not `env` and its variables."""
        return next(word for word in self.command if word != "env" and not re.match(r"^[A-Z_]+=", word))

    @property
    def is_built(self) -> bool:
        return os.path.exists(self.program) or shutil.which(self.program) is not None


def peers(build: str, toro: str) -> list[Peer]:
    """The peers of peers.txt, in its order, whether they are built or not."""
    found = []
    with open(os.path.join(PEERS, "peers.txt"), encoding="utf-8") as lines:
        for line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            kind, name, command = line.split(None, 2)
            for variable, value in (("$PEERS", PEERS), ("$BUILD", build), ("$TORO", toro)):
                command = command.replace(variable, value)
            found.append(Peer(kind, name, shlex.split(command)))
    return found
