"""The event log: what is written there, how much of it, and how an error page's reference leads there."""

import re
import time
import unittest

import events
import fcgictl
import pages
import scripted
import support
import test_ecb_driver
import witness
from pages import MISBEHAVE, ONE, reason

REFERENCE = r"^[0-9A-HJKMNP-TV-Z]{10}$"
GENERATED = support.ROOT / "build/win64/generated/fcgiext/messages.h"


class Messages(support.SystemTest):
    def ids(self):
        """{name: id} of what the message compiler has made"""
        return {name: int(number, 16) for name, number in
                re.findall(r"#define (FCGIEXT_EVENT_\w+)\s+.*?(0x[0-9a-fA-F]+)", GENERATED.read_text())}

    def names_in_code(self):
        text = "".join(path.read_text() for path in (support.ROOT / "fcgiext/win32").glob("*.c"))
        return set(re.findall(r"FCGIEXT_EVENT_\w+", text))

    def test_the_dll_has_a_text_for_each_id_and_the_code_uses_each(self):
        ids = self.ids()
        self.assertEqual(self.names_in_code(), set(ids))
        code, output = support.wine.run([support.HELPERS / "messages.exe", support.windows_path(support.BIN / "fcgiext.dll"),
                                         *(hex(number) for number in ids.values())], support.SECONDS)
        self.assertEqual(code, 0, output)
        texts = dict(line.split(" ", 1) for line in output.splitlines())
        inserts = "".join(f"<{number}>" for number in range(1, 17))
        for name, number in ids.items():
            with self.subTest(name):
                self.assertRegex(texts[hex(number)], rf"^{inserts}\|+\w.{{20,}}\.\|+$")
        self.assertEqual(len(set(texts.values())), len(ids))

    def test_an_id_that_is_not_there_has_no_text(self):
        code, output = support.wine.run([support.HELPERS / "messages.exe", support.windows_path(support.BIN / "fcgiext.dll"),
                                         "0xc00000fe"], support.SECONDS)
        self.assertEqual((code, output), (0, "0xc00000fe -\n"))

    def test_each_cause_of_an_error_page_has_an_id(self):
        causes = re.findall(r"^    ERROR_CAUSE_(\w+),", (support.ROOT / "fcgiext/core/error_page.h").read_text(), re.MULTILINE)
        table = re.findall(r"\[ERROR_CAUSE_(\w+)\] = FCGIEXT_EVENT_(\w+),",
                           (support.ROOT / "fcgiext/win32/event_log.c").read_text())
        self.assertEqual([cause for cause, name in table if cause != name], [])
        self.assertEqual(set(causes) - {"CLIENT_GONE"}, {cause for cause, _ in table})


class EventTest(pages.Misbehaving):
    def setUp(self):
        super().setUp()
        events.listen(self.servers)

    def reference(self, answer):
        """Of an error page; a local client finds it on the page, too."""
        found = answer.headers["X-Fcgiext-Reference"]
        self.assertRegex(found, REFERENCE)
        self.assertEqual(pages.details(answer)["Reference"], found)
        return found

    def page(self, path, cause, status=500):
        answer = support.http_request(self.host, path)
        self.assertEqual((answer.status, reason(answer)), (status, cause), answer)
        return answer


