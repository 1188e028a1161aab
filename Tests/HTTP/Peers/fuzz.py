#!/usr/bin/env python3
"""Sends mutated HTTP to Toro's parser and to two others, h11 and httptools (llhttp), and compares what they make of it.

    fuzz.py VERDICT [COUNT [SEED]]    the program ToroHTTPVerdict, how many streams (100,000), and from which seed (1)

It fails if Toro takes a message that both of the others refuse, if what Toro and another have both taken is not the same, or if
they do not agree on where a message ends; unless the difference is explained under "What differs" below. Makes a virtual environment
in .build-parsers for the others.
"""
import ast
import collections
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[2] / ".build-parsers"


def enter_environment():
    """Goes on in an environment that has the peers."""
    python = ENVIRONMENT / "bin" / "python"
    if pathlib.Path(sys.prefix) == ENVIRONMENT:
        return
    wanted = (HERE / "requirements.txt").read_text()
    stamp = ENVIRONMENT / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "requirements.txt"],
                       check=True)
        stamp.write_text(wanted)
    os.execv(python, [python, *sys.argv])


if __name__ == "__main__":
    enter_environment()

import h11
import httptools

# MARK: What is sent

PIECES = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b"\0", b" ", b"\t", b"  ", b":", b",", b";", b"=", b'"', b"\\", b"/", b"0",
    b"1", b"f", b"+", b"-", b"_", b"0x", b"\x7f", b"\x80", b"\xff", b"\x0b", b"\x0c", b"\x1f", b"\xa0", b"HTTP/1.0",
    b"HTTP/1.1", b"HTTP/2.0", b"chunked", b"Chunked", b"gzip", b"identity", b"close", b"keep-alive", b"0\r\n\r\n",
    b"5\r\nhello\r\n", b"5;a=b\r\nhello\r\n", b"Host: b\r\n", b"Host:\r\n", b"Content-Length: 5\r\n", b"Content-Length: 6\r\n",
    b"Content-Length: 0\r\n", b"Content-Length : 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:chunked\r\n",
    b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding\r\n: chunked\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"Expect: 100-continue\r\n", b"X: y\r\n",
    b"\r\n folded", b"\n\tfolded", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n", b"18446744073709551616",
    b"18446744073709551621", b"10000000000000000", b"ffffffffffffffff", b"http://a", b"*", b"#", b"@", b"[::1]", b"%zz",
]


