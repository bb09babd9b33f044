"""How answers are framed, and what becomes of a program's header lines, byte for byte on the wire, on three versions of IIS.

Each exchange is followed by another request on the same connection: so a byte too much or too few is seen.
"""

import pages
import scripted
import support
import witness
from scripted import PLAIN, exchange, path, pattern

LIMIT = 1000  # ResponseBufferLimit of the pool `small`
KEEP = "Connection: keep-alive"


class OnIis:
    """Pools: fcgi (default limit), small (LIMIT), none (0), quiet (stderr does not matter). The classes at the end are the tests."""

    @classmethod
    def start(cls, servers):
        one = {"ExePath": scripted.PROGRAM, "MaxInstances": 1, "RapidFailsPerMinute": 1000}
        pools = {"fcgi": one, "small": {**one, "ResponseBufferLimit": LIMIT}, "none": {**one, "ResponseBufferLimit": 0},
                 "quiet": {**one, "StderrMode": "IgnoreAndReturn200"}}
        cls.servers_of_class = servers
        cls.host = servers.host(support.ini({name: name for name in pools}, **pools), "--iis", cls.iis, "--stdin-commands",
                                maps=",".join("." + name for name in pools))

    def expect(self, answer, framing, body, kept, length=None, status=200):
        """length: what Content-Length says, None: there is no such line"""
        self.assertEqual((answer.status, answer.framing, len(answer.body), answer.kept), (status, framing, len(body), kept), answer)
        self.assertEqual(answer.body, body)
        self.assertEqual(answer.headers.get("content-length"), None if length is None else str(length), answer)
        self.assertEqual(answer.headers.get("transfer-encoding"), "chunked" if framing == "chunked" else None, answer)
        self.assertEqual(answer.headers.get("connection") == "close", not kept, answer)

    def streamed(self, pool, body_len, protocol="HTTP/1.1", more_headers="", lines=(), method="GET"):
        """An answer of which LIMIT bytes have come out before the program writes the rest."""
        with witness.Gate() as gate, support.RawConnection(self.host) as raw:
            first = min(LIMIT, body_len)
            target = path(pool, ("out", more_headers + PLAIN), ("bytes", first), ("flush", 1), ("gate", gate.port),
                          ("bytes", body_len - first))
            raw.send(scripted.request_head(target, method, protocol, *lines))
            visitor = gate.arrival()
            head = raw.read_until(b"\r\n\r\n")  # the program waits: so this was sent before the end
            visitor.let_go()
            raw.received[:0] = head
            answer = scripted.Answer(raw, method)
            answer.kept = scripted.is_kept(raw)
        return answer