class Events(EventTest):
    def test_a_failed_start_with_all_its_facts(self):
        self.start_host(missing={"ExePath": r"C:\nowhere\no program.exe"})
        reference = self.reference(self.page("/app/a%20b.missing?secret=1", "start_failed"))
        event = events.wait_for(self.host, rf"^Reference: {reference}$")
        self.assertEqual((event.type, event.lines[0]), (events.ERROR, "The program could not be started (start_failed)."))
        self.assertEqual((event.fact("Pool"), event.fact("Program")), ("missing", r"C:\nowhere\no program.exe"))
        self.assertEqual(event.fact("Address"), "/app/a b.missing")
        self.assertRegex(event.fact("Error number"), r"^2 \(0x00000002\): (?i:.*file.*not found|.*find the file)")
        self.assertIsNone(event.fact("Worker process"))
        self.assertNotIn("secret", event.text)

    def test_an_exit_and_a_crash_with_code_address_and_process(self):
        self.start_host(pool=ONE)
        for way, code, cause, text in (("exit-after-headers", "7", "worker_exited", "7 (0x00000007)"),
                                       ("exit-in-stdin", "0xC0000005", "worker_crashed", "3221225477 (0xC0000005)")):
            with self.subTest(way):
                pid = self.good("pool")["pid"]
                reference = self.reference(self.page(f"/app/x.pool?way={way}&code={code}", cause))
                event = events.wait_for(self.host, rf"^Reference: {reference}$", rf"\({cause}\)\.$")
                self.assertEqual((event.type, event.fact("Pool"), event.fact("Address")), (events.ERROR, "pool", "/app/x.pool"))
                self.assertTrue(event.fact("Exit code").startswith(text), event.text)
                self.assertEqual(event.fact("Worker process"), pid)

    def test_a_crash_that_no_request_notices_is_logged(self):
        self.start_host(pool=ONE)
        pid = self.good("pool", "way=exit-after-end&code=0xC0000005")["pid"]
        event = events.wait_for(self.host, r"\(worker_crashed\)\.$")
        self.assertEqual((event.fact("Worker process"), event.fact("Address")), (pid, "/app/x.pool"))

    def test_timeouts_and_what_is_no_fastcgi(self):
        self.start_host(silent={**ONE, "ActivityTimeout": 1}, slow={**ONE, "RequestTimeout": 1}, garbled=ONE)
        with witness.Gate() as gate:
            self.good("silent")
            waiting = [witness.Background(support.http_request, self.host, gate.path(page=f"/app/x.{pool}"))
                       for pool in ("silent", "slow")]
            for answer, cause in zip((one.result() for one in waiting), ("activity_timeout", "request_timeout")):
                self.assertEqual(reason(answer), cause)
                events.wait_for(self.host, rf"^Reference: {self.reference(answer)}$", rf"\({cause}\)\.$", r"^Worker process: \d+$")
        answer = self.page("/app/x.garbled?way=garble-version", "protocol")
        events.wait_for(self.host, rf"^Reference: {self.reference(answer)}$", "^Details: .*version")

    def test_a_full_queue_is_a_warning(self):
        self.start_host("--stdin-commands", pool={**ONE, "QueueLength": 1})
        with witness.Gate() as gate:
            running = [witness.Background(support.http_request, self.host, gate.path(page="/app/x.pool")) for _ in range(2)]
            gate.arrival()
            witness.wait_until_in_flight(self.servers, self.host, 2)
            reference = self.reference(self.page("/app/x.pool", "queue_full", 503))
            gate.open()
            for one in running:
                witness.facts(one.result())
        self.assertEqual(events.wait_for(self.host, rf"^Reference: {reference}$", r"\(queue_full\)\.$").type, events.WARNING)

    def test_an_answer_that_is_cut_off_is_logged(self):
        self.start_host(pool={**ONE, "ResponseBufferLimit": 0})
        with support.RawConnection(self.host) as raw:
            raw.send(scripted.request_head("/app/x.pool?way=exit-after-headers&code=9"))
            self.assertNotIn(b"0\r\n\r\n", raw.read_all())
        event = events.wait_for(self.host, r"\(worker_exited\)\.$")
        self.assertIn("The answer had begun: the connection to the client was closed.", event.lines)
        self.assertEqual(event.fact("Exit code"), "9 (0x00000009)")


