"""FlushNamedPipe and UnhealthyOnQueueFull. (ResponseBufferLimit, by request: test_framing.)"""

import contextlib
import re

import operate
import pages
import support
import witness


class FlushNamedPipe(pages.Misbehaving):
    """A program that leaves a part of the body unread, so that our last write of it hangs, has answered and is busy with something else."""

    LENGTH = 49152 + 65000  # with the request, and in one write that is more than the pipe has room for then

    @classmethod
    def start(cls, servers):
        pools = {f"{keep}{flush}".lower(): {**pages.ONE, "KeepConnections": keep, "FlushNamedPipe": flush}
                 for keep in ("Auto", "Always", "Never") for flush in (0, 1)}
        cls.servers_of_class = servers
        cls.host = servers.host(support.ini({name: name for name in pools}, **pools), "--stdin-commands",
                                maps=",".join("." + name for name in pools))
        cls.operator = operate.Operator(servers, cls.host)

    def check(self, pool, state):
        """The worker's state when the program has answered. Whatever it is, the client has its answer. -> the program's process id"""
        pid = self.good(pool)["pid"]
        with witness.Gate() as gate:
            target = f"/app/x.{pool}?way=end-then-gate&read=0&gate={gate.port}&name=unread"
            client = witness.Background(support.http_request, self.host, target, None, bytes(self.LENGTH))
            gate.arrival().let_go()
            gate.arrival()
            self.assertEqual(witness.facts(client.result())["body"], "0")
            # a session ends with its worker; and then the host sleeps
            witness.wait_until_in_flight(self.servers_of_class, self.host, 1 if state == "busy" else 0)
            self.assertEqual([worker["state"] for worker in self.operator.workers(pool)], [state])
        return pid

    def serves_on(self, pool, pid):
        facts = self.good(pool, "name=next", body=b"x" * 1000)
        self.assertEqual((facts["pid"], facts["name"], facts["body"]), (pid, "next", "1000"))

    def test_with_1_the_write_is_cancelled_when_the_program_has_answered(self):
        for keep in ("auto", "always", "never"):
            with self.subTest(keep):
                self.serves_on(keep + "1", self.check(keep + "1", "connecting"))  # our end is closed

    def test_with_0_a_kept_connection_waits_until_the_program_has_taken_it(self):
        self.check("always0", "busy")
        witness.wait_until_in_flight(self.servers_of_class, self.host, 0)

    def test_with_0_a_connection_that_is_not_kept_does_not_wait(self):
        for keep in ("auto", "never"):
            with self.subTest(keep):
                self.serves_on(keep + "0", self.check(keep + "0", "connecting"))


class UnhealthyOnQueueFull(pages.Page):
    def start_host(self, *options):
        full = {"ExePath": witness.WITNESS, "MaxInstances": 1, "QueueLength": 1}
        self.host = self.servers.host(
            support.ini({"fcgi": "tells", "quiet": "quiet"}, tells={**full, "UnhealthyOnQueueFull": 1}, quiet=full),
            "--stdin-commands", *options, maps=".fcgi,.quiet")

    def reports(self):
        return int(re.search(r"unhealthy=(\d+)", witness.ask(self.host, "status"))[1])

    @contextlib.contextmanager
    def full_queue(self, extension):
        """One request runs and one waits; both end well."""
        with witness.Gate() as gate:
            clients = [witness.Background(support.http_request, self.host, gate.path(name, f"/app/x.{extension}"))
                       for name in ("one", "two")]
            gate.arrival()
            witness.wait_until_in_flight(self.servers, self.host, 2)
            yield
            gate.open()
            self.assertCountEqual([witness.facts(client.result())["name"] for client in clients], ["one", "two"])

    def refused(self, extension, **options):
        self.fetch(f"/app/x.{extension}", 503, "queue_full", **options)

    def each_refusal(self, version):
        self.start_host("--iis", version)
        with self.full_queue("fcgi"):
            self.assertEqual(self.reports(), 0)
            for count in (1, 2, 3):
                self.refused("fcgi")
                self.assertEqual(self.reports(), count)
        self.works("/app/x.fcgi")
        self.assertEqual(self.reports(), 3)
        self.assertRegex(self.host.what_it_said(), r"unhealthy: fcgiext: the queue of the pool \[tells\] is full")

    def test_each_refusal_of_a_full_queue_is_reported_to_iis_6(self):
        self.each_refusal("6")

    def test_each_refusal_of_a_full_queue_is_reported_to_iis_7(self):
        self.each_refusal("7")

    def test_without_it_nothing_is_reported(self):
        self.start_host()
        with self.full_queue("quiet"):
            self.refused("quiet")
        self.assertEqual(self.reports(), 0)

    def test_bodies_that_are_taken_in_count_too(self):
        self.start_host()
        with support.RawConnection(self.host) as raw:
            raw.send(b"POST /app/x.fcgi HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
            raw.read_until(b"100 Continue\r\n\r\n")
            with support.Connection(self.host) as connection:
                self.check(connection.request("/app/x.fcgi", "POST", iter([b"abc"]), {"Transfer-Encoding": "chunked"}, chunked=True),
                           503, "queue_full")
            self.assertEqual(self.reports(), 1)

    def test_iis_5_1_cannot_be_told(self):
        self.start_host("--iis", "5.1")
        with self.full_queue("fcgi"):
            self.refused("fcgi")
        self.assertEqual(self.reports(), 0)
        self.works("/app/x.fcgi")


if __name__ == "__main__":
    support.unittest.main()
