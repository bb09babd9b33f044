"""What becomes of the counters when hosts come, go and begin anew: perfmon adds them up and forgets nothing, and no series of OpenMetrics is
less than before without saying that it has begun anew."""

import re
import shutil

import counters
import doors
import support
import witness


class Hosts(doors.DoorsTest):
    """What becomes of the sums when hosts come and go."""

    def start_one(self, *names, options=()):
        host = self.start_host(support.ini({name: name for name in names}, **{
            name: {"ExePath": witness.WITNESS, "MaxInstances": 2} for name in names}), *options, maps=".look,.second")
        host.traffic = doors.Traffic(host)
        return host

    def rest(self):
        def rests():
            model = self.model()
            return counters.total(model, "fcgi_requests_in_flight") == 0 and model

        return witness.wait_until(rests, "no request is under way")

    def test_hosts_with_the_same_pool_are_one_instance_and_totals_go_on_when_one_ends(self):
        self.hosts = [self.start_one("look", "second"), self.start_one("LOOK")]
        one, other = self.hosts
        for _ in range(3):
            one.traffic.ask("look", "read=1", body=b"x" * 100)
        one.traffic.ask("second")
        for _ in range(2):
            other.traffic.ask("look")
        self.rest()
        perf, served = self.perf(), self.start_exporter()

        # The names differ in their letters only: one instance for perfmon, two series for OpenMetrics, whose readers add them up.
        def both():
            found = self.model()
            return {(key[0], frozenset((label, text.lower() if label == "pool" else text) for label, text in key[1])): value
                    for key, value in found.items()}

        model = both()
        before, _ = perf.read()
        self.assertEqual({name.lower() for name in before}, {"look", "second", "_total"})
        before = {name.lower(): instance for name, instance in before.items()}
        self.assertEqual([before[name].values["Total Requests"] for name in ("look", "second", "_total")], [5, 1, 6])
        for name, pool in (("look", "look"), ("second", "second"), ("_total", None)):
            for row in counters.PERF_POOLS:
                if row.source != "START" and row.type != "AVERAGE_TIMER":
                    self.assertEqual(before[name].values[row.name], counters.perf_value(model, row, pool), f"{name}, {row.name}")
        served.becomes(lambda now: len(now["pools"]) == 3, "the exporter has both hosts")
        text = self.exporters_model(served)

        self.assertEqual(self.servers.stop_host(other), "")
        self.hosts = [one]
        self.assertEqual(doors.of_pipe(one.pipe)[1]["pid"], one.operator.pid)
        alive = self.model()
        after = {name.lower(): instance for name, instance in perf.read()[0].items()}
        self.assertEqual(set(after), set(before))
        for name, pool in (("look", "look"), ("second", "second"), ("_total", None)):
            for row in counters.PERF_POOLS:
                if row.source != "START":
                    wanted = before[name].values[row.name] if counters.perf_grows(row) else counters.perf_value(alive, row, pool)
                    self.assertEqual(after[name].values[row.name], wanted, f"{name}, {row.name}")
        served.becomes(lambda now: len(now["hosts"]) == 1, "the exporter has seen it go")
        later = self.exporters_model(served)
        gone = {key: value for key, value in text.items() if ("host", str(other.operator.pid)) in key[1]}
        kinds = {series: family.kind for family in counters.FAMILIES for series in family.series}
        for key, value in gone.items():
            kept = kinds.get(key[0], "COUNTER") in ("COUNTER", "HISTOGRAM")  # what has no kind is _created
            self.assertEqual(later.get(key), value if kept else None, key)

        shutil.rmtree(other.ini.parent)  # its name is the next one's
        third = self.start_one("look")
        for _ in range(4):
            third.traffic.ask("look")
        witness.wait_until(lambda: perf.read()[0]["_Total"].values["Requests Executing"] == 0, "no request is under way")
        last = {name.lower(): instance for name, instance in perf.read()[0].items()}
        self.assertEqual([last[name].values["Total Requests"] for name in ("look", "second", "_total")], [9, 1, 10])
        for name, instance in last.items():
            for row in counters.PERF_POOLS:
                if counters.perf_grows(row) and row.type not in ("AVERAGE_TIMER", "AVERAGE_BASE"):
                    self.assertGreaterEqual(instance.values[row.name], after[name].values[row.name], f"{name}, {row.name}")

    def exporters_model(self, served):
        answer = support.http_request(served, "/metrics", headers={"Accept": "application/openmetrics-text"})
        return doors.of_openmetrics(answer.text, True)

    def watch(self, served, stop):
        """Readings of the exporter one after another, until stop(one) -> the last one. Nothing is less than before, unless it says that it
        has begun anew."""
        previous = model = self.exporters_model(served)
        while not stop(model):
            model = self.exporters_model(served)
            for key, value in model.items():
                kind = next((family.kind for family in counters.FAMILIES if key[0] in family.series), None)
                if kind not in ("COUNTER", "HISTOGRAM") or value >= previous.get(key, 0):
                    continue
                name = re.sub("_(total|bucket|count|sum)$", "_created", key[0])
                point = name, frozenset(label for label in key[1] if label[0] != "le")
                self.assertGreater(model[point], previous[point], f"{key} was {previous[key]} and is {value}")
            previous = model
        return model

    def test_a_block_that_is_written_anew_in_the_same_process(self):
        host = self.start_one("look", options=["--stdin-commands"])
        self.hosts = [host]
        for _ in range(3):
            host.traffic.ask("look")
        self.rest()
        perf, served = self.perf(), self.start_exporter()
        (before, _), text = perf.read(), self.exporters_model(served)
        self.assertEqual(counters.total(text, "fcgi_requests_total"), 3)
        begun = []
        watching = witness.Background(self.watch, served,
                                      lambda model: begun and counters.total(model, "fcgi_requests_completed_total") == 1)
        self.assertEqual(witness.ask(host, "unload"), "unloaded")
        gone, _ = perf.read()
        self.assertEqual(witness.ask(host, "load"), "loaded")
        host.traffic.ask("look")
        begun.append(True)
        last = watching.result()
        for key, created in text.items():
            if key[0].endswith("_created"):
                self.assertGreater(last[key], created, key)
        after, _ = perf.read()
        for name in ("look", "_Total"):
            self.assertEqual([one[name].values["Total Requests"] for one in (before, gone, after)], [3, 3, 4])
            self.assertGreater(after[name].values["Pool Uptime"], before[name].values["Pool Uptime"])
            for row in counters.PERF_POOLS:
                if counters.perf_grows(row) and row.type != "AVERAGE_TIMER":
                    self.assertLessEqual(before[name].values[row.name], after[name].values[row.name], f"{name}, {row.name}")

    def test_a_pool_that_is_taken_out_of_the_ini_and_comes_back(self):
        host = self.start_one("look", "second")
        self.hosts = [host]
        for _ in range(3):
            host.traffic.ask("second")
        self.rest()
        perf, served = self.perf(), self.start_exporter()
        before, _ = perf.read()
        ended = []
        watching = witness.Background(self.watch, served, lambda model: ended)
        whole = host.ini.read_bytes()
        host.write_ini(support.ini({"look": "look"}, look={"ExePath": witness.WITNESS, "MaxInstances": 2}))
        witness.wait_until(lambda: not counters.select(self.model(), "fcgi_requests_total", pool="second"), "the pool has gone")
        without_it, _ = perf.read()
        host.write_ini(whole)
        witness.wait_until(lambda: counters.select(self.model(), "fcgi_requests_total", pool="second"), "the pool is back")
        host.traffic.ask("second")
        model = self.rest()
        served.becomes(lambda now: sum(pool["totals"]["requests"] for pool in now["pools"]) == counters.total(model, "fcgi_requests_total"),
                       "the exporter has asked anew")
        ended.append(True)
        watching.result()
        after, _ = perf.read()
        for name in ("second", "_Total"):
            self.assertEqual([one[name].values["Total Requests"] for one in (before, without_it, after)], [3, 3, 4])
