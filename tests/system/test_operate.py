"""Pools that are recycled, drained and resumed, and workers that are ended, while a real host serves; what becomes of the requests, and
of clients of the management pipe that misbehave."""

import contextlib
import shutil

import support
import witness
from operate import ENDS, MAX_CLIENTS, Operator, OperateTest, Refused
from pages import MISBEHAVE

CLIENTS = 32
RECYCLES = 50
QUICK = 20  # seconds; nothing that is waited for takes that long
FOR_EVER = 3600


def pools(**properties):
    """`look` answers to .fcgi, three requests at a time unless told otherwise; `silent` never answers what says way=silent."""
    return support.ini({"fcgi": "look", "silent": "silent"},
                       look={"ExePath": witness.WITNESS, "MaxInstances": 3, **properties},
                       silent={"ExePath": MISBEHAVE, "MaxInstances": 2, "ActivityTimeout": FOR_EVER, "RequestTimeout": FOR_EVER})


class Commands(OperateTest):
    def begin(self, *options, **properties):
        return self.start_host(pools(**properties), *options, maps=".fcgi,.silent")

    def state(self, operation):
        return operation["kind"], operation["state"], operation["done"], operation["total"]

    def held(self, gate, names):
        """Requests that wait in their workers. -> their clients"""
        clients = []
        for name in names:
            clients.append(self.background(gate.path(name)))
            try:
                gate.arrival()
            except TimeoutError as error:
                said = clients[-1].value if clients[-1].done() else self.operator.ask("show", "look")
                raise AssertionError(f"the request '{name}' has not come to its program: {said}") from error
        return clients

    def queued(self, gate, names):
        """Requests that wait in the queue. -> their clients"""
        before = self.operator.pool("look")["requests"]["queued"]
        clients = [self.background(gate.path(name)) for name in names]
        witness.wait_until(lambda: self.operator.pool("look")["requests"]["queued"] == before + len(names), "they wait")
        return clients

    def answered(self, clients):
        """-> the facts of each"""
        return [witness.facts(client.result()) for client in clients]

    def never_answered(self):
        """A request on a worker that will not end it. -> its client; its pool has a worker that serves, too"""
        client = self.background("/app/x.silent?way=silent")
        witness.wait_until(lambda: self.operator.pool("silent")["requests"]["running"] == 1, "it runs")
        return client

    def end_silent(self, client):
        for worker in self.operator.workers("silent"):
            if worker["state"] == "busy":
                self.operator.do("kill", f"silent/{worker['pid']}", "--wait")
        self.refused(client.result(), "recycled")


# ---- recycle


