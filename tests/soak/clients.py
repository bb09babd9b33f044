"""The clients of the soak: what each may ask, and what must come of it.

A kind of request is a method of Client with @kind(WEIGHT). It returns the outcome for the statistics ("200", "500 stderr") and
raises Wrong, Cut or OSError when anything else came than what it provokes itself. What a client asks follows from the seed
alone; when it asks, from the machine.
"""

import collections
import random
import threading
import time

from wire import Cut, Wire

PATTERN = bytes(i % 251 for i in range(251 * 64))  # of the responder's page download
CRASHED = "0xC0000005"
KINDS = []  # (weight, name)


class Wrong(Exception):
    """An answer that is not the one to the request, or not as it should be."""


def kind(weight):
    def register(function):
        KINDS.append((weight, function.__name__))
        return function
    return register


def pattern(count):
    return (PATTERN * (count // len(PATTERN) + 1))[:count]


class World:
    """What all clients share: where the host is, what has been seen, whether to go on."""

    def __init__(self, port, seed):
        self.port = port
        self.seed = seed
        self.lock = threading.Lock()
        self.outcomes = collections.Counter()  # (kind, outcome)
        self.failures = []
        self.failed = threading.Event()
        self.seen = collections.defaultdict(set)  # "look pids", "generations"
        self.reused = 0  # requests on a connection that had served one before
        self.slowest = 0.0

    def count(self, name, outcome, seconds):
        with self.lock:
            self.outcomes[name, outcome] += 1
            self.slowest = max(self.slowest, seconds)

    def note(self, what, value):
        with self.lock:
            self.seen[what].add(value)

    def fail(self, text):
        with self.lock:
            self.failures.append(text)
        self.failed.set()

    def total(self):
        with self.lock:
            return sum(self.outcomes.values())


class Client:
    def __init__(self, world, number):
        self.world = world
        self.number = number
        self.chance = random.Random(f"{world.seed} client {number}")
        self.count = 0
        self.token = ""
        self.asked = ""  # the request line, for failures
        self.wire = None
        self.uses = 0  # of the connection, still to come
        self.names = [name for _, name in KINDS]
        self.weights = [weight for weight, _ in KINDS]

    def run(self, until):
        """Requests until time.monotonic() is `until`, or some client has failed."""
        while time.monotonic() < until and not self.world.failed.is_set():
            self.count += 1
            self.token = f"t{self.number}-{self.count}"
            self.asked = ""
            name = self.chance.choices(self.names, self.weights)[0]
            started = time.monotonic()
            try:
                outcome = getattr(self, name)()
            except (Wrong, Cut, OSError, ValueError, LookupError) as error:
                self.world.fail(f"client {self.number}, its request {self.count} of kind {name} ({self.asked}), "
                                f"after {time.monotonic() - started:.1f} s: {type(error).__name__}: {error}")
                break
            self.world.count(name, outcome, time.monotonic() - started)
            if self.chance.random() < 0.2:
                self.world.failed.wait(self.chance.random() * 0.05)
        self.hang_up()

    def hang_up(self):
        """Ends the kept connection; nothing may be on it."""
        if self.wire is None:
            return
        wire, self.wire = self.wire, None
        try:
            rest = wire.rest()
        except OSError as error:
            rest = repr(error).encode()
        if rest:
            self.world.fail(f"client {self.number}, after its request {self.count} ({self.asked}): "
                            f"more than one answer, or no end of the connection: {rest[:500]!r}")

    # ---- requests

    def head_of(self, method, path, version="1.1", **headers):
        self.asked = f"{method} {path}"
        lines = [f"{method} {path} HTTP/{version}", "Host: soak", f"X-Token: {self.token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def ask(self, path, method=None, body=None, **headers):
        """On the kept connection if there is one. -> Reply"""
        if self.wire is None:
            self.wire = Wire(self.world.port)
            self.uses = self.chance.choice([1, 2, 5, 20])
        else:
            with self.world.lock:
                self.world.reused += 1
        self.uses -= 1
        if body is not None:
            headers["Content_Length"] = len(body)
        if self.uses == 0 and self.chance.random() < 0.5:
            headers["Connection"] = "close"
        method = method or ("GET" if body is None else "POST")
        wire = self.wire
        try:
            wire.send(self.head_of(method, path, **headers) + (body or b""))
            reply = wire.reply(method)
            if wire.received:
                raise Wrong(f"more than one answer: {reply}\nthen {wire.received[:1000]!r}")
        except BaseException:
            self.wire = None
            wire.close()
            raise
        if self.uses == 0 or reply.headers.get("connection", "").lower() == "close":
            self.hang_up()
        return reply

    def body(self, most):
        return self.chance.randbytes(self.chance.randrange(most))

    def good(self, reply, status=200):
        """The answer of a page of the responder, to this very request."""
        if reply.status != status or reply.headers.get("x-token") != self.token or "x-fcgiext-reason" in reply.headers:
            raise Wrong(f"{status} for {self.token} is wanted; what came: {reply}")
        return str(status)

    def error_page(self, reply, cause, *texts):
        if reply.status != 500 or reply.reason != cause or any(text not in reply.text for text in texts):
            raise Wrong(f"500 {cause} with {texts} is wanted; what came: {reply}")
        return f"500 {cause}"

    # ---- kinds: good answers

    @kind(16)
    def variables(self):
        pool = self.chance.choice(["fcgi", "raw"])
        reply = self.ask(f"/app/env.{pool}?{self.token}")
        if reply.variables().get("QUERY_STRING") != self.token:
            raise Wrong(f"the query {self.token} is wanted: {reply}")
        return self.good(reply)

    @kind(14)
    def echo(self):
        body = self.body(self.chance.choice([1, 2000, 40000, 200000]))
        pool = self.chance.choice(["fcgi", "raw"])
        reply = self.ask(f"/app/echo.{pool}", body=body, Content_Type=f"application/x-{self.token}")
        if reply.body != body or reply.headers.get("content-type") != f"application/x-{self.token}":
            raise Wrong(f"the body is not the one that was sent ({len(body)} bytes): {reply}")
        return self.good(reply)

    @kind(10)
    def download(self):
        # the length alone tells whose it is: its remainder by 32 is the client's number
        length = self.chance.randrange(self.chance.choice([100, 2000, 12000])) * 32 + self.number
        pool = self.chance.choice(["fcgi", "raw"])
        reply = self.ask(f"/app/download.{pool}?bytes={length}{self.chance.choice(['', '&length=no'])}")
        if reply.body != pattern(length):
            raise Wrong(f"{length} bytes of the pattern are wanted: {reply}")
        return self.good(reply)

    @kind(4)
    def head(self):
        length = self.chance.randrange(10000) * 32 + self.number
        reply = self.ask(f"/app/download.fcgi?bytes={length}", "HEAD")
        if reply.headers.get("content-length") != str(length):
            raise Wrong(f"Content-Length {length} is wanted: {reply}")
        return self.good(reply)

    @kind(3)
    def slow(self):
        ms = self.chance.randrange(50, 400)
        reply = self.ask(f"/app/slow.fcgi?ms={ms}")
        if reply.text != f"waited {ms} ms\n":
            raise Wrong(f"{ms} ms are wanted: {reply}")
        return self.good(reply)

    @kind(3)
    def slow_lines(self):
        lines = self.chance.randrange(2, 8)
        reply = self.ask(f"/app/slow.raw?ms={self.chance.randrange(5, 40)}&lines={lines}")
        if reply.text != "".join(f"line {i} of {lines}\n" for i in range(1, lines + 1)):
            raise Wrong(f"{lines} lines are wanted: {reply}")
        return self.good(reply)

    @kind(3)
    def old_http(self):
        """HTTP/1.0: whatever comes until the connection ends is the answer."""
        wire = Wire(self.world.port)
        try:
            wire.send(self.head_of("GET", f"/app/env.fcgi?{self.token}", "1.0"))
            reply = wire.reply()
            while wire.more():
                pass
            if wire.received or reply.variables().get("QUERY_STRING") != self.token:
                raise Wrong(f"{reply}\nthen {wire.received[:1000]!r}")
            return self.good(reply)
        finally:
            wire.close()

    @kind(3)
    def process(self):
        reply = self.ask("/app/process.fcgi")
        self.world.note("generations", reply.variables().get("SOAK_GENERATION"))
        return self.good(reply)

    @kind(12)
    def look(self):
        body = self.body(30000) if self.chance.random() < 0.4 else None
        reply = self.ask(f"/app/x.look?name={self.token}&read=1", body=body)
        facts = reply.variables()
        if reply.status != 200 or (facts.get("name"), facts.get("body")) != (self.token, str(len(body or b""))):
            raise Wrong(f"{self.token} with a body of {len(body or b'')} bytes is wanted: {reply}")
        self.world.note("look pids", facts["pid"])
        return "200"

    @kind(5)
    def php_variables(self):
        reply = self.ask(f"/php/env.php?format=text&{self.token}")
        if reply.status != 200 or reply.variables().get("HTTP_X_TOKEN") != self.token:
            raise Wrong(f"{self.token} is wanted: {reply}")
        return "200"

    @kind(5)
    def php_echo(self):
        body = self.body(40000)
        reply = self.ask("/php/echo.php", body=body, Content_Type=f"application/x-{self.token}")
        if reply.status != 200 or reply.body != body or reply.headers.get("content-type") != f"application/x-{self.token}":
            raise Wrong(f"the body is not the one that was sent ({len(body)} bytes): {reply}")
        return "200"

    # ---- kinds: programs that fail

    @kind(2)
    def exit(self):
        code = self.number * 100000 + self.count  # whose error page it is
        body = self.body(50000) if self.chance.random() < 0.5 else None
        which = self.chance.choice(["exit", "exit-late"])
        reply = self.ask(f"/app/error.fcgi?kind={which}&code={code}", body=body)
        return self.error_page(reply, "worker_exited", f"Exit code</dt><dd>{code} ")

    @kind(1)
    def exit_when_the_headers_are_out(self):
        try:
            reply = self.ask("/app/error.raw?kind=exit-late&code=3")
        except Cut as cut:
            if cut.reply is None:
                raise
            if cut.reply.text != "the first half\n":
                raise
            self.good(cut.reply)
            return "cut"
        raise Wrong(f"a cut answer is wanted: {reply}")

    @kind(1)
    def crash(self):
        return self.error_page(self.ask("/app/error.fcgi?kind=crash"), "worker_crashed", CRASHED)

    @kind(2)
    def stderr(self):
        which = self.chance.choice(["stderr", "stderr-headers"])
        return self.error_page(self.ask(f"/app/error.fcgi?kind={which}"), "stderr", "The program writes this on stderr")

    @kind(1)
    def nothing(self):
        return self.error_page(self.ask("/app/error.fcgi?kind=nothing"), "bad_response", "without any output")

    @kind(1)
    def own_status(self):
        return self.good(self.ask("/app/error.fcgi?kind=status"), 418)

    # ---- kinds: clients that leave

    def leave(self, request, then=lambda wire: None):
        """On a connection of its own, after a while."""
        wire = Wire(self.world.port)
        try:
            wire.send(request)
            then(wire)
            self.world.failed.wait(self.chance.random() * self.chance.choice([0, 0.02, 0.2]))
        except ConnectionError:
            return "ended first"  # a broken pipe: the host has not wanted the rest
        finally:
            (wire.reset if self.chance.random() < 0.7 else wire.close)()
        return "left"

    @kind(3)
    def leave_in_the_upload(self):
        length = self.chance.randrange(2, 300000)
        page, pool = self.chance.choice([("/app/echo", "fcgi"), ("/app/x", "look"), ("/php/echo", "php")])
        part = self.chance.randbytes(self.chance.randrange(length))
        return self.leave(self.head_of("POST", f"{page}.{pool}", Content_Length=length) + part)

    @kind(2)
    def leave_before_the_answer(self):
        return self.leave(self.head_of("GET", f"/app/slow.fcgi?ms={self.chance.randrange(300)}"))

    @kind(2)
    def leave_in_the_download(self):
        def some(wire):
            if wire.head().headers.get("x-token") != self.token:
                raise Wrong("a token that is not ours")

        pool = self.chance.choice(["fcgi", "raw"])
        return self.leave(self.head_of("GET", f"/app/download.{pool}?bytes={self.chance.randrange(200000, 6000000)}"), some)

    @kind(2)
    def half_close(self):
        """Closed on the client's side: it may get its answer, or be taken for gone; never a part, never another's."""
        wire = Wire(self.world.port)
        body = self.body(20000)
        try:
            wire.send(self.head_of("POST", "/app/echo.fcgi", Content_Length=len(body)) + body)
            wire.close_side()
            reply = wire.reply()
            while wire.more():
                pass
        except (Cut, ConnectionError) as error:
            if getattr(error, "reply", None) is not None or wire.received:
                raise
            return "taken for gone"
        finally:
            wire.close()
        if wire.received or reply.body != body:
            raise Wrong(f"{len(body)} bytes are wanted once: {reply}\nthen {wire.received[:1000]!r}")
        return self.good(reply)
