"""[Management] as fcgictl.exe sees it: the switch, the access lists, their change by a reload, and what is written to the event log.

Wine does not enforce a pipe's access list, so a client without rights gets in and is told by the host. On Windows it may already fail to
connect; the unit tests have that.
"""

import contextlib
import re
import unittest

import fcgictl
import support
import witness

NOBODY, EVERYBODY = "D:(A;;GA;;;SY)", "D:(A;;GA;;;WD)"  # the tests' user is an administrator, and not the system
BOTH = {"QuerySddl": NOBODY, "OperateSddl": NOBODY}
HINT = r"hint: run it as administrator, or see \[Management\] in fcgiext\.ini\n"


class ManagementTest(fcgictl.ControlTest):
    def start_host(self, **management):
        self.host = self.servers.host(self.ini(**management), maps=".look")
        self.serves()
        return self.host

    def ini(self, **management):
        return fcgictl.pools("look", management=management, MaxInstances=1)

    def serves(self):
        return witness.facts(support.http_request(self.host, "/app/x.look"))

    def ends_with(self, code, what):
        """Until `fcgictl status` does: the host sees by itself that its file has changed."""
        witness.wait_until(lambda: self.start_fcgictl("status").result().code == code, what)

    def events(self, pattern, count=1):
        """Texts on operations that the host has written to the event log. Wine tells them on its error stream."""
        lines = self.host.stderr.wait_for(r'ReportEventW L"(.* \[host \d+\])"\s*$', support.SECONDS, count)
        texts = [line[1].replace("\\\\", "\\") for line in lines]
        self.assertEqual(len(texts), count, self.host.what_it_said())
        for text in texts:
            self.assertRegex(text, pattern)
        return texts


class Rights(ManagementTest):
    def test_exit_code_4_without_any_right(self):
        self.start_host(**BOTH)
        for line in ("status", "ps", "config show", "metrics", "recycle look", "config reload", "wait 1"):
            with self.subTest(line):
                result = self.wrong(4, rf"^fcgictl: host \d+: access denied: the \w+ right is needed\n{HINT}$", *line.split())
                self.assertEqual(result.out, "", result)
        result = self.wrong(4, r"^fcgictl: host \d+: access denied", "status", "--json").json()
        self.assertEqual([host["error"]["reason"] for host in result["hosts"]], ["access_denied"])
        self.assertRegex(self.fcgictl("check", code=3).out, r"^FCGIEXT UNKNOWN - host \d+: access denied")
        self.assertRegex(self.fcgictl("version", code=4).out, r"(?m)^host \d+ isapihost\.exe: access denied$")
        self.serves()

    def test_exit_code_4_with_the_right_to_look_only(self):
        self.start_host(QuerySddl=EVERYBODY, OperateSddl=NOBODY)
        worker = self.fcgictl("ps", "--json").json()["workers"][0]["pid"]
        for line in ("recycle look", "recycle look --wait", "drain --all", "resume look", f"kill look/{worker}"):
            with self.subTest(line):
                self.wrong(4, rf"^fcgictl: host \d+: look\S*: access denied: the operate right is needed\n{HINT}$", *line.split())
        self.wrong(4, rf"^fcgictl: host \d+: access denied: the operate right is needed\n{HINT}$", "config", "reload")
        self.fcgictl("recycle", "look", "--dry-run")
        self.assertEqual([one["pid"] for one in self.fcgictl("ps", "--json").json()["workers"]], [worker])

    def test_exit_code_8_where_one_of_two_hosts_denies(self):
        self.start_host()
        self.servers.host(self.ini(**BOTH), maps=".look")
        result = self.wrong(8, rf"^fcgictl: host \d+: access denied: the query right is needed\n{HINT}$", "status", "--json").json()
        self.assertEqual(sorted("error" in host for host in result["hosts"]), [False, True])
        self.assertEqual(len(result["pools"]), 1)
        self.wrong(8, r"^fcgictl: host \d+: access denied", "recycle", "look")