class Recycle(Commands):
    def test_replacements_serve_before_old_workers_go_and_running_requests_end(self):
        self.begin(MaxInstances=2)
        with witness.Gate() as gate:
            old = self.held(gate, "ab")
            pids = {worker["pid"] for worker in self.operator.workers("look")}
            waiting = self.queued(gate, "d")
            begun = self.operator.do("recycle", "look")
            gate.arrival()  # the queued one: its worker is beside the two
            busy = self.operator.wait(begun, "--timeout", 1, code=6)
            workers = self.operator.workers("look")
            gate.open()
            pids_old = {int(facts["pid"]) for facts in self.answered(old)}
            pid_new = int(self.answered(waiting)[0]["pid"])
        self.assertEqual(self.state(busy), ("recycle", "running", 0, 2))
        self.assertEqual(busy["reason"], "it waits for workers that are busy")
        self.assertEqual({worker["pid"]: worker["state"] for worker in workers}, {**dict.fromkeys(pids, "busy"), pid_new: "busy"})
        self.assertEqual(pids_old, pids)
        self.assertEqual(self.state(self.operator.wait(begun)), ("recycle", "done", 2, 2))
        witness.wait_until(lambda: not pids & {worker["pid"] for worker in self.operator.workers("look")}, "the old ones have ended")
        pool = self.operator.becomes("look", recycle={"state": "none", "old_workers": 0})
        self.assertEqual((pool["totals"]["failed"], pool["totals"]["answered"]), (0, 3))

    def test_it_stops_after_two_failed_replacements_and_whoever_waits_is_told(self):
        program = self.servers.folder / "program.exe"
        shutil.copy(witness.WITNESS, program)
        self.begin(ExePath=program)
        before = self.good("/app/x.fcgi")["pid"]
        program.with_suffix(".new").write_bytes(b"no program")
        program.with_suffix(".new").replace(program)
        operation = self.operator.do("recycle", "look", "--wait", code=1)
        self.assertEqual(self.state(operation), ("recycle", "failed", 0, 1))
        self.assertEqual(operation["reason"], "its replacements failed: the old workers go on serving")
        pool = self.operator.pool("look")
        self.assertEqual(pool["recycle"], {"state": "failed", "old_workers": 1})
        self.assertEqual(pool["totals"]["start_failures"], 2)
        self.assertEqual(self.good("/app/x.fcgi")["pid"], before)
        self.assertEqual(self.state(self.connect().call("operation.wait", operation=operation["id"])["operation"]), self.state(operation))
        shutil.copy(witness.WITNESS, program.with_suffix(".new"))
        program.with_suffix(".new").replace(program)
        self.assertEqual(self.state(self.operator.do("recycle", "look", "--wait")), ("recycle", "done", 1, 1))
        self.assertNotEqual(self.good("/app/x.fcgi")["pid"], before)

    def test_now_cuts_running_requests_off_and_serves_those_that_wait(self):
        self.begin(MaxInstances=1)
        with witness.Gate() as gate:
            running, waiting = self.held(gate, "r"), self.queued(gate, "w")
            before = self.operator.workers("look")[0]["pid"]
            operation = self.operator.do("recycle", "look", "--now")
            gate.arrival().let_go()
            self.refused(running[0].result(), "recycled")
            facts = self.answered(waiting)[0]
        self.assertEqual((facts["name"], facts["requests"]), ("w", "1"))
        self.assertNotEqual(facts["pid"], str(before))
        self.assertEqual(self.operator.wait(operation)["state"], "done")

    def test_fifty_recycles_under_32_clients_lose_and_refuse_nothing(self):
        self.begin(ExePath=MISBEHAVE, MaxInstances=2, QueueLength=CLIENTS)  # a program that starts fast
        connection = self.connect()
        with witness.Browsers(self.host, CLIENTS) as browsers:
            witness.wait_until(lambda: self.operator.totals("look")["answered"] >= CLIENTS, "the clients are at work")
            ends = []
            for _ in range(RECYCLES):
                operation = connection.call("pool.recycle", pool="look")["operation"]
                ends.append(connection.call("operation.wait", operation=operation["id"], timeout_seconds=60)["operation"])
        sent = sum(browsers.asked)
        self.assertEqual({end["state"] for end in ends}, {"done"})
        self.assertGreaterEqual(min(end["total"] for end in ends), 1)
        totals = self.operator.totals_at_rest("look")
        self.assertEqual((totals["requests"], totals["answered"], totals["failed"], totals["rejected"]), (sent, sent, 0, 0))
        self.assertEqual((totals["start_failures"], totals["unexpected_exits"]), (0, 0))
        self.assertGreaterEqual(totals["starts"], RECYCLES)

    def test_again_while_it_runs_takes_its_place(self):
        self.begin(MaxInstances=8)  # two replacements at a time
        with witness.Gate() as gate:
            clients = self.held(gate, "ab")
            first, second = self.operator.do("recycle", "look"), self.operator.do("recycle", "look")
            self.assertEqual((self.operator.wait(first, code=7)["state"], second["state"]), ("superseded", "running"))
            gate.open()
            self.answered(clients)
        self.assertEqual(self.operator.wait(second)["state"], "done")

    def test_a_pool_without_workers_is_recycled_at_once(self):
        self.begin()
        for _ in range(2):
            self.assertEqual(self.state(self.operator.do("recycle", "look")), ("recycle", "done", 0, 0))


# ---- one worker


