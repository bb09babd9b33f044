"""What Prometheus makes of the exporter: its rates are the requests that were made, its quantiles those that the clients have measured,
and neither a host that begins anew nor an exporter that has gone makes nonsense of them.

How long a request takes, its query says (the page `slow`), so the distribution is known. Bounds are those of Prometheus' arithmetic:
rate() extends what it has seen to the ends of its window, by at most 1.1 intervals of samples at each end, and never beyond it.
"""

import shutil
import time

import counters
import exporter
import prometheus
import support
import witness

# milliseconds: how many; well inside of three buckets
TIMES = {35: 60, 150: 32, 700: 8}
CLIENTS = 4
MOST = 3.2  # two samples, and 1.1 of their interval at either end, to what they are apart
EXECUTION = "fcgi_request_execution_seconds"


def quantile_of(values, quantile):
    values = sorted(values)
    return values[min(len(values) - 1, int(quantile * len(values)))]


def steps_of(points):
    """How much a counter has grown, as rate() sees it: what is less than before has begun at 0 again."""
    return sum(now - before if now >= before else now for (_, before), (_, now) in zip(points, points[1:]))


class PrometheusTest(exporter.ExporterTest):
    def start_host(self, *options):
        pools = {"echo": {"ExePath": support.RESPONDER, "MaxInstances": CLIENTS},
                 "poor": {"ExePath": support.RESPONDER, "MaxInstances": 1, "RapidFailsPerMinute": 1000},
                 "none": {"ExePath": r"C:\nowhere\none.exe", "RapidFailsPerMinute": 1000}}
        host = self.servers.host(support.ini({name: name for name in pools}, **pools), *options, maps=".echo,.poor,.none,.unknown")
        return host

    def warm_up(self, host):
        """The processes have started before anybody measures. -> so many requests"""
        support.in_parallel(CLIENTS, lambda _: self.answered(support.http_request(host, "/app/slow.echo?ms=100")))
        return CLIENTS

    def answered(self, answer):
        self.assertEqual(answer.status, 200, answer)

    def start_prometheus(self, served):
        server = prometheus.Server(self.servers.folder / "prometheus", served.ports[0])
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.log.read_text()))
        server.wait_for('up{job="fcgiext"} == 1')
        return server

    def seen(self, server, echo=0, poor=0, none=0):
        """Until prometheus has seen that so many requests of each pool have ended, in the host that is there. -> its time"""
        wanted = {"echo": echo, "poor": poor, "none": none}

        def reached():
            now = server.now()
            return now if server.by("pool", "sum by (pool) (fcgi_requests_completed_total and on (host) fcgi_up == 1)", time=now) == wanted else None

        return witness.wait_until(reached, f"prometheus has seen {wanted}")

    def load(self, host):
        """-> seconds that each request took, for its client"""
        each = [ms for ms, count in TIMES.items() for _ in range(count // CLIENTS)]

        def client(number):
            taken = []
            with support.Connection(host) as connection:
                for at in range(len(each)):
                    started = time.monotonic()
                    self.answered(connection.request(f"/app/slow.echo?ms={each[(at * 7 + number) % len(each)]}"))
                    taken.append(time.monotonic() - started)
            return taken

        return [one for some in support.in_parallel(CLIENTS, client) for one in some]

    def fail(self, host):
        """-> {result: how many}, and one without a pool"""
        for path, cause, count in (("/app/error.poor?kind=nothing", "bad_response", 5), ("/app/x.none", "start_failed", 3),
                                   ("/app/x.unknown", "no_mapping", 2)):
            for _ in range(count):
                self.assertEqual(support.http_request(host, path).headers["X-Fcgiext-Reason"], cause)
        return {"bad_response": 5, "start_failed": 3}

    # ---- what is to be seen

    def steps(self, server, metric, label, now, window="10m"):
        """{label: how much its series have grown}, from the samples themselves"""
        found = {}
        for labels, points in server.query(f"{metric}[{window}]", time=now):
            found[labels[label]] = found.get(labels[label], 0) + steps_of(points)
        return {name: value for name, value in found.items() if value}

    def rates_are(self, server, metric, now, start):
        """rate() over all that there is: at least what was counted, and no more than the ends of the window allow."""
        window = int(now - start) + 2
        for labels, points in server.query(f"{metric}[{window}s]", time=now):
            self.assertGreater(len(points), 3)
            counted, span = steps_of(points), points[-1][0] - points[0][0]
            matching = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
            increase = server.value(f"rate({metric}{{{matching}}}[{window}s]) * {window}", time=now)
            self.assertTrue(counted - 1e-6 <= increase <= counted * min(MOST, window / span) + 1e-6, (labels, counted, increase, window, span))

    def test_rates_are_the_requests_and_quantiles_the_times_of_the_clients(self):
        host = self.start_host()
        warm = self.warm_up(host)
        self.exporter = self.start_exporter()
        server = self.start_prometheus(self.exporter)
        start = self.seen(server, echo=warm)
        taken = self.load(host)
        failed = self.fail(host)
        now = self.seen(server, echo=warm + len(taken), poor=5, none=3)
        results = {"answered": len(taken), **failed}
        self.assertEqual(len(taken), sum(TIMES.values()))
        for metric, label, wanted in (("fcgi_requests_completed_total", "result", results),
                                      ("fcgi_requests_total", "pool", {"echo": len(taken), "poor": 5, "none": 3}),
                                      ("fcgi_requests_unrouted_total", "result", {"no_mapping": 2}),
                                      (EXECUTION + "_count", "pool", {"echo": len(taken), "poor": 5})):
            self.assertEqual(self.steps(server, metric, label, now), wanted, metric)
            self.rates_are(server, metric, now, start)
        self.assertEqual(server.query("sum by (pool) (rate(fcgi_requests_total[5m])) < 0"), [])
        self.assertEqual(server.value("sum(resets(fcgi_requests_completed_total[10m]))"), 0)
        self.quantiles_are(server, taken, now)
        self.busy_time_is(server, taken, now)
        server.wait_for('up{job="fcgiext"} == 1')
        target, = server.ask("targets")["activeTargets"]
        self.assertEqual((target["health"], target["scrapeUrl"]), ("up", self.exporter.url("/metrics")))

    def quantiles_are(self, server, taken, now):
        for quantile, least in ((0.5, 0.035), (0.85, 0.150), (0.97, 0.700)):
            shown = server.value(f'histogram_quantile({quantile}, sum by (le) (rate({EXECUTION}_bucket{{pool="echo"}}[10m])))', time=now)
            measured = quantile_of(taken, quantile)
            self.assertLessEqual(abs(counters.bucket_of(shown) - counters.bucket_of(measured)), 1, (quantile, shown, measured))
            self.assertGreaterEqual(counters.bucket_of(shown), counters.bucket_of(least), (quantile, shown))  # nobody sleeps less than he is told

    def busy_time_is(self, server, taken, now):
        """The mean number of busy workers times the time: the sum of what the clients have waited at most, and of what was slept at least."""
        slept = sum(ms * count for ms, count in TIMES.items()) / 1000
        for metric in (EXECUTION + "_sum", "fcgi_worker_busy_seconds_total"):
            found = self.steps(server, metric, "pool", now)["echo"]
            self.assertTrue(0.95 * slept <= found <= sum(taken) + 0.1, (metric, slept, found, sum(taken)))

    def test_hosts_that_begin_anew_give_no_negative_and_no_absurd_rates(self):
        host = self.start_host("--stdin-commands")
        server = self.start_prometheus(self.start_exporter())
        begun = self.seen(server)
        each = self.warm_up(host) + len(self.load(host))
        self.seen(server, echo=each)
        # in the same process: its series go on, from 0
        self.assertEqual(witness.ask(host, "unload"), "unloaded")
        self.assertEqual(witness.ask(host, "load"), "loaded")
        failed = sum(self.fail(host).values())
        reset = server.value("max(resets(fcgi_requests_total[10m]))", time=self.seen(server, poor=5, none=3))
        # another process takes the place of the first one: new series, which are seen at 0 first
        self.assertEqual(self.servers.stop_host(host), "")
        shutil.rmtree(host.ini.parent)  # its name is the next one's
        second = self.start_host()
        self.seen(server)
        self.assertEqual(self.warm_up(second) + len(self.load(second)), each)
        now, made = self.seen(server, echo=each), 2 * each + failed
        self.assertEqual(reset, 1)
        counted = self.steps(server, "fcgi_requests_total", "pool", now)
        self.assertEqual(sum(counted.values()), made)
        self.assertEqual({labels["result"] for labels, value in server.query("sum by (result) (increase(fcgi_requests_completed_total[10m])) > 0")},
                         {"answered", "bad_response", "start_failed"})
        for expression, most in (("sum by (pool) (rate(fcgi_requests_total[10s])) * 10", made),
                                 ("sum by (pool) (rate(fcgi_worker_starts_total[10s])) * 10", 2 * CLIENTS + 4),
                                 (f'rate({EXECUTION}_count[10s]) * 10', made)):
            found = [value for _, points in server.query_range(expression, begun, now) for _, value in points]
            self.assertGreater(max(found), 0, expression)
            self.assertTrue(all(0 <= value <= MOST * most for value in found), (expression, min(found), max(found)))
        found = server.query_range(f'histogram_quantile(0.95, sum by (le) (rate({EXECUTION}_bucket{{pool="echo"}}[1m])))', now, now)
        self.assertTrue(0 < found[0][1][0][1] < 120, found)

    def test_up_is_0_while_the_exporter_is_gone_and_nothing_is_lost(self):
        host = self.start_host()
        served = exporter.Exporter(self.servers)
        server = self.start_prometheus(served)
        self.seen(server)
        served.stop()
        server.wait_for('up{job="fcgiext"} == 0')
        self.assertEqual(server.wait_for("absent(fcgi_requests_total)"), [({}, 1)])  # stale, not as before for ever
        for _ in range(7):
            self.answered(support.http_request(host, "/app/env.echo"))
        self.start_exporter(listen=f"127.0.0.1:{served.ports[0]}")
        server.wait_for('up{job="fcgiext"} == 1')
        now = self.seen(server, echo=7)
        self.assertEqual(self.steps(server, "fcgi_requests_total", "pool", now), {"echo": 7})
        self.assertEqual(server.value("sum(resets(fcgi_requests_total[10m]))"), 0)
