"""One model, and doors to it: after the same traffic perfmon, JSON, OpenMetrics, the text file, the exporter and the tables show the same,
counter by counter. Which counters there are, counters.inc says (tests/system/counters.py): a new row is compared here by itself.

Each door is read between two readings of the management pipe. What has not changed meanwhile must be the same there; what moves (the
times of what runs or waits) must lie between. Nothing else may move, and nothing is left out.
"""

import collections
import csv
import io
import re

import counters
import doors
import operate
import pages
import support
import witness

FOR_EVER = 3600
CHUNKED = {"Transfer-Encoding": "chunked"}
STATUS_TOTALS = {"requests": "fcgi_requests_total", "retried": "fcgi_requests_retried_total", "starts": "fcgi_worker_starts_total",
                 "start_failures": "fcgi_worker_start_failures_total", "exits": "fcgi_worker_exits_total"}
STATUS_NOW = {"running": "fcgi_requests_executing", "queued": "fcgi_requests_queued", "queue_length": "fcgi_queue_limit",
              "oldest_wait_seconds": "fcgi_oldest_wait_seconds", "oldest_run_seconds": "fcgi_oldest_run_seconds"}
QUEUED = "fcgi_requests_queued"


def without(model, *ends):
    return {key: value for key, value in model.items() if not key[0].endswith(ends)}


