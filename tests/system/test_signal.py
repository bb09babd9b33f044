"""SignalBeforeTerminateSeconds: the shutdown event comes when a process is to go, whatever the reason, and never while its request can
still be answered; the program has its time to clean up; one that does not use it is terminated.

The programs go to a gate when they see the event, and say what they were doing: as long as they are there they are not terminated."""


import operate
import pages
import support
import witness

FOR_EVER = 3600  # seconds: who is terminated after that fails the test
TERMINATED = 1  # exit code


class Base(operate.OperateTest):
    """Pool: its only process is PROGRAM with ARGUMENTS."""

    def setUp(self):
        super().setUp()
        self.cleanup = witness.Gate()  # where programs clean up
        self.inside = witness.Gate()  # where requests are

    def tearDown(self):
        self.inside.open()
        self.cleanup.open()  # or the host would wait for the processes that it ends now

    def ini(self, **properties):
        pool = {"ExePath": self.PROGRAM, "Arguments": f"cleanup={self.cleanup.port} {self.ARGUMENTS}", "MaxInstances": 1,
                "SignalBeforeTerminateSeconds": FOR_EVER, **properties}
        return support.ini({"fcgi": "pool"}, pool=pool)

    def begin(self, *options, **properties):
        """-> the process id"""
        self.start_host(self.ini(**properties), "--stdin-commands", *options)
        return int(self.good("/app/x.fcgi")["pid"])

    def cleans_up(self, doing):
        """The process is at the gate. -> to be let go"""
        visitor = self.cleanup.arrival()
        self.assertEqual(visitor.name, doing)
        return visitor

    def exit_of(self, pid):
        """-> how it ended: code, expected"""
        found = witness.wait_until(lambda: [one for one in self.operator.exits("pool") if one["pid"] == pid], "the process has ended")
        return found[0]["code"], found[0]["expected"]

    def ends(self, pid, visitor):
        """It is not terminated before it has cleaned up."""
        self.assertIn(pid, [worker["pid"] for worker in self.operator.workers("pool")])
        visitor.let_go()
        self.assertEqual(self.exit_of(pid), (0, True))


