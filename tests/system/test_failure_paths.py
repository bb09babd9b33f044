"""Each way in which a request can fail has a page of its own, in every version of IIS; and which requests are tried again."""

import os
import pathlib
import re
import signal

import pages
import support
import witness
from pages import MISBEHAVE, ONE, Misbehaving

NO_DLL = "3221225781 (0xC0000135)"


def without_dll(folder):
    """A program that needs a library which is nowhere: its import table names another one than that of the original."""
    image = MISBEHAVE.read_bytes()
    names = re.findall(rb"(?i)ws2_32\.dll\0", image)
    if len(names) != 1:
        raise AssertionError(f"the import table of {MISBEHAVE.name} names {names}")
    program = folder / "without-dll.exe"
    program.write_bytes(image.replace(names[0], b"absent.dll\0"))
    return program


def sentence(answer):
    """What the page says in the first place."""
    return re.search("<p>(.*?)</p>", answer.text, re.DOTALL)[1]


class Start(Misbehaving):
    def test_a_program_that_misses_a_dll(self):
        self.start_host(dll={**ONE, "ExePath": without_dll(self.servers.folder)}, good=ONE)
        details = self.bad("dll", "", 500, "load_failed")
        self.assertEqual((details["Exit code"], details["Details"]), (NO_DLL, "a library that it needs was not found"))
        self.good("good")

    def test_rapid_fail_names_the_missing_dll_as_the_first_cause(self):
        self.start_host(dll={**ONE, "ExePath": without_dll(self.servers.folder), "RapidFailsPerMinute": 0}, good=ONE)
        self.bad("dll", "", 500, "load_failed")
        details = self.bad("dll", "", 503, "rapid_fail")
        self.assertIn("could not load", details["First cause"])
        self.assertEqual((details["Exit code"], details["Details"]), (NO_DLL, "a library that it needs was not found"))
        self.good("good")

    def test_what_cannot_be_a_program(self):
        folder = self.servers.folder
        half = folder / "half.exe"
        half.write_bytes(MISBEHAVE.read_bytes()[:1000])
        empty = folder / "empty.exe"
        empty.write_bytes(b"")
        (folder / "folder.exe").mkdir()
        self.start_host(half={**ONE, "ExePath": half}, empty={**ONE, "ExePath": empty},
                        folder={**ONE, "ExePath": folder / "folder.exe"}, good=ONE)
        for pool in ("half", "empty", "folder"):
            details = self.bad(pool, "", 500, "start_failed")
            self.assertRegex(details["Error number"], r"^[1-9]\d* \(0x[0-9A-F]{8}\)$")
            self.assertTrue(details["System"])
        self.good("good")


class Protocol(Misbehaving):
    def test_records_that_are_none(self):
        self.start_host(pool={**ONE, "RapidFailsPerMinute": 0})
        before = self.good("pool")
        for way, what in (("version", "protocol version"), ("type", "of a type"), ("id", "request that was not sent")):
            details = self.bad("pool", f"way=garble-{way}", 500, "protocol")
            self.assertIn(what, details["Details"])
            before = self.replaced(before, "pool")

    def test_more_content_announced_than_sent(self):
        self.start_host(pool={**ONE, "ActivityTimeout": 1})
        before = self.good("pool")
        self.bad("pool", "way=garble-length", 500, "activity_timeout")
        self.replaced(before, "pool")

    def test_protocol_status(self):
        self.start_host(pool=ONE)
        before = self.good("pool")
        for status in (1, 3, 4, 77, 255):  # cannot multiplex, unknown role, and what nobody knows
            self.bad("pool", f"way=status&at={status}", 500, "protocol")
            before = self.replaced(before, "pool")

    def test_an_overloaded_program_is_left_alive(self):
        self.start_host(pool={**ONE, "RapidFailsPerMinute": 0})
        pid = self.good("pool")["pid"]
        for _ in range(3):
            self.bad("pool", "way=status&at=2", 503, "overloaded")
        self.assertEqual(self.good("pool")["pid"], pid)


