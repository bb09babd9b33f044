"""The doors to the counters: each function reads one and gives its model, as tests/system/counters.py says; what a door leaves out is told
there. `Perf` is the one of perfmon, on the exports of fcgiperf.dll or through the registry. `DoorsTest` compares them."""

import collections
import csv
import io
import re

import counters
import exporter
import openmetrics
import operate
import support
import witness

DLL = support.windows_path(support.BIN / "fcgiperf.dll")
PROBE = support.HELPERS / "perf_probe.exe"


# ---- JSON


def of_families(metrics, host=None):
    """`metrics` of the pipe's method, or of fcgictl, where each of them names its host"""
    model = {}
    for metric in metrics:
        name, kind = metric["name"], metric["kind"]
        for sample in metric["samples"]:
            labels = {"host": str(host or metric["host"]), **sample["labels"]}
            if kind == "stateset":
                labels[name] = labels.pop("state")

            def put(suffix, value, **more):
                key = name + suffix, frozenset({**labels, **more}.items())
                assert key not in model, key
                model[key] = value

            if kind == "histogram":
                for bucket in sample["buckets"]:
                    put("_bucket", bucket["count"], le=float("inf") if bucket["le"] is None else bucket["le"])
                put("_count", sample["count"])
                put("_sum", sample["sum"])
            else:
                put("_total" if kind == "counter" else "", sample["value"])
            if "created" in sample:
                put("_created", sample["created"])
    return model


def of_pipe(connection):
    """All pages of the method `metrics` -> (model, `server`)"""
    metrics, page = [], 1
    while page:
        answer = connection.call("metrics", page=page)
        metrics += answer["metrics"]
        page = answer["next_page"]
    pid = answer["server"]["pid"]
    return of_families(metrics, pid), answer["server"]


# ---- texts


def of_openmetrics(text, strict):
    """Without the families about hosts, which are fcgictl's own."""
    model = {}
    for (name, labels), value in openmetrics.series(openmetrics.read(text, strict)).items():
        if name in ("fcgi_hosts", "fcgi_up", "fcgi_build_info", "fcgi_host_start_time_seconds"):
            continue
        model[name, frozenset((label, float(text) if label == "le" else text) for label, text in labels)] = value
    return model


def of_csv(text):
    """Histograms without their buckets, and without `created`; it has quantiles instead."""
    model = {}
    for row in csv.DictReader(io.StringIO(text)):
        labels = {name.removeprefix("labels_"): value for name, value in row.items() if name.startswith("labels_") and value}
        if row["kind"] == "stateset":
            labels[row["metric"]] = labels.pop("state")
        labels = frozenset({"host": row["host"], **labels}.items())
        if row["kind"] == "histogram":
            model[row["metric"] + "_count", labels] = float(row["count"])
            model[row["metric"] + "_sum", labels] = float(row["sum"])
        else:
            model[row["metric"] + ("_total" if row["kind"] == "counter" else ""), labels] = float(row["value"])
    return model


def of_table(text, host):
    """What people read: name, labels, value or count, and what is made of histograms -> (model, {(name, labels): (mean, p50, p95)})"""
    model, times = {}, {}
    kinds = {family.name: family.kind for family in counters.FAMILIES}
    for line in text.splitlines():
        match = re.match(r"(fcgi_\w+) +(?:[a-z]+ +)?((?:\w+=\S+ ?)*) *(\S.*)$", line)
        if not match:
            continue
        name, kind = match[1], kinds[match[1]]
        labels = dict(pair.split("=") for pair in match[2].split())
        values = match[3].split()
        if kind == "STATESET":
            labels[name] = labels.pop("state")
        key = frozenset({"host": str(host), **labels}.items())
        if kind == "HISTOGRAM":
            assert values[0] == "-", line
            model[name + "_count", key] = float(values[1])
            times[name, key] = values[2:5] if float(values[1]) else []
        else:
            model[name + ("_total" if kind == "COUNTER" else ""), key] = float(values[0])
    return model, times


# ---- perfmon


