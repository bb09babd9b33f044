"""fcgictl.exe where two hosts run: it finds both, merges what they say, and operates one after the other."""

import os
import shutil
import signal
import unittest

import fcgictl
import support
import witness

MAPS = ".look,.second"


def pids_of(items, member="host"):
    return sorted(item[member] for item in items)


class Looking(fcgictl.ControlTest):
    """Both have the pool look; one of them has another one, too."""

    @classmethod
    def start(cls, servers):
        cls.both = [servers.host(fcgictl.pools("look"), maps=MAPS), servers.host(fcgictl.pools("look", "second"), maps=MAPS)]
        cls.workers = [witness.facts(support.http_request(host, "/app/x.look"))["pid"] for host in cls.both]

    def test_it_finds_both_by_itself(self):
        pids = self.pids(*self.both)
        self.assertEqual(len(set(pids)), 2)
        out = self.fcgictl("version").out
        for pid in pids:
            self.assertRegex(out, rf"(?m)^host {pid} isapihost\.exe: fcgiext \d")
        self.assertEqual(len(out.splitlines()), 3, out)

    def test_lists_are_merged(self):
        first, second = self.pids(*self.both)
        out = self.fcgictl("status").out
        self.assertRegex(out, rf"(?m)^HOST  POOL .*(\n.*)*^ *{first}  look   ")
        self.assertRegex(out, rf"(?m)^ *{second}  look   ")
        self.assertRegex(out, rf"(?m)^ *{second}  second ")
        for command, member, count in (("status", "pools", 3), ("list", "pools", 3), ("ps", "workers", 2), ("metrics", "metrics", 2)):
            with self.subTest(command):
                document = self.fcgictl(command, "--json").json()
                self.assertEqual(pids_of(document["hosts"], "pid"), sorted([first, second]))
                self.assertEqual(set(pids_of(document[member])), {first, second})
                self.assertGreaterEqual(len(document[member]), count)
        self.assertEqual({worker["host"]: str(worker["pid"]) for worker in self.fcgictl("ps", "--json").json()["workers"]},
                         dict(zip((first, second), self.workers)))
        self.assertRegex(self.fcgictl("check").out, "^FCGIEXT OK - 3 pools, ")

    def test_an_option_picks_one(self):
        first, second = self.pids(*self.both)
        out = self.fcgictl("status", "--host", first).out
        self.assertNotIn(str(second), out)
        self.assertNotIn("HOST", out)
        self.assertEqual(pids_of(self.fcgictl("ps", "--host", second, "--json").json()["workers"]), [second])

    def test_a_pool_that_only_one_of_them_has(self):
        first, second = self.pids(*self.both)
        self.assertRegex(self.fcgictl("show", "second").out, f"^host {second}: second\n")
        self.wrong(5, "^fcgictl: there is no pool 'second'\nhint: pools: look\n", "show", "second", "--host", first)
        self.assertEqual(self.fcgictl("drain", "s*", "--dry-run").out,
                         f"would drain host {second}: second: 0 workers, 0 running, 0 waiting\nnothing was done\n")

    def test_a_worker_is_found_at_whichever_host_has_it(self):
        _, second = self.pids(*self.both)
        self.assertRegex(self.fcgictl("kill", f"look/{self.workers[1]}", "--dry-run").out,
                         rf"^would kill host {second}: look/{self.workers[1]}: idle")

    def test_exit_code_2_an_operation_of_either(self):
        self.wrong(2, "^fcgictl: operation 1 is ambiguous: there are 2 hosts\nhint: HOST:ID, or --host PID, picks one\n", "wait", "1")

    def test_exit_code_8_one_of_them_does_not_answer(self):
        pids = self.pids(*self.both)
        stopped = min(witness.processes(self.class_servers, support.BIN / "isapihost.exe"))
        os.kill(stopped, signal.SIGSTOP)
        try:
            result = self.wrong(8, r"^fcgictl: host \d+ has not answered in 0\.5 s\nhint: ", "status", "--json", "--timeout", "0.5")
            table = self.wrong(8, r"^fcgictl: host \d+ has not answered", "status", "--timeout", "0.5")
        finally:
            os.kill(stopped, signal.SIGCONT)
        hosts = result.json()["hosts"]
        self.assertEqual(pids_of(hosts, "pid"), sorted(pids))
        silent = [host["pid"] for host in hosts if "error" in host]
        self.assertEqual([host["error"]["reason"] for host in hosts if "error" in host], ["timed_out"])
        self.assertEqual(set(pids_of(result.json()["pools"])), set(pids) - set(silent))
        self.assertRegex(table.out, rf"(?m)^host {silent[0]} isapihost\.exe: does not answer$")