class Switch(ManagementTest):
    def test_exit_code_3_where_the_pipe_is_switched_off(self):
        self.start_host(Pipe=0)
        self.wrong(3, "^fcgictl: no host was found", "status")
        self.serves()

    def test_a_reload_switches_it_off_and_on(self):
        host = self.start_host()
        worker = self.serves()["pid"]
        self.fcgictl("status")
        host.write_ini(self.ini(Pipe=0))
        self.ends_with(3, "the pipe is gone")
        host.write_ini(self.ini())
        self.ends_with(0, "the pipe is there again")
        self.assertEqual(self.serves()["pid"], worker)

    def test_a_reload_that_is_asked_for_switches_it_off(self):
        """Who has asked sees the host leave."""
        host = self.start_host()
        host.write_ini(self.ini(Pipe=0))
        result = self.start_fcgictl("config", "reload", "--wait").result()
        self.assertIn(result.code, (0, 3), result)  # 0: the end came before the pipe's
        self.ends_with(3, "the pipe is gone")

    @contextlib.contextmanager
    def drain_that_waits(self, host):
        """For a request, which is answered after the block."""
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, host, gate.path("held", "/app/x.look"))
            gate.arrival()
            waiting = self.start_fcgictl("drain", "look", "--wait")
            waiting.wait_for_out("draining")
            yield waiting
        witness.facts(client.result())

    def test_clients_are_disconnected_when_it_is_switched_off(self):
        host = self.start_host()
        with self.drain_that_waits(host) as waiting:
            host.write_ini(self.ini(Pipe=0))
            result = waiting.result()
            self.assertEqual(result.code, 3, result)
            self.assertRegex(result.err, r"^fcgictl: cannot connect to host \d+: it serves no management pipe\nhint: ")

    def test_a_change_of_the_lists_takes_effect_on_clients_that_are_there(self):
        host = self.start_host()
        with self.drain_that_waits(host) as waiting:
            host.write_ini(self.ini(OperateSddl=NOBODY, QuerySddl=EVERYBODY))
            witness.wait_until(lambda: self.start_fcgictl("config", "reload").result().code == 4, "the right to operate is gone")
            self.assertIsNone(waiting.process.poll(), "it has connected again: it may still look")
            host.write_ini(self.ini(**BOTH))
            result = waiting.result()
            self.assertEqual(result.code, 4, result)
            self.assertRegex(result.err, r"^fcgictl: host \d+: access denied: the query right is needed\n")
        host.write_ini(self.ini())
        self.ends_with(0, "the lists are the usual ones")
        self.fcgictl("resume", "look")
        self.serves()


class Log(ManagementTest):
    def bad_list(self, **management):
        """At the start, and with a reload, which leaves the good one in force. The event comes once for each."""
        self.servers.run.base["WINEDEBUG"] = "trace+eventlog"
        host = self.start_host(**management)
        self.events(r"^the access lists of the management pipe cannot be used \(error \d+: .+\) \[host \d+\]$")
        self.wrong(3, "^fcgictl: no host was found", "status")
        self.serves()
        host.write_ini(self.ini())
        self.ends_with(0, "a good list is in force")
        host.write_ini(self.ini(**management))
        self.fcgictl("config", "reload", "--wait")
        told = r'ReportEventW L"the new access lists of the management pipe cannot be used, the old ones stay in force \(error \d+: '
        self.assertTrue(host.stderr.wait_for(told, support.SECONDS), host.what_it_said())
        self.fcgictl("status")
        self.serves()

    def test_a_list_that_is_none_is_told_and_requests_are_served(self):
        self.bad_list(QuerySddl="nonsense")

    def test_a_list_with_rights_that_are_not_there_is_told_and_requests_are_served(self):
        self.bad_list(OperateSddl="D:(A;;GR;;;BA)")

    def test_a_call_without_the_right_is_logged(self):
        self.servers.run.base["WINEDEBUG"] = "warn+eventlog"
        self.start_host(QuerySddl=EVERYBODY, OperateSddl=NOBODY)
        self.fcgictl("status")
        self.fcgictl("drain", "look", code=4)
        self.events(r"^[^\\:]+\\[^\\:]+: pool\.drain: refused: the right to operate is needed \[host \d+\]$")

    def test_each_call_that_operates_is_logged_with_the_callers_account(self):
        self.servers.run.base["WINEDEBUG"] = "trace+eventlog"
        self.start_host()
        self.fcgictl("status")
        self.fcgictl("ps")
        self.fcgictl("recycle", "look", "--dry-run")
        calls = ["recycle look", "drain look", "resume look", "config reload"]
        for call in calls:
            self.fcgictl(*call.split())
        worker = self.serves()["pid"]
        self.fcgictl("kill", f"look/{worker}")
        texts = self.events(r"^[^\\:]+\\[^\\:]+: .*: begun \[host \d+\]$", len(calls) + 1)
        self.assertEqual([re.sub(r"^.*?: | *: begun.*", "", text) for text in texts],
                         ["recycle look", "drain look", "resume look", "reload", f"worker_kill look/{worker}"])
        self.assertEqual(len({text.split(":")[0] for text in texts}), 1, texts)


if __name__ == "__main__":
    unittest.main()