def grammar(chance, is_request):
    """A stream of one to three messages, each right or wrong in some places."""
    stream = b""
    for _ in range(chance.choice([1, 1, 2, 3])):
        def pick(*usual, seldom=()):
            return chance.choice(seldom) if seldom and chance.random() < 0.03 else chance.choice(usual)
        version = pick(b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", seldom=[b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.01", b"http/1.1"])
        end = lambda: pick(b"\r\n", seldom=[b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b" \r\n"])
        space = lambda: pick(b" ", seldom=[b"", b"  ", b"\t", b"\x0b"])
        if is_request:
            method = pick(b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", seldom=[b"CONNECT", b"get", b"G\xc9T", b"", b"PRI"])
            target = pick(b"/", b"/a", b"/a?b=c", b"http://a/", seldom=[b"*", b"a:80", b"/#", b"//", b"", b"/\x80", b"http:///", b"/ "])
            stream += method + space() + target + space() + version + end()
        else:
            status = pick(b"200", b"200", b"404", b"500", seldom=[b"100", b"103", b"204", b"304", b"20", b"2000", b"099", b"600", b"101"])
            stream += version + space() + status + space() + pick(b"OK", b"", b"Not Found", seldom=[b"O\0K", b"O\rK", b"\xff"]) + end()
        body = bytes(chance.choices(b"abc\r\n0 \xff", k=chance.randrange(12)))
        fields = [b"Host: " + pick(b"a", b"a:80", seldom=[b"", b"a b", b"a/b", b"[::1]", b"\xff"])] if is_request and chance.random() < 0.97 else []
        for _ in range(chance.randrange(4)):
            name = pick(b"Accept", b"X-A", b"Cookie", b"connection", b"Expect", b"Upgrade", b"TE", b"Content-Type",
                        seldom=[b"Host", b"Content-Length", b"Transfer-Encoding", b"A B", b"", b"A\0", b"\xe9", b"A ", b" A"])
            value = pick(b"b", b"close", b"keep-alive", b"b, c", b"", b" b\tc ", b"\xe9", b"100-continue",
                         seldom=[b"b\rc", b"b\0", b"b\x7f", b"chunked", b"5", b"b\r\n c", b"b\nC: d"])
            fields.append(name + pick(b": ", b":", b":\t ", seldom=[b" : ", b"", b"\t:"]) + value)
        kind = chance.randrange(3)
        if kind == 1:
            length = str(len(body)).encode()
            fields.append(b"Content-Length: " + pick(length, seldom=[
                b"+" + length, b"-" + length, b"0" + length, length + b", " + length, length + b",", b"0x" + length, b"", b"1 2",
                str(len(body) + 1).encode(), str(len(body) + (1 << 64)).encode()]))
        elif kind == 2:
            fields.append(b"Transfer-Encoding: " + pick(b"chunked", b"chunked", b"Chunked", seldom=[
                b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"identity", b"xchunked", b"chunked;a", b"", b"\x0bchunked"]))
            plain, body = body, b""
            while plain:
                count = chance.randint(1, len(plain))
                size = b"%x" % count
                body += pick(size, seldom=[b"0x" + size, b"+" + size, b"00" + size, b" " + size, size + b" ", b"", b"-" + size])
                body += pick(b"", b"", b"", b";a", b";a=b", b';a="b c"', seldom=[b";", b" ;a", b";a\n", b";a\r", b";\xff", b";a b", b';a="b'])
                body += end() + plain[:count] + end()
                plain = plain[count:]
            body += pick(b"0", b"0", b"00", seldom=[b"", b"0;a", b"0 ", b"-0"]) + end()
            body += pick(b"", b"", b"T: u\r\n", seldom=[b"Content-Length: 5\r\n", b"Host: a\r\n", b" x\r\n", b"T : u\r\n", b"T\r\n"])
            body += end()
        chance.shuffle(fields)
        stream += b"".join(field + end() for field in fields) + end() + body
    return stream


def mutate(chance, stream, others):
    stream = bytearray(stream)
    for _ in range(chance.choice([1, 1, 1, 1, 2, 2, 3])):
        place = chance.randint(0, len(stream))
        other = min(len(stream), place + chance.choice([1, 1, 2, 3, 8, 40]))
        kind = chance.randrange(9)
        if kind == 0 and stream:
            stream[chance.randrange(len(stream))] ^= 1 << chance.randrange(8)
        elif kind == 1 and stream:
            stream[chance.randrange(len(stream))] = chance.randrange(256)
        elif kind == 2:
            del stream[place:other]
        elif kind == 3:
            stream[place:place] = stream[place:other]
        elif kind == 4:
            stream[place:other] = chance.choice(PIECES)
        elif kind == 5:
            # Where a line begins.
            lines = [index + 1 for index, byte in enumerate(stream) if byte == 10] or [0]
            place = chance.choice(lines)
            stream[place:place] = chance.choice(PIECES)
        elif kind == 6:
            part = chance.choice(others)
            start = chance.randint(0, len(part))
            stream[place:other] = part[start:start + chance.randrange(60)]
        else:
            stream[place:place] = chance.choice(PIECES)
    return bytes(stream)


def streams(count, seed, vectors):
    """So many streams, each with whether it is of requests."""
    chance = random.Random(seed)
    plain = {is_request: [stream for kind, _, stream in vectors if kind == is_request] for is_request in [True, False]}
    taken = {is_request: [stream for kind, is_taken, stream in vectors if kind == is_request and is_taken]
             for is_request in [True, False]}
    for index in range(count):
        is_request = chance.random() < 0.75
        if index < len(vectors):
            yield vectors[index][0], vectors[index][2]
        elif chance.random() < 0.35:
            stream = grammar(chance, is_request)
            yield is_request, stream if chance.random() < 0.6 else mutate(chance, stream, plain[is_request])
        else:
            # What begins well gets further.
            start = chance.choice((taken if chance.random() < 0.8 else plain)[is_request])
            yield is_request, mutate(chance, start, plain[is_request])


# MARK: What the peers see

Message = collections.namedtuple("Message", "start fields body")


class Seen:
    """What a parser made of a stream."""

    def __init__(self):
        # Those that have ended.
        self.messages = []
        # Why it refused the rest, if it did.
        self.refusal = None
        # Whether it has stopped on its own: it sees that the connection is to be closed, or become another protocol's.
        self.has_stopped = False


def fields_seen(fields):
    """Names in lower case; h11 rewrites the values of two."""
    seen = []
    for name, value in fields:
        name, value = bytes(name).lower(), bytes(value)
        if name == b"content-length":
            value = value.split(b",")[0].strip()
        if name == b"transfer-encoding":
            value = value.lower()
        seen.append((name, value))
    return seen


def without_repeated_lengths(fields):
    seen, has_length = [], False
    for name, value in fields:
        if name == b"content-length":
            if has_length:
                continue
            has_length = True
        seen.append((name, value))
    return seen


def see_h11(is_request, stream):
    seen = Seen()
    connection = h11.Connection(h11.SERVER if is_request else h11.CLIENT)

    def ask():
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())

    def answer():
        connection.send(h11.Response(status_code=400, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())

    start, fields, body, is_interim, at_end = None, [], b"", False, False
    try:
        if not is_request:
            ask()
        connection.receive_data(stream)
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError:
                if at_end:
                    return seen
                raise
            if event is h11.NEED_DATA:
                if is_request or at_end:
                    return seen
                at_end = True
                connection.receive_data(b"")
            elif isinstance(event, h11.Request):
                start, fields, body = (bytes(event.method), bytes(event.target), bytes(event.http_version)), event.headers, b""
            elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                start, fields, body = (event.status_code, bytes(event.http_version)), event.headers, b""
                if isinstance(event, h11.InformationalResponse):
                    seen.messages.append(Message(start, fields_seen(fields.raw_items()), b""))
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                seen.messages.append(Message(start, fields_seen(fields.raw_items()), body))
                if is_request:
                    answer()
                if connection.their_state is not h11.DONE or connection.our_state is not h11.DONE:
                    seen.has_stopped = True
                    return seen
                connection.start_next_cycle()
                if not is_request:
                    ask()
            else:
                seen.has_stopped = True
                return seen
    except h11.RemoteProtocolError as error:
        seen.refusal = str(error)
        return seen


class Listener:
    def __init__(self, seen, is_request):
        self.seen = seen
        self.is_request = is_request
        self.parser = None
        self.in_body = False

    def on_message_begin(self):
        self.url, self.fields, self.body, self.in_body = b"", [], b"", False

    def on_url(self, url):
        self.url += url

    def on_header(self, name, value):
        if not self.in_body:
            # llhttp leaves the white space at a value's end to its user.
            self.fields.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self):
        self.in_body = True
        version = self.parser.get_http_version().encode()
        self.start = ((self.parser.get_method(), self.url, version) if self.is_request
                      else (self.parser.get_status_code(), version))

    def on_body(self, body):
        self.body += body

    def end(self):
        """Ends a response that ends with the stream, of which the parser cannot be told."""
        framing = {b"content-length", b"transfer-encoding"}
        if not self.is_request and self.in_body and not framing & {name.lower() for name, _ in self.fields}:
            self.on_message_complete()

    def on_message_complete(self):
        self.in_body = False
        if self.seen.has_stopped:
            return
        self.seen.messages.append(Message(self.start, fields_seen(self.fields), self.body))
        if not self.parser.should_keep_alive():
            self.seen.has_stopped = True


