#!/usr/bin/env python3
"""Starts the C examples that `make examples` built and talks to them as clients do. The last line says how many tests passed
and failed.

    run.py DIRECTORY MIXED [TEXT]    where the programs in C are, the one that is half in Swift, and which tests: all, or those
                                     that have the text in their sentences
"""
import concurrent.futures
import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

directory, mixed = (os.path.abspath(argument) for argument in sys.argv[1:3])
wanted = sys.argv[3] if len(sys.argv) > 3 else ""
HOSTS = ["queue-server", "glib-host", "uv-host"]
passed = failed = 0
# Real time, on a machine that may be busy: nothing is early, and what is late is so by less than this.
LATE = 2


def test(sentence, *cases):
    """Runs a function as a test, once for each case."""

    def run(function):
        global passed, failed
        for case in cases or [None]:
            name = sentence.format(case)
            if wanted not in name:
                continue
            try:
                function() if case is None else function(case)
            except Exception:
                failed += 1
                print("NOT OK ", name)
                print("        " + traceback.format_exc().strip().replace("\n", "\n        "), flush=True)
            else:
                passed += 1
                print("ok     ", name, flush=True)

    return run


class Daemon:
    """A program that says where it listens."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.search(r"listening on .*127\.0\.0\.1:(\d+)", line)
        assert match, (line, self.process.communicate(timeout=10))
        self.port = int(match[1])

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def end(self, within=20):
        """How it ended: its status, what it complained of, and how long that took."""
        began = time.monotonic()
        _, complaints = self.process.communicate(timeout=within)
        return self.process.returncode, complaints, time.monotonic() - began

    def ticks(self):
        """The processor time that it has used, in hundredths of a second."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


@contextlib.contextmanager
def running(*command, ends=(0, "")):
    """A daemon that is still running when the block ends, and ends in order when it is told to."""
    daemon = Daemon(*command)
    try:
        yield daemon
        assert daemon.process.poll() is None, daemon.end()
        daemon.signal()
        status, complaints, _ = daemon.end()
        assert (status, complaints) == ends, (status, complaints)
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()


def took(seconds, began, late=LATE):
    elapsed = time.monotonic() - began
    assert seconds <= elapsed < seconds + late, elapsed


def wait_until(holds):
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to be")


def ends_without(program, *arguments):
    """How a program ends that cannot begin."""
    return subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


# --- The queue, on three loops ---


class Client:
    def __init__(self, daemon):
        self.socket = socket.create_connection(("127.0.0.1", daemon.port), timeout=20)
        self.lines = self.socket.makefile("r", newline="\n")

    def say(self, *lines):
        self.socket.sendall("".join(line + "\n" for line in lines).encode())

    def hear(self):
        return self.lines.readline().removesuffix("\n")

    def ask(self, line):
        self.say(line)
        return self.hear()

    def leave(self):
        self.lines.close()
        self.socket.close()


def program(name):
    return os.path.join(directory, name)


def queue(host, **arguments):
    return running(program(host), "0", **arguments)


