"""The scheduler at work: limits, order, replacement and time-outs of real processes."""

import os
import re

import support
import witness


class Limits(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.all_servers = servers
        look = {"ExePath": witness.WITNESS}
        cls.host = servers.host(
            support.ini({"one": "one", "three": "three", "recycle": "recycle"}, one={**look, "MaxInstances": 1},
                        three={**look, "MaxInstances": 3},
                        recycle={"ExePath": support.RESPONDER, "MaxInstances": 4, "InstanceMaxRequests": 7}),
            "--stdin-commands", maps=".one,.three,.recycle")

    def ask(self, path):
        return witness.facts(support.http_request(self.host, path))

    def test_never_more_than_max_instances(self):
        with witness.Gate() as gate:
            before = len(witness.processes(self.all_servers, witness.WITNESS))
            clients = [witness.Background(self.ask, gate.path(str(i), "/app/x.three")) for i in range(12)]
            witness.wait_until_in_flight(self.all_servers, self.host, 12)
            inside = [gate.arrival() for _ in range(3)]
            for left in range(9, 0, -1):
                self.assertTrue(gate.nobody_waits(), "more requests run than MaxInstances allows")
                self.assertLessEqual(len(witness.processes(self.all_servers, witness.WITNESS)) - before, 3)
                inside.pop(0).let_go()
                inside.append(gate.arrival())
                witness.wait_until_in_flight(self.all_servers, self.host, left + 2)
            gate.open()
            answers = [client.result() for client in clients]
        self.assertEqual([facts["name"] for facts in answers], [str(i) for i in range(12)])
        self.assertEqual(len({facts["pid"] for facts in answers}), 3)

    def test_processes_are_started_only_when_they_are_needed(self):
        pids = {self.ask("/app/x.three")["pid"] for _ in range(10)}
        self.assertEqual(len(pids), 1)

    def test_waiting_requests_are_served_in_the_order_in_which_they_came(self):
        with witness.Gate() as gate:
            clients = []
            for i in range(8):
                clients.append(witness.Background(self.ask, gate.path(str(i), "/app/x.one")))
                witness.wait_until_in_flight(self.all_servers, self.host, i + 1)
            order = []
            for _ in clients:
                visitor = gate.arrival()
                order.append(visitor.name)
                visitor.let_go()
            answers = [client.result() for client in clients]
        self.assertEqual(order, [str(i) for i in range(8)])
        self.assertEqual(len({facts["pid"] for facts in answers}), 1)

    def test_a_process_is_replaced_after_instance_max_requests_and_no_request_is_lost(self):
        clients, each = 8, 30

        def client(number):
            result = []
            with support.Connection(self.host) as connection:
                for i in range(each):
                    token = f"token-{number}-{i}"
                    body = os.urandom(100 * i) if i % 3 == 0 else None
                    answer = connection.request(f"/app/echo.recycle?{token}" if body is not None else f"/app/env.recycle?{token}",
                                                body=body)
                    self.assertEqual(answer.status, 200, answer)
                    if body is not None:
                        self.assertEqual(answer.body, body)
                    else:
                        self.assertEqual(answer.variables()["QUERY_STRING"], token)
                    result.append(int(answer.headers["X-Worker-Requests"]))
            return result

        numbers = [number for result in support.in_parallel(clients, client) for number in result]
        self.assertEqual(len(numbers), clients * each)
        self.assertLessEqual(max(numbers), 7)
        self.assertGreaterEqual(numbers.count(1), clients * each / 7)  # so many processes were started


class Timeouts(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.all_servers = servers
        look = {"ExePath": witness.WITNESS, "MaxInstances": 1}
        respond = {"ExePath": support.RESPONDER, "MaxInstances": 1}
        cls.host = servers.host(
            support.ini({"idle": "idle", "wave": "wave", "activity": "activity", "request": "request", "fcgi": "good"},
                        idle={**look, "IdleTimeout": 1}, wave={**look, "IdleTimeout": 1, "SignalBeforeTerminateSeconds": 20},
                        activity={**respond, "ActivityTimeout": 1}, request={**respond, "RequestTimeout": 2},
                        good=respond),
            maps=".idle,.wave,.activity,.request,.fcgi")

    def page(self, path, cause):
        answer = support.http_request(self.host, path)
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (500, cause), answer)
        return answer.text

    def pid(self, extension):
        answer = support.http_request(self.host, f"/app/env.{extension}")
        self.assertEqual(answer.status, 200, answer)
        return answer.headers["X-Worker-Pid"]

    def test_an_idle_process_ends_and_a_new_one_comes(self):
        for _ in range(2):
            for extension in ("idle", "wave"):  # terminated, and asked to end
                facts = witness.facts(support.http_request(self.host, f"/app/x.{extension}"))
                self.assertEqual(facts["requests"], "1", extension)
            witness.wait_until_gone(self.all_servers, witness.WITNESS, 15)

    def test_activity_timeout_ends_the_process_and_says_so(self):
        pid = self.pid("activity")
        text = self.page("/app/error.activity?kind=hang", "activity_timeout")
        self.assertIn("ActivityTimeout", text)
        self.assertNotEqual(self.pid("activity"), pid)

    def test_a_program_that_goes_on_sending_is_not_timed_out(self):
        answer = support.http_request(self.host, "/app/slow.activity?ms=300&lines=10")
        self.assertIn("line 10 of 10", answer.text)

    def test_request_timeout_ends_the_process_and_says_so(self):
        pid = self.pid("request")
        text = self.page("/app/slow.request?ms=100&lines=1000", "request_timeout")
        self.assertIn("RequestTimeout", text)
        self.assertNotEqual(self.pid("request"), pid)

    def test_requests_that_wait_are_not_harmed_by_the_time_out_of_another_one(self):
        hanging = witness.Background(self.page, "/app/error.activity?kind=hang", "activity_timeout")
        answers = support.in_parallel(4, lambda i: support.http_request(self.host, f"/app/env.activity?{i}"))
        hanging.result()
        self.assertEqual([answer.variables().get("QUERY_STRING") for answer in answers], list("0123"))


class Children(support.SystemTest):
    def test_grandchildren_end_with_their_process(self):
        host = self.servers.host(support.ini({"fcgi": "family"}, family={
            "ExePath": witness.WITNESS, "Arguments": "spawn=1", "MaxInstances": 1, "IdleTimeout": 1}))
        witness.facts(support.http_request(host, "/app/x.fcgi"))
        both = witness.processes(self.servers, witness.WITNESS)
        self.assertEqual(sorted(re.findall("(spawn|stay)=1", " ".join(both.values()))), ["spawn", "stay"])
        witness.wait_until_gone(self.servers, witness.WITNESS, 15)