def see_httptools(is_request, stream):
    seen = Seen()
    listener = Listener(seen, is_request)
    listener.parser = (httptools.HttpRequestParser if is_request else httptools.HttpResponseParser)(listener)
    try:
        listener.parser.feed_data(stream)
        listener.end()
    except httptools.HttpParserUpgrade:
        seen.has_stopped = True
    except httptools.HttpParserError as error:
        if not seen.has_stopped:
            seen.refusal = str(error)
    return seen


def see_toro(is_request, line):
    seen = Seen()
    verdict = json.loads(line)
    seen.refusal = bytes.fromhex(verdict["refusal"] or "").decode() or None
    for message in verdict["messages"]:
        if not message["ended"]:
            break
        version = b"1.%d" % message["minor"]
        start = ((bytes.fromhex(message["method"]), bytes.fromhex(message["target"]), version) if is_request
                 else (message["status"], version))
        fields = [(bytes.fromhex(name), bytes.fromhex(value)) for name, value in message["fields"]]
        seen.messages.append(Message(start, fields_seen(fields), bytes.fromhex(message["body"])))
        if not message["keeps_alive"]:
            seen.has_stopped = True
    return seen


# MARK: What differs

# Why a peer may refuse what Toro takes, and the rule by which it is to be taken. Each function is given the peer's refusal,
# what Toro made of the message that it refused, and the stream. A message that both refuse is explained if each of the two refusals is.
REFUSALS = []
# Why they may see something different in what all take.
DIFFERENCES = []


