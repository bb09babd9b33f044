"""What clients see when a program, a server or the configuration fails; and that all else goes on."""

import http.client
import re
import socket
import sys

import support
import witness
from pages import Page, details, reason

sys.path.insert(0, str(support.ROOT / "tests"))
import fcgi_client  # noqa: E402

STDERR_LINE = "The program writes this on stderr"


class Programs(Page):
    @classmethod
    def start(cls, servers):
        one = {"MaxInstances": 1}
        look = {**one, "ExePath": witness.WITNESS}
        responder = {**one, "ExePath": support.RESPONDER}
        cls.servers_of_class = servers
        cls.host = servers.host(
            support.ini({"fcgi": "good", "missing": "missing", "text": "text", "exit": "exit", "crash": "crash", "rapid": "rapid",
                         "unbuffered": "unbuffered"},
                        good=responder, missing={**one, "ExePath": r"C:\nowhere\no program.exe"},
                        text={**one, "ExePath": support.ROOT / "LICENSE"}, exit={**look, "Arguments": "exit=7"},
                        crash={**look, "Arguments": "crash=1"},
                        rapid={**look, "Arguments": "exit=9", "RapidFailsPerMinute": 2},
                        unbuffered={**responder, "ResponseBufferLimit": 0}),
            maps=".fcgi,.missing,.text,.exit,.crash,.rapid,.unbuffered")

    def tearDown(self):
        self.works()  # whatever happens to one pool, another one goes on

    def test_a_program_that_does_not_exist(self):
        details = self.fetch("/app/x.missing", 500, "start_failed")
        self.assertEqual(details["Pool"], "missing")
        self.assertEqual(details["Program"], r"C:\nowhere\no program.exe")
        self.assertEqual(details["Error number"], "2 (0x00000002)")
        self.assertRegex(details["System"], "(?i)file.*not found|find the file")

    def test_a_file_that_is_no_program(self):
        details = self.fetch("/app/x.text", 500, "start_failed")
        self.assertEqual(details["Error number"], "193 (0x000000C1)")
        self.assertTrue(details["System"])

    def test_a_program_that_exits_at_start(self):
        details = self.fetch("/app/x.exit", 500, "worker_exited")
        self.assertEqual((details["Pool"], details["Exit code"]), ("exit", "7 (0x00000007)"))
        self.assertNotIn("System", details)  # 7 is the program's own number, not the system's

    def test_a_program_that_crashes_at_start(self):
        self.assertEqual(self.fetch("/app/x.crash", 500, "worker_crashed")["Exit code"], "3221225477 (0xC0000005)")

    def test_a_program_that_fails_too_often_is_left_alone_for_a_while(self):
        for _ in range(3):
            self.fetch("/app/x.rapid", 500, "worker_exited")
        details = self.fetch("/app/x.rapid", 503, "rapid_fail")
        self.assertIn("ended before", details["First cause"])
        self.assertEqual(details["Exit code"], "9 (0x00000009)")
        witness.wait_until_gone(self.servers_of_class, witness.WITNESS)

    def test_exit_in_the_middle_of_a_request(self):
        for kind, code in (("exit", 7), ("exit", 0), ("exit-late", 3)):
            details = self.fetch(f"/app/error.fcgi?kind={kind}&code={code}", 500, "worker_exited")
            self.assertEqual(details["Exit code"], f"{code} (0x{code:08X})")
            self.works()

    def test_exit_when_the_headers_are_out_cuts_the_answer(self):
        with self.assertRaises(http.client.IncompleteRead) as caught:
            support.http_request(self.host, "/app/error.unbuffered?kind=exit-late")
        self.assertEqual(caught.exception.partial, b"the first half\n")
        self.works("/app/env.unbuffered")

    def test_crash_in_the_middle_of_a_request(self):
        details = self.fetch("/app/error.fcgi?kind=crash", 500, "worker_crashed")
        self.assertEqual(details["Exit code"], "3221225477 (0xC0000005)")
        self.assertEqual(details["Program"], support.windows_path(support.RESPONDER))

    def test_row_12_no_output_at_all(self):
        self.assertIn("without any output", self.fetch("/app/error.fcgi?kind=nothing", 500, "bad_response")["Details"])

    def test_invalid_header_lines_are_left_out(self):
        answer = self.works("/app/error.fcgi?kind=garbage")
        self.assertEqual(answer.headers["X-Good"], "this one is")
        self.assertEqual(answer.text, "Only the valid headers reach the client.\n")
        self.assertNotIn("bad name", str(answer.headers))

    def test_the_programs_own_status_is_not_touched(self):
        answer = support.http_request(self.host, "/app/error.fcgi?kind=status")
        self.assertEqual((answer.status, answer.reason), (418, "I'm a teapot"))
        self.assertIn("this is its own page", answer.text)
        self.assertEqual(support.http_request(self.host, "/app/error.fcgi?kind=redirect").status, 302)

    def test_head_of_an_error_page_has_no_body(self):
        with support.Connection(self.host) as connection:
            for _ in range(2):  # a body would stand in the way of the second answer
                answer = connection.request("/app/error.fcgi?kind=nothing", "HEAD")
                self.assertEqual((answer.status, reason(answer), answer.body), (500, "bad_response", b""))
                self.assertGreater(int(answer.headers["Content-Length"]), 500)


