"""Bodies of requests and of answers, byte for byte: around the limits of records, streamed, with and without a known length."""

import hashlib
import os
import sys

import support
import witness

sys.path.insert(0, str(support.ROOT / "tests"))
import fcgi_client  # noqa: E402

LENGTHS = (0, 1, 7, 8, 9, 49151, 49152, 49153, 65527, 65528, 65529, 65535, 65536, 99000, 131072)
# Those with the default ResponseBufferLimit of 4 MiB need more than that to be streamed.
DOWNLOADS = {"fcgi": 10_000_000, "php": 10_000_000, "small": 1_000_000, "none": 1_000_000}


def pattern(length):
    """What the download samples send: byte i is i % 251."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def sha1(data):
    return hashlib.sha1(data).hexdigest()


class Uploads(support.SystemTest):
    PROTOCOL = "NamedPipe"
    RESPONDER = support.RESPONDER

    @classmethod
    def start(cls, servers):
        responder = {"ExePath": cls.RESPONDER, "Protocol": cls.PROTOCOL}
        cls.php = servers.php(children=2)
        cls.text = support.ini({"fcgi": "echo", "always": "always", "php": "php"},
                               echo={**responder, "MaxInstances": 2},
                               always={**responder, "MaxInstances": 1, "KeepConnections": "Always"},
                               php={"Address": f"127.0.0.1:{cls.php.port}", "MaxInstances": 2})
        cls.servers_of_class = servers
        cls.host = servers.host(cls.text, "--stdin-commands", maps=".fcgi,.always,.php")

    def echo(self, connection, path, body):
        answer = connection.request(path, "POST", body, {"Content-Type": "application/x-sample"})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["X-Body-Length"], str(len(body)), path)
        self.assertEqual(answer.headers["Content-Type"], "application/x-sample")
        self.assertEqual((len(answer.body), sha1(answer.body)), (len(body), sha1(body)), path)

    def echo_all(self, host, path, lengths=LENGTHS):
        with support.Connection(host) as connection:
            for length in lengths:
                self.echo(connection, path, os.urandom(length))

    def test_row_1_bodies_of_all_lengths_come_back_from_the_pipe_pool(self):
        self.echo_all(self.host, "/app/echo.fcgi")

    def test_row_1_bodies_of_all_lengths_come_back_on_a_kept_connection(self):
        self.echo_all(self.host, "/app/echo.always")

    def test_row_1_bodies_of_all_lengths_come_back_from_php(self):
        self.echo_all(self.host, "/php/echo.php")

    def test_a_large_body(self):
        self.echo_all(self.host, "/app/echo.fcgi", [5_000_000])
        self.echo_all(self.host, "/php/echo.php", [5_000_000])

    def test_a_body_that_comes_in_pieces(self):
        body = os.urandom(70000)
        for path in ("/app/echo.fcgi", "/php/echo.php"):
            with support.RawConnection(self.host) as raw:
                raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                for start, end in ((0, 1), (1, 3000), (3000, 65528), (65528, 69999), (69999, 70000)):
                    raw.send(body[start:end])
                    if end < len(body):  # it is read before the next one is sent
                        witness.wait_until_in_flight(self.servers_of_class, self.host, 1)
                answer = raw.read_all()
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:1000])
            self.assertEqual(sha1(answer.partition(b"\r\n\r\n")[2]), sha1(body))

    def test_a_host_that_hands_over_no_body_with_the_request(self):
        host = self.servers.host(self.text, "--preload", "0", maps=".fcgi,.always,.php")
        self.echo_all(host, "/app/echo.fcgi", [0, 1, 65528, 99000, 1_000_000])
        answer = support.http_request(host, "/app/download.fcgi?bytes=6000000&length=no")
        self.assertEqual(sha1(answer.body), sha1(pattern(6_000_000)))


class Downloads(support.SystemTest):
    PROTOCOL = "NamedPipe"

    @classmethod
    def start(cls, servers):
        cls.php = servers.php(children=2)
        responder = {"ExePath": support.RESPONDER, "MaxInstances": 2, "Protocol": cls.PROTOCOL}
        cls.host = servers.host(
            support.ini({"fcgi": "plain", "small": "small", "none": "none", "php": "php", "early": "early"}, plain=responder,
                        small={**responder, "ResponseBufferLimit": 1000}, none={**responder, "ResponseBufferLimit": 0},
                        php={"Address": f"127.0.0.1:{cls.php.port}", "MaxInstances": 2},
                        early={"ExePath": witness.WITNESS, "ResponseBufferLimit": 0, "Protocol": cls.PROTOCOL}),
            maps=".fcgi,.small,.none,.early,.php")

    def download(self, extension, query, method="GET", protocol="HTTP/1.1"):
        """-> (head in small letters, body as it came on the wire) on a connection of its own"""
        path = "/php/download.php" if extension == "php" else f"/app/download.{extension}"
        with support.RawConnection(self.host) as raw:
            raw.send(f"{method} {path}?{query} {protocol}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _, body = raw.read_all().partition(b"\r\n\r\n")
        head = head.decode().lower()
        self.assertRegex(head, r"^http/1\.[01] 200 ok")
        return head, body

    def check(self, body, length):
        self.assertEqual((len(body), sha1(body)), (length, sha1(pattern(length))))

    def chunks(self, body):
        pieces = []
        while True:
            size, _, body = body.partition(b"\r\n")
            length = int(size, 16)
            self.assertEqual(body[length:length + 2], b"\r\n")
            pieces.append(body[:length])
            body = body[length + 2:]
            if not length:
                self.assertEqual(body, b"")
                return b"".join(pieces)

    def test_http_1_1_without_a_length_is_chunked(self):
        for extension, length in DOWNLOADS.items():
            head, body = self.download(extension, f"bytes={length}&length=no")
            self.assertIn("transfer-encoding: chunked", head, extension)
            self.assertNotIn("content-length", head, extension)
            self.check(self.chunks(body), length)

    def test_http_1_0_without_a_length_ends_with_the_connection(self):
        for extension, length in DOWNLOADS.items():
            head, body = self.download(extension, f"bytes={length}&length=no", protocol="HTTP/1.0")
            self.assertNotIn("transfer-encoding", head, extension)
            self.assertNotIn("content-length", head, extension)
            self.check(body, length)

    def test_the_programs_own_length_is_passed_on(self):
        for extension, length in DOWNLOADS.items():
            for protocol in ("HTTP/1.0", "HTTP/1.1"):
                head, body = self.download(extension, f"bytes={length}", protocol=protocol)
                self.assertIn(f"content-length: {length}\r\n", head + "\r\n", extension)
                self.assertNotIn("transfer-encoding", head, extension)
                self.check(body, length)

    def test_a_short_answer_gets_a_length(self):
        for extension, length in (("fcgi", 0), ("fcgi", 1), ("fcgi", 65528), ("fcgi", 1_000_000), ("php", 1_000_000)):
            head, body = self.download(extension, f"bytes={length}&length=no")
            self.assertIn(f"content-length: {length}\r\n", head + "\r\n", extension)
            self.check(body, length)

    def test_head_has_the_headers_and_nothing_else(self):
        for extension, length in DOWNLOADS.items():
            for protocol in ("HTTP/1.0", "HTTP/1.1"):
                head, body = self.download(extension, f"bytes={length}", "HEAD", protocol)
                self.assertIn(f"content-length: {length}\r\n", head + "\r\n", extension)
                self.assertEqual(body, b"", extension)
                self.assertEqual(self.download(extension, "bytes=100000&length=no", "HEAD", protocol)[1], b"", extension)

    def test_answers_that_are_streamed_leave_a_kept_connection_usable(self):
        with support.Connection(self.host) as connection:
            for extension in ("fcgi", "small", "none"):
                for method in ("GET", "HEAD", "GET"):
                    answer = connection.request(f"/app/download.{extension}?bytes=300000&length=no", method)
                    self.check(answer.body, 300000 if method == "GET" else 0)

    def test_without_a_buffer_what_has_come_is_sent_at_once(self):
        with witness.Gate() as gate, support.RawConnection(self.host) as raw:
            path = gate.path("late", "/app/x.early")
            raw.send(f"GET {path}&early=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            visitor = gate.arrival()
            self.assertNotIn(b"name=late", raw.read_until(b"\nstdin=pipe\n") + raw.received)
            visitor.let_go()
            self.assertIn(b"name=late\n", raw.read_all())


class Injection(support.SystemTest):
    """A body made of FastCGI records never becomes a request, whether the program reads it or not."""

    WITNESS = witness.WITNESS
    RESPONDER = support.RESPONDER

    @classmethod
    def start(cls, servers):
        cls.php = servers.php(children=1)
        cls.host = servers.host(
            support.ini({"fcgi": "deaf", "echo": "echo", "php": "php"},
                        deaf={"ExePath": cls.WITNESS, "MaxInstances": 1},
                        echo={"ExePath": cls.RESPONDER, "MaxInstances": 1},
                        php={"Address": f"127.0.0.1:{cls.php.port}", "MaxInstances": 1}),
            maps=".fcgi,.echo,.php")

    def records(self, length):
        """As many whole requests as fit, after an end of stdin; filled up to the length."""
        evil = fcgi_client.cgi_params("/app/x.fcgi", "name=evil")
        one = b"".join(fcgi_client.encode_request(evil, keep=keep) for keep in (True, False))
        data = fcgi_client.record(fcgi_client.STDIN) + one * (length // len(one))
        return data + bytes(length - len(data))

    def test_row_28_a_program_that_ignores_stdin(self):
        names, numbers, pids = [], [], set()
        expected = []
        with support.Connection(self.host) as connection:
            for length in (3000, 65528, 65536, 131072, 500_000):
                for body in (None, self.records(length), None):
                    name = f"{length}-{len(expected)}"
                    expected.append(name)
                    facts = witness.facts(connection.request(f"/app/x.fcgi?name={name}", body=body))
                    names.append(facts["name"])
                    numbers.append(int(facts["requests"]))
                    pids.add(facts["pid"])
        self.assertEqual(names, expected)
        self.assertEqual(numbers, list(range(1, len(expected) + 1)))  # no request but ours, none twice
        self.assertEqual(len(pids), 1)

    def test_row_1_programs_that_read_it(self):
        for path, variables in (("/app/echo.echo", "/app/env.echo?"), ("/php/echo.php", "/php/env.php?format=text&")):
            with support.Connection(self.host) as connection:
                for length in (3000, 65528, 65529, 65536, 99000, 131072):
                    body = self.records(length)
                    answer = connection.request(path, body=body)
                    self.assertEqual((answer.status, sha1(answer.body)), (200, sha1(body)), path)
                    answer = connection.request(f"{variables}{length}")
                    self.assertTrue(answer.variables()["QUERY_STRING"].endswith(str(length)), answer)