def explained(table, reason, rule):
    def add(function):
        table.append((f"{reason} ({rule})", function))
        return function
    return add


TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
CHUNK_LINE = re.compile(
    rb"[0-9A-Fa-f]+(?:[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN + rb"|" + QUOTED + rb"))?)+\r\n")


@explained(REFUSALS, "white space around what divides a chunk's extensions is passed over", "RFC 9112, 7.1.1; RFC 9110, 5.6.3")
def spaced_extension(peer, refusal, message, stream):
    if peer == "h11":
        line = re.fullmatch(r"illegal chunk header: bytearray\((.*)\)", refusal, re.DOTALL)
        return line and CHUNK_LINE.fullmatch(ast.literal_eval(line[1]))
    return refusal.startswith("Invalid character in chunk") and any(
        re.search(rb"[ \t]", line[0]) for line in CHUNK_LINE.finditer(stream))


@explained(REFUSALS, "a method that llhttp does not know is a token", "RFC 9110, 9.1")
def unknown_method(peer, refusal, message, stream):
    return peer == "httptools" and refusal in [
        "Invalid method encountered", "Expected space after method", "Expected HTTP/2 Connection Preface",
    ] and re.fullmatch(TOKEN, message.start[0])


@explained(REFUSALS, "an empty line comes before the request line", "RFC 9112, 2.2")
def empty_line(peer, refusal, message, stream):
    return peer == "h11" and refusal == "no request line received" and b"\r\n" + message.start[0] + b" " in stream


@explained(DIFFERENCES, "an upgrade is not taken up, and the body is one of HTTP/1.1", "RFC 9110, 7.8")
def upgrade(difference):
    if difference.peer != "httptools" or not difference.other.has_stopped:
        return False
    return any(
        name == b"upgrade" for name, _ in difference.other.messages[difference.index].fields)


@explained(DIFFERENCES, "no interim response has a body, and not only 100", "RFC 9112, 6.3")
def interim(difference):
    return difference.peer == "httptools" and difference.other.messages[difference.index].start[0] in range(102, 200)


Difference = collections.namedtuple("Difference", "kind peer toro other index detail explanation", defaults=[None])


