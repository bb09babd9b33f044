"""Bodies whose length the client does not announce, or announces beyond what the host counts (row 30): taken in first, within
MaxSpooledBody, and sent on with their length. And clients that pause while their answer is ready."""

import os
import pathlib

import pages
import support
import wine
import witness

BLOCK = 64 * 1024  # what stays in memory
LENGTHS = (0, 1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 200_000, 3_000_000)
CHUNKED = {"Transfer-Encoding": "chunked"}


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def head(path, *lines):
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def stored_bodies():
    drive = pathlib.Path(wine.env()["WINEPREFIX"]) / "drive_c"
    return [file for folder in ("users", "windows") for file in drive.glob(f"{folder}/**/[Tt]emp/fcgiext-*.tmp")]


class UnknownLength(pages.Page):
    @classmethod
    def start(cls, servers):
        cls.php = servers.php(children=1)
        cls.text = support.ini({"fcgi": "echo", "php": "php", "small": "small", "look": "look"},
                               echo={"ExePath": support.RESPONDER, "MaxInstances": 2},
                               small={"ExePath": support.RESPONDER, "MaxInstances": 1, "MaxSpooledBody": 100_000},
                               look={"ExePath": witness.WITNESS, "MaxInstances": 1, "QueueLength": 2},
                               php={"Address": f"127.0.0.1:{cls.php.port}", "MaxInstances": 1})
        cls.servers_of_class = servers
        cls.host = cls.new_host()

    @classmethod
    def new_host(cls, *options, servers=None):
        return (servers or cls.servers_of_class).host(cls.text, "--stdin-commands", *options, maps=".fcgi,.php,.small,.look")

    def tearDown(self):
        witness.wait_until(lambda: not stored_bodies(), "no stored body is left")

    def echo(self, connection, path, body):
        pieces = [body[at:at + 50_000] for at in range(0, len(body), 50_000)]
        answer = connection.request(path, "POST", iter(pieces), CHUNKED, chunked=True)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["X-Body-Length"], str(len(body)))
        self.assertTrue(answer.body == body, f"{len(answer.body)} of {len(body)} bytes, or others, came back")

    def echo_all(self, host, path):
        with support.Connection(host) as connection:
            for length in LENGTHS:
                self.echo(connection, path, os.urandom(length))
            self.assertEqual(connection.request("/app/env.fcgi").status, 200)

    def test_row_30_chunked_bodies_come_back_from_a_pipe_program(self):
        self.echo_all(self.host, "/app/echo.fcgi")

    def test_row_30_chunked_bodies_come_back_from_php(self):
        self.echo_all(self.host, "/php/echo.php")

    def test_row_30_on_other_hosts(self):
        for options in (["--iis", "5.1"], ["--iis", "7"], ["--completions", "inline"], ["--completions", "late"]):
            with self.subTest(options):
                self.echo_all(self.new_host(*options, servers=self.servers), "/app/echo.fcgi")

    def test_the_program_sees_a_length_and_no_chunks(self):
        with support.Connection(self.host) as connection:
            answer = connection.request("/app/env.fcgi", "POST", iter([b"abc", b"defg"]), CHUNKED, chunked=True)
        variables = answer.variables()
        self.assertEqual(variables["CONTENT_LENGTH"], "7")
        self.assertNotIn("HTTP_TRANSFER_ENCODING", variables)

    def test_a_long_body_waits_in_a_file_and_no_worker_waits_for_it(self):
        with support.RawConnection(self.host) as raw, witness.Gate() as gate:
            raw.send(head(gate.path("long", "/app/x.look") + "&read=1", "Transfer-Encoding: chunked"))
            raw.send(chunk(b"x" * 300_000))
            witness.wait_until(stored_bodies, "a body is stored")
            facts = witness.facts(support.http_request(self.host, "/app/x.look?name=other"))  # its only worker is free
            self.assertEqual(facts["name"], "other")
            self.assertTrue(gate.nobody_waits())
            raw.send(chunk(b"y" * 5) + b"0\r\n\r\n")
            self.assertEqual(gate.arrival().name, "long")
            gate.open()
            self.assertIn(b"\nbody=300005\n", raw.read_until(b"body=300005\n"))

    def test_max_spooled_body(self):
        with support.Connection(self.host) as connection:
            self.echo(connection, "/app/echo.small", b"a" * 100_000)
        with support.RawConnection(self.host) as raw:
            raw.send(head("/app/echo.small", "Transfer-Encoding: chunked") + chunk(b"a" * 100_001))  # and no end of it
            answer = raw.read_all()
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        self.assertIn(b"X-Fcgiext-Reason: body_too_large\r\n", answer)
        self.assertIn(b"Connection: close\r\n", answer)
        self.works("/app/env.small")

    def test_bodies_that_are_being_taken_in_have_a_limit_like_the_queue(self):
        with support.RawConnection(self.host) as first, support.RawConnection(self.host) as second:
            for raw in (first, second):
                raw.send(head("/app/x.look?read=1&name=slow", "Transfer-Encoding: chunked", "Expect: 100-continue"))
                raw.read_until(b"100 Continue\r\n\r\n")
            with support.Connection(self.host) as connection:
                answer = connection.request("/app/x.look?read=1", "POST", iter([b"abc"]), CHUNKED, chunked=True)
            self.check(answer, 503, "queue_full")
            self.assertEqual(witness.facts(support.http_request(self.host, "/app/x.look?name=get"))["name"], "get")
            for raw in (first, second):
                raw.send(chunk(b"abc") + b"0\r\n\r\n")
                raw.read_until(b"body=3\n")
        with support.Connection(self.host) as connection:
            answer = connection.request("/app/x.look?read=1", "POST", iter([b"abc"]), CHUNKED, chunked=True)
        self.assertEqual(witness.facts(answer)["body"], "3")

    def test_row_30_expect_100_continue(self):
        for lines, body in ((["Transfer-Encoding: chunked"], chunk(b"abc") + b"0\r\n\r\n"), (["Content-Length: 3"], b"abc")):
            with self.subTest(lines), support.RawConnection(self.host) as raw:
                raw.send(head("/app/echo.fcgi", "Expect: 100-continue", *lines))
                self.assertTrue(raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 Continue\r\n"))
                raw.send(body)
                self.assertTrue(raw.read_until(b"\r\n\r\nabc").startswith(b"HTTP/1.1 200 "))

    def test_row_30_expect_100_continue_and_an_error_at_once(self):
        """The client need not send its body."""
        host = self.servers.host(support.ini({"fcgi": "none"}, none={"ExePath": "c:\\none.exe", "QueueLength": "many"}), maps=".fcgi")
        for line in ("Transfer-Encoding: chunked", "Content-Length: 100000"):
            with self.subTest(line), support.RawConnection(host) as raw:
                raw.send(head("/app/echo.fcgi", "Expect: 100-continue", line))
                self.assertTrue(raw.read_all().startswith(b"HTTP/1.1 500 "))

    def test_a_client_that_leaves_while_its_body_is_taken_in(self):
        for end in (support.RawConnection.reset, lambda raw: raw.socket.close()):
            with support.RawConnection(self.host) as raw:
                raw.send(head("/app/x.look", "Transfer-Encoding: chunked") + chunk(b"x" * 300_000))
                witness.wait_until(stored_bodies, "a body is stored")
                end(raw)
            witness.wait_until(lambda: not stored_bodies(), "the body goes with its client")
        self.assertEqual(witness.facts(support.http_request(self.host, "/app/x.look?read=1", body=b"abc"))["body"], "3")

    def test_a_body_that_is_not_well_chunked(self):
        with support.RawConnection(self.host) as raw:
            raw.send(head("/app/echo.fcgi", "Transfer-Encoding: chunked") + chunk(b"abc") + b"this is no size\r\n")
            self.assertNotIn(b" 200 ", raw.read_all().split(b"\r\n")[0])
        self.works()

    def test_unloading_does_not_wait_for_clients_that_send_nothing(self):
        host = self.new_host(servers=self.servers)
        with support.RawConnection(host) as small, support.RawConnection(host) as large:
            for raw, body in ((small, b"abc"), (large, b"x" * 300_000)):
                raw.send(head("/app/echo.fcgi", "Transfer-Encoding: chunked", "Expect: 100-continue"))
                raw.read_until(b"100 Continue\r\n\r\n")
                raw.send(chunk(body))
            witness.wait_until(stored_bodies, "the large body is stored")
            self.assertEqual(witness.ask(host, "unload now"), "unloaded")
            self.assertEqual(stored_bodies(), [])
        self.assertEqual(witness.ask(host, "load"), "loaded")
        self.echo_all(host, "/app/echo.fcgi")


class Announced(pages.Misbehaving):
    LENGTH = 4 * 1024 ** 3 + 1

    def test_row_30_four_gibibytes_and_one_announced(self):
        """Streamed, not stored. The program reads a part, answers, and has no use for the rest."""
        self.start_host("--iis", "7", pool={**pages.ONE, "MaxSpooledBody": 1000})
        with support.RawConnection(self.host) as raw:
            raw.send(head("/app/x.pool?way=no-stdin&name=long", f"Content-Length: {self.LENGTH}"))
            answer = raw.read_until(b"name=long\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertEqual(stored_bodies(), [])
        host = self.servers.host(support.ini({"fcgi": "look"}, look={"ExePath": witness.WITNESS}), "--iis", "7")
        with support.RawConnection(host) as raw:
            raw.send(head("/app/x.fcgi", f"Content-Length: {self.LENGTH}", "Connection: close"))
            self.assertIn(f"\nlength={self.LENGTH}\n".encode(), raw.read_all())


class Pausing(pages.Misbehaving):
    """A client that has sent a part of its body, and waits. The host has been asked to read more."""

    def paused(self, way):
        raw = support.RawConnection(self.host)
        self.addCleanup(raw.socket.close)
        raw.send(head(f"/app/x.pool?read=1000&way={way}&name=paused", "Content-Length: 1000000") + bytes(2000))
        return raw

    def test_an_answer_that_is_ready_does_not_wait_for_the_rest_of_the_body(self):
        self.start_host("--iis", "7", pool={**pages.ONE, "RapidFailsPerMinute": 1000})
        for way, status in (("no-stdin", 200), ("crash", 500), ("garble-version", 500)):
            with self.subTest(way):
                answer = self.paused(way).read_all().decode()
                self.assertRegex(answer, f"^HTTP/1.1 {status} ")
                self.assertIn("Connection: close\r\n", answer)
                self.assertEqual(self.good("pool", "name=next")["name"], "next")

    def test_a_host_that_cannot_cancel_sends_it_with_the_next_bytes(self):
        self.start_host("--iis", "6", pool={**pages.ONE, "RapidFailsPerMinute": 1000})
        self.good("pool")
        raw = self.paused("crash")
        witness.wait_until_gone(self.servers, pages.MISBEHAVE)

        def answered():  # the pipe may live on for a moment, and take some bytes
            raw.send(bytes(100))
            try:
                return raw.read_until(b"\r\n", 0.1)
            except TimeoutError:
                return None

        self.assertEqual(witness.wait_until(answered, "the answer comes"), b"HTTP/1.1 500 Internal Server Error\r\n")


if __name__ == "__main__":
    support.unittest.main()