class References(EventTest):
    def test_what_is_held_back_bears_the_reference_of_what_was_written(self):
        self.start_host(one={"ExePath": r"C:\nowhere\1.exe"}, two={"ExePath": r"C:\nowhere\2.exe"})
        first = [self.reference(self.page(f"/app/{i}.one", "start_failed")) for i in range(3)]
        second = [self.reference(self.page(f"/app/{i}.two", "start_failed")) for i in range(3)]
        self.assertEqual((len(set(first)), len(set(second)), first[0] != second[0]), (1, 1, True))
        found = events.all_of(self, self.host)
        self.assertEqual([(event.fact("Pool"), event.fact("Reference"), event.fact("Address")) for event in found],
                         [("one", first[0], "/app/0.one"), ("two", second[0], "/app/0.two")])

    def test_a_remote_client_gets_the_sentence_and_a_reference_that_is_in_the_log(self):
        self.start_host(missing={"ExePath": r"C:\nowhere\secret.exe"}, pool={**ONE, "StderrMode": "ReturnGeneric500"})
        for path, cause in (("/app/x.missing", "start_failed"), ("/app/x.pool?way=exit-in-stdin&code=77", "worker_exited")):
            answer = self.fetch_remotely(self.host, path)
            self.assertEqual((answer.status, reason(answer)), (500, cause))
            self.assertEqual(list(pages.details(answer)), ["Reference"])
            event = events.wait_for(self.host, rf"^Reference: {self.reference(answer)}$", rf"\({cause}\)\.$")
            self.assertIn(event.lines[0].split(" (")[0], answer.text)
            self.assertIsNotNone(event.fact("Program"))

    def test_requests_that_find_no_pool(self):
        self.host = self.servers.host(support.ini({"good": "good", "bad": "bad"}, good=ONE, bad={**ONE, "QueueLenght": 5}),
                                      maps=".good,.bad,.none")
        reference = self.reference(self.page("/app/x.none", "no_mapping"))
        event = events.wait_for(self.host, rf"^Reference: {reference}$", r"\(no_mapping\)\.$")
        self.assertEqual((event.fact("Extension"), event.fact("Address")), (".none", "/app/x.none"))
        reference = self.reference(self.page("/app/x.bad", "config_invalid"))
        event = events.wait_for(self.host, rf"^Reference: {reference}$", "^Pool: bad$", r"QueueLenght: .*did you mean")

    def test_each_broken_section_has_an_event_of_its_own(self):
        names = ("one", "two")
        broken = {name: {**ONE, "Wrong": 5} for name in names}
        self.host = self.servers.host(support.ini({name: name for name in ("good", *names)}, good=ONE, **broken), maps=".one,.two")
        pages_of = {name: [self.reference(self.page(f"/app/{i}.{name}", "config_invalid")) for i in range(3)] for name in names}
        found = [event for event in events.all_of(self, self.host) if "(config_invalid)" in event.lines[0]]
        self.assertEqual([(event.fact("Pool"), event.fact("Address")) for event in found], [("one", "/app/0.one"), ("two", "/app/0.two")])
        self.assertEqual({event.fact("Pool"): [event.fact("Reference")] * 3 for event in found}, pages_of)
        for event in found:
            self.assertRegex(event.text, rf"\[{event.fact('Pool')}\] Wrong: ")

    def test_the_page_of_stderr_has_it_in_a_header(self):
        self.host = self.servers.host(support.ini({"fcgi": "fcgi"}, fcgi={"ExePath": scripted.PROGRAM, "MaxInstances": 1}))
        answer = support.http_request(self.host, scripted.path("fcgi", ("err", "oops")))
        self.assertEqual(answer.text, "oops")
        events.wait_for(self.host, rf"^Reference: {answer.headers['X-Fcgiext-Reference']}$", r"\(stderr\)\.$")


class Floods(EventTest, fcgictl.ControlTest):
    def test_row_18_a_thousand_failing_starts_are_two_events(self):
        self.start_host(pool={"ExePath": r"C:\nowhere\x.exe", "RapidFailsPerMinute": 2, "MaxInstances": 1})
        answers = []
        with support.Connection(self.host) as connection:
            for _ in range(1000):
                answers.append(connection.request("/app/x.pool"))
        causes = [reason(answer) for answer in answers]
        self.assertEqual((causes[0], causes[-1]), ("start_failed", "rapid_fail"))
        self.assertGreater(causes.count("rapid_fail"), 990)
        found = events.all_of(self, self.host)
        self.assertEqual(sorted(event.lines[0].split("(")[1] for event in found), ["rapid_fail).", "start_failed)."])
        rapid = next(event for event in found if "(rapid_fail)" in event.text)
        self.assertEqual(rapid.fact("First cause"), "The program could not be started")
        self.assertEqual({self.reference(answer) for answer in answers}, {event.fact("Reference") for event in found})

    def test_the_end_of_rapid_fail_is_logged(self):
        self.start_host(pool={"ExePath": r"C:\nowhere\x.exe", "RapidFailsPerMinute": 1, "MaxInstances": 1})
        for _ in range(2):
            self.page("/app/x.pool", "start_failed")
        self.page("/app/x.pool", "rapid_fail", 503)
        events.wait_for(self.host, "^Pool: pool$", r"\(rapid_fail\)\.$")
        self.fcgictl("resume", "pool")
        self.assertEqual(events.wait_for(self.host, "^Pool: pool$", r"\(rapid_fail_over\)\.$").type, events.INFORMATION)


class FullLog(test_ecb_driver.EcbDriver):
    """Under ecb_driver, which stands behind ReportEvent."""

    def test_what_could_not_be_written_is_tried_again_and_counted_and_requests_go_on(self):
        text = self.drive("full-log", "thread", 3)
        rows = re.findall(r"log (\w+): refused (\d) taken (\d) reference (\S+) 5xx (\d) 2xx (\d)", text)
        self.assertEqual([(state, int(refused), int(taken)) for state, refused, taken, *_ in rows],
                         [("full", 1, 0)] * 3 + [("again", 0, 1)] + [("again", 0, 0)] * 2, text)
        self.assertEqual([row[4:] for row in rows], [("1", "1")] * 6, text)
        references = [row[3] for row in rows]
        self.assertEqual(len(set(references[3:])), 1)  # an event that was written stands for those that are held back
        self.assertEqual(references[:3], ["none"] * 3)  # it would be found nowhere
        self.assertIn(f"\nReference: {references[3]}\n", text)
        self.assertIn("\nNot written since the last event of this kind and pool: 3\n", text)