class Lengths(OnIis):
    def test_an_answer_within_the_limit_has_its_length_and_the_connection_stays(self):
        for pool, size in (("fcgi", 0), ("fcgi", 1), ("fcgi", 100_000), ("small", 0), ("small", LIMIT - 1)):
            target = path(pool, ("out", PLAIN), ("bytes", size))
            self.expect(exchange(self.host, target), "length", pattern(size), True, size)
            self.expect(exchange(self.host, target, "GET", "HTTP/1.0", KEEP), "length", pattern(size), True, size)
            self.expect(exchange(self.host, target, "GET", "HTTP/1.0"), "length", pattern(size), False, size)
            self.expect(exchange(self.host, target, "GET", "HTTP/1.1", "Connection: close"), "length", pattern(size), False, size)

    def test_nothing_goes_out_below_the_limit_before_the_end(self):
        with witness.Gate() as gate, support.RawConnection(self.host) as raw:
            raw.send(scripted.request_head(path("small", ("out", PLAIN), ("bytes", LIMIT - 1), ("flush", 1), ("gate", gate.port))))
            visitor = gate.arrival()
            witness.wait_until_in_flight(self.servers_of_class, self.host, 1)
            raw.socket.setblocking(False)
            with self.assertRaises(BlockingIOError):
                raw.socket.recv(1)
            visitor.let_go()
            answer = scripted.Answer(raw, "GET")
            answer.kept = scripted.is_kept(raw)
        self.expect(answer, "length", pattern(LIMIT - 1), True, LIMIT - 1)

    def test_an_answer_above_the_limit_is_chunked_for_http_1_1(self):
        for size in (LIMIT, LIMIT + 1, 300_000):
            self.expect(self.streamed("small", size), "chunked", pattern(size), True)
            self.expect(self.streamed("small", size, lines=["Connection: close"]), "chunked", pattern(size), False)

    def test_and_ends_with_the_connection_for_http_1_0(self):
        for size in (LIMIT, LIMIT + 1, 300_000):
            self.expect(self.streamed("small", size, "HTTP/1.0"), "close", pattern(size), False)
            self.expect(self.streamed("small", size, "HTTP/1.0", lines=[KEEP]), "close", pattern(size), False)

    def test_an_answer_above_the_default_limit_of_4_mib(self):
        size = 5_000_000
        target = path("fcgi", ("out", PLAIN), ("bytes", size))
        self.expect(exchange(self.host, target), "chunked", pattern(size), True)
        self.expect(exchange(self.host, target, "GET", "HTTP/1.0", KEEP), "close", pattern(size), False)

    def test_the_programs_own_content_length_is_passed_on_and_not_chunked(self):
        for size in (0, LIMIT - 1, LIMIT, 300_000):
            own = f"Content-Length: {size}\r\n"
            target = path("small", ("out", own + PLAIN), ("bytes", size))
            self.expect(exchange(self.host, target), "length", pattern(size), True, size)
            self.expect(exchange(self.host, target, "GET", "HTTP/1.0", KEEP), "length", pattern(size), True, size)
        self.expect(self.streamed("small", 300_000, more_headers=own), "length", pattern(300_000), True, 300_000)
        self.expect(self.streamed("small", 300_000, "HTTP/1.0", own), "length", pattern(300_000), False, 300_000)

    def test_row_10_a_wrong_content_length_of_a_whole_answer_is_put_right(self):
        for announced in (0, 1, 49, 51, 1_000_000):
            target = path("fcgi", ("out", f"Content-Length: {announced}\r\n" + PLAIN), ("bytes", 50))
            self.expect(exchange(self.host, target), "length", pattern(50), True, 50)

    def test_row_10_more_body_bytes_than_announced_are_cut_off(self):
        answer = self.streamed("small", 300_000, more_headers="Content-Length: 2000\r\n")
        self.expect(answer, "length", pattern(2000), True, 2000)

    def test_row_10_more_at_once_than_announced_counts_as_not_announced(self):
        answer = self.streamed("small", 3000, more_headers=f"Content-Length: {LIMIT - 1}\r\n")
        self.expect(answer, "chunked", pattern(3000), True)

    def test_row_10_fewer_body_bytes_than_announced_close_the_connection(self):
        with self.assertRaisesRegex(EOFError, "ended 500 bytes too early"):
            self.streamed("small", 3000, more_headers="Content-Length: 3500\r\n")
        self.works(path("small", ("out", PLAIN)))

    def test_row_10_head_with_a_body(self):
        for pool, size in (("fcgi", 50), ("small", 300_000), ("none", 50)):
            target = path(pool, ("out", PLAIN), ("bytes", size))
            self.expect(exchange(self.host, target, "HEAD"), "none", b"", True, size)
            target = path(pool, ("out", "Content-Length: 77\r\n" + PLAIN), ("bytes", size))
            self.expect(exchange(self.host, target, "HEAD"), "none", b"", True, 77)
            self.expect(exchange(self.host, target, "HEAD", "HTTP/1.0", KEEP), "none", b"", True, 77)
        self.expect(exchange(self.host, path("fcgi", ("out", PLAIN)), "HEAD"), "none", b"", True)

    def test_row_10_204_and_304_with_a_body(self):
        for status in (204, 304):
            for pool, size in (("fcgi", 0), ("fcgi", 50), ("small", 300_000), ("none", 50)):
                for own in ("", "Content-Length: 50\r\n"):
                    target = path(pool, ("out", f"Status: {status}\r\n{own}{PLAIN}"), ("bytes", size))
                    for method in ("GET", "HEAD"):
                        self.expect(exchange(self.host, target, method), "none", b"", True, status=status)


