"""MinInstances, QueueTimeout, MaxLifetime, MaxPrivateBytes: what a pool keeps, whom it lets wait, and what it replaces."""

import contextlib
import os
import signal
import threading

import operate
import pages
import support
import witness

MIB = 1 << 20


class Spares(support.SystemTest):
    """MinInstances"""

    def start_host(self, **properties):
        look = {"ExePath": witness.WITNESS, "MinInstances": 2, "MaxInstances": 4, "IdleTimeout": 1, **properties}
        clock = {"ExePath": pages.MISBEHAVE, "IdleTimeout": 2}
        self.host = self.servers.host(support.ini({"spare": "spare", "clock": "clock"}, spare=look, clock=clock), "--stdin-commands",
                                      maps=".spare,.clock")

    def spares(self):
        return witness.processes(self.servers, witness.WITNESS)

    def wait_for_spares(self, count=2):
        """-> their ids"""
        witness.wait_until(lambda: len(self.spares()) == count, f"there are {count} processes")
        return set(self.spares())

    def ask(self, path):
        return witness.facts(support.http_request(self.host, path))

    def let_an_idle_timeout_pass(self):
        """Two of it: that of another pool is as long."""
        self.ask("/app/x.clock")
        witness.wait_until_gone(self.servers, pages.MISBEHAVE)

    def test_they_are_there_before_the_first_request_and_it_needs_no_start(self):
        self.start_host()
        before = self.wait_for_spares()
        self.assertEqual(self.ask("/app/x.spare")["requests"], "1")
        self.assertEqual(set(self.spares()), before)

    def test_the_idle_timeout_ends_all_but_them(self):
        self.start_host()
        self.wait_for_spares()
        with witness.Gate() as gate:
            clients = [witness.Background(self.ask, gate.path(str(i), "/app/x.spare")) for i in range(4)]
            for _ in clients:
                gate.arrival()
            self.assertEqual(len(self.spares()), 4)
            gate.open()
            for client in clients:
                client.result()
        kept = self.wait_for_spares()
        self.let_an_idle_timeout_pass()
        self.assertEqual(set(self.spares()), kept)

    def test_one_that_is_killed_is_replaced(self):
        self.start_host()
        before = self.wait_for_spares()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        witness.wait_until(lambda: victim not in self.spares() and len(self.spares()) == 2, "there are two again")
        self.assertEqual(len(before & self.wait_for_spares()), 1)

    def test_a_new_number_holds_without_a_restart(self):
        self.start_host()
        before = self.wait_for_spares()
        self.host.write_ini(self.host.ini.read_text().replace("MinInstances=2", "MinInstances=3"))
        self.assertTrue(before < self.wait_for_spares(3))


class BrokenSpares(pages.Misbehaving):
    """MinInstances of a program that cannot run"""

    def test_row_18_they_are_not_started_again_and_again(self):
        log = self.servers.folder / "starts"
        self.start_host(broken={"ExePath": pages.MISBEHAVE, "MinInstances": 2, "MaxInstances": 2, "RapidFailsPerMinute": 4,
                                "Arguments": f"way=exit-at-start log={support.windows_path(log)}"})
        operator = operate.Operator(self.servers, self.host)
        operator.becomes("broken", state="rapid_fail")  # and nobody has sent a request
        starts = log.stat().st_size
        self.assertLessEqual(starts, 4 + 1 + 2)  # the last ones may have been under way
        self.bad("broken", "", 503, "rapid_fail")
        self.assertEqual(log.stat().st_size, starts)


