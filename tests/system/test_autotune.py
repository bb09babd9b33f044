"""MaxInstances=0: the limit follows the load, and an operator sees it, and why."""

import fcgictl
import operate
import support
import witness


def text(**more):
    return support.ini({"tuned": "tuned", "fixed": "fixed"}, tuned={"ExePath": witness.WITNESS, "MaxInstances": 0, **more},
                       fixed={"ExePath": witness.WITNESS, "MaxInstances": 3})


class Autotune(fcgictl.ControlTest):
    def setUp(self):
        self.host = self.servers.host(text(), "--stdin-commands", maps=".tuned,.fixed")
        self.operator = operate.Operator(self.servers, self.host)

    def raise_limit(self, gate):
        """More requests than there may be workers come to stay: one more than the limit runs at last. -> clients, the first limit"""
        first = self.operator.pool("tuned")["limits"]["max_instances"]
        page = gate.path("x", "/app/x.tuned")
        clients = [witness.Background(support.http_request, self.host, page) for _ in range(3 * first)]
        for _ in range(first + 1):
            gate.arrival()
        return clients, first

    def test_the_limit_rises_while_requests_that_sleep_fill_the_queue(self):
        with witness.Gate() as gate:
            before = self.operator.pool("tuned")
            self.assertEqual(before["tuning"], {"reason": "steady", "move_reason": None, "move_age_seconds": None,
                                                "moves_by_reason": {}})
            clients, first = self.raise_limit(gate)
            pool = self.operator.pool("tuned")
            limit = pool["limits"]["max_instances"]
            self.assertGreater(limit, first)
            self.assertEqual(pool["workers"]["maximum"], limit)
            self.assertEqual(pool["tuning"]["move_reason"], "queue_waits")
            self.assertGreaterEqual(pool["tuning"]["moves_by_reason"]["queue_waits"], 1)
            self.assertGreaterEqual(pool["tuning"]["move_age_seconds"], 0)
            self.assertRegex(self.fcgictl("show", "tuned").out,
                             r"(?m)^  tuning +at most \d+ workers, tuned: [a-z ]+; moved .* ago: queue waits$")
            samples = {metric["name"]: metric["samples"] for metric in self.operator.ask("metrics")["metrics"]}
            moves = {sample["labels"]["reason"]: sample["value"] for sample in samples["fcgi_limit_moves"]
                     if sample["labels"]["pool"] == "tuned"}
            self.assertGreaterEqual(moves["queue_waits"], 1)
            gate.open()
            self.assertEqual([client.result().status for client in clients], [200] * len(clients))

    def test_a_limit_that_was_found_stays_when_other_settings_change(self):
        with witness.Gate() as gate:
            clients, first = self.raise_limit(gate)
            self.host.write_ini(text(QueueLength=777))
            self.operator.do("config", "reload", "--wait")
            pool = self.operator.becomes("tuned", broken=False)
            self.assertEqual(pool["limits"]["queue_length"], 777)
            self.assertGreater(pool["limits"]["max_instances"], first)
            self.assertGreaterEqual(pool["tuning"]["moves_by_reason"]["queue_waits"], 1)
            gate.open()
            self.assertEqual([client.result().status for client in clients], [200] * len(clients))

    def test_a_limit_that_is_given_is_not_tuned(self):
        self.assertEqual(support.http_request(self.host, "/app/x.fixed").status, 200)
        pool = self.operator.pool("fixed")
        self.assertIsNone(pool["tuning"])
        self.assertEqual(pool["limits"]["max_instances"], 3)
        self.assertNotIn("tuned:", self.fcgictl("show", "fixed").out)

    def test_a_pool_changes_between_tuned_and_fixed(self):
        self.host.write_ini(text(MaxInstances=5))
        self.operator.do("config", "reload", "--wait")
        pool = self.operator.pool("tuned")
        self.assertEqual((pool["tuning"], pool["limits"]["max_instances"]), (None, 5))
        self.host.write_ini(text())
        self.operator.do("config", "reload", "--wait")
        with witness.Gate() as gate:
            clients, first = self.raise_limit(gate)
            self.assertGreater(self.operator.pool("tuned")["limits"]["max_instances"], first)
            gate.open()
            self.assertEqual([client.result().status for client in clients], [200] * len(clients))