class Workers(Commands):
    def test_the_request_of_a_recycled_worker_gets_its_answer(self):
        self.begin()
        with witness.Gate() as gate:
            clients = self.held(gate, "ab")
            first, second = [worker["pid"] for worker in self.operator.workers("look")]
            begun = self.operator.do("recycle", f"look/{first}")
            self.assertEqual(self.state(begun), ("worker_recycle", "running", 0, 1))
            gate.open()
            facts = self.answered(clients)
        self.assertEqual({one["pid"] for one in facts}, {str(first), str(second)})
        self.assertEqual(self.state(self.operator.wait(begun)), ("worker_recycle", "done", 1, 1))
        self.assertEqual([worker["pid"] for worker in self.operator.workers("look")], [second])
        self.assertEqual(self.operator.totals("look")["failed"], 0)

    def test_the_request_of_a_killed_worker_gets_a_clear_page(self):
        self.begin()
        with witness.Gate() as gate:
            clients = self.held(gate, "ab")
            first, second = [worker["pid"] for worker in self.operator.workers("look")]
            self.operator.do("kill", f"look/{first}")
            done = witness.wait_until(lambda: [client for client in clients if client.done()], "a request has ended")
            page = done[0].result()
            self.refused(page, "recycled")
            self.assertIn("this request was cut off", page.text)
            gate.open()
            clients.remove(done[0])
            self.assertEqual(self.answered(clients)[0]["pid"], str(second))
        witness.wait_until(lambda: [worker["pid"] for worker in self.operator.workers("look")] == [second], "it has ended")
        self.assertEqual(self.operator.totals("look")["failed_by_cause"], {"recycled": 1})
        exit_, = self.operator.exits("look")
        self.assertEqual((exit_["pid"], exit_["expected"], exit_["cause"]), (first, True, None))

    def test_twice_by_its_id(self):
        """Over the pipe: fcgictl names processes of ours by their process id."""
        self.begin()
        with witness.Gate() as gate:
            client = self.held(gate, "a")
            worker, = self.operator.workers("look")
            connection = self.connect()
            begun = [connection.call("worker.recycle", pool="look", id=worker["id"])["operation"] for _ in range(2)]
            self.assertEqual([one["state"] for one in begun], ["running", "running"])
            gate.open()
            self.answered(client)
        for one in begun:
            self.assertEqual(connection.call("operation.wait", operation=one["id"], timeout_seconds=60)["operation"]["state"], "done")
        with self.assertRaises(Refused) as caught:
            connection.call("worker.recycle", pool="look", id=worker["id"])
        self.assertEqual(caught.exception.reason, "no_such_worker")


# ---- drain and resume