def differences(is_request, stream, toro, peers):
    for index in range(len(toro.messages)):
        if any(not peer.refusal or len(peer.messages) > index for peer in peers.values()):
            continue
        reasons = [next((reason for reason, is_of in REFUSALS
                         if is_of(name, peer.refusal, toro.messages[len(peer.messages)], stream)), None)
                   for name, peer in peers.items()]
        refusals = "; ".join(f"{name}: {peer.refusal}" for name, peer in peers.items())
        yield Difference("taken, refused by both", "both", toro, None, index, refusals,
                         " and ".join(sorted(set(reasons))) if all(reasons) else None)
        # What comes after it they have not seen.
        break
    for name, peer in peers.items():
        for difference in differences_from(name, peer, toro):
            yield difference._replace(
                explanation=next((reason for reason, is_of in DIFFERENCES if is_of(difference)), None))


def differences_from(name, peer, toro):
    for index, (ours, theirs) in enumerate(zip(toro.messages, peer.messages)):
        for part in Message._fields:
            mine, other = getattr(ours, part), getattr(theirs, part)
            if part == "fields" and name == "h11":
                mine, other = without_repeated_lengths(mine), without_repeated_lengths(other)
            if mine != other:
                yield Difference(f"{part} seen differently", name, toro, peer, index, f"{mine} {other}")
                return
    ours, theirs = len(toro.messages), len(peer.messages)
    if ours > theirs and not peer.refusal and not peer.has_stopped:
        yield Difference("ended, and not for the other", name, toro, peer, theirs, "")
    if theirs > ours and not toro.refusal and not toro.has_stopped:
        yield Difference("not ended, and for the other it is", name, toro, peer, ours, "")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    verdict = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    print(f"{count} streams from seed {seed}; h11 {h11.__version__}, httptools {httptools.__version__}", flush=True)
    began = time.monotonic()
    vectors = []
    for line in subprocess.run([verdict, "vectors"], check=True, capture_output=True, text=True).stdout.splitlines():
        kind, outcome, stream = line.split("\t")
        vectors.append((kind == "request", outcome == "taken", bytes.fromhex(stream)))
    counts, kinds, stricter = collections.Counter(), collections.Counter(), collections.Counter()
    with tempfile.TemporaryFile() as sent, tempfile.TemporaryFile() as said:
        for is_request, stream in streams(count, seed, vectors):
            sent.write((b"Q" if is_request else b"S") + struct.pack("<I", len(stream)) + stream)
        sent.seek(0)
        subprocess.run([verdict, "read"], stdin=sent, stdout=said, check=True)
        said.seek(0)
        for (is_request, stream), line in zip(streams(count, seed, vectors), said, strict=True):
            toro = see_toro(is_request, line)
            peers = {"h11": see_h11(is_request, stream), "httptools": see_httptools(is_request, stream)}
            counts["streams of requests" if is_request else "streams of responses"] += 1
            counts["messages that Toro has taken"] += len(toro.messages)
            for name, seen in [("Toro", toro), *peers.items()]:
                if seen.refusal:
                    counts[f"streams that {name} has refused"] += 1
            if toro.refusal and all(not peer.refusal for peer in peers.values()):
                stricter[toro.refusal] += 1
            for difference in differences(is_request, stream, toro, peers):
                if difference.explanation:
                    kinds[f"{difference.kind}: {difference.explanation}"] += 1
                    continue
                counts["FAILURES"] += 1
                if counts["FAILURES"] <= 20:
                    print(f"\n{difference.kind} [{difference.peer}], message {difference.index}: {difference.detail}\n"
                          f"  {stream!r}", flush=True)
    print()
    for name, number in counts.items():
        print(f"{number:9} {name}")
    print("\nRefused by Toro alone:")
    for name, number in stricter.most_common():
        print(f"{number:9} {name}")
    print("\nDifferences that are explained:")
    for name, number in kinds.most_common():
        print(f"{number:9} {name}")
    print(f"\n{'FAILED' if counts['FAILURES'] else 'passed'} in {time.monotonic() - began:.0f} s")
    sys.exit(1 if counts["FAILURES"] else 0)


if __name__ == "__main__":
    main()
