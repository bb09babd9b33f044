"""StderrMode: what becomes of a request whose program writes to its error output, and what the event log says of it."""

import unittest

import events
import pages
import scripted
import support
import witness
from scripted import PLAIN, exchange, path

MODES = {"text": "ReturnStderrIn500", "generic": "ReturnGeneric500", "ignore": "IgnoreAndReturn200", "terminate": "TerminateProcess"}
REPLACED = ("text", "generic", "terminate")
TRACES = {"info": ("IIS_TRACE_INFO", events.INFORMATION), "warning": ("IIS_TRACE_WARNING", events.WARNING),
          "error": ("IIS_TRACE_ERROR", events.ERROR)}
NO_STDERR = ("out", PLAIN + "next")


class Stderr(pages.Page):
    def setUp(self):
        """A pool for each mode, whose name is its extension, and the same without a buffer."""
        super().setUp()
        events.listen(self.servers)
        self.pools = {"fcgi": {"ExePath": scripted.PROGRAM, "MaxInstances": 1}}  # which exchange() uses
        for name, mode in MODES.items():
            one = {"ExePath": scripted.PROGRAM, "MaxInstances": 1, "StderrMode": mode}
            self.pools[name] = {**one, "Arguments": name}
            self.pools[name + "0"] = {**one, "Arguments": name + "0", "ResponseBufferLimit": 0}
        self.host = self.servers.host(support.ini({name: name for name in self.pools}, **self.pools),
                                      maps=",".join("." + name for name in self.pools))

    def process(self, pool):
        """The process of the pool."""
        found = [pid for pid, line in witness.processes(self.servers, scripted.PROGRAM).items() if line.split()[-1] == pool]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def warm(self, pool):
        """-> its process, which has answered a request"""
        answer = exchange(self.host, path(pool, NO_STDERR))
        self.assertEqual((answer.status, answer.body), (200, b"next"))
        return self.process(pool)

    def expect_process(self, pool, pid, stays):
        """The next request is served by this process, or by another one."""
        self.assertEqual(self.warm(pool) == pid, stays, pool)

    def expect_page(self, pool, answer, text):
        self.assertEqual((answer.status, answer.headers["x-fcgiext-reason"]), (500, "stderr"), answer)
        if pool == "text":
            self.assertEqual((answer.headers["content-type"], answer.body), ("text/plain; charset=utf-8", text))
        else:
            self.assertIn(b"The program reported an error", answer.body)
            self.assertNotIn(text, answer.body)

    def test_before_the_headers_each_mode_does_what_it_says(self):
        for pool in MODES:
            for steps in ([("err", "oops"), ("out", PLAIN + "body")], [("out", PLAIN + "body"), ("err", "oops")], [("err", "oops")]):
                with self.subTest(pool, steps=steps):
                    pid = self.warm(pool)
                    answer = exchange(self.host, path(pool, *steps))
                    if pool in REPLACED:
                        self.expect_page(pool, answer, b"oops")
                    else:
                        self.assertEqual((answer.status, answer.body), (200, b"body" if len(steps) > 1 else b""), answer)
                    self.assertTrue(answer.kept)  # the client's connection
                    self.expect_process(pool, pid, pool != "terminate")
            event = events.wait_for(self.host, rf"^Pool: {pool}$", r"\(stderr\)\.$", "^Error output:$", "^  oops$")
            self.assertEqual(event.type, events.WARNING)
            self.assertEqual("The answer of the program was sent all the same." in event.lines, pool == "ignore", event)

    def test_a_programs_own_status_stays_when_stderr_is_ignored(self):
        for status in ("404 Not here", "302 Found", "503 Busy"):
            answer = exchange(self.host, path("ignore", ("err", "oops"), ("out", f"Status: {status}\r\n{PLAIN}own page")))
            self.assertEqual((f"{answer.status} {answer.reason}", answer.body), (status, b"own page"))
            answer = exchange(self.host, path("text", ("err", "oops"), ("out", f"Status: {status}\r\n{PLAIN}own page")))
            self.assertEqual((answer.status, answer.body), (500, b"oops"))

    def test_after_the_headers_it_is_logged_and_ends_the_process_if_the_mode_says_so(self):
        for name in MODES:
            pool = name + "0"
            with self.subTest(pool), witness.Gate() as gate:
                pid = self.warm(pool)
                target = path(pool, ("out", PLAIN + "first, "), ("flush", 1), ("gate", gate.port), ("err", "too late"),
                              ("out", "second"))
                with support.RawConnection(self.host) as raw:
                    raw.send(scripted.request_head(target))
                    head = scripted.Head(raw.read_until(b"\r\n\r\n"))
                    self.assertEqual(head.status, 200)
                    self.assertEqual(scripted.read_chunk(raw), b"first, ")
                    gate.arrival()
                    gate.open()
                    if name == "terminate":
                        self.assertNotIn(b"0\r\n\r\n", raw.read_all())  # the end of a whole answer
                    else:
                        self.assertEqual(scripted.read_chunk(raw), b"second")
                        self.assertEqual(scripted.read_chunk(raw), b"")
                event = events.wait_for(self.host, rf"^Pool: {pool}$", r"\(stderr\)\.$", "^  too late$")
                self.assertEqual("The answer had begun: the connection to the client was closed." in event.lines,
                                 name == "terminate", event)
                self.expect_process(pool, pid, name != "terminate")

    def test_trace_text_is_logged_and_is_no_error_in_any_mode(self):
        for pool in MODES:
            pid = self.warm(pool)
            for level, (mark, kind) in TRACES.items():
                with self.subTest(pool, level=level):
                    answer = exchange(self.host, path(pool, ("err", f"{mark}:step {level}:IIS_TRACE_END\r\n"), ("out", PLAIN + "body")))
                    self.assertEqual((answer.status, answer.body), (200, b"body"), answer)
                    event = events.wait_for(self.host, rf"^Pool: {pool}$", rf"\(trace_{level}\)\.$", f"^  {level}: step {level}$")
                    self.assertEqual(event.type, kind)
            self.expect_process(pool, pid, True)
        self.assertEqual(events.matching(self.host, r"\(stderr\)"), [])

    def test_trace_text_in_several_records_and_around_the_headers(self):
        for name in MODES:
            for pool in (name, name + "0"):
                pid = self.warm(pool)
                answer = exchange(self.host, path(pool, ("err", "IIS_TRACE_WAR"), ("out", PLAIN + "bo"), ("flush", 1),
                                                  ("err", "NING:one:IIS_TRAC"), ("err", "E_END"), ("out", "dy")))
                self.assertEqual((answer.status, answer.body), (200, b"body"), answer)
                events.wait_for(self.host, rf"^Pool: {pool}$", r"\(trace_warning\)\.$", "^  warning: one$")
                self.expect_process(pool, pid, True)

    def test_an_error_beside_trace_text_is_an_error(self):
        steps = [("err", "IIS_TRACE_INFO:secret step:IIS_TRACE_END"), ("err", "oops"), ("out", PLAIN + "body")]
        for pool in REPLACED:
            self.expect_page(pool, exchange(self.host, path(pool, *steps)), b"oops")
            events.wait_for(self.host, rf"^Pool: {pool}$", r"\(stderr\)\.$", "^  oops$")
            events.wait_for(self.host, rf"^Pool: {pool}$", r"\(trace_info\)\.$", "^  info: secret step$")

    def test_row_11_one_record_is_one_line_of_the_log_without_control_characters(self):
        text = "first\r\nReference: 0000000000\r\n\x1b[2J\x07 end\xff"
        answer = exchange(self.host, path("ignore", ("err", text.encode("latin-1")), ("err", "second\n"), ("out", PLAIN + "body")))
        self.assertEqual((answer.status, answer.body), (200, b"body"))
        event = events.wait_for(self.host, "^Pool: ignore$", "^  second$")
        at = event.lines.index("Error output:")
        self.assertEqual(event.lines[at:at + 3], ["Error output:", "  first | Reference: 0000000000 | ?[2J? end?", "  second"])

    def test_row_11_a_mebibyte_in_many_requests_is_one_event_of_some_lines_a_pool(self):
        for pool in ("ignore", "text", "generic"):
            for _ in range(5):
                answer = exchange(self.host, path(pool, ("noise", 1024 * 1024), ("out", PLAIN + "body")))
                self.assertEqual(answer.status, 200 if pool == "ignore" else 500)
        for pool in ("ignore", "text", "generic"):
            event = events.wait_for(self.host, rf"^Pool: {pool}$", "^Error output:$", r"^  (x+ \| ){3}")
            self.assertLess(len(event.lines), 30)
        found = events.all_of(self, self.host)
        self.assertEqual(sorted(event.fact("Pool") for event in found), ["generic", "ignore", "text"])

    def test_an_end_in_mid_answer_is_told_with_what_the_program_had_reported(self):
        with witness.Gate() as gate, support.RawConnection(self.host) as raw:
            raw.send(scripted.request_head(path("ignore0", ("err", "out of memory in x.c"), ("out", PLAIN + "begin"), ("flush", 1),
                                                ("gate", gate.port))))
            raw.read_until(b"begin")
            gate.arrival()
            witness.kill(self.servers, scripted.PROGRAM)
            self.assertNotIn(b"0\r\n\r\n", raw.read_all())
        event = events.wait_for(self.host, "^Pool: ignore0$", r"\((worker_exited|worker_crashed)\)\.$", "^  out of memory in x.c$")
        self.assertIn("The answer had begun: the connection to the client was closed.", event.lines)


if __name__ == "__main__":
    unittest.main()