class Instance:
    """The raw values of one instance, by the names of counters.inc."""

    def __init__(self, answer, rows, first_number):
        ticks, rate, *counters_ = answer.split()
        self.ticks, self.rate = int(ticks), int(rate)
        found = [tuple(int(number) for number in one.split(":")) for one in counters_]
        assert [kind for _, kind, _ in found] == [counters.PERF_TYPES[row.type] for row in rows], answer
        assert [number for number, _, _ in found] == [first_number + 2 + 2 * i for i in range(len(rows))], answer
        self.values = {row.name: value for row, (_, _, value) in zip(rows, found)}

    def seconds_since(self, name):
        """Of a start: what perfmon shows."""
        return (self.ticks - self.values[name]) / self.rate

    def ticks_of(self, microseconds):
        """As an AVERAGE_TIMER has them, in its 32 bits"""
        seconds, rest = divmod(microseconds, 1000000)
        return (seconds * self.rate + rest * self.rate // 1000000) & 0xffffffff


class Perf:
    """One reader, which remembers hosts that have gone."""

    def __init__(self, run, first, how="collect"):
        self.probe = operate.Helper(run, program=PROBE)
        self.first = first
        self.query = "collect|Global" if how == "collect" else f"registry|{first} {first + self.offset_of_workers}"
        for line, answer in ((f"load|{DLL}", "ok"), *([("open", "0")] if how == "collect" else [])):
            assert self.probe.ask(line) == answer, line

    @property
    def offset_of_workers(self):
        """Their object's number stands behind those of the pools' counters."""
        return 2 + 2 * len(counters.PERF_POOLS)

    def read(self):
        """-> ({pool: Instance}, {worker: Instance}), of one collection"""
        answer = self.probe.ask(self.query)
        objects = re.fullmatch(rf"2 objects, \d+ bytes; {self.first}:(.*); {self.first + self.offset_of_workers}:(.*)", answer)
        assert objects, answer
        found = []
        for names, number, rows in ((objects[1], self.first, counters.PERF_POOLS),
                                    (objects[2], self.first + self.offset_of_workers, counters.PERF_WORKERS)):
            found.append({name: Instance(self.probe.ask(f"values|{number}|{name}"), rows, number) for name in names.split()})
        return tuple(found)

    def close(self):
        return self.probe.close()


# ---- comparing them


class Traffic:
    """What clients of a host have asked, and what came: the truth that the model has to show."""

    def __init__(self, host):
        self.host = host
        self.results = collections.defaultdict(collections.Counter)
        self.received = collections.Counter()
        self.sent = collections.Counter()

    def counted(self, pool, answer, result, body=b""):
        found = "answered" if answer.status == 200 else answer.headers["X-Fcgiext-Reason"]
        if found != result:
            raise AssertionError(f"{pool}: {result} was to come\n{answer}")
        self.results[pool][result] += 1
        self.received[pool] += len(body)
        self.sent[pool] += len(answer.body)
        return answer

    def ask(self, pool, query="", result="answered", page=None, **options):
        path = f"/app/{page or 'x'}.{pool}?{query}"
        return self.counted(pool, support.http_request(self.host, path, **options), result, options.get("body", b""))

    def held(self, gate, pool):
        return witness.Background(support.http_request, self.host, gate.path(page=f"/app/x.{pool}"))


class DoorsTest(exporter.ExporterTest):
    def install_perf(self):
        """-> the first number of our counters"""
        self.fcgictl("perf", "install")
        self.addCleanup(lambda: self.fcgictl("perf", "uninstall"))
        found = self.fcgictl("perf", "status", "--json").json()
        names = next(one["text"] for one in found["checks"] if one["check"] == "names")
        return int(names.split()[1])

    def perf(self, how="collect", first=None):
        perf = Perf(self.servers.run, first or self.install_perf(), how)
        self.addCleanup(lambda: self.assertEqual(perf.close(), 0))
        return perf

    def start_host(self, ini, *options, maps):
        host = self.servers.host(ini, *options, maps=maps)
        host.operator = operate.Operator(self.servers, host)
        clients = operate.Clients(self.servers.run, host.operator.pid)
        self.addCleanup(lambda: self.assertEqual(clients.helper.close(), 0))
        host.pipe = clients.connect()
        return host

    # ---- comparing

    def model(self, *hosts):
        model = {}
        for host in hosts or self.hosts:
            model.update(of_pipe(host.pipe)[0])
        return model

    def between(self, read, moving):
        """-> (the model before, what read() gives, the model after). Only what may move has moved, and only upwards."""
        first, seen, last = self.model(), read(), self.model()
        self.assertEqual(set(first), set(last))
        moved = {key[0] for key in first if first[key] != last[key]}
        self.assertLessEqual(moved, moving | {counters.ASKING})
        self.assertEqual([key for key in first if first[key] > last[key]], [])
        return first, seen, last

    def same(self, seen, first, last, wanted=lambda model: model):
        """seen: a model. wanted: what of the model this door has."""
        first, last = wanted(first), wanted(last)
        self.assertEqual(set(seen), set(first))
        wrong = {key: (first[key], seen[key], last[key]) for key in first if not first[key] <= seen[key] <= last[key]}
        self.assertEqual(wrong, {}, "series: before, here, after")

    def door(self, name, read, moving=frozenset(), wanted=lambda model: model):
        with self.subTest(name):
            first, seen, last = self.between(read, moving)
            self.same(seen, first, last, wanted)

    def perf_pools(self, perf, moving=frozenset()):
        """Each row of counters.inc, of each instance."""
        first, (instances, _), last = self.between(perf.read, moving)
        pools = {labels["pool"] for labels, _ in counters.select(first, "fcgi_requests_total")}
        self.assertEqual(set(instances), pools | {"_Total"})
        for name, instance in instances.items():
            pool = None if name == "_Total" else name
            for row in counters.PERF_POOLS:
                if row.source == "START":
                    continue  # self.uptimes()
                low, high = (counters.perf_value(model, row, pool) for model in (first, last))
                if row.type == "AVERAGE_TIMER":
                    low, high = instance.ticks_of(low), instance.ticks_of(high)
                value = instance.values[row.name]
                self.assertTrue(low <= value <= high, f"{name}, {row.name}: {low} <= {value} <= {high}")
        return instances
