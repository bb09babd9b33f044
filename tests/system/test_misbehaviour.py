"""Programs that do wrong what a program can do wrong (tests/helpers/misbehave.c): each client is told, and all else goes on.

row_NN: the fault of this number in the list of those that FastCGI servers have had before.
"""

import concurrent.futures
import http.client
import os
import re
import signal
import subprocess
import sys
import threading

import pages
import support
import witness
from pages import MISBEHAVE, ONE, Misbehaving

sys.path.insert(0, str(support.ROOT / "tests"))
import fcgi_client  # noqa: E402


class EndOfConnection(Misbehaving):
    def test_row_9_end_of_connection_in_the_middle_of_a_record(self):
        """In each byte of the header, in the content, between the records, in END_REQUEST."""
        places = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50]
        self.start_host(pool={**ONE, "MaxInstances": len(places), "RapidFailsPerMinute": 1000})
        whole = len(support.http_request(self.host, "/app/x.pool").body)  # and about so much longer is the answer to the worker
        places += [whole + 40, whole + 60]
        support.in_parallel(len(places), lambda i: self.bad("pool", f"way=eof&at={places[i]}", 500, "connection_closed"))
        self.assertEqual(self.good("pool", "name=after")["name"], "after")

    def test_row_9_end_of_connection_when_a_part_is_out(self):
        self.start_host(pool={**ONE, "ResponseBufferLimit": 0})
        before = self.good("pool")
        with self.assertRaises(http.client.IncompleteRead) as caught:
            support.http_request(self.host, "/app/x.pool?way=eof&at=80")
        self.assertTrue(caught.exception.partial.startswith(b"pid="), caught.exception.partial)
        self.replaced(before, "pool")


class Death(Misbehaving):
    """Row 17: when the worker dies, and what its client is told. The pools allow no failure but the one of the case."""

    def dies_once(self, way, **options):
        file = self.token()
        self.start_host(pool={**ONE, "Arguments": self.once(file, way, code=7), "RapidFailsPerMinute": 1})
        self.assertEqual(self.bad("pool", "", 500, "worker_exited", **options)["Exit code"], "7 (0x00000007)")
        self.assertFalse(file.exists())
        self.assertEqual(self.good("pool", "name=next", **options)["name"], "next")

    def test_row_17_before_it_connects(self):
        self.dies_once("exit-at-start")

    def test_row_17_after_it_has_connected(self):
        self.dies_once("exit-after-connect")

    def test_row_17_after_begin_request(self):
        self.dies_once("exit-after-begin")

    def test_row_17_after_begin_request_of_a_long_body(self):
        self.dies_once("exit-after-begin", body=bytes(1_000_000))

    def test_row_17_after_half_of_stdin(self):
        self.start_host(pool={**ONE, "RapidFailsPerMinute": 10})
        before = self.good("pool")
        for length in (100, 200_000, 3_000_000):
            body = os.urandom(length)
            details = self.bad("pool", "way=exit-in-stdin&code=7", 500, "worker_exited", body=body)
            self.assertEqual(details["Exit code"], "7 (0x00000007)")
            before = self.replaced(before, "pool", body=body)
            self.assertEqual(before["body"], str(length))

    def test_row_17_after_the_headers(self):
        self.start_host(pool={**ONE, "RapidFailsPerMinute": 1}, direct={**ONE, "ResponseBufferLimit": 0})
        before = self.good("pool")
        details = self.bad("pool", "way=exit-after-headers&code=7", 500, "worker_exited")
        self.assertEqual(details["Exit code"], "7 (0x00000007)")
        self.replaced(before, "pool")
        before = self.good("direct")
        with self.assertRaises(http.client.IncompleteRead) as caught:
            support.http_request(self.host, "/app/x.direct?way=exit-after-headers")
        self.assertEqual(caught.exception.partial, b"the first half\n")
        self.replaced(before, "direct")

    def test_row_17_after_end_request_before_it_is_idle(self):
        """No failure at all: the answer is whole, and each request after it is answered."""
        self.start_host(pool={**ONE, "RapidFailsPerMinute": 0})
        pids = set()
        with support.Connection(self.host) as connection:
            for i in range(40):  # not always the same number of requests before the exit: that would be learned
                way = "exit-after-end" if i % 3 == 0 or i % 7 == 0 else ""
                facts = witness.facts(connection.request(f"/app/x.pool?name={i}&way={way}" if way else f"/app/x.pool?name={i}"))
                self.assertEqual(facts["name"], str(i))
                pids.add(facts["pid"])
        self.assertGreater(len(pids), 10)

    def test_row_17_crash(self):
        self.start_host(pool=ONE)
        before = self.good("pool")
        self.assertEqual(self.bad("pool", "way=crash", 500, "worker_crashed")["Exit code"], "3221225477 (0xC0000005)")
        self.replaced(before, "pool")