class QueueTimeout(pages.Page):
    def test_a_request_that_waits_for_too_long_gets_503_and_the_one_that_runs_goes_on(self):
        host = self.servers.host(support.ini({"one": "one"}, one={"ExePath": witness.WITNESS, "MaxInstances": 1, "QueueTimeout": 1}),
                                 maps=".one")
        with witness.Gate() as gate:
            runs = witness.Background(support.http_request, host, gate.path("first", "/app/x.one"))
            inside = gate.arrival()
            late = support.in_parallel(3, lambda i: support.http_request(host, gate.path(str(i), "/app/x.one")))
            for answer in late:
                self.check(answer, 503, "queue_timeout")
                self.assertIn("QueueTimeout", answer.text)
            self.assertTrue(gate.nobody_waits(), "a request that was refused has come to a process")
            inside.let_go()
            self.assertEqual(witness.facts(runs.result())["name"], "first")
        self.assertEqual(witness.facts(support.http_request(host, "/app/x.one"))["requests"], "2")


class Renewal(operate.OperateTest):
    """MaxLifetime, MaxPrivateBytes"""

    def start_pool(self, **properties):
        """No process ends for the number of its requests."""
        self.start_host(support.ini({"fcgi": "pool"}, pool={"ExePath": pages.MISBEHAVE, "MaxInstances": 2,
                                                            "InstanceMaxRequests": 10_000_000, **properties}))

    def wait_for_another(self, pid, query=""):
        """Asks until another process answers; none of the requests may fail. -> its id"""
        return witness.wait_until(lambda: {self.good("/app/x.fcgi?" + query)["pid"]} - {pid}, f"another process than {pid} answers").pop()

    def assert_planned_exits(self):
        exits = self.operator.exits("pool")
        self.assertGreater(len(exits), 0)
        self.assertEqual([end for end in exits if not end["expected"]], [])

    def test_processes_are_replaced_when_they_are_too_old_and_no_request_is_lost(self):
        self.start_pool(MaxLifetime=1)
        seen, enough = set(), threading.Event()

        def client(number):
            with support.Connection(self.host) as connection:
                for i in range(100000):
                    if enough.is_set():
                        return i
                    facts = witness.facts(connection.request(f"/app/x.fcgi?name={number}-{i}"))
                    self.assertEqual(facts["name"], f"{number}-{i}")
                    seen.add(facts["pid"])
            return 0

        clients = [witness.Background(client, number) for number in range(6)]
        with contextlib.ExitStack() as stack:
            stack.callback(enough.set)
            witness.wait_until(lambda: len(seen) >= 6 or any(c.done() for c in clients), "six processes have answered")
        self.assertTrue(all(c.result() > 0 for c in clients))
        self.assert_planned_exits()

    def test_a_request_that_outlives_its_process_s_time_is_answered(self):
        self.start_pool(MaxLifetime=1)
        with witness.Gate() as gate:
            held = self.background(gate.path("held"))
            inside = gate.arrival()
            first = self.wait_for_another("")
            self.wait_for_another(first)  # so the other one's time is over, too
            self.assertFalse(held.done())
            inside.let_go()
            facts = witness.facts(held.result())
        self.assertEqual(facts["name"], "held")
        witness.wait_until(lambda: facts["pid"] not in {str(worker["pid"]) for worker in self.operator.workers("pool")},
                           "its process has been replaced")
        self.assert_planned_exits()

    def test_a_process_with_too_much_memory_is_replaced_after_its_request(self):
        self.start_pool(MaxPrivateBytes=100 * MIB, MaxInstances=1)
        large = self.good("/app/x.fcgi?keep=200")["pid"]
        small = self.wait_for_another(large)
        self.assertEqual({self.good("/app/x.fcgi?keep=1")["pid"] for _ in range(20)}, {small})
        self.assert_planned_exits()
        self.assertEqual(len(self.operator.exits("pool")), 1)

    def test_memory_is_looked_at_again_while_a_process_grows(self):
        self.start_pool(MaxPrivateBytes=100 * MIB, MaxInstances=1)
        first = self.good("/app/x.fcgi")["pid"]
        self.assertEqual(self.good("/app/x.fcgi?keep=200")["pid"], first)
        self.wait_for_another(first)
        self.assert_planned_exits()
