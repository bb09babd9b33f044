"""The real DLL under tests/helpers/ecb_driver, a host without HTTP that watches the rules of ISAPI, breaks what a host can break, and
holds as many requests at once as asked."""

import re
import subprocess
import tempfile
import unittest

import support

DRIVER = support.HELPERS / "ecb_driver.exe"


def ini(instances=1):
    # one process for all requests of a measurement, however many
    properties = {"MaxInstances": instances, "QueueLength": 20000, "InstanceMaxRequests": 1000000}
    return support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER, **properties})


class EcbDriver(support.SystemTest):
    def run_driver(self, *arguments, ini_text=ini(), seconds=200):
        """That no process is left is checked when the case ends."""
        path = self.servers.folder / "fcgiext.ini"
        path.write_text(ini_text)
        environment = self.servers.run.environment({"FCGIEXT_INI": support.windows_path(path)})
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            # Not pipes: a conhost of Wine's, whose program was ended as it began, may live on and hold them open.
            done = subprocess.run(["wine", str(DRIVER), *map(str, arguments)], env=environment, stdout=out, stderr=err,
                                  timeout=seconds, stdin=subprocess.DEVNULL, check=False)
            for stream in (out, err):
                stream.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        return done

    def drive(self, *arguments, **options):
        """-> its output; fails unless it says that no rule was broken"""
        done = self.run_driver(support.windows_path(support.BIN / "fcgiext.dll"), *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no rule was broken", done.stdout)
        return done.stdout

    def numbers(self, pattern, text):
        match = re.search(pattern, text)
        self.assertIsNotNone(match, f"no {pattern!r} in\n{text}")
        return [int(group) for group in match.groups()]


class Rules(EcbDriver):
    """Each rule that the driver watches: does it see a breach?"""

    BREACHES = {
        "call-after-end": "GetServerVariable after the end of the session",
        "done-twice": "ServerSupportFunction after the end of the session",
        "status-after-done": "the session ended twice",
        "read-after-end": "the ECB is touched after the end of the session",
        "write-after-end": "the ECB is touched after the end of the session",
        "done-while-sending": "the session ended with an operation outstanding",
        "no-completion": "an asynchronous operation without a completion callback",
        "two-operations": "two operations outstanding",
        "two-reads": "two operations outstanding",
        "headers-while-reading": "headers with an operation outstanding",
        "headers-twice": "headers sent twice",
        "no-headers": "a body before the headers",
        "write-without-headers": "a body before the headers",
        "send-after-final": "a send after the final one",
        "other-status": "dwHttpStatusCode is 404, sent was 200",
        "blocking-send": "a send that may block",
        "blocking-write": "a write that may block",
        "blocking-read": "a read that may block",
        "never-ends": "1 requests are open after TerminateExtension",
    }

    def test_each_breach_is_seen(self):
        for name, rule in self.BREACHES.items():
            with self.subTest(name):
                done = self.run_driver("-", "breach", name)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                self.assertIn(f"ecb_driver: rule: {rule}", done.stderr.splitlines())

    def test_an_extension_that_keeps_the_rules_is_not_accused(self):
        done = self.run_driver("-", "breach", "none")
        self.assertEqual(done.returncode, 0, done.stderr)


class Failures(EcbDriver):
    def faults(self, mode, count=10):
        """Each request ends exactly once, whatever the host refuses or breaks."""
        text = self.drive("faults", mode, count)
        rows = re.findall(r"fault (\S+): ended (\d+) refused (\d+) silent (\d+) 2xx (\d+)", text)
        self.assertEqual(len(rows), 14, text)
        answered = {name: int(good) for name, _, _, _, good in rows}
        for name, ended, *_ in rows:
            self.assertEqual(int(ended), count, name)
        for name in ("none", "no-vector-send", "sync-read", "no-variables", "no-exec-url", "exec-url-breaks"):
            self.assertEqual(answered[name], count, name)
        for name in ("no-io-completion", "no-send", "no-reason", "no-token"):
            self.assertEqual(answered[name], 0, name)
        for name in ("no-read", "read-breaks", "read-ends"): # every other request's body is in the ECB already
            self.assertEqual(answered[name], count // 2, name)

    def test_host_failures_when_completions_come_inside_the_call(self):
        self.faults("inline")

    def test_host_failures_when_completions_come_on_a_thread(self):
        self.faults("thread")

    def test_host_failures_when_completions_come_late(self):
        self.faults("late")

    def test_clients_vanish_while_they_wait_send_or_receive(self):
        text = self.drive("vanish", "late", 20)
        self.assertEqual(self.numbers(r"body silent (\d+) good (\d+)", text), [4, 0])
        self.assertEqual(self.numbers(r"answer silent (\d+) good (\d+)", text), [0, 4])  # their headers went out
        left, leave, probes = self.numbers(r"queue left (\d+) of (\d+) after (\d+) probes", text)
        self.assertEqual((left, leave), (10, 10), text)
        self.assertGreaterEqual(probes, leave)
        self.assertEqual(self.numbers(r"then good (\d+)", text), [11])  # those that stayed, and the one that held the worker
        served, wanted = self.numbers(r"served (\d+) of (\d+) by the same worker", text)
        self.assertEqual(served, wanted, "requests whose clients left the queue never reach the worker")


class Paths(EcbDriver):
    """Paths that isapihost refuses itself, and IIS mostly: from a host that hands them on."""

    SCRIPT = r"C:\site\app\x.fcgi"
    SERVED = ("plain", "empty path info", "empty path info and translation", "slash behind", "tricks behind")
    REFUSED = {15: ("newline", "newline in the script"),
               16: ("picture", "dot", "space", "stream", "short name", "folder with a dot", "parent", "backslash")}

    def check(self, row):
        any_extension = support.ini({"*": "echo"}, echo={"ExePath": support.RESPONDER, "MaxInstances": 1})
        text = self.drive("paths", "thread", ini_text=any_extension)
        rows = re.findall(r"path (.*): 2xx (\d) 4xx (\d) file '(.*)'", text)
        seen = {what: (int(good), int(refused), file) for what, good, refused, file in rows}
        self.assertCountEqual(seen, [*self.SERVED, *self.REFUSED[15], *self.REFUSED[16]])
        for what in self.SERVED:
            self.assertEqual(seen[what], (1, 0, self.SCRIPT), what)
        for what in self.REFUSED[row]:
            self.assertEqual(seen[what], (0, 1, ""), what)

    def test_row_15_an_empty_path_info_and_a_newline(self):
        self.check(15)

    def test_row_16_names_that_windows_opens_as_others(self):
        self.check(16)


class Variables(EcbDriver):
    def test_header_fields_are_passed_on_whole_or_the_request_is_refused(self):
        text = self.drive("lengths", "thread", 1000, 100_000, 400_000, 600_000, 1_000_000, 1_100_000, 8_000_000)
        rows = [tuple(map(int, row)) for row in re.findall(r"length (\d+): status (\d+), (\d+) bytes sent", text)]
        self.assertEqual([length for length, _, _ in rows], [1000, 100_000, 400_000, 600_000, 1_000_000, 1_100_000, 8_000_000])
        for length, status, sent in rows:
            self.assertEqual(status, 200 if length <= 400_000 else 413, text)
            if status == 200:
                self.assertGreater(sent, length, text)  # the page repeats them

    def test_after_url_rewrite_a_program_sees_the_url_before_it(self):
        variables = self.drive("rewritten", "thread").splitlines()
        for line in ("REQUEST_URI=/nice/%C3%A4?a=b", "UNENCODED_URL=/nice/%C3%A4?a=b", "HTTP_X_ORIGINAL_URL=/nice/%C3%A4?a=b",
                     "IIS_WasUrlRewritten=1", "SCRIPT_NAME=/app/x.fcgi", "URL=/app/x.fcgi"):
            self.assertIn(line, variables)


class Load(EcbDriver):
    def test_ten_thousand_requests_wait_in_little_memory_and_all_end(self):
        text = self.drive("waiting", 10000)
        memory, = self.numbers(r"memory (\d+) bytes a request", text)
        self.assertLessEqual(memory, 8 * 1024, text)  # with its variables
        ended, begun = self.numbers(r"(\d+) of (\d+) ended", text)
        self.assertEqual(ended, begun)
        self.assertGreater(begun, 10000)

    def test_costs_are_measured_with_few_and_many_waiting(self):
        """The figures are for people; test_pool_cost.c has what can be asserted. All requests end, and in time."""
        text = self.drive("cost", 1, 10, 1000)
        self.assertEqual(re.findall(r"cost (\d+): arrival \d+ ns \([\d.]+\), hand-off \d+ ns \([\d.]+\)", text), ["10", "1000"], text)

    def test_a_small_get_on_a_kept_connection_is_one_write_at_most_two_reads_and_no_open(self):
        for mode in ("inline", "thread", "late"):
            with self.subTest(mode):
                text = self.drive("io", mode, 100)
                writes, reads, opens = self.numbers(r"writes (\d+) reads (\d+) opens (\d+)", text)
                self.assertEqual((writes, opens), (100, 0), text)
                self.assertTrue(99 <= reads <= 200, text)  # the read of the idle worker may belong to the next request

    def test_row_29_a_hundred_load_and_unload_cycles_under_requests(self):
        """After each the driver looks for workers and for the pipe of one of them; all pipes have handles here or there."""
        text = self.drive("cycles", 100, ini_text=ini(instances=3))
        handles, handles_after, threads, threads_after = self.numbers(r"handles (\d+) to (\d+), threads (\d+) to (\d+)", text)
        self.assertLessEqual(handles_after, handles, text)
        self.assertLessEqual(threads_after, threads, text)
        self.assertGreater(handles, 0)


if __name__ == "__main__":
    unittest.main()