class RapidFail(Misbehaving):
    REQUESTS, ALLOWED = 1000, 3

    def processor_seconds(self):
        fields = open(f"/proc/{witness.host_process(self.servers)}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_row_18_a_program_that_exits_at_start(self):
        log = self.servers.folder / "starts"
        self.start_host("--stdin-commands", good=ONE, pool={
            **ONE, "MaxInstances": 4, "RapidFailsPerMinute": self.ALLOWED,
            "Arguments": f"way=exit-at-start code=9 log={support.windows_path(log)}"})
        self.good("good")
        before = self.processor_seconds()

        def client(_):
            causes = []
            with support.Connection(self.host) as connection:
                for _ in range(self.REQUESTS // 4):
                    answer = connection.request("/app/x.pool")
                    causes.append(pages.reason(answer))
                    last = answer
            return causes, last

        results = support.in_parallel(4, client)
        causes = [cause for result, _ in results for cause in result]
        self.assertEqual(len(causes), self.REQUESTS)
        self.assertLessEqual(set(causes), {"worker_exited", "rapid_fail"})
        for _, last in results:
            details = self.check(last, 503, "rapid_fail")
            self.assertIn("ended before", details["First cause"])
            self.assertEqual(details["Exit code"], "9 (0x00000009)")
            self.assertLessEqual(int(last.headers["Retry-After"]), 60)
        # The minute may be over once on a slow machine, and the last starts may have been four at a time.
        self.assertLessEqual(len(log.read_bytes()), 2 * (self.ALLOWED + 4))
        self.assertGreater(len(log.read_bytes()), self.ALLOWED)
        self.assertGreater(causes.count("rapid_fail"), self.REQUESTS * 0.9)
        witness.wait_until_in_flight(self.servers, self.host, 0)  # nothing spins
        self.assertLess(self.processor_seconds() - before, 20)
        self.good("good")


class EndOfRequest(Misbehaving):
    def test_row_21_silent_after_end_request_on_a_kept_connection(self):
        """The next request has no other process: it is timed out, gets no other's answer, and the one after it is served."""
        self.start_host(pool={**ONE, "ActivityTimeout": 1})
        before = self.good("pool", "name=first&way=end-then-silent")
        self.assertEqual((before["name"], before["kept"]), ("first", "1"))
        details = self.bad("pool", "name=second", 500, "activity_timeout")
        self.assertEqual(details["Pool"], "pool")
        self.assertEqual(self.replaced(before, "pool", "name=third")["name"], "third")

    def early(self, most):
        """Answers while stdin is still coming. -> its facts, and those of the next request"""
        self.start_host(pool={**ONE, "MaxInstances": most, "ActivityTimeout": 1})
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /app/x.pool?name=early&way=end-then-silent&read=1000 HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 1000000\r\n\r\n" + bytes(200_000))
            head = raw.read_until(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
            body = raw.read_until(b"name=early\n").decode()
            after = [self.good("pool", f"name={i}") for i in range(3)]
        self.assertEqual([facts["name"] for facts in after], ["0", "1", "2"])
        self.assertNotIn(re.search(r"pid=(\d+)", body)[1], [facts["pid"] for facts in after])

    def test_row_21_end_request_early_then_silent_with_another_process(self):
        self.early(2)

    def test_row_21_end_request_early_then_silent_and_no_other_process(self):
        self.early(1)

    def test_end_request_early_and_the_process_stays(self):
        self.start_host(pool=ONE)
        body = os.urandom(1_000_000)
        facts = [self.good("pool", f"name={i}&read=1000", body=body) for i in range(3)]
        facts.append(self.good("pool", "name=3", body=body))
        self.assertEqual([one["name"] for one in facts], list("0123"))
        self.assertEqual([one["requests"] for one in facts], list("1234"))
        self.assertEqual(facts[-1]["body"], str(len(body)))

    def test_more_bytes_than_the_answer_are_nobodys_answer(self):
        self.start_host(pool=ONE)
        before = self.good("pool", "name=first&way=more-after-end")
        self.assertEqual(before["name"], "first")
        before = self.replaced(before, "pool", "name=second&way=more-when-idle")
        self.assertEqual(before["name"], "second")
        witness.wait_until(lambda: not witness.processes(self.servers, MISBEHAVE), "the process that nobody asked ends")
        self.assertEqual(self.replaced(before, "pool", "name=third")["name"], "third")

    def test_what_comes_late_is_not_the_answer_to_the_next_request(self):
        """It is asked for at once, before anybody has looked whether the idle connection is quiet. It may fail, and says why."""
        self.start_host(pool=ONE)
        for i in range(5):
            with witness.Gate() as gate, concurrent.futures.ThreadPoolExecutor() as clients:
                late = clients.submit(support.http_request, self.host, f"/app/x.pool?name=late-{i}&way=more-when-idle&gate={gate.port}")
                gate.arrival().let_go()
                gate.arrival()  # now the bytes that nobody asked for are in the pipe
                answer = support.http_request(self.host, f"/app/x.pool?name=next-{i}").text
                gate.open()
                self.assertIn(f"name=late-{i}\n", late.result().text)
            self.assertNotIn("name=late", answer)
            self.assertTrue(f"name=next-{i}\n" in answer or "a request that was not sent" in answer, answer)

    def test_a_program_that_lives_on_one_connection(self):
        """It never calls ConnectNamedPipe: the first connection must have been made before it was started."""
        self.start_host(pool={**ONE, "Arguments": "way=one-connection", "RapidFailsPerMinute": 0})
        with support.Connection(self.host) as connection:
            facts = [witness.facts(connection.request(f"/app/x.pool?name={i}", body=b"x" if i % 10 == 9 else None))
                     for i in range(40)]
        self.assertEqual([one["name"] for one in facts], [str(i) for i in range(40)])
        self.assertEqual([int(one["requests"]) for one in facts], [i % 10 + 1 for i in range(40)])

    def test_a_silent_program_and_the_requests_behind_it(self):
        self.start_host(pool={**ONE, "ActivityTimeout": 1})
        self.good("pool")
        with witness.Gate() as gate:
            silent = witness.Background(self.bad, "pool", f"way=silent&gate={gate.port}", 500, "activity_timeout")
            gate.arrival()
            others = [witness.Background(self.good, "pool", f"name={i}") for i in range(4)]
            gate.open()
            self.assertIn("Program", silent.result())
            self.assertEqual([other.result()["name"] for other in others], list("0123"))


class Upload(Misbehaving):
    LENGTH = 100 * 1024 * 1024

    def upload(self, path, length):
        """-> the answer; its bytes are read while the body is sent, as long as the host takes them"""
        with support.RawConnection(self.host) as raw:
            def send():
                piece = bytes(1024 * 1024)
                try:
                    for _ in range(length // len(piece)):
                        raw.send(piece)
                except OSError:
                    pass  # the host wants no more of it

            raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            answer = raw.read_until(b"name=upload\n")
            raw.socket.shutdown(2)
            sender.join(support.SECONDS)
            self.assertFalse(sender.is_alive())
        return answer

    def test_row_25_a_program_that_never_reads_its_stdin(self):
        pools = {"plain": {}, "flushed": {"FlushNamedPipe": 1}, "kept": {"KeepConnections": "Always"},
                 "unbuffered": {"ResponseBufferLimit": 0}}
        self.start_host(**{name: {**ONE, **properties, "RapidFailsPerMinute": 0} for name, properties in pools.items()})
        for pool in pools:
            with self.subTest(pool):
                pid = self.good(pool)["pid"]
                for _ in range(2):
                    answer = self.upload(f"/app/x.{pool}?way=no-stdin&name=upload", self.LENGTH)
                    self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
                    self.assertIn(b"\nbody=0\n", answer)
                    facts = self.good(pool, "name=next", body=b"x" * 100_000)
                    self.assertEqual((facts["name"], facts["body"]), ("next", "100000"))
                    self.assertEqual(facts["pid"], pid)

    def test_row_25_however_completions_come(self):
        for options in (["--completions", "inline"], ["--completions", "late"], ["--iis", "5.1"]):
            with self.subTest(options):
                self.start_host(*options, pool={**ONE, "RapidFailsPerMinute": 0})
                pid = self.good("pool")["pid"]
                self.assertIn(b"\nbody=0\n", self.upload("/app/x.pool?way=no-stdin&name=upload", self.LENGTH))
                self.assertEqual(self.good("pool")["pid"], pid)

    def test_failures_while_the_body_is_coming(self):
        self.start_host(pool={**ONE, "ActivityTimeout": 1, "RapidFailsPerMinute": 1000})
        causes = {"garble-version": "protocol", "eof&at=5": "connection_closed", "status&at=77": "protocol", "status&at=2": "overloaded",
                  "exit-after-headers": "worker_exited", "crash": "worker_crashed", "silent": "activity_timeout"}
        for way, cause in causes.items():
            with self.subTest(way), support.RawConnection(self.host) as raw:
                raw.send(f"POST /app/x.pool?read=1000&way={way} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())
                raw.send(bytes(400_000))  # more than there is room for on the way to the program
                head = raw.read_until(b"\r\n\r\n").decode()
                self.assertRegex(head, "^HTTP/1.1 50[03] ")
                self.assertIn(f"X-Fcgiext-Reason: {cause}\r\n", head)
                self.assertEqual(self.good("pool", f"name={cause}")["name"], cause)

    def test_row_28_bodies_of_records_for_a_program_that_ignores_them(self):
        """Many clients at once on few processes with kept connections: each request is answered once, and there are no others."""
        clients, each = 6, 20
        self.start_host(pool={"ExePath": witness.WITNESS, "MaxInstances": 2, "RapidFailsPerMinute": 0})
        evil = fcgi_client.encode_request(fcgi_client.cgi_params("/app/x.pool", "name=evil"), keep=True)

        def client(number):
            result = []
            with support.Connection(self.host) as connection:
                for i in range(each):
                    body = fcgi_client.record(fcgi_client.STDIN) + evil * (1 + 40 * i) if i % 2 else None
                    name = f"{number}-{i}"
                    facts = witness.facts(connection.request(f"/app/x.pool?name={name}", body=body))
                    self.assertEqual((facts["name"], facts["kept"]), (name, "0" if body else "1"))
                    result.append((facts["pid"], int(facts["requests"])))
            return result

        seen = [one for result in support.in_parallel(clients, client) for one in result]
        self.assertEqual(len(seen), len(set(seen)))
        for pid in {pid for pid, _ in seen}:
            numbers = sorted(number for one, number in seen if one == pid)
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertLessEqual(len({pid for pid, _ in seen}), 2)


class Family(Misbehaving):
    """Row 22: the child is started as the program's first act; that a job had taken the program in before is seen by its end."""

    def start_family(self, **properties):
        self.start_host(pool={**ONE, "Arguments": "way=spawn", **properties})
        facts = self.good("pool")
        witness.wait_until(lambda: len(witness.processes(self.servers, MISBEHAVE)) == 2, "program and child bear their own name")
        both = witness.processes(self.servers, MISBEHAVE)
        self.assertEqual(sorted(re.findall("way=(spawn|stay)", " ".join(both.values()))), ["spawn", "stay"])
        return facts

    def host_dies(self, kill):
        self.start_family()
        kill()
        self.host.process.wait(support.SECONDS)
        witness.wait_until_gone(self.servers, MISBEHAVE)
        self.servers.hosts.remove(self.host)

    def test_row_22_a_host_that_is_killed_takes_grandchildren_along(self):
        self.host_dies(lambda: os.kill(witness.host_process(self.servers), signal.SIGKILL))

    def test_row_22_a_host_that_is_ended_with_terminate_process_takes_grandchildren_along(self):
        command = ["wine", "taskkill", "/f", "/im", "isapihost.exe"]
        self.host_dies(lambda: subprocess.run(command, env=self.servers.run.environment({}), check=True, capture_output=True,
                                              timeout=support.SECONDS, stdin=subprocess.DEVNULL))

    def test_row_22_grandchildren_of_a_program_that_crashes(self):
        before = self.start_family()
        self.bad("pool", "way=crash", 500, "worker_crashed")
        witness.wait_until_gone(self.servers, MISBEHAVE)
        self.replaced(before, "pool")

    def test_row_22_grandchildren_of_a_program_that_ends_by_itself(self):
        before = self.start_family(RapidFailsPerMinute=0)
        self.good("pool", "way=exit-after-end")
        witness.wait_until_gone(self.servers, MISBEHAVE)
        self.replaced(before, "pool")

    def test_a_program_that_ignores_the_shutdown_event_is_ended(self):
        signalled = {**ONE, "IdleTimeout": 1, "SignalBeforeTerminateSeconds": 1}
        self.start_host(deaf={**signalled, "Arguments": "way=ignore-event"}, family={**signalled, "Arguments": "way=spawn"})
        for pool in ("deaf", "family"):
            self.good(pool)
        witness.wait_until_gone(self.servers, MISBEHAVE)
        for pool in ("deaf", "family"):
            self.good(pool)
        self.assertEqual(self.servers.stop_host(self.host), "")
        witness.wait_until_gone(self.servers, MISBEHAVE)