class Events(OnIis):
    def test_without_a_buffer_each_event_arrives_while_the_program_runs(self):
        """The program writes an event and waits, until the client, which has read it, lets it go on."""
        events = [f"data: {i}\n\n".encode() for i in range(4)] + [b"data: " + pattern(20_000) + b"\n\n"]
        for protocol, chunked in (("HTTP/1.1", True), ("HTTP/1.0", False)):
            with witness.Gate() as gate, support.RawConnection(self.host) as raw:
                steps = [("out", "Content-Type: text/event-stream\r\n\r\n"), ("flush", 1), ("gate", gate.port)]
                for event in events[:-1]:
                    steps += [("out", event), ("flush", 1), ("gate", gate.port)]
                steps += [("out", "data: "), ("bytes", 20_000), ("out", "\n\n"), ("flush", 1), ("gate", gate.port)]
                raw.send(scripted.request_head(path("none", *steps), "GET", protocol))
                visitor = gate.arrival()
                head = scripted.Head(raw.read_until(b"\r\n\r\n"))  # a client learns that it is connected before the first event
                self.assertEqual(head.headers.get("transfer-encoding"), "chunked" if chunked else None)
                self.assertEqual(head.headers.get("connection"), None if chunked else "close")
                for event in events:
                    visitor.let_go()
                    visitor = gate.arrival()
                    came = b""
                    while len(came) < len(event):  # a long one may come as several reads, and so as several chunks
                        came += scripted.read_chunk(raw) if chunked else raw.read(len(event))
                    self.assertEqual(came, event)
                visitor.let_go()
                if chunked:
                    self.assertEqual(scripted.read_chunk(raw), b"")
                    self.assertTrue(scripted.is_kept(raw))
                else:
                    self.assertEqual(raw.read_all(), b"")

    def test_a_small_event_is_one_chunk(self):
        with witness.Gate() as gate, support.RawConnection(self.host) as raw:
            steps = [("out", PLAIN + "one"), ("flush", 1), ("gate", gate.port), ("out", "two"), ("flush", 1), ("gate", gate.port)]
            raw.send(scripted.request_head(path("none", *steps)))
            gate.arrival().let_go()
            gate.arrival().let_go()
            answer = scripted.Answer(raw, "GET")
        self.assertEqual(answer.chunks, [b"one", b"two"])


TYPE = "Content-Type: text/plain"
HEADERS = {
    # what it is: (header lines of the program, status line, the lines that the client gets)
    "plain": ("A: 1\r\nB: 2\r\n\r\n", "200 OK", ["A: 1", "B: 2"]),
    "no colon, no name, a space in the name, a name that is no token": (
        "this is none\r\n: x\r\nbad name: x\r\nbad/name: x\r\nbad(name): x\r\n\x80: x\r\nGood: 1\r\n\r\n", "200 OK", ["Good: 1"]),
    "control characters in the value": (
        "N: a\0b\r\nE: a\x1b[1mb\r\nC: a\rb\r\nD: \x7f\r\nV: \x0b\r\nGood: a\tb\r\n\r\n", "200 OK", ["Good: a\tb"]),
    "an empty value": ("A:\r\nB: \r\n\r\n", "200 OK", ["A: ", "B: "]),
    "no space behind the colon": ("A:1\r\n\r\n", "200 OK", ["A: 1"]),
    "status with a reason": ("Status: 404 Gone for Good\r\nA: 1\r\n\r\n", "404 Gone for Good", ["A: 1"]),
    "status without a reason": ("Status: 404\r\nA: 1\r\n\r\n", "404 Not Found", ["A: 1"]),
    "status in any case, the last one counts": ("status: 201\r\nSTATUS: 403 No\r\n\r\n", "403 No", []),
    "a status that nobody knows": ("Status: 799 Own\r\n\r\n", "799 Own", []),
    "status line of HTTP": ("HTTP/1.1 404 Not Here\r\nA: 1\r\n\r\n", "404 Not Here", ["A: 1"]),
    "location alone": (f"Location: http://x.test/y?z#a\r\n{TYPE}\r\n\r\n", "302 Found", ["Location: http://x.test/y?z#a", TYPE]),
    "a local path as location": ("Location: /other\r\n\r\n", "302 Found", ["Location: /other"]),
    "a local path as location, beside others": (
        f"A: 1\r\nLocation: /other/path?a=b\r\n{TYPE}\r\n\r\n", "302 Found", ["A: 1", "Location: /other/path?a=b", TYPE]),
    "a relative location": ("Location: ../x?y\r\n\r\n", "302 Found", ["Location: ../x?y"]),
    "location with a status": ("Location: /x\r\nStatus: 301\r\n\r\n", "301 Moved Permanently", ["Location: /x"]),
    "location with 201": ("Status: 201 Made\r\nLocation: /x\r\n\r\n", "201 Made", ["Location: /x"]),
    "an empty location is none": ("Location:\r\nA: 1\r\n\r\n", "200 OK", ["A: 1"]),
    "duplicates": ("Set-Cookie: a=1\r\nX: 1\r\nSet-Cookie: b=2\r\nX: 2\r\nset-cookie: a=1\r\n\r\n", "200 OK",
                   ["Set-Cookie: a=1", "X: 1", "Set-Cookie: b=2", "X: 2", "set-cookie: a=1"]),
    "folded lines": ("A: one\r\n two\r\n\t three\r\nB: 1\r\n\r\n", "200 OK", ["A: one two three", "B: 1"]),
    "folded lines of an invalid one": ("bad name: 1\r\n A: 2\r\nB: 1\r\n\r\n", "200 OK", ["B: 1"]),
    "a first line that continues nothing": (" A: 2\r\nB: 1\r\n\r\n", "200 OK", ["B: 1"]),
    "LF only": ("Status: 203\nA: 1\nB: 2\n\n", "203 Non-Authoritative Information", ["A: 1", "B: 2"]),
    "mixed line ends": ("A: 1\nB: 2\r\nC: 3\r\r\n\r\r\n", "200 OK", ["A: 1", "B: 2", "C: 3"]),
    "LF and then CR LF for the blank line": ("A: 1\n\r\n", "200 OK", ["A: 1"]),
    "what belongs to the connection": (
        "Connection: close\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTE: x\r\nTrailer: A\r\nA: 1\r\n\r\n",
        "200 OK", ["A: 1"]),
    "a bad length": ("Content-Length: 5x\r\nA: 1\r\n\r\n", "200 OK", ["A: 1"]),
    "two lengths": ("Content-Length: 1\r\nContent-Length: 2\r\nA: 1\r\n\r\n", "200 OK", ["A: 1"]),
    "server and date of the program": ("Server: own\r\nA: 1\r\n\r\n", "200 OK", ["A: 1"]),
}
BAD_STATUS = ("", "x", "20", "2000", "099", "100 Continue", "199", "-200", "200x", "0x0", "99 9", "200\t", "OK 200", "404\0")


