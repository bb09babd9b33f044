"""fcgictl.exe against one real host, and against none: its commands, its formats, its exit codes, and how its waiting ends."""

import csv
import io
import json
import os
import re
import shutil
import signal
import unittest

import fcgictl
import support
import witness


class NoHost(fcgictl.ControlTest):
    def test_exit_code_3_and_a_sentence(self):
        for line in ("status", "list --json", "show look", "ps", "requests", "exits", "recycle --all", "drain look", "resume look",
                     "kill look/1", "wait 1", "config show", "config check", "config reload", "metrics -o csv"):
            with self.subTest(line):
                result = self.wrong(3, "^fcgictl: no host was found: no process has loaded fcgiext.dll\n"
                                       "hint: IIS loads the extension at the first request: ", *line.split())
                self.assertEqual(result.out, "", result)

    def test_exit_code_3_for_a_process_that_is_no_host(self):
        self.wrong(3, "^fcgictl: cannot connect to host 99999: it serves no management pipe\nhint: ", "status", "--host", "99999")

    def test_a_check_is_unknown(self):
        result = self.fcgictl("check", code=3)
        self.assertEqual(result.out, "FCGIEXT UNKNOWN - no host was found: no process has loaded fcgiext.dll\n")

    def test_version_and_help_need_none(self):
        self.assertRegex(self.fcgictl("version").out, r"^fcgictl \d+\.\d+\.\d+\n")
        self.assertRegex(self.fcgictl("--version").out, r"^fcgictl \d+\.\d+\.\d+\n")
        self.assertIn("\nExit codes\n  0  done\n", self.fcgictl("help").out)
        self.assertIn("usage: fcgictl drain POOL", self.fcgictl("drain", "--help").out)
        self.assertEqual(self.fcgictl("help", "drain").out, self.fcgictl("drain", "-h").out)

    def test_exit_code_2_for_wrong_usage(self):
        self.wrong(2, "^fcgictl: there is no command 'stauts'\nhint: did you mean 'status'\\?\n", "stauts")
        self.wrong(2, "^fcgictl: --timeout x: not a value", "status", "--timeout", "x")
        self.wrong(2, "^fcgictl: recycle wants a pool, a pattern, or --all\n", "recycle")

    def test_config_check_of_a_file(self):
        file = self.servers.folder / "my own.ini"
        file.write_bytes("[Types]\nphp=look\n[look]\nExePath=C:\\look.exe\nQueueLength=many\nSpelling=ö\n"
                         "[spare]\nExePath=C:\\spare.exe\n".encode())
        name = support.windows_path(file)
        result = self.fcgictl("config", "check", name, code=1)
        self.assertEqual(result.err, "")
        expected = ["5: error: [look] QueueLength: 'many'", "6: error: [look] Spelling: there is no", "7: warning: [spare] "]
        *lines, summary = result.out.splitlines()
        self.assertEqual([line.startswith(f"{name}:{start}") for line, start in zip(lines, expected, strict=True)], 3 * [True], result)
        self.assertEqual(summary, f"{name}: 2 errors, 1 warning", result)
        found = self.fcgictl("config", "check", name, "--json", code=1).json()
        self.assertEqual((found["path"], found["errors"], found["warnings"]), (name, 2, 1))
        self.assertEqual([one["line"] for one in found["diagnostics"]], [5, 6, 7])
        file.write_text(fcgictl.pools("look"))
        self.assertEqual(self.fcgictl("config", "check", "my own.ini", cwd=file.parent).out, "my own.ini: no problems\n")
        self.wrong(1, "^fcgictl: cannot open 'nothing.ini': ", "config", "check", "nothing.ini")