class ClientsThatLeave(Page):
    """The answer is thrown away, the process stays: nobody else notices."""

    RESPONDER = support.RESPONDER
    REQUESTS = {
        "download": b"GET /app/download.fcgi?bytes=8000000&length=no HTTP/1.1\r\nHost: x\r\n\r\n",
        "streamed download": b"GET /app/download.unbuffered?bytes=8000000 HTTP/1.1\r\nHost: x\r\n\r\n",
        "upload": b"POST /app/echo.fcgi HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n" + bytes(1_000_000),
    }

    def check_all(self, *options):
        responder = {"ExePath": self.RESPONDER, "MaxInstances": 1}
        self.host = self.servers.host(
            support.ini({"fcgi": "good", "unbuffered": "unbuffered"}, good=responder,
                        unbuffered={**responder, "ResponseBufferLimit": 0}),
            *options, maps=".fcgi,.unbuffered")
        pids = [self.works(path).headers["X-Worker-Pid"] for path in ("/app/env.fcgi", "/app/env.unbuffered")]
        for what, request in self.REQUESTS.items():
            for how in ("close", "reset"):
                with self.subTest(what, how=how):
                    raw = support.RawConnection(self.host)
                    raw.send(request)
                    if "download" in what:
                        raw.read_until(b"\r\n\r\n")
                    (raw.socket.close if how == "close" else raw.reset)()
                    for path, pid in zip(("/app/env.fcgi", "/app/env.unbuffered"), pids):
                        self.assertEqual(self.works(path).headers["X-Worker-Pid"], pid)

    def test_completions_on_threads(self):
        self.check_all()

    def test_completions_inside_the_call(self):
        self.check_all("--completions", "inline")

    def test_late_completions(self):
        self.check_all("--completions", "late")