@test("{}: nc puts texts and takes them, oldest first", *HOSTS)
def _(host):
    with queue(host) as daemon:
        nc = subprocess.Popen(
            ["nc", "127.0.0.1", str(daemon.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            nc.stdin.write("put 0 one\nput 0 two words\r\ntake 0\ntake 0\ntake 0\n")
            nc.stdin.flush()
            heard = [nc.stdout.readline() for _ in range(5)]
            assert heard == ["ok\n", "ok\n", "text one\n", "text two words\n", "none\n"], heard
        finally:
            nc.kill()
            nc.communicate()


@test("{}: a client that has said its last still hears the answers", *HOSTS)
def _(host):
    with queue(host) as daemon:
        command = ["nc", "-N", "127.0.0.1", str(daemon.port)]
        heard = subprocess.run(
            command, input="put 0 one\nput 0 two\ntake 0\ntake 0\n", capture_output=True, text=True, timeout=20)
        assert heard.stdout == "ok\nok\ntext one\ntext two\n", heard


@test("{}: a take ends when its time is over, and not before", *HOSTS)
def _(host):
    with queue(host) as daemon:
        client = Client(daemon)
        for seconds in 0, 0.001, 0.15, 0.6:
            began = time.monotonic()
            assert client.ask(f"take {seconds * 1000:.0f}") == "none"
            took(seconds, began)


@test("{}: a take that waits is handed what another client puts", *HOSTS)
def _(host):
    with queue(host) as daemon:
        clients = [Client(daemon) for _ in range(3)]
        for number, client in enumerate(clients):
            client.say("take 20000")
            time.sleep(0.05)  # in this order
        producer = Client(daemon)
        producer.say("put 0 a", "put 0 b", "put 0 c")
        assert [client.hear() for client in clients] == ["text a", "text b", "text c"]
        assert [producer.hear() for _ in range(3)] == ["ok"] * 3


@test("{}: a put waits for room, and is told where none came in time", *HOSTS)
def _(host):
    with queue(host) as daemon:
        putter, taker, late = Client(daemon), Client(daemon), Client(daemon)
        for number in range(4):
            assert putter.ask(f"put 0 {number}") == "ok"
        began = time.monotonic()
        assert putter.ask("put 200 too late") == "full"
        took(0.2, began)
        late.say("put 20000 4")
        time.sleep(0.05)
        assert taker.ask("take 0") == "text 0"
        assert late.hear() == "ok"
        assert [taker.ask("take 0") for _ in range(5)] == ["text 1", "text 2", "text 3", "text 4", "none"]


@test("{}: what a client says while it waits is done afterwards, in order", *HOSTS)
def _(host):
    with queue(host) as daemon:
        client = Client(daemon)
        began = time.monotonic()
        client.say("take 200", "put 0 mine", "nonsense", "take 0", "take 100")
        assert client.hear() == "none"
        took(0.2, began)
        assert [client.hear() for _ in range(2)] == ["ok", "error put <milliseconds> <text>, or take <milliseconds>"]
        assert client.hear() == "text mine"
        assert client.hear() == "none"
        took(0.3, began)


@test("{}: a client that goes while it waits takes nothing and puts nothing", *HOSTS)
def _(host):
    with queue(host) as daemon:
        gone, here = Client(daemon), Client(daemon)
        gone.say("take 20000")
        time.sleep(0.1)
        gone.leave()
        time.sleep(0.1)
        assert [here.ask(f"put 0 {number}") for number in range(4)] == ["ok"] * 4
        gone = Client(daemon)
        gone.say("put 20000 lost")
        time.sleep(0.1)
        gone.leave()
        time.sleep(0.1)
        assert [here.ask("take 0") for _ in range(5)] == ["text 0", "text 1", "text 2", "text 3", "none"]


@test("{}: of a thousand texts, put and taken by a hundred clients at once, none is lost or doubled", *HOSTS)
def _(host):
    with queue(host) as daemon:
        putters, takers = ([Client(daemon) for _ in range(50)] for _ in range(2))
        for taker in takers:
            taker.say(*["take 20000"] * 20)
        for number, putter in enumerate(putters):
            putter.say(*(f"put 20000 {number}.{n}" for n in range(20)))
        assert all(putter.hear() == "ok" for putter in putters for _ in range(20))
        texts = [taker.hear() for taker in takers for _ in range(20)]
        assert sorted(texts) == sorted(f"text {number}.{n}" for number in range(50) for n in range(20))


@test("{}: a client that asks without end and never reads is not served without end", *HOSTS)
def _(host):
    with queue(host) as daemon:
        client = Client(daemon)
        client.socket.settimeout(1)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 100_000_000:
                sent += client.socket.send(b"bad\n" * 10_000)
        assert sent < 100_000_000
        size = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{daemon.process.pid}/status").read())[1])
        assert size < 100_000, f"{size} KiB"
        before = daemon.ticks()
        time.sleep(0.5)
        assert daemon.ticks() - before <= 5, daemon.ticks() - before
        assert Client(daemon).ask("take 0") == "none"


@test("{}: a line that does not end is cut off", *HOSTS)
def _(host):
    with queue(host) as daemon:
        client = Client(daemon)
        assert client.ask("put 0 " + "x" * 4000) == "ok"
        with contextlib.suppress(ConnectionError):
            client.socket.sendall(b"x" * 10_000)
            assert client.hear() == ""


@test("{}: it uses no processor time while it waits", *HOSTS)
def _(host):
    with queue(host) as daemon:
        client = Client(daemon)
        client.say("take 1500")
        time.sleep(0.2)
        before = daemon.ticks()
        assert client.hear() == "none"
        assert daemon.ticks() - before <= 5, daemon.ticks() - before


@test("{}: SIGTERM and SIGINT end it while clients wait, with status 0", *HOSTS)
def _(host):
    for number in signal.SIGTERM, signal.SIGINT:
        daemon = Daemon(program(host), "0")
        waiting, full = Client(daemon), Client(daemon)
        waiting.say("take 20000")
        full.say(*["put 20000 x"] * 9)
        time.sleep(0.1)
        daemon.signal(number)
        status, complaints, seconds = daemon.end()
        assert (status, complaints) == (0, "") and seconds < LATE, (status, complaints, seconds)
        assert full.lines.read().startswith("ok\n")


@test("{}: it says how it is called, and why it cannot listen", *HOSTS)
def _(host):
    for arguments in [], ["--help"], ["-1"], ["65536"], ["7x"], ["0", "0"]:
        ended = ends_without(program(host), *arguments)
        assert ended.returncode == 64 and "usage: " in ended.stderr and ended.stdout == "", (arguments, ended)
    with queue(host) as daemon:
        ended = ends_without(program(host), str(daemon.port))
        assert ended.returncode == 1 and "Address already in use" in ended.stderr, ended


# --- The look-ups ---

# Takes as long as its argument says, notes when it begins and ends, and who it is.
COMMAND = """#!/bin/sh
echo "begin $1 $$" >>"$0.log"
case $1 in missing*) exit 1 ;; slow*) sleep 60 ;; *) sleep "0.${1##*-}" ;; esac
echo "end $1 $$" >>"$0.log"
echo "found $1"
"""


@contextlib.contextmanager
def lookups():
    """A look-up daemon, and the lines that its commands have written."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "command")
        with open(path, "w") as file:
            file.write(COMMAND)
        os.chmod(path, 0o755)
        open(path + ".log", "w").close()
        with running(program("lookup-server"), "0", path) as daemon:
            yield daemon, lambda: [line.split() for line in open(path + ".log")]


def get(daemon, path, method="GET", timeout=20):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode().removesuffix("\n")
    finally:
        connection.close()


def at_once(daemon, paths):
    """What as many clients are answered."""
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda path: get(daemon, path), paths))


def later(daemon, path):
    """A client in the background, and how to get its answer."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(get, daemon, path)
    pool.shutdown(wait=False)
    return lambda: future.result(20)


def is_alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@test("lookup-server: curl is answered what the command writes, and what it says of itself")
def _():
    with lookups() as (daemon, _):
        def curl(path):
            command = ["curl", "-sS", "-w", "%{http_code}", f"http://127.0.0.1:{daemon.port}/{path}"]
            return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
        assert curl("a-1") == "found a-1\n200"
        assert curl("missing") == "not found\n404"
        assert curl("") == "running=0 waiting=0\n200"
        for name in "-x", "a%20b", "a;b", "x" * 256:
            assert curl(name) == "not a name\n400", name


@test("lookup-server: fifty clients that ask for one name at the same time share one run of the command")
def _():
    with lookups() as (daemon, log):
        assert at_once(daemon, ["/a-5"] * 50) == [(200, "found a-5")] * 50
        assert [line[:2] for line in log()] == [["begin", "a-5"], ["end", "a-5"]]
        # Nothing is kept: who asks later has it looked up again.
        assert get(daemon, "/a-5") == (200, "found a-5")
        assert len(log()) == 4


@test("lookup-server: two commands run at a time, and no more")
def _():
    with lookups() as (daemon, log):
        names = [f"{letter}-1" for letter in "abcdef"]
        assert at_once(daemon, ["/" + name for name in names]) == [(200, "found " + name) for name in names]
        count = most = 0
        for word, _, _ in log():
            count += 1 if word == "begin" else -1
            most = max(most, count)
        assert most == 2 and count == 0, log()


@test("lookup-server: a client waits for a second; the look-up goes on for the next, and is killed after three")
def _():
    with lookups() as (daemon, log):
        began = time.monotonic()
        assert get(daemon, "/slow") == (504, "not found out in time; ask again")
        took(1, began)
        assert get(daemon, "/slow") == (504, "not found out in time; ask again")
        took(2, began)
        time.sleep(max(0, began + 2.3 - time.monotonic()))
        assert get(daemon, "/slow") == (504, "the command took too long")
        took(3, began)
        assert len(log()) == 1
        assert not is_alive(log()[0][2])
        assert get(daemon, "/") == (200, "running=0 waiting=0")


@test("lookup-server: a look-up that is not let in for two seconds is given up")
def _():
    with lookups() as (daemon, log):
        others = [later(daemon, path) for path in ("/slow1", "/slow2")]
        wait_until(lambda: len(log()) == 2)
        began = time.monotonic()
        assert get(daemon, "/third-1")[0] == 504
        assert get(daemon, "/") == (200, "running=2 waiting=1")
        time.sleep(max(0, began + 1.4 - time.monotonic()))
        assert get(daemon, "/third-1") == (503, "too many lookups")
        took(2, began)
        assert [other()[0] for other in others] == [504, 504]
        assert [line[1] for line in log()] == ["slow1", "slow2"] or [line[1] for line in log()] == ["slow2", "slow1"]


@test("lookup-server: clients that go while they wait do not disturb the others")
def _():
    with lookups() as (daemon, log):
        others = [later(daemon, "/a-6") for _ in range(5)]
        wait_until(log)
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", daemon.port))
            client.sendall(b"GET /a-6 HTTP/1.1\r\nHost: here\r\n\r\nGET /b-6 HTTP/1.1\r\n")
            client.close()
        assert [other() for other in others] == [(200, "found a-6")] * 5
        assert len([line for line in log() if line[1] == "a-6"]) == 2


@test("lookup-server: one connection is answered request after request")
def _():
    with lookups() as (daemon, _):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
        for name in "a-1", "b-0", "missing", "c-1":
            connection.request("GET", "/" + name)
            response = connection.getresponse()
            assert response.read() == (b"not found\n" if name == "missing" else f"found {name}\n".encode())
        connection.close()


@test("lookup-server: SIGTERM lets the requests in hand be answered, and no client in")
def _():
    with tempfile.TemporaryDirectory():
        with lookups() as (daemon, log):
            kept = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
            kept.request("GET", "/")
            kept.getresponse().read()
            answer = later(daemon, "/a-8")
            wait_until(log)
            daemon.signal()

            def is_refused():
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", daemon.port)):
                    return False
                return True

            wait_until(is_refused)
            kept.request("GET", "/b-1")
            assert kept.getresponse().status == 503
            assert answer() == (200, "found a-8")
            assert daemon.end()[:2] == (0, "")
            daemon.process = subprocess.Popen(["sleep", "60"])  # what the block's end ends instead
            daemon.end = lambda: (0, "", 0)
            kept.close()


@test("lookup-server: a second signal ends it at once, with the commands that run")
def _():
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "command")
        with open(path, "w") as file:
            file.write(COMMAND)
        os.chmod(path, 0o755)
        daemon = Daemon(program("lookup-server"), "0", path)
        answer = later(daemon, "/slow")
        wait_until(lambda: os.path.exists(path + ".log"))
        daemon.signal()
        time.sleep(0.1)
        daemon.signal(signal.SIGINT)
        status, complaints, seconds = daemon.end()
        assert (status, complaints) == (0, "") and seconds < 0.8, (status, complaints, seconds)
        assert answer()[0] == 503
        assert not is_alive(open(path + ".log").read().split()[2])


@test("lookup-server: it says how it is called, why it cannot listen, and that there is no such command")
def _():
    for arguments in [], ["0"], ["--help"], ["x", "echo"], ["65536", "echo"]:
        ended = ends_without(program("lookup-server"), *arguments)
        assert ended.returncode == 64 and re.search("usage: |not a port", ended.stderr), (arguments, ended)
    with running(program("lookup-server"), "0", "/nowhere/command") as daemon:
        assert get(daemon, "/a") == (503, "the command cannot be run")
        ended = ends_without(program("lookup-server"), str(daemon.port), "echo")
        assert ended.returncode == 1 and f"port {daemon.port}" in ended.stderr, ended


# --- C and Swift in one program ---


def board(**arguments):
    return running(mixed, "0", **arguments)


@test("mixed-server: one client's take waits for another one's put, in async Swift on the C program's loop")
def _():
    with board() as daemon:
        answer = later(daemon, "/take/20000")
        wait_until(lambda: get(daemon, "/stats") == (200, "texts=0 waits=1"))
        assert get(daemon, "/put/0/hello%20there", "POST") == (200, "ok")
        assert answer() == (200, "hello%20there")


@test("mixed-server: waits end when their time is over, and not before")
def _():
    with board() as daemon:
        for seconds in 0, 0.15, 0.5:
            began = time.monotonic()
            assert get(daemon, f"/take/{seconds * 1000:.0f}") == (404, "none")
            took(seconds, began)
        assert [get(daemon, f"/put/0/{number}") for number in range(4)] == [(200, "ok")] * 4
        began = time.monotonic()
        assert get(daemon, "/put/200/4") == (503, "full")
        took(0.2, began)
        assert [get(daemon, "/take/0") for _ in range(4)] == [(200, str(number)) for number in range(4)]


@test("mixed-server: a client that goes while it waits has its task cancelled, and takes nothing")
def _():
    with board() as daemon:
        command = ["curl", "-sS", "--max-time", "0.3", f"http://127.0.0.1:{daemon.port}/take/20000"]
        assert subprocess.run(command, capture_output=True, timeout=20).returncode == 28
        wait_until(lambda: get(daemon, "/stats") == (200, "texts=0 waits=0"))
        assert get(daemon, "/put/0/mine") == (200, "ok")
        assert get(daemon, "/take/0") == (200, "mine")


@test("mixed-server: of five hundred texts, put and taken by a hundred clients at once, none is lost or doubled")
def _():
    with board() as daemon:
        texts = [f"text-{number}" for number in range(500)]
        with concurrent.futures.ThreadPoolExecutor(50) as putting, concurrent.futures.ThreadPoolExecutor(50) as taking:
            taken = taking.map(lambda _: get(daemon, "/take/20000"), texts)
            put = putting.map(lambda text: get(daemon, "/put/20000/" + text), texts)
            assert set(put) == {(200, "ok")}
            assert sorted(taken) == sorted((200, text) for text in texts)


@test("mixed-server: what is no request is told what is")
def _():
    with board() as daemon:
        for path in "/", "/take", "/take/x", "/take/-1", "/take/99999999", "/put/0", "/put/x/y", "/other/1", "/stats/1":
            status, text = get(daemon, path)
            assert status == 400 and text.startswith("/put/<milliseconds>"), (path, status, text)


@test("mixed-server: SIGTERM lets the requests in hand end, and the dispatch returns")
def _():
    daemon = Daemon(mixed, "0")
    answers = [later(daemon, "/take/600"), later(daemon, "/take/700")]
    wait_until(lambda: get(daemon, "/stats") == (200, "texts=0 waits=2"))
    daemon.signal()
    assert [answer() for answer in answers] == [(404, "none")] * 2
    status, complaints, seconds = daemon.end()
    assert (status, complaints) == (0, "") and seconds < LATE, (status, complaints, seconds)


@test("mixed-server: a task that outlasts the grace is cancelled, and its client told")
def _():
    daemon = Daemon(mixed, "0")
    answer = later(daemon, "/take/60000")
    wait_until(lambda: get(daemon, "/stats") == (200, "texts=0 waits=1"))
    daemon.signal()
    began = time.monotonic()
    assert answer()[0] == 503
    took(5, began - 0.1)
    status, complaints, _ = daemon.end()
    assert status == 0 and "1 requests were not answered in time" in complaints, (status, complaints)


@test("mixed-server: a second signal ends it at once")
def _():
    daemon = Daemon(mixed, "0")
    answer = later(daemon, "/take/60000")
    wait_until(lambda: get(daemon, "/stats") == (200, "texts=0 waits=1"))
    daemon.signal()
    time.sleep(0.1)
    daemon.signal()
    status, complaints, seconds = daemon.end()
    assert (status, complaints) == (0, "") and seconds < LATE, (status, complaints, seconds)
    assert answer()[0] == 503


@test("mixed-server: it says how it is called, and why it cannot listen")
def _():
    for arguments in [], ["--help"], ["70000"], ["0", "0"]:
        ended = ends_without(mixed, *arguments)
        assert ended.returncode == 64 and re.search("usage: |not a port", ended.stderr), (arguments, ended)
    with board() as daemon:
        ended = ends_without(mixed, str(daemon.port))
        assert ended.returncode == 1 and f"port {daemon.port}" in ended.stderr, ended


@test("mixed-server: it has one Swift runtime, and no libtoro")
def _():
    libraries = subprocess.run(["ldd", mixed], capture_output=True, text=True).stdout
    assert "libtoro" not in libraries, libraries
    assert re.findall(r"libswiftCore\S* => ", libraries) == ["libswiftCore.so => "], libraries


# --- Memory ---


def checked(*command):
    """A daemon under valgrind, which fails it for a bad access or a leak."""
    return running("valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite",
                   "--errors-for-leak-kinds=definite", *command)


@test("{}: valgrind finds neither a bad access nor a leak", *HOSTS)
def _(host):
    with checked(program(host), "0") as daemon:
        clients = [Client(daemon) for _ in range(6)]
        assert clients[0].ask("take 1") == "none"
        clients[1].say("take 60000")
        time.sleep(0.2)
        assert clients[2].ask("put 0 a") == "ok" and clients[1].hear() == "text a"
        clients[3].say("take 60000")
        time.sleep(0.2)
        clients[3].leave()
        clients[2].say(*["put 60000 b"] * 6, "take 0")
        assert [clients[2].hear() for _ in range(4)] == ["ok"] * 4
        assert clients[4].ask("put 1 c") == "full"
        clients[5].say("put 60000 d")
        time.sleep(0.2)
        clients[5].leave()
        time.sleep(0.2)


# valgrind does not know of pidfd_open in all versions, so this one checks itself.
@test("lookup-server: the address sanitizer finds neither a bad access nor a leak")
def _():
    build = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/build-examples.sh")
    subprocess.run([build, directory, "sanitized"], check=True, stdout=subprocess.DEVNULL)
    with running(program("sanitized/lookup-server"), "0", "sh", "-c", "sleep 0.1; echo found $0") as daemon:
        names = ["a"] * 5 + ["b", "c", "d"]
        assert at_once(daemon, ["/" + name for name in names]) == [(200, "found " + name) for name in names]
        assert get(daemon, "/")[0] == 200 and get(daemon, "/-")[0] == 400
        client = socket.create_connection(("127.0.0.1", daemon.port))
        client.sendall(b"GET /gone HTTP/1.1\r\nHost: here\r\n\r\n")
        time.sleep(0.1)
        client.close()
        time.sleep(0.1)


print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