class Everything(doors.DoorsTest):
    """One host, and every outcome that is quickly made."""

    POOLS = {
        "look": {"ExePath": witness.WITNESS, "MaxInstances": 2}, "one": {"ExePath": witness.WITNESS, "MaxInstances": 1, "QueueLength": 1},
        "late": {"ExePath": witness.WITNESS, "MaxInstances": 1, "QueueTimeout": 3},
        "few": {"ExePath": witness.WITNESS, "MaxInstances": 1, "InstanceMaxRequests": 2},
        "out": {"ExePath": witness.WITNESS}, "auto": {"ExePath": witness.WITNESS, "MaxInstances": 0},
        "bad": {**pages.ONE, "RapidFailsPerMinute": 1000, "ActivityTimeout": FOR_EVER}, "still": {**pages.ONE, "ActivityTimeout": 1},
        "slow": {**pages.ONE, "RequestTimeout": 1, "ActivityTimeout": FOR_EVER},
        "none": {"ExePath": r"C:\nowhere\none.exe", "RapidFailsPerMinute": 0},
        "echo": {"ExePath": support.RESPONDER, "MaxInstances": 1, "MaxSpooledBody": 1000},
    }

    def ini(self, **look):
        return support.ini({name: name for name in self.POOLS}, **{**self.POOLS, "look": {**self.POOLS["look"], **look}})

    def start_all(self):
        self.host = self.start_host(self.ini(), maps=",".join(f".{name}" for name in [*self.POOLS, "unknown"]))
        self.hosts = [self.host]
        self.traffic = doors.Traffic(self.host)

    # ---- traffic

    def ask_what_is_answered_or_refused(self):
        ask = self.traffic.ask
        for i in range(5):
            ask("look", f"name={i}")
        ask("look", "read=1", body=bytes(1000))
        ask("echo", page="echo", body=bytes(100_000))
        ask("echo", "kind=nothing", "bad_response", page="error")
        ask("echo", "kind=stderr", "stderr", page="error")
        self.traffic.counted("echo", self.send_chunked("/app/echo.echo", 1001), "body_too_large", bytes(1001))
        for _ in range(4):
            ask("few")
        ask("auto")
        ask("none", result="start_failed")
        ask("none", result="rapid_fail")
        self.fcgictl("resume", "none")
        self.assertEqual(support.http_request(self.host, "/app/x.unknown").headers["X-Fcgiext-Reason"], "no_mapping")
        ask("out")
        self.fcgictl("drain", "out", "--wait")
        ask("out", result="draining")

    def send_chunked(self, path, length):
        with support.Connection(self.host) as connection:
            return connection.request(path, "POST", iter([bytes(length)]), CHUNKED, chunked=True)

    def ask_what_fails(self):
        ask = self.traffic.ask
        for way, result in (("garble-version", "protocol"), ("crash", "worker_crashed"), ("exit-in-stdin&code=7", "worker_exited"),
                            ("eof&at=0", "connection_closed"), ("status&at=2", "overloaded")):
            ask("bad", f"way={way}", result, body=b"12345")
        ask("bad", "way=exit-on-next")
        ask("bad")  # is tried twice
        ask("still", "way=silent", "activity_timeout")
        ask("slow", "way=silent", "request_timeout")

    def ask_what_waits(self):
        with witness.Gate() as gate:
            waiting = []
            for pool in ("one", "late"):
                waiting.append((pool, "answered", self.traffic.held(gate, pool)))
                gate.arrival()
            waiting.append(("one", "answered", self.traffic.held(gate, "one")))
            self.wait_for(lambda model: counters.total(model, QUEUED, pool="one") == 1, "one request waits")
            self.traffic.ask("one", result="queue_full")
            self.traffic.ask("late", result="queue_timeout")
            self.leave(gate)
            gate.open()
            for pool, result, client in waiting:
                self.traffic.counted(pool, client.result(), result)

    def leave(self, gate):
        """A client that does not wait for its answer."""
        with support.RawConnection(self.host) as raw:
            raw.send(f"GET {gate.path('left', '/app/x.look')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            gate.arrival()
            raw.reset()
        self.traffic.results["look"]["client_gone"] += 1

    def operate(self):
        self.fcgictl("recycle", "look", "--wait")
        with self.assertRaises(operate.Refused):
            self.host.pipe.call("nonsense")
        self.host.write_ini(b"[Types]\nlook=look\n[look]\nMaxInstances=many\n")
        self.wait_for(lambda model: counters.by(model, "fcgi_config_reloads_total", "outcome").get("rejected"), "the file is rejected")
        self.host.write_ini(self.ini(QueueLength=77))
        self.wait_for(lambda model: counters.total(model, "fcgi_queue_limit", pool="look") == 77, "the file is in force")

    # ---- waiting

    def wait_for(self, condition, what):
        def reached():
            model = self.model()
            return model if condition(model) else None

        return witness.wait_until(reached, what)

    def rest(self):
        """Nothing is under way: no request, no worker that comes or goes, and none that could go by itself soon."""
        def rests(model):
            states = counters.by(model, "fcgi_workers", "state")
            gone = counters.total(model, "fcgi_worker_exits_total") + counters.total(model, "fcgi_worker_start_failures_total")
            started = counters.total(model, "fcgi_worker_starts_total")
            return counters.total(model, "fcgi_requests_in_flight") == 0 and set(states) <= {"idle"} and started == gone + sum(states.values())

        return self.wait_for(rests, "the pools are at rest")

    # ---- doors

    def text_doors(self, moving=frozenset()):
        pid, run = self.host.operator.pid, lambda *words: self.fcgictl("metrics", *words)
        folder = self.servers.folder / "textfile"
        folder.mkdir(exist_ok=True)

        def textfile():
            run("--textfile", support.windows_path(folder))
            return doors.of_openmetrics((folder / "fcgiext.prom").read_bytes().decode(), False)

        self.door("fcgictl metrics -o json", lambda: doors.of_families(run("-o", "json").json()["metrics"]), moving)
        for dialect in ("openmetrics", "openmetrics-strict"):
            self.door(f"fcgictl metrics -o {dialect}", lambda: doors.of_openmetrics(run("-o", dialect).out, dialect.endswith("strict")), moving)
        self.door("fcgictl metrics --textfile", textfile, moving)
        self.door("fcgictl metrics -o csv", lambda: doors.of_csv(run("-o", "csv").out), moving,
                  lambda model: without(model, "_bucket", "_created"))
        self.door("fcgictl metrics -o wide", lambda: doors.of_table(run("-o", "wide").out, pid)[0], moving,
                  lambda model: without(model, "_bucket", "_created", "_sum"))

    def table(self):
        """The table that people read first leaves the zeros of what is split out, and has more columns for histograms."""
        first, (seen, times), last = self.between(lambda: doors.of_table(self.fcgictl("metrics").out, self.host.operator.pid), set())
        missing = [key for key in without(last, "_bucket", "_created", "_sum") if key not in seen]
        self.assertEqual({last[key] for key in missing}, {0})
        self.assertEqual({len(key[1]) for key in missing if "pool" in dict(key[1])}, {3})  # host, pool, and what it is split by
        self.same(seen, first, last, lambda model: {key: model[key] for key in seen})
        self.assertEqual({name for name, _ in times}, {family.name for family in counters.FAMILIES if family.kind == "HISTOGRAM"})
        for (name, labels), columns in times.items():
            count, total_ = last[name + "_count", labels], last[name + "_sum", labels]
            self.assertEqual(len(columns), 3 if count else 0)
            if count:
                self.assertEqual(columns[0], f"{total_ / count:.3g}")
                for quantile, column in ((0.5, columns[1]), (0.95, columns[2])):
                    low, high = self.bucket_of(last, name, labels, quantile)
                    self.assertTrue(float(f"{low:.3g}") <= float(column) <= float(f"{high:.3g}"), f"{name}: {low} <= {column} <= {high}")

    def bucket_of(self, model, name, labels, quantile):
        """The limits between which the quantile lies"""
        buckets = sorted((own["le"], value) for own, value in counters.select(model, name + "_bucket", **dict(labels)))
        low = 0
        for limit, count in buckets:
            if count >= quantile * buckets[-1][1]:
                return low, limit
            low = limit
        raise AssertionError(buckets)

    def exporters_doors(self, served, moving=frozenset()):
        """What it has is of its last round: it is asked until that is not older than the first reading of the pipe."""
        for accept, strict in (("application/openmetrics-text", True), ("text/plain", False)):
            def read(accept=accept, strict=strict):
                first = self.model()

                def fresh():
                    answer = support.http_request(served, "/metrics", headers={"Accept": accept})
                    self.assertEqual(answer.status, 200)
                    found = doors.of_openmetrics(answer.text, strict)
                    return found if self.asked(found) >= self.asked(first) else None

                return witness.wait_until(fresh, "the exporter has asked the host anew")

            self.door(f"/metrics, {accept}", read, moving)

    def asked(self, model):
        return counters.total(model, counters.ASKING)

    def statuses(self, served):
        """Totals as the tables of pools have them, and what is now."""
        first = self.model()
        self.pools_are(self.host.pipe.call("status")["pools"], first, "status of the pipe")
        self.pools_are(self.fcgictl("status", "-o", "json").json()["pools"], first, "fcgictl status -o json")
        self.pools_are(self.fcgictl("list", "-o", "json").json()["pools"], first, "fcgictl list -o json")
        document = served.becomes(lambda now: {pool["name"]: pool["totals"] for pool in now["pools"]}
                                  == {pool["name"]: pool["totals"] for pool in self.host.pipe.call("status")["pools"]}, "the exporter has asked anew")
        self.pools_are(document["pools"], first, "/status.json")
        with self.subTest("the histogram of /status.json"):
            for pool in document["pools"]:
                buckets = [(own["le"], value) for own, value in counters.select(first, "fcgi_request_execution_seconds_bucket", pool=pool["name"])]
                self.assertEqual([(float("inf") if one["le"] is None else one["le"], one["count"]) for one in pool["execution"]["buckets"]], buckets)
                self.assertEqual(pool["execution"]["count"], buckets[-1][1])
        self.table_of_pools(first)

    def pools_are(self, pools, model, door):
        with self.subTest(door):
            self.assertEqual({pool["name"] for pool in pools}, set(self.POOLS))
            for pool in pools:
                where, totals, now = {"pool": pool["name"]}, pool["totals"], pool["requests"]
                results = counters.by(model, "fcgi_requests_completed_total", "result", **where)
                exits = counters.by(model, "fcgi_worker_exits_total", "reason", **where)
                self.assertEqual({name: totals[name] for name in STATUS_TOTALS},
                                 {name: counters.total(model, series, **where) for name, series in STATUS_TOTALS.items()}, where)
                self.assertEqual(totals["answered"], results.pop("answered", 0), where)
                self.assertEqual(totals["failed_by_cause"], results, where)
                self.assertEqual(totals["failed"], sum(results.values()), where)
                self.assertEqual(totals["rejected"], sum(results.get(name, 0) for name in counters.CLASSES["Requests Rejected"][0]), where)
                self.assertEqual(totals["unexpected_exits"], exits.get("exited", 0) + exits.get("crashed", 0), where)
                self.assertEqual({name: now[name] for name in STATUS_NOW},
                                 {name: counters.total(model, series, **where) for name, series in STATUS_NOW.items()}, where)
                states = counters.by(model, "fcgi_workers", "state", **where)
                self.assertEqual({name: value for name, value in pool["workers"].items() if value and name not in ("current", "maximum")}, states)
                self.assertEqual((pool["workers"]["current"], pool["workers"]["maximum"]),
                                 (sum(states.values()), counters.total(model, "fcgi_workers_limit", **where)))
                self.assertEqual(counters.by(model, "fcgi_pool_state", "fcgi_pool_state", **where), {pool["state"]: 1})

    def table_of_pools(self, model):
        with self.subTest("fcgictl status"):
            lines = self.fcgictl("status").out.splitlines()
            head = next(line.split() for line in lines if " STATE " in line)
            at = {title: head.index(title) for title in ("POOL", "STATE", "QUEUE", "REQUESTS", "FAILED", "REJECTED")}
            rows = {}
            for line in lines[1:]:
                words = line.lstrip(" !*").split()
                if words and words[0] in self.POOLS:
                    rows[words[0]] = [words[at[title]] for title in ("QUEUE", "REQUESTS", "FAILED", "REJECTED")]
            self.assertEqual(set(rows), set(self.POOLS), lines)
            for pool, row in rows.items():
                results = counters.by(model, "fcgi_requests_completed_total", "result", pool=pool)
                come = counters.total(model, "fcgi_requests_total", pool=pool)
                rejected = sum(results.get(name, 0) for name in counters.CLASSES["Requests Rejected"][0])
                self.assertEqual(row, [f"{value:.0f}" for value in (0, come, come - results.get("answered", 0), rejected)], pool)

    # ---- perfmon

    def uptimes(self, perf):
        """By perfmon's clock, between two readings of the system's: within a second, as the two were not read at once."""
        def ages():
            found = {}
            model, server = doors.of_pipe(self.host.pipe)
            for labels, created in counters.select(model, "fcgi_requests_created"):
                found[labels["pool"]] = server["now_unix"] - created
            found["_Total"] = max(found.values())
            return found

        before, (earlier, _), (later, _), after = ages(), perf.read(), perf.read(), ages()
        for name, low in before.items():
            for row in counters.PERF_POOLS:
                if row.source == "START":
                    shown = [one[name].seconds_since(row.name) for one in (earlier, later)]
                    self.assertEqual(earlier[name].values[row.name], later[name].values[row.name])
                    self.assertTrue(low - 1 <= shown[0] <= shown[1] <= after[name] + 1, (name, low, shown, after[name]))

    def shown_by_perf_show(self):
        """What is formatted: of a host at rest each rate is 0, each mean is nothing, and the rest are the values."""
        first, shown, last = self.between(lambda: list(csv.DictReader(io.StringIO(self.fcgictl("perf", "show", "-o", "csv").out))), set())
        rows = [row for row in counters.PERF_POOLS if row.type != "AVERAGE_BASE"]
        found = collections.defaultdict(list)
        for one in shown:
            if one["object"] == "FastCGI Pools":
                found[one["instance"]].append((one["counter"], one["value"]))
        self.assertEqual(set(found), set(self.POOLS) | {"_Total"})
        for name, values in found.items():
            self.assertEqual([counter for counter, _ in values], [row.name for row in rows])
            for row, (_, value) in zip(rows, values):
                wanted = {"COUNTER_BULK_COUNT": "0", "100NSEC_TIMER": "0", "AVERAGE_TIMER": None}.get(row.type, "?")
                if row.type == "ELAPSED_TIME":
                    self.assertGreater(float(value), 1)
                elif wanted is None:
                    self.assertIn(value, ("", "0"))
                else:
                    wanted = wanted if wanted != "?" else str(counters.perf_value(last, row, None if name == "_Total" else name))
                    self.assertEqual(value, wanted, f"{name}, {row.name}")

    def workers(self, perf, moving=frozenset()):
        """Against the list of workers of the pipe, between two readings of it."""
        def ask():
            found = self.host.pipe.call("worker.list")["workers"]
            return {f"{one['pool']}_{one['pid']}": one for one in found if one["pid"]}

        before, (_, instances), after = ask(), perf.read(), ask()
        self.assertEqual(set(instances), set(before))
        for name, instance in instances.items():
            low, high = before[name], after[name]
            busy = low["state"] == "busy"
            bounds = {
                "WORKER_SERVED": (low["served"], high["served"]), "WORKER_BUSY": (busy, busy),
                "WORKER_REQUEST_AGE": (1000 * low["state_seconds"] - 1000, 1000 * high["state_seconds"] + 1) if busy else (0, 0),
                # as last looked at: the pipe's are those of now
                "WORKER_PRIVATE_BYTES": (1 if low["answered"] else 0, 2 * high["private_bytes"]), "WORKER_HANDLES": (0, 2 * (high["handles"] or 0)),
                "WORKER_REQUESTS_LEFT": (high["requests_left"], low["requests_left"]),
                "WORKER_START": (low["age_seconds"] - 1, high["age_seconds"] + 1)}
            for row in counters.PERF_WORKERS:
                value = instance.seconds_since(row.name) if row.type == "ELAPSED_TIME" else instance.values[row.name]
                low_, high_ = bounds[row.source]
                self.assertTrue(low_ <= value <= high_, f"{name}, {row.name}: {low_} <= {value} <= {high_}")
        return instances

    # ---- cases

    def test_after_traffic_of_every_kind_each_door_shows_the_same(self):
        self.start_all()
        self.ask_what_is_answered_or_refused()
        self.ask_what_fails()
        self.ask_what_waits()
        self.operate()
        model = self.rest()
        with self.subTest("the model is what the clients have seen"):
            self.is_the_truth(model)
        served = self.start_exporter()
        first_number = self.install_perf()
        self.text_doors()
        with self.subTest("fcgictl metrics"):
            self.table()
        self.exporters_doors(served)
        self.statuses(served)
        for how in ("collect", "registry"):
            with self.subTest("fcgiperf.dll", how=how):
                perf = self.perf(how, first_number)
                self.perf_pools(perf)
                self.uptimes(perf)
                self.assertGreater(len(self.workers(perf)), 3)
        with self.subTest("fcgictl perf show"):
            self.shown_by_perf_show()

    def is_the_truth(self, model):
        self.assertEqual({family.name for family in counters.FAMILIES
                          if not any(key[0] in family.series for key in model)}, set())
        traffic = self.traffic
        for pool in self.POOLS:
            self.assertEqual(counters.by(model, "fcgi_requests_completed_total", "result", pool=pool), dict(traffic.results[pool]), pool)
            self.assertEqual(counters.total(model, "fcgi_requests_total", pool=pool), sum(traffic.results[pool].values()), pool)
            self.assertEqual(counters.total(model, "fcgi_received_bytes_total", pool=pool), traffic.received[pool], pool)
            self.assertEqual(counters.total(model, "fcgi_sent_bytes_total", pool=pool), traffic.sent[pool], pool)
            ran = sum(count for result, count in traffic.results[pool].items() if result not in (
                "queue_full", "queue_timeout", "draining", "rapid_fail", "start_failed", "body_too_large"))
            self.assertEqual(counters.total(model, "fcgi_request_execution_seconds_count", pool=pool), ran, pool)
        self.assertEqual(counters.by(model, "fcgi_requests_unrouted_total", "result"), {"no_mapping": 1})
        self.assertEqual(counters.by(model, "fcgi_requests_retried_total", "cause"), {"unanswered": 1})
        self.assertEqual(counters.by(model, "fcgi_recycles_total", "pool"), {"look": 1})
        self.assertEqual(counters.by(model, "fcgi_rapid_fails_total", "pool"), {"none": 1})
        self.assertEqual(counters.by(model, "fcgi_worker_start_failures_total", "pool"), {"none": 1})
        self.assertEqual(counters.by(model, "fcgi_worker_exits_total", "reason", pool="few"), {"request_limit": 2})
        exits = counters.by(model, "fcgi_worker_exits_total", "reason", pool="bad")
        self.assertEqual((exits["crashed"], exits["exited"]), (1, 1), exits)
        self.assertEqual(counters.by(model, "fcgi_worker_exits_total", "reason", pool="still"), {"timeout": 1})
        self.assertIn("recycled", counters.by(model, "fcgi_worker_exits_total", "reason", pool="look"))
        self.assertEqual(counters.by(model, "fcgi_pool_state", "fcgi_pool_state"), {"running": len(self.POOLS) - 1, "drained": 1})
        self.assertEqual(counters.total(model, "fcgi_config_errors"), 0)
        self.assertEqual(counters.by(model, "fcgi_management_requests_total", "outcome")["error"], 1)

    def test_while_requests_run_and_wait_each_door_shows_the_same(self):
        self.start_all()
        self.traffic.ask("look")
        served = self.start_exporter()
        first_number = self.install_perf()
        with witness.Gate() as gate:
            clients = [self.traffic.held(gate, "one")]
            gate.arrival()
            clients.append(self.traffic.held(gate, "one"))
            model = self.wait_for(lambda model: counters.total(model, QUEUED) == 1, "one request waits")
            self.assertEqual([counters.total(model, f"fcgi_requests_{name}") for name in ("in_flight", "executing", "queued")], [2, 1, 1])
            first, _, last = self.between(lambda: self.fcgictl("version"), counters.MOVING)
            self.assertEqual({key[0] for key in first if first[key] < last[key]}, counters.MOVING | {counters.ASKING})
            self.text_doors(counters.MOVING)
            self.exporters_doors(served, counters.MOVING)
            for how in ("collect", "registry"):
                with self.subTest("fcgiperf.dll", how=how):
                    perf = self.perf(how, first_number)
                    self.assertGreater(self.perf_pools(perf, counters.MOVING)["one"].values["Maximum Queue Item Age"], 0)
                    busy = {name: one.values["Request Age"] for name, one in self.workers(perf).items() if one.values["Busy"]}
                    self.assertEqual([name.split("_")[0] for name in busy], ["one"])
                    self.assertGreater(min(busy.values()), 0)
            gate.open()
            for client in clients:
                witness.facts(client.result())