class Commands(fcgictl.ControlTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host(fcgictl.pools("look", "idle", "one", MaxInstances=1), maps=".look,.idle,.one")
        cls.worker = witness.facts(support.http_request(cls.host, "/app/x.look"))["pid"]

    def test_status(self):
        out = self.fcgictl("status").out
        self.assertRegex(out, r"(?m)^host \d+ isapihost\.exe: fcgiext \d+\.\d+\.\d+, up \d")
        self.assertRegex(out, r"(?m)^POOL  STATE +WORKERS  BUSY  QUEUE  REQUESTS  FAILED  REJECTED$")
        self.assertRegex(out, r"(?m)^look  running +1/1 +0 +0 +1 +0 +0$")
        self.assertEqual(self.fcgictl("status", "LO?K").out.count("running"), 1)
        self.assertEqual(self.fcgictl("status", "*o*").out.count("running"), 2)

    def test_list_and_its_wide_table(self):
        program = support.windows_path(witness.WITNESS)
        out = self.fcgictl("list").out
        self.assertRegex(out, r"(?m)^idle  running +0/1  " + re.escape(program) + "$")
        self.assertNotIn("QUEUE LIMIT", out)
        self.assertRegex(self.fcgictl("list", "idle", "-o", "wide").out, r"QUEUE LIMIT(.*\n)idle  running +0/1 +1000 ")

    def test_show(self):
        out = self.fcgictl("show", "look").out
        self.assertRegex(out, r"(?m)^look\n  state +running\n  program +" + re.escape(support.windows_path(witness.WITNESS)))
        self.assertRegex(out, r"  totals +1 requests: 1 answered, 0 failed")
        self.assertRegex(out, rf"(?m)^look +{self.worker}  idle ")
        self.wrong(2, "^fcgictl: show: an argument is missing\nhint: fcgictl show POOL\n", "show")

    def test_ps(self):
        out = self.fcgictl("ps").out
        self.assertRegex(out, rf"(?m)^look +{self.worker}  idle .* 1 .* /app/x\.look$")
        self.assertEqual(self.fcgictl("ps", "idle").out, "no workers\n")

    def test_requests(self):
        self.assertEqual(self.fcgictl("requests").out, "no requests in flight\n")
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, self.host, gate.path("held", "/app/y.one"))
            gate.arrival()
            self.assertRegex(self.fcgictl("requests", "one").out, r"(?m)^one .* running +\d+ .* GET +/app/y\.one$")
            self.assertIn("name=held", self.fcgictl("requests", "-o", "wide").out)
            self.assertRegex(self.fcgictl("status", "one").out, r"(?m)^one +running +1/1 +1 +0 ")
        witness.facts(client.result())

    def test_kill_and_exits(self):
        worker = witness.facts(support.http_request(self.host, "/app/x.one"))["pid"]
        result = self.fcgictl("kill", f"one/{worker}", "--wait")
        self.assertRegex(result.out, rf"(?m)^one/{worker}: killed, 1 of 1 workers ended, after ")
        self.assertRegex(self.fcgictl("exits").out, rf"(?m) one +{worker} .* expected ")

    def test_check(self):
        out = self.fcgictl("check", "--warn", "queue=10", "--crit", "queue=100").out
        self.assertRegex(out, r"^FCGIEXT OK - 3 pools, \d workers? busy, 0 waiting \| 'look queue'=0;10;100;0 ")
        out = self.fcgictl("check", "look", "--warn", "queue=10,failed=0", code=1).out
        self.assertRegex(out, r"^FCGIEXT WARNING - look: 0 requests have failed \| ")
        out = self.fcgictl("check", "look", "--crit", "busy=0", code=2).out
        self.assertRegex(out, r"^FCGIEXT CRITICAL - look: 0 % of the workers are busy \| ")
        self.assertRegex(self.fcgictl("check", "nothing", code=3).out, "^FCGIEXT UNKNOWN - no pool is called 'nothing'")
        self.assertRegex(self.fcgictl("check", "--warn", "queue=x", code=3).out, "^FCGIEXT UNKNOWN - 'queue=x' is no limit")

    def test_config(self):
        path = support.windows_path(self.host.ini)
        out = self.fcgictl("config", "show", "look").out
        self.assertRegex(out, r"^host \d+ isapihost\.exe: " + re.escape(path))
        self.assertRegex(out, r"(?m)^\[look\]  line \d+\n  serves \.look\n")
        self.assertIn("\n  MaxInstances = 1\n", out)
        self.assertNotIn("[idle]", out)
        self.assertNotIn("QueueLength", out)
        self.assertIn("\n  QueueLength = 1000  (default)\n", self.fcgictl("config", "show", "look", "-o", "wide").out)
        self.assertEqual(self.fcgictl("config", "check").out, f"{path}: no problems\n")
        self.assertRegex(self.fcgictl("config", "reload", "--wait").out, r"(?m)^host \d+: fcgiext\.ini was read again, after ")

    def test_metrics(self):
        self.assertRegex(self.fcgictl("metrics").out, r"(?m)^fcgi_requests +pool=look +1 +requests$")

    def test_version(self):
        self.assertRegex(self.fcgictl("version").out, r"^fcgictl (\S+)\nhost \d+ isapihost\.exe: fcgiext \1, up ")

    def test_each_format_of_each_command(self):
        """Standard output can be parsed as a whole, and nothing is said beside it."""
        for line, member in [("status", "pools"), ("list", "pools"), ("ps", "workers"), ("requests", "requests"), ("exits", "exits"),
                             ("metrics", "metrics"), ("show look", "pools"), ("config show", "hosts"), ("config check", "hosts"),
                             ("version", "hosts"), ("recycle look --dry-run", "plan")]:
            with self.subTest(line):
                for option in ("-ojson", "--json"):
                    result = self.fcgictl(*line.split(), option)
                    self.assertEqual(result.err, "")
                    document = result.json()
                    self.assertEqual(document["api_version"], 1)
                    self.assertIsInstance(document[member], list)
                items = [json.loads(one) for one in self.fcgictl(*line.split(), "-o", "ndjson").out.splitlines()]
                self.assertEqual(len(items), len(document[member]))
                self.assertTrue(all(isinstance(item, dict) for item in items))
        for line in ("status", "list", "ps", "requests", "exits", "metrics"):
            with self.subTest(line, format="csv"):
                result = self.fcgictl(line, "-o", "csv")
                rows = list(csv.reader(io.StringIO(result.out)))
                self.assertEqual((rows[0][0], {len(row) for row in rows}), ("host", {len(rows[0])}), result)
        self.wrong(2, "^fcgictl: show has no table to write as CSV\nhint: ", "show", "look", "-o", "csv")

    def test_messages_do_not_stand_in_the_output(self):
        result = self.wrong(5, "^fcgictl: there is no pool 'loop'\nhint: did you mean 'look'\\?\n", "status", "loop", "--json")
        self.assertEqual(result.out, "")

    def test_watch_goes_on_until_ctrl_c(self):
        for options, again in (([], r"(?s)POOL .*POOL .*POOL "), (["-o", "ndjson"], r'(?s)"name":"look".*"name":"look"')):
            with self.subTest(options):
                running = self.start_fcgictl("status", "--watch=0.1", *options)
                running.wait_for_out(again)
                running.interrupt()
                result = running.result()
                self.assertEqual((result.code, result.err), (0, ""), result)

    def test_dry_run_tells_the_plan_and_changes_nothing(self):
        for line, plan in [("recycle look", "recycle look: 1 worker, 0 running, 0 waiting"),
                           ("recycle look --now --wait", "recycle look: 1 worker, 0 running, 0 waiting"),
                           ("drain look --ttl 1h --persist", "drain look: 1 worker, 0 running, 0 waiting"),
                           ("resume look", "resume look: 1 worker, 0 running, 0 waiting"),
                           (f"kill look/{self.worker}", f"kill look/{self.worker}: idle"),
                           (f"recycle look/{self.worker}", f"recycle look/{self.worker}: idle"),
                           ("config reload", r"read fcgiext\.ini again at host \d+")]:
            with self.subTest(line):
                result = self.fcgictl(*line.split(), "--dry-run")
                self.assertRegex(result.out, f"^would {plan}\nnothing was done\n$")
        result = self.fcgictl("recycle", "*", "--dry-run", "--json").json()
        self.assertEqual([(step["method"], step["params"]["pool"]) for step in result["plan"]],
                         [("pool.recycle", name) for name in ("look", "idle", "one")])
        self.assertEqual([worker["pid"] for worker in self.fcgictl("ps", "look", "--json").json()["workers"]], [int(self.worker)])
        self.assertEqual(self.fcgictl("status", "look", "--json").json()["pools"][0]["state"], "running")