class Stderr(Page):
    MODES = {"return": "ReturnStderrIn500", "generic": "ReturnGeneric500", "ignore": "IgnoreAndReturn200",
             "terminate": "TerminateProcess"}

    @classmethod
    def start(cls, servers):
        pools = {name: {"ExePath": support.RESPONDER, "MaxInstances": 1, "StderrMode": mode} for name, mode in cls.MODES.items()}
        cls.host = servers.host(support.ini({name: name for name in pools}, **pools), maps=",".join("." + name for name in pools))

    def test_return_stderr_in_500(self):
        for kind in ("stderr", "stderr-headers"):
            answer = support.http_request(self.host, f"/app/error.return?kind={kind}")
            self.assertEqual((answer.status, reason(answer)), (500, "stderr"))
            self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
            self.assertTrue(answer.text.startswith(STDERR_LINE), answer)
            self.assertNotIn("\na good page\n", answer.text)

    def test_return_generic_500(self):
        for kind in ("stderr", "stderr-headers"):
            answer = support.http_request(self.host, f"/app/error.generic?kind={kind}")
            self.assertEqual((answer.status, reason(answer)), (500, "stderr"))
            self.assertNotIn(STDERR_LINE, answer.text)

    def test_ignore_and_return_200(self):
        answer = support.http_request(self.host, "/app/error.ignore?kind=stderr-headers")
        self.assertEqual((answer.status, answer.text), (200, "a good page\n"))
        answer = support.http_request(self.host, "/app/error.ignore?kind=stderr")
        self.assertEqual((answer.status, answer.text), (200, ""))

    def test_terminate_process(self):
        pids = set()
        for kind in ("stderr", "stderr-headers"):
            pids.add(self.works("/app/env.terminate").headers["X-Worker-Pid"])
            answer = support.http_request(self.host, f"/app/error.terminate?kind={kind}")
            self.assertEqual((answer.status, reason(answer)), (500, "stderr"))
            self.assertNotIn(STDERR_LINE, answer.text)
        pids.add(self.works("/app/env.terminate").headers["X-Worker-Pid"])
        self.assertEqual(len(pids), 3)

    def test_the_process_stays_in_the_other_modes(self):
        for name in ("return", "generic", "ignore"):
            pid = self.works(f"/app/env.{name}").headers["X-Worker-Pid"]
            support.http_request(self.host, f"/app/error.{name}?kind=stderr")
            self.assertEqual(self.works(f"/app/env.{name}").headers["X-Worker-Pid"], pid, name)


class Configuration(Page):
    def test_an_extension_without_a_mapping(self):
        host = self.servers.host(support.ini({"fcgi": "good"}, good={"ExePath": support.RESPONDER}), "--site-id", "12",
                                 maps=".fcgi,.other")
        details = self.fetch("/app/x.other", 500, "no_mapping", host)
        self.assertEqual((details["Extension"], details["Site"]), (".other", "12"))
        self.assertEqual(details["Error number"], "1413 (0x00000585)")
        self.assertNotIn("Settings", details)
        self.works(host=host)

    def test_errors_in_one_section(self):
        text = support.ini({"fcgi": "good", "bad": "bad", "number": "number"}, good={"ExePath": support.RESPONDER},
                           bad={"ExePath": support.RESPONDER, "QueueLenght": 5},
                           number={"ExePath": support.RESPONDER, "MaxInstances": "many"})
        host = self.servers.host(text, maps=".fcgi,.bad,.number")
        for pool, mistake in (("bad", "QueueLenght"), ("number", "MaxInstances")):
            settings = self.fetch(f"/app/x.{pool}", 500, "config_invalid", host)["Settings"]
            line = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(mistake))
            self.assertIn(f"{support.windows_path(host.ini)}:{line}: error: [{pool}] {mistake}: ", settings)
        self.assertIn("did you mean 'QueueLength'", settings)
        self.works(host=host)

    def test_an_empty_file(self):
        host = self.servers.host("; nothing\n")
        self.assertIn("[Types]", self.fetch("/app/x.fcgi", 500, "config_invalid", host)["Settings"])

    def test_a_missing_file(self):
        host = self.servers.host(support.ini({"fcgi": "good"}, good={"ExePath": support.RESPONDER}), "--stdin-commands")
        self.works(host=host)
        host.ini.rename(host.ini.with_suffix(".old"))
        self.assertEqual(witness.ask(host, "unload"), "unloaded")
        settings = self.fetch("/app/x.fcgi", 500, "config_invalid", host)["Settings"]
        self.assertIn(support.windows_path(host.ini) + ": error: cannot read the file", settings)
        host.ini.with_suffix(".old").rename(host.ini)
        self.assertEqual(witness.ask(host, "unload"), "unloaded")
        self.works(host=host)

    def test_nonsense(self):
        host = self.servers.host("[Types]\nfcgi=good\n[good\nExePath=x\n\x01\x02=\n")
        self.assertIn("fcgiext.ini:3: error:", self.fetch("/app/x.fcgi", 500, "config_invalid", host)["Settings"])


