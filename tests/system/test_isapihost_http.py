"""isapihost as an HTTP server: the protocol, file names, static files, sites and applications, the access log, unloading and stopping.
What it promises an extension is in test_isapihost.py."""

import pathlib
import re
import socket
import subprocess
import threading
import time
import unittest

import support
import witness
from isapihost_probe import PROBE, content, probe, ready_site, wait_for_count


def head_of(raw):
    return raw.read_until(b"\r\n\r\n").decode()


def body_of(raw, head):
    return raw.read(int(re.search(r"Content-Length: (\d+)", head)[1]))


def status_of(host, target, headers=""):
    """The status of the answer to a GET of exactly this request target."""
    with support.RawConnection(host) as raw:
        raw.send(f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n".encode())
        return int(raw.read_all().split()[1])


class Http(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host("", "--timeout", "5", root=ready_site(), maps=".php", extension=PROBE)

    def test_a_kept_connection_serves_many_requests(self):
        with support.Connection(self.host) as connection:
            for number in range(100):
                body = content(number)
                self.assertTrue(connection.request("/x.php?echo-async:50", body=body).body == body)
                self.assertEqual(connection.request("/digits.txt").text, "0123456789")
                self.assertIsNotNone(connection.http.sock)

    def test_pipelined_requests_are_answered_in_order(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?hello HTTP/1.1\r\nHost: h\r\n\r\n"
                     b"POST /x.php?echo-sync HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                     b"POST /x.php?echo-async HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
                     b"GET /digits.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            for expected in (b"hello", b"abc", b"def", b"0123456789"):
                head = head_of(raw)
                self.assertIn(" 200 ", head)
                self.assertEqual(body_of(raw, head), expected)
            self.assertEqual(raw.read_all(), b"")

    def test_http_1_0_is_closed_unless_it_asks(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?hello HTTP/1.0\r\n\r\n")
            answer = raw.read_all()
            self.assertIn(b"Connection: close\r\n", answer)
            self.assertTrue(answer.endswith(b"hello"))
        with support.RawConnection(self.host) as raw:
            for _ in range(2):
                raw.send(b"GET /x.php?hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                head = head_of(raw)
                self.assertIn("Connection: keep-alive\r\n", head)
                self.assertEqual(body_of(raw, head), b"hello")

    def test_the_client_can_ask_for_the_end(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            self.assertIn(b"Connection: close\r\n", raw.read_all())

    def test_responses_may_be_chunked_or_end_with_the_connection(self):
        with support.Connection(self.host) as connection:
            self.assertEqual(connection.request("/x.php?chunked").text, "hello world")
            self.assertIsNotNone(connection.http.sock)
        answer = probe(self.host, "until-close")
        self.assertEqual((answer.text, answer.headers["Connection"]), ("until close", "close"))

    def test_100_continue_is_sent_when_the_body_is_read(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?echo-async HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(head_of(raw), "HTTP/1.1 100 Continue\r\n\r\n")
            raw.send(b"later")
            head = head_of(raw)
            self.assertIn("200 OK", head)
            self.assertEqual(body_of(raw, head), b"later")

    def test_no_100_continue_for_a_body_that_is_not_read(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?hello HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            answer = raw.read_all()
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
            self.assertIn(b"Connection: close\r\n", answer)

    def test_an_unread_body_is_never_taken_for_a_request(self):
        body = b"GET /x.php?release HTTP/1.1\r\nHost: h\r\n\r\n"
        for command in ("hello", "failing"):
            with self.subTest(command=command), support.RawConnection(self.host) as raw:
                raw.send(f"POST /x.php?{command} HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n".encode() + body * 1000)
                try:
                    self.assertEqual(raw.read_all().count(b"HTTP/1.1 "), 1)
                except ConnectionResetError:
                    pass  # we were still sending

    def test_ambiguous_lengths_are_refused(self):
        for headers in ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 3\r\nContent-Length: 3\r\n",
                        "Content-Length: 3x\r\n", "Content-Length: +3\r\n", "Transfer-Encoding: gzip\r\n",
                        "Content-Length: 99999999999999999999\r\n"):
            with self.subTest(headers=headers), support.RawConnection(self.host) as raw:
                raw.send(f"POST /x.php?echo-sync HTTP/1.1\r\nHost: h\r\n{headers}\r\nabc".encode())
                self.assertRegex(raw.read_all().decode(), r"^HTTP/1.1 4\d\d ")

    def test_malformed_chunks_fail_the_read(self):
        for command in ("echo-sync", "echo-async"):
            with self.subTest(command=command), support.RawConnection(self.host) as raw:
                raw.send(f"POST /x.php?{command} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX".encode())
                answer = raw.read_all().decode()
                self.assertIn("Connection: close", answer)
                self.assertRegex(answer, "(500 |X-Error: 13\r\n)")

    def test_a_client_that_stops_sending_is_given_up(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?echo-sync HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
            self.assertIn(b" 500 ", raw.read_all())  # --timeout 5

    def test_a_client_that_closes_its_side_still_gets_the_answer(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?large:100000 HTTP/1.1\r\nHost: h\r\n\r\n")
            raw.socket.shutdown(socket.SHUT_WR)
            self.assertTrue(len(raw.read_all()) > 100000)

    def test_many_and_long_headers_arrive(self):
        headers = {f"X-Number-{i}": str(i) for i in range(50)}
        headers["X-Long"] = "v" * 60000
        with support.Connection(self.host) as connection:
            text = connection.request("/x.php?var:ALL_HTTP", headers=headers).text
            self.assertIn("HTTP_X_NUMBER_49:49\n", text)
            self.assertIn("v" * 60000, text)
        self.assertEqual(probe(self.host, "hello", headers={f"X-Number-{i}": "" for i in range(70)}).status, 400)


class Paths(support.SystemTest):
    """Row 16 and its kin: nothing outside the root, nothing by another name."""

    @classmethod
    def start(cls, servers):
        cls.host = servers.host("", root=ready_site() / "sub", maps=".php", extension=PROBE)
        cls.checking = servers.host("", "--check-file", root=ready_site(), maps=".php", extension=PROBE)

    def test_nothing_above_the_root_can_be_reached(self):
        for target in ("/../digits.txt", "/..%2fdigits.txt", "/%2e%2e/digits.txt", "/.%2e/digits.txt", "/x/../../digits.txt",
                       "/..\\digits.txt", "/..%5cdigits.txt", "/%5c..%5cdigits.txt", "/..%c0%afdigits.txt", "/..%252fdigits.txt",
                       "//../digits.txt", "/z:/digits.txt", "/\\\\?\\z:\\x", "/...//digits.txt", "/.../digits.txt"):
            with self.subTest(target=target):
                self.assertIn(status_of(self.host, target), (400, 404))

    def test_a_file_has_one_name_only(self):
        self.assertEqual(status_of(self.checking, "/digits.txt"), 200)
        for target in ("/digits.txt.", "/digits.txt%20", "/digits.txt::$DATA", "/digits.txt:stream", "/digits.txt%00", "/digits.txt%00.jpg",
                       "/DIGITS~1.TXT", "/digits.txt/", "/sub./index.html", "/sub%20/index.html", "/digits.t*", "/digits.t%3Ft"):
            with self.subTest(target=target):
                self.assertIn(status_of(self.checking, target), (400, 404))

    def test_a_script_cannot_be_read_by_another_name(self):
        for target in ("/script.php.", "/script.php%20", "/script.php::$DATA", "/script.php%00.txt", "/SCRIPT~1.PHP", "/script.php%5c"):
            with self.subTest(target=target):
                self.assertIn(status_of(self.checking, target), (400, 404))

    def test_devices_are_no_files(self):
        for name in ("con", "NUL", "nul.txt", "aux.php", "com1", "lpt9.html", "CONIN$", "prn%20.txt"):
            with self.subTest(name=name):
                self.assertEqual(status_of(self.host, "/" + name), 404)

    def test_a_script_below_a_file_does_not_run(self):
        self.assertEqual(status_of(self.checking, "/picture.jpg/x.php"), 404)
        plain = self.servers.host("", root=ready_site(), maps=".php", extension=PROBE)
        self.assertEqual(status_of(plain, "/picture.jpg/x.php"), 404)
        self.assertEqual(status_of(plain, "/no.such/x.php"), 200)  # without --check-file

    def test_scripts_that_do_not_exist_can_be_refused(self):
        self.assertEqual(status_of(self.checking, "/script.php"), 200)
        self.assertEqual(status_of(self.checking, "/script.php/info"), 200)
        self.assertEqual(status_of(self.checking, "/no.php"), 404)

    def test_control_characters_and_broken_escapes_are_refused(self):
        for target in ("/a%0ab", "/a%0d%0aX:y", "/%", "/%4", "/%zz", "/a%7f"):
            with self.subTest(target=target):
                self.assertEqual(status_of(self.host, target), 400)


class Files(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host("", "--default-doc", "none.html,index.html,script.php", root=ready_site(), maps=".php", extension=PROBE)

    def get(self, path, **options):
        return support.http_request(self.host, path, **options)

    def test_a_file_comes_with_type_length_and_date(self):
        answer = self.get("/index.html?x=y")
        self.assertEqual((answer.status, answer.text), (200, "index of the site\n"))
        self.assertEqual(answer.headers["Content-Type"], "text/html")
        self.assertEqual(answer.headers["Content-Length"], "18")
        again = self.get("/index.html", headers={"If-Modified-Since": answer.headers["Last-Modified"]})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(self.get("/index.html", method="HEAD").headers["Content-Length"], "18")
        self.assertEqual(self.get("/empty/keep.txt").body, b"")

    def test_ranges(self):
        answer = self.get("/digits.txt", headers={"Range": "bytes=2-4"})
        self.assertEqual((answer.status, answer.text, answer.headers["Content-Range"]), (206, "234", "bytes 2-4/10"))
        self.assertEqual(self.get("/digits.txt", headers={"Range": "bytes=10-"}).status, 416)

    def test_folders_by_their_default_document_never_by_a_listing(self):
        self.assertEqual(self.get("/").text, "index of the site\n")
        self.assertEqual(self.get("/sub/").text, "index of sub\n")
        self.assertEqual(self.get("/empty/").status, 403)
        answer = self.get("/sub?a=b")
        self.assertEqual((answer.status, answer.headers["Location"]), (301, "/sub/?a=b"))
        self.assertEqual(self.get("//sub").headers["Location"], "/sub/")

    def test_a_default_document_may_be_a_script(self):
        folder = ready_site() / "scripts"
        folder.mkdir(exist_ok=True)
        (folder / "script.php").write_text("<?php")
        self.assertEqual(self.get("/scripts/?var:URL").text, "ok 20 /scripts/script.php")
        self.assertEqual(self.get("/scripts/?var:UNENCODED_URL").text, "ok 28 /scripts/?var:UNENCODED_URL")
        self.assertEqual(self.get("/scripts/?echo-sync", method="POST", body=b"abc").body, b"abc")

    def test_what_is_not_there_or_not_possible(self):
        self.assertEqual(self.get("/nothing.txt").status, 404)
        self.assertEqual(self.get("/nothing/").status, 404)
        answer = self.get("/digits.txt", method="PUT", body=b"x")
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"))

    def test_large_files_arrive_whole(self):
        file = ready_site() / "large.bin"
        file.write_bytes(content(3000000))
        self.addCleanup(file.unlink)
        self.assertTrue(self.get("/large.bin").body == content(3000000))


class Sites(support.SystemTest):
    def test_each_site_has_its_port_number_and_root(self):
        sites = [(1, ready_site()), (7, ready_site() / "sub")]
        host = self.servers.host("", "--app", "/one", "--app", "7:/two", maps=".php", sites=sites, extension=PROBE)
        self.assertEqual(len(set(host.ports)), 2)
        self.assertEqual(support.http_request(host, "/", site=0).text, "index of the site\n")
        self.assertEqual(support.http_request(host, "/", site=1).text, "index of sub\n")
        for site, path, expected in [(0, "/x.php", "/LM/W3SVC/1/ROOT"), (0, "/one/x.php", "/LM/W3SVC/1/ROOT/one"),
                                     (0, "/two/x.php", "/LM/W3SVC/1/ROOT"), (1, "/two/x.php", "/LM/W3SVC/7/ROOT/two"),
                                     (1, "/ONE/x.php", "/LM/W3SVC/7/ROOT/one")]:
            with self.subTest(site=site, path=path):
                self.assertEqual(probe(host, "var:APPL_MD_PATH", path=path, site=site).text, f"ok {len(expected) + 1} {expected}")
        self.assertEqual(probe(host, "var:INSTANCE_ID", site=1).text, "ok 2 7")
        self.assertEqual(probe(host, "var:INSTANCE_META_PATH", site=1).text, "ok 12 /LM/W3SVC/7")
        self.assertEqual(probe(host, "var:SERVER_PORT", site=1).text, f"ok {len(str(host.ports[1])) + 1} {host.ports[1]}")

    def test_an_application_may_have_a_folder_of_its_own(self):
        folder = support.windows_path(ready_site() / "sub")
        host = self.servers.host("", "--app", f"/elsewhere={folder}", root=ready_site(), maps=".php", extension=PROBE)
        self.assertEqual(support.http_request(host, "/elsewhere/index.html").text, "index of sub\n")
        self.assertTrue(probe(host, "var:APPL_PHYSICAL_PATH", path="/elsewhere/x.php").text.endswith(folder + "\\"))
        self.assertTrue(probe(host, "var:PATH_TRANSLATED", path="/elsewhere/x.php").text.endswith(folder + "\\x.php"))


class Log(support.SystemTest):
    def test_each_request_leaves_a_line(self):
        file = self.servers.folder / "access.log"
        host = self.servers.host("", "--access-log", file, root=ready_site(), maps=".php", extension=PROBE)
        probe(host, "status:404")
        probe(host, "questions")
        support.http_request(host, "/digits.txt")
        probe(host, "hello", headers={"X": "y"}, path="/a%0db")
        self.assertEqual(self.servers.stop_host(host), "")
        lines = file.read_text().splitlines()
        self.assertEqual(len(lines), 4)
        self.assertRegex(lines[0], r'^127\.0\.0\.1 - - \[[^]]+\] "GET /x\.php\?status:404 HTTP/1\.1" 404 \d+ site=1 ms=\d+ ecb=404 log-data$')
        self.assertRegex(lines[1], r'" 200 \d+ site=1 ms=\d+ ecb=200 probe-was-here$')
        self.assertRegex(lines[2], r'"GET /digits\.txt HTTP/1\.1" 200 ')
        self.assertRegex(lines[3], r'" 400 ')


class Unloading(support.SystemTest):
    def host_with_commands(self, *more):
        return self.servers.host("", "--stdin-commands", *more, root=ready_site(), maps=".php", extension=PROBE)

    def expect(self, host, command, pattern, count=1):
        host.command(command)
        found = host.stdout.wait_for(pattern, support.SECONDS, count)
        self.assertEqual(len(found), count, host.what_it_said())

    def test_unload_and_load(self):
        host = self.host_with_commands()
        self.assertEqual(probe(host, "hello").text, "hello")
        self.expect(host, "unload", "^unloaded$")
        self.expect(host, "load", "^loaded$")
        self.assertEqual(probe(host, "hello").text, "hello")
        self.expect(host, "unload", "^unloaded$", 2)
        self.assertEqual(probe(host, "hello").text, "hello")  # loads it
        self.expect(host, "status", r"^status active=\d+ total=3 in-flight=\d+ unhealthy=0$")
        self.expect(host, "nonsense", "^unknown command$")

    def held_request(self, host):
        probe(host, "unrelease")
        raw = support.RawConnection(host)
        raw.send(b"GET /x.php?hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        wait_for_count(self, host, 1)
        return raw

    def test_unload_waits_for_requests(self):
        host = self.host_with_commands()
        raw = support.RawConnection(host)
        raw.send(b"GET /x.php?until-gone HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for_count(self, host, 1)
        host.command("unload")
        with support.RawConnection(host) as late:  # comes while it is being unloaded: is answered after that
            late.send(b"GET /x.php?hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            self.assertEqual(host.stdout.wait_for("^unloaded$", 0.3), [])
            raw.reset()
            self.assertEqual(len(host.stdout.wait_for("^unloaded$", support.SECONDS)), 1)
            self.assertTrue(late.read_all().endswith(b"hello"))

    def test_unload_now_ends_requests_in_flight(self):
        host = self.host_with_commands()
        with self.held_request(host) as raw:
            host.command("unload now")
            self.assertTrue(raw.read_all().endswith(b"held"))
        self.expect(host, "load", "^loaded$")
        self.assertEqual(len(host.stdout.wait_for("^unloaded$", support.SECONDS)), 1)

    def test_reloads_under_requests_lose_nothing(self):
        host = self.host_with_commands()
        stop = threading.Event()
        failures = []

        def client():
            with support.Connection(host) as connection:
                while not stop.is_set():
                    answer = connection.request("/x.php?echo-async:100", body=b"abc" * 100)
                    if answer.body != b"abc" * 100:
                        failures.append(answer)

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            for number in range(30):
                self.expect(host, "unload" if number % 2 else "unload now", "^unloaded$", number + 1)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])


class Stopping(support.SystemTest):
    def test_the_end_of_standard_input_stops_it(self):
        host = self.servers.host("", root=ready_site(), maps=".php", extension=PROBE)
        with support.Connection(host) as idle:
            self.assertEqual(idle.request("/x.php?hello").text, "hello")
            self.assertEqual(self.servers.stop_host(host), "")
            self.assertEqual(idle.http.sock.recv(1), b"")

    def test_running_requests_end_first(self):
        host = self.servers.host("", "--stdin-commands", root=ready_site(), maps=".php", extension=PROBE)
        with support.RawConnection(host) as raw:
            raw.send(b"POST /x.php?echo-async HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nbef")
            wait_for_count(self, host, 1)
            host.command("stop")
            self.assertEqual(len(host.stdout.wait_for("^stopping$", support.SECONDS)), 1)
            deadline = time.monotonic() + support.SECONDS
            while support.http_request(host, "/digits.txt").status != 503:  # from now on
                self.assertLess(time.monotonic(), deadline)
            raw.send(b"ore")
            self.assertTrue(raw.read_all().endswith(b"before"))
        self.assertEqual(self.servers.stop_host(host), "")

    def test_terminate_extension_ends_what_does_not_end(self):
        host = self.servers.host("", "--stop-timeout", "0", root=ready_site(), maps=".php", extension=PROBE)
        probe(host, "unrelease")
        with support.RawConnection(host) as raw:
            raw.send(b"GET /x.php?hold HTTP/1.1\r\nHost: h\r\n\r\n")
            wait_for_count(self, host, 1)
            self.assertEqual(self.servers.stop_host(host), "")
            self.assertTrue(raw.read_all().endswith(b"held"))

    def test_ctrl_c_stops_it(self):
        command = [str(support.BIN / "isapihost.exe"), "--listen", "127.0.0.1:0", "--root", support.windows_path(ready_site())]
        code, seen = support.on_terminal(command, support.wine.env(TERM="xterm"), rb"http://127\.0\.0\.1:\d+/")
        self.assertEqual(code, 0, seen)

    def test_wrong_usage_is_told(self):
        for arguments, code, message in [
            (["--bogus"], 2, "unknown option '--bogus'"),
            ([], 2, "no site"),
            (["--root", "no-such-folder"], 1, "is no folder"),
            (["--root", ".", "--extension", "no-such.dll", "--map", ".php"], 1, "cannot load"),
            (["--root", ".", "--extension", "kernel32.dll", "--map", ".php"], 1, "cannot load"),
        ]:
            with self.subTest(arguments=arguments):
                found, text = support.wine.run([support.BIN / "isapihost.exe", *arguments], support.SECONDS)
                self.assertEqual(found, code, text)
                self.assertIn(message, text)

    def test_a_port_in_use_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            code, text = support.wine.run([support.BIN / "isapihost.exe", "--root", ".", "--listen", f"127.0.0.1:{port}"],
                                          support.SECONDS)
        self.assertEqual(code, 1, text)
        self.assertIn("cannot listen on 127.0.0.1", text)

    def test_help_and_version(self):
        code, text = support.wine.run([support.BIN / "isapihost.exe", "--help"], support.SECONDS)
        self.assertEqual(code, 0)
        self.assertIn("NOT for the internet", text)
        self.assertIn("--completions", text)
        code, text = support.wine.run([support.BIN / "isapihost.exe", "--version"], support.SECONDS)
        self.assertEqual(code, 0)
        self.assertRegex(text, r"isapihost \d+\.\d+\.\d+")


class Wine(support.SystemTest):
    @unittest.skipIf(subprocess.run(["setarch", "-R", "true"], stderr=subprocess.DEVNULL, check=False).returncode,
                     "this machine does not let a program fix its addresses")
    def test_the_heap_of_a_program_is_not_where_wine_must_map_what_programs_share(self):
        self.servers.host("", root=ready_site(), maps=".php", extension=PROBE)
        maps = pathlib.Path(f"/proc/{witness.host_process(self.servers)}/maps").read_text(encoding="utf-8")
        loader = re.findall(r"-([0-9a-f]+) \S+ \S+ \S+ \S+ +\S+/wine64$", maps, re.MULTILINE)
        heap = re.findall(r"^([0-9a-f]+)-\S+ .*\[heap\]$", maps, re.MULTILINE)
        self.assertLess(int(heap[0], 16) - int(loader[-1], 16), 0x100000, maps)


if __name__ == "__main__":
    unittest.main()