class Operating(fcgictl.ControlTest):
    """Each host has a program of its own, so that one of them can be taken away."""

    def start_hosts(self):
        """-> their process ids, their programs, the hosts: in the order in which fcgictl goes"""
        hosts, programs = [], []
        for name in ("a.exe", "b.exe"):
            programs.append(self.servers.folder / name)
            shutil.copy(witness.WITNESS, programs[-1])
            hosts.append(self.servers.host(fcgictl.pools("look", ExePath=programs[-1], MaxInstances=1), maps=MAPS))
            witness.facts(support.http_request(hosts[-1], "/app/x.look"))
        return zip(*sorted(zip(self.pids(*hosts), programs, hosts), key=lambda row: row[0]))

    def workers(self):
        return {worker["host"]: worker["pid"] for worker in self.fcgictl("ps", "--json").json()["workers"]}

    def test_hosts_are_worked_off_one_after_another(self):
        (first, second), _, hosts = self.start_hosts()
        before = self.workers()
        result = self.fcgictl("recycle", "look", "--wait")
        self.assertRegex(result.out, f"^host {first}: look: recycling, 0 of 1 workers replaced\n"
                                     f"host {first}: look: recycled, 1 of 1 workers replaced, after .*\n"
                                     f"host {second}: look: recycling, 0 of 1 workers replaced\n"
                                     f"host {second}: look: recycled, 1 of 1 workers replaced, after .*\n$")
        after = self.workers()
        self.assertTrue(after[first] != before[first] and after[second] != before[second], (before, after))
        self.fcgictl("drain", "look", "--wait", "--host", second)
        self.assertEqual([support.http_request(host, "/app/x.look").status for host in hosts], [200, 503])
        result = self.fcgictl("resume", "--all", "--json").json()
        self.assertEqual([(one["host"], one["operation"]["state"]) for one in result["operations"]],
                         [(first, "done"), (second, "done")])
        self.assertEqual([support.http_request(host, "/app/x.look").status for host in hosts], [200, 200])

    def test_exit_code_1_what_fails_at_one_is_not_tried_at_the_next(self):
        (first, second), programs, _ = self.start_hosts()
        before = self.workers()
        programs[0].unlink()
        self.wrong(1, f"^fcgictl: host {first}: look: recycling has failed, 0 of 1 workers replaced: .*\n"
                      f"fcgictl: host {second}: look: not touched, as it has failed before\n$", "recycle", "look", "--wait")
        self.assertEqual(self.workers(), before)

    def test_exit_code_8_done_at_one_and_failed_at_the_other(self):
        (first, second), programs, hosts = self.start_hosts()
        programs[1].unlink()
        result = self.wrong(8, f"^fcgictl: host {second}: look: recycling has failed, 0 of 1 workers replaced: .*\n$", "recycle",
                            "look", "--wait", "--json")
        self.assertEqual([(one["host"], one["operation"]["state"]) for one in result.json()["operations"]],
                         [(first, "done"), (second, "failed")])
        self.assertEqual([support.http_request(host, "/app/x.look").status for host in hosts], [200, 200])

    def test_ctrl_c_leaves_the_hosts_behind_it_alone(self):
        (first, second), _, hosts = self.start_hosts()
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, hosts[0], gate.path("held", "/app/x.look"))
            gate.arrival()
            waiting = self.start_fcgictl("drain", "--all", "--wait")
            waiting.wait_for_out("draining")
            waiting.interrupt()
            result = waiting.result()
            self.assertEqual(result.code, 6, result)
            self.assertRegex(result.err, f"^fcgictl: host {first}: look: the waiting was stopped, .*\nhint: it goes on; .*\n"
                                         f"fcgictl: host {second}: look: not touched, as you have stopped\n$")
            self.assertEqual(support.http_request(hosts[1], "/app/x.look").status, 200)
        witness.facts(client.result())

    def test_a_host_that_has_ended_is_not_found_any_more(self):
        (first, second), _, hosts = self.start_hosts()
        self.assertEqual(self.servers.stop_host(hosts[0]), "")
        self.assertEqual(pids_of(self.fcgictl("status", "--json").json()["hosts"], "pid"), [second])
        self.wrong(3, f"^fcgictl: cannot connect to host {first}: it serves no management pipe\nhint: it may have ended", "status",
                   "--host", first)


if __name__ == "__main__":
    unittest.main()