class Headers(OnIis):
    BODY = "\nA: body\r\n\r\nstays\n"

    def check(self, block, line, own, step="out", pool="fcgi"):
        for method in ("GET", "HEAD"):
            answer = exchange(self.host, path(pool, (step, block), ("out", self.BODY)), method)
            self.assertEqual((answer.line, answer.own), ("HTTP/1.1 " + line, own), answer)
            self.assertEqual((answer.body, answer.kept), (self.BODY.encode() if method == "GET" else b"", True), answer)
            self.assertEqual(answer.headers["content-length"], str(len(self.BODY)))

    def test_header_lines(self):
        for what, (block, line, own) in HEADERS.items():
            with self.subTest(what):
                self.check(block, line, own)

    def test_the_programs_server_line_takes_the_place_of_the_hosts(self):
        answer = exchange(self.host, path("fcgi", ("out", "Server: own\r\n" + PLAIN)))
        self.assertEqual([line for line in answer.lines if line.startswith("Server")], ["Server: own"])

    def test_row_8_a_header_block_in_records_of_one_byte(self):
        for what in ("plain", "folded lines", "mixed line ends", "location alone", "LF only"):
            with self.subTest(what):
                block, line, own = HEADERS[what]
                self.check(block, line, own, step="each")

    def test_row_8_a_header_block_in_records_with_stderr_in_between(self):
        whole = "Status: 404 Not Here\r\nA: 1\r\n\r\n"
        for cut in range(len(whole) + 1):
            steps = [("out", whole[:cut]), ("flush", 1), ("err", "noise\r\n\r\n"), ("out", whole[cut:] + "body")]
            answer = exchange(self.host, path("quiet", *steps))
            self.assertEqual((answer.line, answer.own, answer.body), ("HTTP/1.1 404 Not Here", ["A: 1"], b"body"), cut)

    def test_64_kib_of_header_lines(self):
        long = "x" * 50
        for step in (f"650:A: {long}{long}\r\n", f"1:A: {'y' * 7000}\r\n", "8000:a:b\r\n", "3500:Set-Cookie: a=1\n"):
            count, line = int(step.partition(":")[0]), step.partition(":")[2].rstrip()
            name, _, value = line.partition(":")
            for pool in ("fcgi", "none"):
                answer = exchange(self.host, path(pool, ("times", step), ("out", PLAIN + "body")))
                self.assertEqual((answer.status, answer.body), (200, b"body"))
                self.assertEqual(answer.own, [f"{name}: {value.strip()}"] * count + [TYPE])

    def test_one_header_line_of_64_kib(self):
        steps = [("out", "X-Long: "), ("times", "8192:12345678"), ("out", "\r\n" + PLAIN + "body")]
        answer = exchange(self.host, path("fcgi", *steps))
        self.assertEqual(answer.own, ["X-Long: " + "12345678" * 8192, TYPE])
        self.assertEqual(answer.body, b"body")

    def test_row_12_a_bad_status_is_left_out(self):
        for status in BAD_STATUS:
            with self.subTest(status):
                self.check(f"Status: {status}\r\nA: 1\r\n\r\n", "200 OK", ["A: 1"])

    def test_row_12_headers_without_a_blank_line(self):
        for block, line, own in (("A: 1\r\nB: 2\r\n", "200 OK", ["A: 1", "B: 2"]), ("A: 1", "200 OK", ["A: 1"]),
                                 ("Status: 404\nA: 1\n", "404 Not Found", ["A: 1"]), ("Location: /x\r", "302 Found", ["Location: /x"])):
            answer = exchange(self.host, path("fcgi", ("out", block)))
            self.assertEqual((answer.line, answer.own, answer.body, answer.kept), ("HTTP/1.1 " + line, own, b"", True))
            self.assertEqual(answer.headers["content-length"], "0")

    def test_row_12_no_header_line_at_all(self):
        for text in ("", "\r\n\r\nonly a body", "\n\n", "\n", "no header\r\n\r\nbody", "no header", "x" * 100_000):
            steps = [("times", f"1000:{text[:100]}")] if len(text) > 1000 else [("out", text)]
            for pool in ("fcgi", "none"):
                with self.subTest(text[:20], pool=pool):
                    answer = exchange(self.host, path(pool, *steps))
                    self.assertEqual((answer.status, answer.headers["x-fcgiext-reason"]), (500, "bad_response"), answer)
                    self.assertTrue(answer.kept)

    def test_row_12_16_mib_of_headers(self):
        for step in (f"{1024 * 1024}:A: 345678901\r\n\r"[:-1], f"{1024 * 1024}:1234567890123456"):
            for pool in ("fcgi", "none"):
                answer = exchange(self.host, path(pool, ("times", step), ("out", "\r\n\r\nbody")))
                self.assertEqual((answer.status, answer.headers["x-fcgiext-reason"]), (500, "bad_response"), answer)
                self.assertEqual(exchange(self.host, path(pool, ("out", PLAIN + "next"))).body, b"next")

    def test_row_11_stderr_of_any_size_before_the_headers(self):
        for size in (1, 8192, 8193, 100_000, 1024 * 1024):
            answer = exchange(self.host, path("quiet", ("noise", size), ("out", PLAIN + "body")))
            self.assertEqual((answer.status, answer.body, answer.kept), (200, b"body", True))
            answer = exchange(self.host, path("fcgi", ("noise", size), ("out", PLAIN + "body")))
            self.assertEqual((answer.status, answer.headers["x-fcgiext-reason"], answer.kept), (500, "stderr", True))

    def test_row_11_control_characters_of_stderr_do_not_become_headers(self):
        text = "bad\r\nX-Evil: 1\r\n\r\n\x1b[2J\0HTTP/1.1 200 OK\r\n\r\n"
        answer = exchange(self.host, path("fcgi", ("err", text), ("out", PLAIN)))
        self.assertEqual((answer.status, answer.kept), (500, True))
        self.assertNotIn("x-evil", answer.headers)


# Each class above on each version: IIS 5.1 has no VECTOR_SEND, IIS 7 would replace the bodies of errors.
for _version in ("5.1", "6", "7"):
    for _base in (Lengths, Events, Headers):
        _name = _base.__name__ + "_iis_" + _version.replace(".", "_")
        globals()[_name] = type(_name, (_base, pages.Page), {"iis": _version, "__module__": __name__})