class Clients(Page):
    """Who sees details."""

    def pools(self):
        return {"missing": {"ExePath": r"C:\nowhere\secret.exe"}, "exit": {"ExePath": witness.WITNESS, "Arguments": "exit=77"}}

    def test_a_remote_client_is_told_what_happened_but_no_details(self):
        host = self.servers.host(support.ini({"missing": "missing", "exit": "exit"}, **self.pools()), maps=".missing,.exit,.none")
        for path, cause in (("/app/x.missing", "start_failed"), ("/app/x.exit", "worker_exited"), ("/app/x.none", "no_mapping")):
            answer = self.fetch_remotely(host, path)
            self.assertEqual((answer.status, reason(answer)), (500, cause))
            self.assertIn("<p>", answer.text)
            for secret in ("secret", "nowhere", "witness", "0x0", "77", "fcgiext.ini", "<dt>Pool"):
                self.assertNotIn(secret, re.sub("<style>.*</style>", "", answer.text, flags=re.DOTALL), path)

    def test_error_details_for_all(self):
        host = self.servers.host(support.ini({"missing": "missing"}, Management={"ErrorDetails": "All"}, **self.pools()),
                                 maps=".missing")
        self.assertEqual(details(self.fetch_remotely(host, "/app/x.missing"))["Program"], r"C:\nowhere\secret.exe")


class External(Page):
    @classmethod
    def start(cls, servers):
        cls.port = support.free_port()
        cls.host = servers.host(support.ini({"php": "php"}, php={"Address": f"127.0.0.1:{cls.port}"}))

    def test_a_server_that_is_down_and_comes_up(self):
        details = self.fetch("/php/env.php", 500, "connect_failed")
        self.assertEqual(details["Program"], f"127.0.0.1:{self.port}")
        self.assertRegex(details["Error number"], r"^(1225 \(0x000004C9\)|10061 \(0x0000274D\))$")
        reply = fcgi_client.stream(fcgi_client.STDOUT, b"X-Sample: yes\r\n\r\nhere I am") \
            + fcgi_client.record(fcgi_client.END_REQUEST, bytes(8))
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            answer = self.serve_one(listener, b"")
            self.assertEqual((answer.status, reason(answer)), (500, "connection_closed"), answer)
            answer = self.serve_one(listener, reply)
            self.assertEqual((answer.status, answer.headers["X-Sample"], answer.text), (200, "yes", "here I am"))
            answer = self.serve_one(listener, reply[:-10])
            self.assertEqual((answer.status, reason(answer)), (500, "connection_closed"), answer)
            answer = self.serve_one(listener, b"HTTP/1.1 400 Bad Request\r\n\r\n")
            self.assertEqual((answer.status, reason(answer)), (500, "protocol"), answer)
        self.fetch("/php/env.php", 500, "connect_failed")

    def serve_one(self, listener, reply):
        """Lets the reply be what the server answers before it closes the connection. -> the client's answer"""
        waiting = witness.Background(support.http_request, self.host, "/php/env.php")
        listener.settimeout(support.SECONDS)
        with listener.accept()[0] as connection:
            connection.settimeout(support.SECONDS)
            self.assertTrue(connection.recv(65536))
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        return waiting.result()


class Refusals(Page):
    @classmethod
    def start(cls, servers):
        cls.servers_of_class = servers
        cls.host = servers.host(
            support.ini({"fcgi": "one"}, one={"ExePath": witness.WITNESS, "MaxInstances": 1, "QueueLength": 2}),
            "--stdin-commands")

    def test_a_full_queue(self):
        with witness.Gate() as gate:
            running = [witness.Background(support.http_request, self.host, gate.path(str(i))) for i in range(3)]
            gate.arrival()
            witness.wait_until_in_flight(self.servers_of_class, self.host, 3)
            details = self.fetch("/app/x.fcgi", 503, "queue_full")
            self.assertEqual(details["Pool"], "one")
            gate.open()
            self.assertCountEqual([witness.facts(one.result())["name"] for one in running], ["0", "1", "2"])
        self.works("/app/x.fcgi")