class SlowRequests(EventTest):
    def run_for(self, pool, seconds):
        """-> the facts of a request that has taken that long, at least"""
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, self.host, gate.path(page=f"/app/x.{pool}"))
            gate.arrival()
            until = time.monotonic() + seconds
            witness.wait_until(lambda: time.monotonic() > until, "the time is over")
        return witness.facts(client.result())

    def test_a_request_that_ran_longer_than_SlowRequestSeconds_is_an_event(self):
        self.start_host(slow={**ONE, "SlowRequestSeconds": 1}, off={**ONE, "SlowRequestSeconds": 0},
                        patient={**ONE, "SlowRequestSeconds": 600})
        self.good("slow")
        facts = self.run_for("slow", 1.2)
        self.run_for("off", 1.2)
        self.run_for("patient", 1.2)
        event = events.wait_for(self.host, r"\(slow_request\)\.$")
        self.assertEqual((event.type, event.fact("Pool"), event.fact("Address"), event.fact("Worker process")),
                         (events.WARNING, "slow", "/app/x.slow", facts["pid"]))
        self.assertGreaterEqual(float(event.fact("Time").removesuffix(" s")), 1.1)
        self.run_for("slow", 1.2)  # held back
        self.assertEqual(len(events.all_of(self, self.host)), 1)


class Configuration(EventTest):
    def ini(self, wrong, more=""):
        """A good pool, and one with so many wrong lines."""
        return support.ini({"good": "good", "bad": "bad"}, good=ONE, bad=ONE) + \
            "".join(f"Wrong{i}=1\n" for i in range(wrong)) + more

    def start_with(self, text):
        self.host = self.servers.host(text, maps=".good,.bad")

    def check_told(self, title, kind, wrong):
        """Each wrong line is told, once, in events of this title that have a bounded number of lines."""
        def told():
            return [re.search(r"fcgiext\.ini:\d+: error: \[bad\] (\w+): ", line)[1]
                    for event in events.matching(self.host, rf"^{title}( \(continued\))?:$") for line in event.lines[1:-1]]

        witness.wait_until(lambda: len(told()) >= wrong, f"{wrong} lines are told")
        self.assertEqual(told(), [f"Wrong{i}" for i in range(wrong)])
        for event in events.matching(self.host, rf"^{title}"):
            self.assertLessEqual(len(event.lines), 16)
            self.assertEqual(event.type, kind)
            self.assertIsNotNone(event.fact("Host process"))

    def test_each_error_of_the_file_is_told_at_the_start(self):
        self.start_with(self.ini(30))
        self.check_told(r"fcgiext\.ini has errors", events.ERROR, 30)
        self.good("good")

    def test_a_file_that_cannot_be_read_is_told(self):
        self.host = self.servers.host(self.ini(0), "--stdin-commands", maps=".good,.bad")
        self.host.ini.unlink()
        self.assertEqual(witness.ask(self.host, "unload"), "unloaded")
        self.bad("good", "", 500, "config_invalid")
        events.wait_for(self.host, r"^fcgiext\.ini has errors:$", "fcgiext.ini: error: cannot read the file")

    def test_a_changed_file_with_errors_is_told_and_not_taken_and_a_good_one_is(self):
        self.start_with(self.ini(0))
        self.assertEqual(events.of(self.host), [])
        self.host.write_ini(self.ini(14))
        self.check_told(r"fcgiext\.ini was not taken: what was in force stays so", events.ERROR, 14)
        self.good("bad")
        self.host.write_ini(self.ini(0, "QueueLength=7\n"))
        self.assertEqual(events.wait_for(self.host, r"^fcgiext\.ini was read again and is in force\.$").type, events.INFORMATION)
        self.host.write_ini(self.ini(0, "QueueLength=7\nQueueLength=8\n"))
        event = events.wait_for(self.host, r"^fcgiext\.ini was read again and is in force, with problems:$",
                                r"warning: \[bad\] QueueLength: ")
        self.assertEqual(event.type, events.WARNING)


if __name__ == "__main__":
    unittest.main()
