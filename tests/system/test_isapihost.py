"""isapihost as an ISAPI host: what it promises an extension, shown with isapi_probe.dll (tests/helpers/isapi_probe), in each of the three
ways in which operations may complete; and that --strict sees each breach. HTTP, files, paths and stopping: test_isapihost_http.py."""

import re
import unittest

import support
from isapihost_probe import PROBE, content, post_chunked, probe, ready_site, wait_for_count


class Contract:
    """The cases; the classes below run them with --completions."""

    mode = None

    @classmethod
    def start(cls, servers):
        cls.host = servers.host("", "--completions", cls.mode, "--stdin-commands", root=ready_site(), maps=".php", extension=PROBE)

    def ask(self, command, **options):
        return probe(self.host, command, **options)

    def test_a_response_has_what_the_extension_sent_and_the_host_adds(self):
        answer = self.ask("hello")
        self.assertEqual((answer.status, answer.text), (200, "hello"))
        self.assertTrue(answer.headers["Server"].startswith("isapihost/"))
        self.assertIn("GMT", answer.headers["Date"])

    def test_the_control_block_is_filled_in(self):
        answer = self.ask("fields:x%20y", path="/dir/x.php/info", method="POST", body=b"12345", headers={"Content-Type": "a/b"})
        fields = dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)
        self.assertEqual(fields["cbSize"], fields["size"])
        self.assertEqual(fields["version"], "60000")
        self.assertEqual(fields["status"], "200")
        self.assertEqual(fields["method"], "POST")
        self.assertEqual(fields["query"], "fields:x%20y")
        self.assertEqual(fields["path_info"], "/dir/x.php/info")
        self.assertTrue(fields["path_translated"].endswith("\\dir\\x.php\\info"), fields)
        self.assertEqual(fields["total"], "5")
        self.assertEqual(fields["content_type"], "a/b")

    def test_variables_have_values_may_be_empty_or_absent(self):
        def variable(name, **options):
            return self.ask("var:" + name, **options).text

        self.assertEqual(variable("URL", path="/a/x.php/b"), "ok 11 /a/x.php/b")
        self.assertEqual(variable("SCRIPT_NAME", path="/a/x.php/b"), "ok 9 /a/x.php")
        self.assertEqual(variable("APPL_MD_PATH"), "ok 17 /LM/W3SVC/1/ROOT")
        self.assertEqual(variable("INSTANCE_ID"), "ok 2 1")
        self.assertEqual(variable("SERVER_SOFTWARE"), "ok 18 Microsoft-IIS/6.0")
        self.assertEqual(variable("AUTH_USER"), "ok 1 ")
        self.assertEqual(variable("CONTENT_LENGTH"), "ok 2 0")
        self.assertEqual(variable("HTTP_X_LONG", headers={"X-Long": "a" * 5000}), "ok 5001 " + "a" * 5000)
        self.assertEqual(variable("HTTP_PROXY"), "error 1413")
        self.assertEqual(variable("NO_SUCH"), "error 1413")
        self.assertEqual(variable("UNICODE_NO_SUCH"), "error 1413")
        self.assertEqual(variable("UNICODE_HTTP_PROXY"), "error 1413")

    def test_paths_beyond_ascii_come_in_ansi_and_in_unicode(self):
        path = "/caf%C3%A9.php"
        self.assertEqual(self.ask("var:UNICODE_URL", path=path).body, b"ok 20 " + "/café.php".encode("utf-16-le"))
        self.assertEqual(self.ask("var:URL", path=path).body, "ok 10 /café.php".encode("cp1252"))
        self.assertEqual(self.ask("var:UNENCODED_URL", path=path).text, "ok 33 /caf%C3%A9.php?var:UNENCODED_URL")
        # Escapes that are no UTF-8 are meant in the ANSI code page.
        self.assertEqual(self.ask("var:UNICODE_URL", path="/caf%E9.php").body, b"ok 20 " + "/café.php".encode("utf-16-le"))

    def test_bodies_of_all_sizes_are_read_in_every_way(self):
        for size in (0, 1, 100, 49151, 49152, 49153, 65536, 131072, 1000000):
            body = content(size)
            for command in ("echo-sync", "echo-async:4096", "echo-async:200000"):
                if size == 1000000 and command == "echo-async:4096" and self.mode == "late":
                    continue  # a delay for each of 250 reads
                with self.subTest(size=size, command=command):
                    self.assertTrue(self.ask(command, method="POST", body=body).body == body)
                    self.assertTrue(post_chunked(self.host, command, body).body == body)

    def test_the_extension_runs_before_the_body_has_come(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?fields HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n1234")
            answer = raw.read_all().decode()
        self.assertIn("total=10\n", answer)
        self.assertRegex(answer, "available=[0-4]\n")
        self.assertIn("Connection: close", answer)  # the rest of the body would be taken for a request

    def test_reads_give_what_there_is(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?echo-async:1000 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n")
            for part in (b"abc", b"def", b"ghi"):
                raw.send(part)
                self.assertEqual(probe(self.host, "hello").text, "hello")  # somebody else is served meanwhile
            answer = raw.read_until(b"abcdefghi")
        self.assertIn(b"200 OK", answer)

    def test_an_unknown_or_huge_length_is_all_ones(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?fields HTTP/1.1\r\nHost: h\r\nContent-Length: 4294967297\r\n\r\nx")
            self.assertIn(b"total=4294967295\n", raw.read_all())
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /x.php?var:CONTENT_LENGTH HTTP/1.1\r\nHost: h\r\nContent-Length: 4294967297\r\n\r\nx")
            self.assertIn(b"ok 11 4294967297", raw.read_all())
        self.assertIn("total=4294967295\n", post_chunked(self.host, "fields", b"abc").text)
        self.assertEqual(post_chunked(self.host, "var:CONTENT_LENGTH", b"abc").text, "error 1413")

    def test_where_completions_run(self):
        text = self.ask("where").text
        if self.mode == "inline":
            self.assertEqual(text, "inside=1 returned=0")
        elif self.mode == "late":
            self.assertEqual(text, "inside=0 returned=1")
        else:
            self.assertRegex(text, "inside=0 returned=[01]")

    def test_vector_send_takes_memory_and_files(self):
        file = support.windows_path(ready_site() / "digits.txt").replace("\\", "/")
        self.assertEqual(self.ask(f"vector-file:{file}").text, "<<23456>>")

    def test_vector_send_can_disconnect(self):
        answer = self.ask("vector-sync:bye")
        self.assertEqual((answer.text, answer.headers["Connection"]), ("bye", "close"))

    def test_transmit_file_sends_headers_file_and_tail(self):
        file = support.windows_path(ready_site() / "digits.txt").replace("\\", "/")
        self.assertEqual(self.ask(f"transmit:{file}").text, "0123456789tail")

    def test_write_client_works_asynchronously(self):
        self.assertEqual(self.ask("write-async").text, "async")

    def test_a_head_does_not_wait_for_its_body(self):
        with support.RawConnection(self.host) as raw:
            self.ask("unrelease")
            raw.send(b"GET /x.php?slow-body HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertIn(b"Content-Length: 4", raw.read_until(b"\r\n\r\n"))
            self.ask("release")
            self.assertEqual(raw.read_until(b"late"), b"late")

    def test_urls_are_mapped_to_files(self):
        lines = self.ask("map:/sub/a.txt").text.splitlines()
        path = support.windows_path(ready_site()) + "\\sub\\a.txt"
        self.assertEqual(lines[0], f"1 {path} {len(path) + 1}")
        self.assertEqual(lines[1], f"1 {path} {len(path) - len('/sub/a.txt')} 1")
        self.assertEqual(lines[2], "1 1")
        self.assertEqual(self.ask("map:/../x").text.split()[0], "0")

    def test_questions_are_answered(self):
        self.assertEqual(self.ask("questions").text,
                         "connected=1 keeps=1 in_process=1:0 token=1 duplicated=1 level=1:2 unhealthy=1 logged=1 unknown=0:87")

    def test_the_old_calls_work(self):
        answer = self.ask("old-header")
        self.assertEqual((answer.status, answer.reason, answer.text), (201, "Old", "old style"))
        answer = self.ask("redirect:/elsewhere")
        self.assertEqual((answer.status, answer.headers["Location"]), (302, "/elsewhere"))
        answer = self.ask("custom-error:404")
        self.assertEqual(answer.status, 404)
        self.assertIn("404 Not Found", answer.text)

    def test_an_error_without_a_response_is_a_500_page(self):
        answer = self.ask("failing")
        self.assertEqual(answer.status, 500)
        self.assertEqual(answer.headers["Connection"], "close")

    def test_head_requests_have_no_body(self):
        answer = self.ask("hello", method="HEAD")
        self.assertEqual((answer.status, answer.headers["Content-Length"], answer.body), (200, "5", b""))

    def test_a_client_that_has_gone_is_noticed(self):
        for command in ("until-gone", "echo-async:100"):
            with self.subTest(command=command):
                raw = support.RawConnection(self.host)
                raw.send(f"POST /x.php?{command} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc".encode())
                wait_for_count(self, self.host, 1)
                raw.reset()
                wait_for_count(self, self.host, 0)

    def test_hanging_up_cuts_the_response(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?hang-up HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertTrue(raw.read_all().endswith(b"part"))
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?hang-up:abort HTTP/1.1\r\nHost: h\r\n\r\n")
            with self.assertRaises(ConnectionResetError):
                raw.read_all()

    def test_hanging_up_does_not_wait_for_a_client_that_does_not_read(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?hang-up-sending HTTP/1.1\r\nHost: h\r\n\r\n")
            raw.read_until(b"\r\n\r\n")
            self.ask("release")
            wait_for_count(self, self.host, 0)
            self.assertLess(len(raw.read_all()), 64 << 20)

    def test_a_client_that_does_not_read_holds_nobody_up(self):
        with support.RawConnection(self.host) as raw:
            raw.send(b"GET /x.php?large:30000000 HTTP/1.1\r\nHost: h\r\n\r\n")
            raw.read_until(b"\r\n\r\n")
            for _ in range(20):
                self.assertEqual(self.ask("hello").text, "hello")
            raw.reset()

    def test_large_responses_arrive_whole(self):
        body = self.ask("large:5000000").body
        self.assertEqual(len(body), 5000000)
        self.assertTrue(body.startswith(b"abcdefghijklmnopqrstuvwabc"))

    def test_clients_in_parallel_get_their_own_answers(self):
        def client(number):
            body = content(number * 3001 + 1)
            for command in ("echo-async:5000", "echo-sync"):
                with support.Connection(self.host) as connection:
                    for _ in range(5):
                        self.assertTrue(connection.request(f"/x.php?{command}", body=body).body == body)

        support.in_parallel(32, client)


class InThread(Contract, support.SystemTest):
    mode = "thread"


class Inline(Contract, support.SystemTest):
    mode = "inline"


class Late(Contract, support.SystemTest):
    mode = "late"


class ExecUrl(support.SystemTest):
    """Wildcard map: everything goes to the extension, which hands back."""

    @classmethod
    def start(cls, servers):
        cls.host = servers.host("", root=ready_site(), maps="*,.php", extension=PROBE)

    def test_the_wildcard_map_gets_everything(self):
        for path in ("/", "/digits.txt", "/no/such/thing"):
            self.assertEqual(probe(self.host, "var:SCRIPT_NAME", path=path).text, f"ok {len(path) + 1} {path}")

    def test_files_and_folders_are_handed_back(self):
        answer = probe(self.host, "exec", path="/digits.txt")
        self.assertEqual((answer.status, answer.text, answer.headers["Content-Type"]), (200, "0123456789", "text/plain"))
        self.assertEqual(probe(self.host, "exec", path="/").text, "index of the site\n")
        self.assertEqual(probe(self.host, "exec", path="/no").status, 404)
        self.assertEqual(probe(self.host, "exec", path="/sub").headers["Location"], "/sub/?exec")

    def test_another_url_can_be_executed(self):
        self.assertEqual(probe(self.host, "exec:/sub/index.html").text, "index of sub\n")
        self.assertEqual(probe(self.host, "exec:/a.php/i?var:SCRIPT_NAME").text, "ok 7 /a.php")
        self.assertEqual(probe(self.host, "exec:/a.php?var:QUERY_STRING").text, "ok 17 var:QUERY_STRING")
        self.assertEqual(probe(self.host, "exec:/../x").text, "exec-url error 87")

    def test_the_connection_is_kept_after_a_file(self):
        with support.Connection(self.host) as connection:
            for _ in range(3):
                self.assertEqual(connection.request("/digits.txt?exec").text, "0123456789")
                self.assertIsNotNone(connection.http.sock)

    def test_endless_recursion_ends(self):
        url = "/x.php?exec:/x.php"
        self.assertEqual(probe(self.host, "exec:" + url).text, "hello")
        # Each level removes one "exec:"; twelve are more than the host allows.
        self.assertEqual(probe(self.host, "exec:/x.php?" * 12 + "hello").status, 500)


class Versions(support.SystemTest):
    def test_iis_5_1_lacks_what_it_lacked(self):
        host = self.servers.host("", "--iis", "5.1", root=ready_site(), maps=".php", extension=PROBE)
        self.assertIn("version=50001\n", probe(host, "fields").text)
        self.assertEqual(probe(host, "var:UNICODE_URL").text, "error 1413")
        self.assertEqual(probe(host, "exec:/").text, "exec-url refused 87")
        self.assertEqual(probe(host, "echo-async", method="POST", body=b"x").status, 500)  # no VECTOR_SEND
        self.assertEqual(probe(host, "write-async").text, "async")
        self.assertEqual(probe(host, "var:SERVER_SOFTWARE").text, "ok 18 Microsoft-IIS/5.1")

    def test_iis_7_can_cancel(self):
        host = self.servers.host("", "--iis", "7", root=ready_site(), maps=".php", extension=PROBE)
        with support.RawConnection(host) as raw:
            raw.send(b"POST /x.php?cancel HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
            self.assertIn(b"cancelled 995", raw.read_all())

    def test_iis_7_replaces_error_bodies_unless_told_not_to(self):
        host = self.servers.host("", "--iis", "7", root=ready_site(), maps=".php", extension=PROBE)
        with support.Connection(host) as connection:
            answer = connection.request("/x.php?error-page")
            self.assertEqual(answer.status, 404)
            self.assertNotIn("our page", answer.text)
            self.assertEqual(connection.request("/x.php?error-page:skip").text, "our page")
            self.assertIsNotNone(connection.http.sock)
        host = self.servers.host("", "--iis", "6", root=ready_site(), maps=".php", extension=PROBE)
        self.assertEqual(probe(host, "error-page").text, "our page")

    def test_asynchronous_reads_can_be_refused(self):
        host = self.servers.host("", "--no-async-read", root=ready_site(), maps=".php", extension=PROBE)
        self.assertEqual(probe(host, "echo-async", method="POST", body=b"x").status, 500)
        self.assertEqual(probe(host, "echo-sync", method="POST", body=b"xyz").text, "xyz")

    def test_path_info_can_be_without_the_script(self):
        host = self.servers.host("", "--allow-path-info", root=ready_site(), maps=".php", extension=PROBE)
        self.assertEqual(probe(host, "var:PATH_INFO", path="/a.php/i/j").text, "ok 5 /i/j")
        self.assertEqual(probe(host, "var:SCRIPT_NAME", path="/a.php/i/j").text, "ok 7 /a.php")
        self.assertEqual(probe(host, "var:PATH_INFO", path="/a.php").text, "ok 1 ")
        self.assertTrue(probe(host, "var:PATH_TRANSLATED", path="/a.php/i/j").text.endswith("\\site\\i\\j"))


class Strict(support.SystemTest):
    """Each breach ends the host with exit code 3 and a message that names the request."""

    def breach(self, command, message, first=None, raw=None, mode="thread"):
        servers = support.Servers(f"{self.id()}-{command}-{mode}")
        self.addCleanup(servers.close)
        host = servers.host("", "--completions", mode, root=ready_site(), maps=".php", extension=PROBE)
        servers.hosts.remove(host)  # it is not going to end well
        if first:
            probe(host, first)
        try:
            if raw:
                with support.RawConnection(host) as connection:
                    connection.send(raw)
                    connection.read_all()
            else:
                probe(host, command)
        except (OSError, EOFError, support.http.client.HTTPException):
            pass
        self.assertEqual(host.process.wait(support.SECONDS), 3)
        self.assertRegex(host.what_it_said(support.SECONDS), r"isapihost: strict: request \d+ \(\w+ /x\.php\): .*" + re.escape(message))

    def test_done_twice(self):
        self.breach("double-done", "second DONE_WITH_SESSION")

    def test_done_long_after_the_end(self):
        self.breach("late-done", "second DONE_WITH_SESSION", first="remember")

    def test_a_touch_after_the_end(self):
        self.breach("late-touch", "a touch of the extension control block after its end", first="remember")

    def test_a_call_after_the_end(self):
        self.breach("late-call", "GetServerVariable after the end", first="remember")

    def test_a_final_status_after_done(self):
        self.breach("final-after-done", "HttpExtensionProc returned a final status after DONE_WITH_SESSION")

    WAITING_POST = b"POST /x.php?%s HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"

    def test_two_operations(self):
        for mode in ("thread", "late"):
            with self.subTest(mode=mode):
                self.breach(None, "two asynchronous operations", raw=self.WAITING_POST % b"two-operations", mode=mode)

    def test_a_synchronous_call_during_an_operation(self):
        self.breach(None, "synchronous operation while", raw=self.WAITING_POST % b"sync-during-async")

    def test_no_completion_function(self):
        self.breach("no-completion", "asynchronous operation without IO_COMPLETION")

    def test_headers_twice(self):
        self.breach("headers-twice", "headers sent twice")

    def test_body_before_headers(self):
        self.breach("body-first", "body bytes before the headers")

    def test_a_token_that_was_closed(self):
        self.breach("close-token", "the impersonation token, which is the host's, has been closed")

    def test_no_answer(self):
        self.breach("no-answer", "ended without a response")

    def test_bodies_that_do_not_fit_their_headers(self):
        for name, message in {
            "short": "fewer body bytes than Content-Length announced",
            "long": "more body bytes than Content-Length announced",
            "none": "keep-alive asked for a response whose end cannot be found",
            "both": "Content-Length and Transfer-Encoding together",
            "bad-chunk": "the body is not well chunked",
            "no-last-chunk": "the chunked body has no last chunk",
        }.items():
            with self.subTest(name=name):
                self.breach(f"framing:{name}", message)


class NotStrict(support.SystemTest):
    """Without --strict the same breaches harm nobody else."""

    def test_breaches_are_refused_and_the_host_goes_on(self):
        run = support.demo_servers.Run(support.wine.env())
        host = support.demo_servers.Host(run, ready_site(), ["--listen", "127.0.0.1:0", "--root", ready_site(), "--map", ".php"],
                                         extension=PROBE)
        self.addCleanup(host.kill)
        probe(host, "remember")
        self.assertEqual(probe(host, "late-done").text, "survived")
        self.assertEqual(probe(host, "late-call").text, "survived 0 87")
        self.assertEqual(probe(host, "double-done").text, "double done")
        self.assertEqual(probe(host, "no-completion").text, "survived 0 87")
        self.assertEqual(probe(host, "no-answer").status, 500)
        for name in ("long", "both", "bad-chunk", "no-last-chunk", "short"):
            with self.subTest(name=name), support.RawConnection(host) as raw:
                raw.send(f"GET /x.php?framing:{name} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                raw.read_all()  # the connection ends: what follows could not be told from the body
        self.assertEqual(probe(host, "hello").text, "hello")
        self.assertEqual(host.stop(), 0)


if __name__ == "__main__":
    unittest.main()