class Drain(Commands):
    def drained(self):
        self.refused(support.http_request(self.host, "/app/x.fcgi"), "draining")
        return self.operator.pool("look")["drain"]

    def test_nothing_new_is_admitted_and_what_runs_and_waits_ends(self):
        self.begin(MaxInstances=1)
        with witness.Gate() as gate:
            clients = self.held(gate, "r") + self.queued(gate, "w")
            begun = self.operator.do("drain", "look")
            self.assertEqual(self.drained(), {"left_seconds": None, "persist": False})
            self.assertEqual(self.operator.pool("look")["state"], "draining")
            waiting = self.operator.wait(begun, "--timeout", 1, code=6)
            self.assertEqual(self.state(waiting), ("drain", "running", 0, 3))
            self.assertEqual(waiting["reason"], "it waits for requests that run")
            gate.inside[0].let_go()
            gate.arrival()
            self.assertEqual(self.answered(clients[:1])[0]["name"], "r")
            later = self.operator.wait(begun, "--timeout", 1, code=6)
            self.assertEqual(self.state(later), ("drain", "running", 1, 3))
            gate.open()
            self.assertEqual(self.answered(clients[1:])[0]["name"], "w")
        self.assertEqual(self.state(self.operator.wait(begun)), ("drain", "done", 3, 3))
        witness.wait_until_gone(self.servers, witness.WITNESS, QUICK)
        self.assertEqual(self.operator.pool("look")["state"], "drained")
        self.drained()
        self.assertEqual(self.state(self.operator.do("resume", "look")), ("resume", "done", 0, 0))
        self.assertEqual(self.good("/app/x.fcgi")["requests"], "1")
        self.assertEqual(self.operator.totals("look")["failed_by_cause"], {"draining": 2})

    def test_twice_each(self):
        self.begin()
        with witness.Gate() as gate:
            client = self.held(gate, "r")
            first, second = self.operator.do("drain", "look"), self.operator.do("drain", "look")
            self.assertEqual(self.operator.wait(first, code=7)["state"], "superseded")
            gate.open()
            self.answered(client)
        self.assertEqual(self.operator.wait(second)["state"], "done")
        self.assertEqual(self.operator.do("drain", "look")["state"], "done")
        self.drained()
        for _ in range(2):
            self.assertEqual(self.operator.do("resume", "look")["state"], "done")
            self.good("/app/x.fcgi")

    def test_it_outlasts_reloads(self):
        self.begin()
        self.operator.do("drain", "look", "--wait")
        for properties in ({}, {"MaxInstances": 2}, {"EnvironmentVars": "WITNESS_MARK:new"}):
            with self.subTest(properties):
                self.host.write_ini(pools(**properties))
                self.assertEqual(self.operator.do("config", "reload", "--wait")["state"], "done")
                self.assertEqual(self.operator.pool("look")["state"], "drained")
                self.drained()
        self.operator.do("resume", "look")
        self.assertEqual(self.good("/app/x.fcgi")["mark"], "new")

    def test_a_reload_of_a_file_with_errors_fails_and_changes_nothing(self):
        self.begin()
        self.host.write_ini(pools(MaxInstances="many"))
        operation = self.operator.do("config", "reload", "--wait", code=1)
        self.assertEqual((operation["state"], operation["reason"]), ("failed", "fcgiext.ini has errors: what was in force stays so"))
        self.assertEqual(self.connect().call("server.info")["config"]["state"], "rejected")
        self.good("/app/x.fcgi")

    def test_it_ends_by_itself_after_its_ttl(self):
        self.begin()
        begun = self.operator.do("drain", "look", "--ttl", "5s")
        drain = self.drained()
        self.assertLessEqual(drain["left_seconds"], 5)
        self.assertEqual(begun["state"], "done")
        self.operator.do("drain", "look", "--ttl", "1s")
        self.operator.becomes("look", state="running", drain=None)
        self.good("/app/x.fcgi")

    def test_it_outlasts_a_restart_if_it_is_to_persist(self):
        options = {"maps": ".fcgi,.silent"}
        self.begin()
        self.operator.do("resume", "look")  # of a run that was broken off
        for words, persists in ((["--persist"], True), (["--persist", "--ttl", "10m"], True), ([], False)):
            with self.subTest(words):
                self.operator.do("drain", "look", "--wait", *words)
                before = self.operator.pool("look")["drain"]
                self.restart_host(pools(), **options)
                if not persists:
                    self.good("/app/x.fcgi")
                    continue
                after = self.drained()
                self.assertTrue(before["persist"] and after["persist"])
                self.assertEqual(after["left_seconds"] is None, "--ttl" not in words)
                if after["left_seconds"]:
                    self.assertLess(after["left_seconds"], before["left_seconds"])
        self.operator.do("drain", "look", "--persist")
        self.operator.do("resume", "look")
        self.restart_host(pools(), **options)
        self.good("/app/x.fcgi")

    def test_a_drain_that_outlasts_a_restart_comes_before_MinInstances(self):
        spares = {"MinInstances": 2}
        options = {"maps": ".fcgi,.silent"}
        self.begin(**spares)
        self.operator.do("drain", "look", "--wait", "--persist")
        self.restart_host(pools(**spares), **options)
        pool = self.operator.pool("look")
        self.assertEqual((pool["state"], pool["totals"]["starts"], self.operator.workers("look")), ("drained", 0, []))
        self.drained()
        self.assertEqual(self.operator.totals("look")["starts"], 0)
        self.operator.do("resume", "look")
        self.operator.becomes("look", state="running", drain=None)
        witness.wait_until(lambda: len(self.operator.workers("look")) == 2, "they are there now")

    def test_a_request_that_never_ends_is_told_and_resume_supersedes(self):
        self.begin()
        client = self.never_answered()
        begun = self.operator.do("drain", "silent")
        waiting = self.operator.wait(begun, "--timeout", 1, code=6)
        self.assertEqual(self.state(waiting), ("drain", "running", 0, 2))
        self.assertEqual(waiting["reason"], "it waits for requests that run")
        self.operator.do("resume", "silent")
        self.assertEqual(self.operator.wait(begun, code=7)["state"], "superseded")
        self.assertEqual(self.operator.pool("silent")["state"], "running")
        self.good("/app/x.silent?name=other")
        self.end_silent(client)

    def test_a_drain_that_waits_for_ever_ends_when_the_worker_is_killed(self):
        self.begin()
        client = self.never_answered()
        begun = self.operator.do("drain", "silent")
        waiting = self.connect()
        waiting.send("operation.wait", operation=begun["id"], timeout_seconds=FOR_EVER)
        self.end_silent(client)
        reply = waiting.receive()
        self.assertEqual((self.state(reply["operation"]), reply["timed_out"]), (("drain", "done", 2, 2), False))


# ---- clients that misbehave, and the end of the host