class Operating(fcgictl.ControlTest):
    """A host for each case."""

    def start_host(self, *names, more="", **properties):
        self.host = self.servers.host(fcgictl.pools(*names, **properties) + more, maps=",".join("." + name for name in names))
        for name in names:
            support.http_request(self.host, f"/app/x.{name}")
        return self.host

    def states(self):
        return {pool["name"]: pool["state"] for pool in self.fcgictl("status", "--json").json()["pools"]}

    def held(self, gate, pool="look"):
        """A request that is in its program."""
        client = witness.Background(support.http_request, self.host, gate.path("held", f"/app/x.{pool}"))
        gate.arrival()
        return client

    def breakable(self):
        """A copy of the program, that can be taken away."""
        program = self.servers.folder / "copy.exe"
        shutil.copy(witness.WITNESS, program)
        return program

    def test_exit_code_0_recycle_drain_and_resume(self):
        self.start_host("look")
        before = self.fcgictl("ps", "--json").json()["workers"][0]["pid"]
        result = self.fcgictl("recycle", "look", "--wait")
        self.assertRegex(result.out, "^look: recycling, 0 of 1 workers replaced\n"
                                     r"look: recycled, 1 of 1 workers replaced, after \d+ m?s\n$")
        self.assertNotIn(before, [worker["pid"] for worker in self.fcgictl("ps", "--json").json()["workers"]])
        self.assertRegex(self.fcgictl("drain", "LOOK", "--wait").out, r"(?m)^look: drained: out of service.*, after ")
        self.assertEqual(support.http_request(self.host, "/app/x.look").status, 503)
        self.assertEqual(self.states(), {"look": "drained"})
        self.assertRegex(self.fcgictl("check", code=1).out, "^FCGIEXT WARNING - look is drained: out of service until `resume`")
        self.assertEqual(self.fcgictl("resume", "l*").out, "look: in service again\n")
        witness.facts(support.http_request(self.host, "/app/x.look"))

    def test_all_pools(self):
        self.start_host("look", "second")
        self.assertEqual(len(self.fcgictl("drain", "--all", "--wait").out.splitlines()), 4)
        self.assertEqual(self.states(), {"look": "drained", "second": "drained"})
        self.fcgictl("resume", "second")
        self.assertEqual(self.states(), {"look": "drained", "second": "running"})
        result = self.fcgictl("resume", "--all", "--json").json()
        self.assertEqual([(one["pool"], one["operation"]["state"]) for one in result["operations"]],
                         [("look", "done"), ("second", "done")])

    def test_exit_code_1_replacements_that_fail(self):
        program = self.breakable()
        self.start_host("look", ExePath=program)
        program.unlink()
        result = self.wrong(1, "^fcgictl: look: recycling has failed, 0 of 1 workers replaced: its replacements failed", "recycle",
                            "look", "--wait")
        self.assertEqual(result.out, "look: recycling, 0 of 1 workers replaced\n")
        witness.facts(support.http_request(self.host, "/app/x.look"))
        self.assertRegex(self.fcgictl("status").out, r"(?m)^!! +look .* recycle stopped: new workers failed, 1 old worker serves on$")
        self.assertRegex(self.fcgictl("check", code=1).out, "^FCGIEXT WARNING - look: recycle has failed ")

    def test_exit_code_1_a_file_that_must_not_be_taken(self):
        host = self.start_host("look")
        host.write_ini(fcgictl.pools("look", MaxInstances="many"))
        self.wrong(1, "^fcgictl: host \\d+: reading fcgiext.ini has failed: fcgiext.ini has errors: what was in force stays so\n"
                      "hint: `fcgictl config check` tells ", "config", "reload", "--wait")
        self.assertRegex(self.fcgictl("config", "check", code=1).out, r"fcgiext\.ini:\d+: error: \[look\] MaxInstances: 'many' ")
        self.assertIn("its changed fcgiext.ini has errors and was not taken", self.fcgictl("status").out)
        witness.facts(support.http_request(host, "/app/x.look"))

    def test_exit_code_5_what_is_not_there(self):
        self.start_host("look")
        self.wrong(5, "^fcgictl: there is no pool 'nothing'\nhint: pools: look\n", "recycle", "nothing")
        self.wrong(5, "^fcgictl: no pool matches 'x\\*'\n", "drain", "x*")
        self.wrong(5, "^fcgictl: look has no worker 99999\nhint: `fcgictl ps look` lists its workers\n", "kill", "look/99999")
        self.wrong(5, "^fcgictl: host \\d+: there is no operation 4711\nhint: ", "wait", "4711")

    def test_exit_code_6_timed_out_and_the_operation_goes_on(self):
        self.start_host("look")
        with witness.Gate() as gate:
            client = self.held(gate)
            result = self.wrong(6, "^fcgictl: look: not at its end in time, still draining, 0 of 2 ended: it waits for requests that "
                                   "run\nhint: it goes on; `fcgictl wait \\d+:\\d+` waits again\n", "drain", "look", "--wait",
                                "--timeout", "1")
            self.assertIn("draining, 0 of 2 ended", result.out)
            self.assertEqual(self.states(), {"look": "draining"})
            waiting = self.start_fcgictl("wait", re.search("fcgictl wait (.*)` waits", result.err)[1])
            waiting.wait_for_out("draining")
            gate.open()
            witness.facts(client.result())
            result = waiting.result()
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.out, r"(?m)^look: drained: out of service, 2 of 2 ended, after ")

    def test_exit_code_6_a_host_that_does_not_answer(self):
        self.start_host("look")
        pid = witness.host_process(self.servers)
        os.kill(pid, signal.SIGSTOP)
        try:
            self.wrong(6, r"^fcgictl: host \d+ has not answered in 0\.5 s\nhint: .*--timeout", "status", "--timeout", "0.5")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.fcgictl("status")

    def test_exit_code_7_refused_by_state(self):
        self.start_host("look", "bad", MaxInstances="many")
        for command in ("recycle", "drain", "resume"):
            self.wrong(7, r"^fcgictl: host \d+: bad: its section of fcgiext\.ini has errors\nhint: `fcgictl status` ", command, "bad")
        self.assertRegex(self.fcgictl("check", "bad", code=2).out, "^FCGIEXT CRITICAL - bad is broken")

    def test_exit_code_7_another_command_takes_the_place(self):
        self.start_host("look")
        with witness.Gate() as gate:
            client = self.held(gate)
            waiting = self.start_fcgictl("drain", "look", "--wait")
            waiting.wait_for_out("draining")
            self.fcgictl("resume", "look")
            gate.open()
            witness.facts(client.result())
            result = waiting.result()
        self.assertEqual(result.code, 7, result)
        self.assertRegex(result.err, "^fcgictl: look: draining was given up, 0 of 2 ended: ")

    def test_exit_code_8_one_of_several_fails(self):
        self.start_host("look", more="[bad]\nMaxInstances=many\n")
        result = self.wrong(8, r"^fcgictl: host \d+: bad: its section", "recycle", "*")
        self.assertRegex(result.out, r"^look: recycling \(operation \d+:\d+\)\n$")

    def test_ctrl_c_stops_the_waiting_and_not_the_operation(self):
        self.start_host("look")
        with witness.Gate() as gate:
            client = self.held(gate)
            waiting = self.start_fcgictl("drain", "look", "--wait")
            waiting.wait_for_out("draining")
            waiting.interrupt()
            result = waiting.result()
            self.assertEqual(result.code, 6, result)
            self.assertRegex(result.err, "^fcgictl: look: the waiting was stopped, still draining, 0 of 2 ended: it waits for "
                                         "requests that run\nhint: it goes on; `fcgictl wait \\d+:\\d+` waits again\n$")
            self.assertEqual(self.states(), {"look": "draining"})
        witness.facts(client.result())

    def test_on_a_terminal_progress_is_a_line_with_a_bar_and_ctrl_c_stops_the_waiting(self):
        self.start_host("look")
        with witness.Gate() as gate:
            client = self.held(gate)
            environment = self.servers.run.environment({"TERM": "xterm", "WINEDEBUG": "-all"})
            command = [str(fcgictl.FCGICTL), "drain", "look", "--wait"]
            code, seen = support.on_terminal(command, environment, rb"\[\.{20}\], 0 of 2 ended")
            self.assertEqual(code, 6, seen)
            self.assertIn(b"the waiting was stopped", seen)
            self.assertEqual(self.states(), {"look": "draining"})
        witness.facts(client.result())


if __name__ == "__main__":
    unittest.main()