class Occasions:
    """The classes at the end are the tests."""

    def test_idle_timeout(self):
        pid = self.begin(IdleTimeout=1)
        self.ends(pid, self.cleans_up("idle after 1"))

    def test_max_requests(self):
        pid = self.begin(InstanceMaxRequests=3)
        for _ in range(2):
            self.assertTrue(self.cleanup.nobody_waits())
            self.assertEqual(int(self.good("/app/x.fcgi")["pid"]), pid)
        visitor = self.cleans_up("idle after 3")
        self.assertNotEqual(int(self.good("/app/x.fcgi")["pid"]), pid)  # nobody waits for it
        self.ends(pid, visitor)

    def replaced(self, pid, trigger):
        """The process goes when its request is answered, not before: another one has taken its place meanwhile."""
        client = self.background(self.inside.path("last"))
        visitor = self.inside.arrival()
        trigger()
        witness.wait_until(lambda: int(self.good("/app/x.fcgi")["pid"]) != pid, "another process serves")
        self.assertTrue(self.cleanup.nobody_waits())
        visitor.let_go()
        facts = witness.facts(client.result())
        self.assertEqual((int(facts["pid"]), facts["name"]), (pid, "last"))
        self.ends(pid, self.cleans_up("idle after 2"))

    def test_a_change_of_the_ini(self):
        pid = self.begin()
        self.replaced(pid, lambda: self.host.write_ini(self.ini(EnvironmentVars="A:1")))

    def test_a_monitored_file(self):
        file = self.servers.folder / "monitored.txt"
        pid = self.begin(MonitorChangesTo=file)
        self.replaced(pid, lambda: file.write_text("1"))

    def test_recycle(self):
        pid = self.begin()
        self.replaced(pid, lambda: self.operator.do("recycle", "pool"))

    def test_shut_down(self):
        pid = self.begin()
        self.check_shut_down(pid, "unload", "idle after 1")

    def check_shut_down(self, pid, command, doing):
        """There is nobody to be asked any more: isapihost says `unloaded` when the process has ended."""
        unloading = witness.Background(witness.ask, self.host, command)
        visitor = self.cleans_up(doing)
        self.assertFalse(unloading.done())
        self.assertEqual(len(witness.processes(self.servers, self.PROGRAM)), 1, pid)
        visitor.let_go()
        self.assertEqual(unloading.result(), "unloaded")
        witness.wait_until_gone(self.servers, self.PROGRAM)

    def at_once(self, trigger, status, cause):
        """A request that will not be answered is ended first: its client has been told, and then the process gets the event."""
        client = self.background(self.inside.path("late"))
        visitor = self.inside.arrival()
        self.assertTrue(self.cleanup.nobody_waits())
        trigger()
        answer = client.result()
        self.assertEqual((answer.status, pages.reason(answer)), (status, cause), answer)
        if self.PATIENT:
            visitor.let_go()
        return self.cleans_up(self.LATE)

    def test_after_a_time_out(self):
        pid = self.begin(RequestTimeout=2)
        self.ends(pid, self.at_once(lambda: None, 500, "request_timeout"))

    def test_recycle_now(self):
        pid = self.begin()
        self.ends(pid, self.at_once(lambda: self.operator.do("recycle", "pool", "--now"), 503, "recycled"))

    def test_shut_down_now(self):
        self.begin()
        unloading = []
        visitor = self.at_once(lambda: unloading.append(witness.Background(witness.ask, self.host, "unload now")), 503, "shutting_down")
        self.assertFalse(unloading[0].done())
        visitor.let_go()
        self.assertEqual(unloading[0].result(), "unloaded")
        witness.wait_until_gone(self.servers, self.PROGRAM)


class Libfcgi(Occasions, Base):
    """It obeys at once, even in the middle of a request."""

    PROGRAM, ARGUMENTS = witness.WITNESS, ""
    PATIENT, LATE = False, "busy after 2"


class LikePhp(Occasions, Base):
    """It looks at the event when it has no connection, and then sleeps until one comes."""

    PROGRAM, ARGUMENTS = pages.MISBEHAVE, "way=poll-event"
    PATIENT, LATE = True, "idle after 2"


class Unwilling(Base):
    PROGRAM, ARGUMENTS = pages.MISBEHAVE, ""

    def lived(self, pid):
        return [one["lived_seconds"] for one in self.operator.exits("pool") if one["pid"] == pid][0]

    def test_one_that_ignores_the_event_is_terminated_after_the_time(self):
        pid = self.begin(Arguments="way=ignore-event", IdleTimeout=1, SignalBeforeTerminateSeconds=2)
        self.assertEqual(self.exit_of(pid), (TERMINATED, True))
        self.assertGreaterEqual(self.lived(pid), 3)

    def test_one_that_does_not_come_to_the_end_of_its_clean_up_is_terminated_after_the_time(self):
        pid = self.begin(IdleTimeout=1, SignalBeforeTerminateSeconds=2)
        self.cleans_up("idle after 1")
        self.assertEqual(self.exit_of(pid), (TERMINATED, True))
        self.assertGreaterEqual(self.lived(pid), 3)

    def test_without_it_a_process_is_terminated_at_once(self):
        pid = self.begin(IdleTimeout=1, SignalBeforeTerminateSeconds=0)
        self.assertEqual(self.exit_of(pid), (TERMINATED, True))
        self.assertTrue(self.cleanup.nobody_waits())

    def test_unloading_waits_no_longer_than_that(self):
        self.begin(Arguments="way=ignore-event", SignalBeforeTerminateSeconds=1)
        self.assertEqual(witness.ask(self.host, "unload"), "unloaded")
        witness.wait_until_gone(self.servers, pages.MISBEHAVE)


if __name__ == "__main__":
    support.unittest.main()