class Bounds(Commands):
    @contextlib.contextmanager
    def traffic(self):
        """Requests of two clients go on meanwhile, and another client of the pipe is served."""
        other = self.connect()
        with witness.Browsers(self.host, 2) as browsers:
            other.call("status")
            yield
            before = other.call("status")["pools"][0]["totals"]["answered"]
            witness.wait_until(lambda: other.call("status")["pools"][0]["totals"]["answered"] > before, "requests are answered")
        self.assertGreater(min(browsers.asked), 0)
        self.assertEqual(self.operator.totals("look")["failed"], 0)

    def test_clients_that_say_nothing(self):
        self.begin()
        with self.traffic():
            clients = self.clients()
            silent = [clients.connect() for _ in range(MAX_CLIENTS - 2)]
            self.operator.ask("status")
            self.assertEqual(silent[0].call("server.info")["pid"], self.operator.pid)  # it speaks at last

    def test_garbage(self):
        self.begin()
        with self.traffic():
            for text, reason in (("}{", "parse_error"), ("[1,2]", "invalid_request"), ("[" * 100, "parse_error"),
                                 ('{"jsonrpc":"2.0","id":1,"method":"x"}', "method_not_found")):
                connection = self.connect()
                connection.write(text + r"\n")
                with self.assertRaises(Refused) as caught:
                    connection.receive()
                self.assertEqual(caught.exception.reason, reason, text)
                self.assertEqual(connection.call("server.info")["pid"], self.operator.pid)  # the connection goes on
            connection = self.connect()
            connection.command(f"fill {connection.slot} 100000")
            with self.assertRaises(Refused) as caught:
                connection.receive()
            self.assertEqual(caught.exception.reason, "line_too_long")

    def test_half_a_line(self):
        self.begin()
        with self.traffic():
            connection = self.connect()
            connection.write('{"jsonrpc":')
            with self.assertRaises(Refused) as caught:
                connection.receive()
            self.assertEqual(caught.exception.reason, "line_timeout")

    def test_clients_that_vanish_give_their_places_back(self):
        """In the middle of a line, of operation.wait, and of the reply."""
        self.begin()
        silent = self.never_answered()
        begun = self.operator.do("drain", "silent")
        with self.traffic():
            clients = self.clients()
            for _ in range(3):
                gone = [clients.connect() for _ in range(MAX_CLIENTS - 2)]
                for number, connection in enumerate(gone):
                    if number % 3 == 0:
                        connection.write('{"jsonrpc":"2.0","id":1,"meth')
                    elif number % 3 == 1:
                        connection.send("operation.wait", operation=begun["id"], timeout_seconds=FOR_EVER)
                    else:
                        connection.send("rpc.discover")
                for connection in gone:
                    connection.close()
                clients.slots = 0
            everybody = [clients.connect() for _ in range(MAX_CLIENTS - 2)]
            for connection in everybody:
                self.assertEqual(connection.call("operation.wait", operation=begun["id"])["timed_out"], True)
                connection.close()
        self.operator.do("resume", "silent")
        self.end_silent(silent)

    def waiting(self, count):
        """So many clients in operation.wait, for a drain that does not end"""
        begun = self.operator.do("drain", "silent")
        clients = self.clients()
        waiting = [clients.connect() for _ in range(count)]
        for connection in waiting:
            connection.send("operation.wait", operation=begun["id"], timeout_seconds=FOR_EVER)
        return waiting

    def test_the_host_stops_while_clients_wait(self):
        self.begin("--stop-timeout", "1")
        client = self.never_answered()
        waiting = self.waiting(4)
        self.host.process.stdin.close()
        self.assertEqual(self.host.process.wait(QUICK), 0, self.host.what_it_said(1))
        for connection in waiting:
            self.assertIn(connection.line(), ENDS)
        self.refused(client.result(), "shutting_down")
        self.operator.ask("status", code=3)

    def test_the_extension_is_unloaded_while_clients_wait_and_serves_again(self):
        self.begin("--stdin-commands")
        client = self.never_answered()
        waiting = self.waiting(4)
        self.assertEqual(witness.ask(self.host, "unload now", QUICK), "unloaded")
        for connection in waiting:
            self.assertIn(connection.line(), ENDS)
        self.refused(client.result(), "shutting_down")
        self.assertEqual(witness.ask(self.host, "load"), "loaded")
        self.assertEqual(self.operator.pool("silent")["state"], "running")
        self.assertEqual(Operator(self.servers, self.host).pid, self.operator.pid)