class Retry(Misbehaving):
    """Each case begins with a request that prepares the kept connection for the next one."""

    def prepare(self, way, **properties):
        self.start_host(pool={**ONE, **properties})
        facts = self.good("pool", f"name=prepare&way={way}")
        self.assertEqual(facts["kept"], "1")
        return facts

    def test_before_a_byte_was_written_every_request_is_tried_again(self):
        """The process has gone when the request comes. The host has seen neither, and hears of both at once."""
        self.start_host(pool={**ONE, "RapidFailsPerMinute": 1000})
        host = witness.host_process(self.servers)
        before = self.good("pool")
        for i in range(10):
            with support.RawConnection(self.host) as raw:
                os.kill(host, signal.SIGSTOP)
                try:
                    witness.kill(self.servers, MISBEHAVE)
                    raw.send(f"POST /app/x.pool?name=post-{i} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody".encode())
                finally:
                    os.kill(host, signal.SIGCONT)
                answer = raw.read_until(f"name=post-{i}\n".encode()).decode()
            self.assertRegex(answer, "^HTTP/1.1 200 ")
            self.assertIn("\nrequests=1\n", answer)
            self.assertNotIn(f"pid={before['pid']}\n", answer)
            before = self.good("pool")

    def test_nothing_received_and_a_normal_exit_is_tried_again_if_it_changes_nothing(self):
        for method in ("GET", "OPTIONS"):
            for code in (0, 3):
                with self.subTest(method, code=code):
                    before = self.prepare(f"exit-on-next&code={code}", RapidFailsPerMinute=0)
                    facts = self.replaced(before, "pool", "name=again", method=method)
                    self.assertEqual(facts["name"], "again")

    def test_a_head_request_is_tried_again(self):
        self.prepare("exit-on-next", RapidFailsPerMinute=0)
        answer = support.http_request(self.host, "/app/x.pool?name=again", "HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))

    def never_twice(self, way, status, cause, query="", **options):
        before = self.prepare(way)
        details = self.bad("pool", f"name=once&{query}", status, cause, **options)
        self.assertEqual(self.replaced(before, "pool", "name=next")["name"], "next")  # its first request: no other came to it
        return details

    def test_a_post_is_not_tried_again(self):
        details = self.never_twice("exit-on-next&code=3", 500, "worker_exited", method="POST", body=b"")
        self.assertEqual(details["Exit code"], "3 (0x00000003)")

    def test_a_post_with_a_body_is_not_tried_again(self):
        self.never_twice("exit-on-next", 500, "worker_exited", method="POST", body=b"x" * 10)

    def test_put_and_delete_are_not_tried_again(self):
        for method in ("PUT", "DELETE"):
            with self.subTest(method):
                self.never_twice("exit-on-next", 500, "worker_exited", method=method, body=b"")

    def test_an_exit_with_an_exception_code_is_not_tried_again(self):
        details = self.never_twice("exit-on-next&code=0xC0000005", 500, "worker_crashed")
        self.assertEqual(details["Exit code"], "3221225477 (0xC0000005)")

    def test_a_process_that_lives_on_is_not_trusted_with_another_try(self):
        self.never_twice("close-on-next", 500, "connection_closed")

    def test_what_was_answered_in_part_is_not_tried_again(self):
        self.never_twice("", 500, "worker_exited", "way=exit-after-headers")

    def test_a_first_request_on_a_connection_is_not_tried_again(self):
        file = self.token()
        log = self.servers.folder / "starts"
        self.start_host(pool={**ONE, "Arguments": self.once(file, "exit-after-connect", log=support.windows_path(log))})
        self.bad("pool", "", 500, "worker_exited")
        self.assertEqual(len(log.read_bytes()), 1)


class ErrorPages(Misbehaving):
    """The causes, a request that shows each, and what the details name."""

    # extension, query, status, cause
    NO_MAPPING = ("none", "", 500, "no_mapping")
    CAUSES = [
        ("missing", "", 500, "start_failed"),
        ("dll", "", 500, "load_failed"),
        ("pool", "way=exit-in-stdin&code=7", 500, "worker_exited"),
        ("pool", "way=crash", 500, "worker_crashed"),
        ("pool", "way=eof&at=5", 500, "connection_closed"),
        ("pool", "way=garble-version", 500, "protocol"),
        ("pool", "way=status&at=2", 503, "overloaded"),
        ("silent", "way=silent", 500, "activity_timeout"),
        ("starting", "way=silent", 500, "startup_timeout"),
        ("slow", "way=silent", 500, "request_timeout"),
        ("exit", "", 500, "worker_exited"),
        ("exit", "", 503, "rapid_fail"),
        NO_MAPPING,
        ("wrong", "", 500, "config_invalid"),
    ]

    def pools(self):
        return {"pool": ONE, "missing": {**ONE, "ExePath": r"C:\nowhere\no program.exe"},
                "dll": {**ONE, "ExePath": without_dll(self.servers.folder)},
                "silent": {**ONE, "ActivityTimeout": 1, "StartupTimeout": 0}, "slow": {**ONE, "RequestTimeout": 1},
                "starting": {**ONE, "StartupTimeout": 1},
                "exit": {**ONE, "Arguments": "way=exit-at-start code=9", "RapidFailsPerMinute": 0},
                "wrong": {**ONE, "MaxInstances": "many"}}

    def check_all(self, *options):
        log = self.servers.folder / "access.log"
        pools = self.pools()
        self.host = self.servers.host(support.ini({name: name for name in pools}, **pools), "--access-log", log, *options,
                                      maps=",".join("." + name for name in [*pools, "none"]))
        extensions = list(dict.fromkeys(row[0] for row in self.CAUSES))
        # The pools are asked at the same time, each on a connection that is of further use after each page: this shows by one more.
        rows = [[row for row in self.CAUSES if row[0] == extension] + [self.NO_MAPPING] for extension in extensions]
        said = {}

        def ask(number):
            with support.Connection(self.host) as connection:
                for extension, query, status, cause in rows[number]:
                    answer = connection.request(f"/app/x.{extension}?{query}")
                    self.check(answer, status, cause)
                    self.assertNotIn("in the place of the extension's", answer.text)
                    said.setdefault(cause, set()).add(sentence(answer))

        support.in_parallel(len(rows), ask)
        self.assertEqual([cause for cause, texts in said.items() if len(texts) != 1], [])
        self.assertEqual(len(set.union(*said.values())), len(said), said)
        self.assertEqual(self.servers.stop_host(self.host), "")
        entries = re.findall(r'"GET /app/x\.(\w+)\?\S* HTTP/1\.1" (\d+) \d+ site=1 ms=\d+ ecb=(\d+) ', pathlib.Path(log).read_text())
        self.assertCountEqual(entries, [(extension, str(status), str(status)) for row in rows for extension, _, status, _ in row])

    def test_each_cause_has_its_own_text(self):
        self.check_all()

    def test_iis_7_does_not_replace_them(self):
        self.check_all("--iis", "7")

    def test_iis_5_1_without_vector_send(self):
        self.check_all("--iis", "5.1")

    def test_the_programs_own_error_page_is_not_replaced_either(self):
        self.host = self.servers.host(support.ini({"fcgi": "own"}, own={"ExePath": support.RESPONDER}), "--iis", "7")
        answer = support.http_request(self.host, "/app/error.fcgi?kind=status")
        self.assertEqual(answer.status, 418)
        self.assertIn("this is its own page", answer.text)
