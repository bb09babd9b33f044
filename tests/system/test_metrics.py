"""fcgictl metrics for time series databases: OpenMetrics to the letter, what promtool thinks of it, and the file for collectors."""

import csv
import io
import os
import signal
import subprocess
import threading
import unittest

import counters
import fcgictl
import openmetrics
import prometheus
import support
import witness

OWN = {"fcgi_hosts", "fcgi_up", "fcgi_build", "fcgi_host_start_time_seconds"}
MAPS = ".look,.second"
REWRITES = 12


def promtool(text):
    """What `promtool check metrics` has against it."""
    prometheus.install()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def grows(name):
    """A counter that asking does not step."""
    return (name.endswith("_total") or name.endswith("_count")) and name != "fcgi_management_requests_total"


def of_json(document):
    """-> {(name of the series, labels): value} of the counters, and the counts of histograms"""
    found = {}
    for metric in document["metrics"]:
        suffix, member = {"counter": ("_total", "value"), "histogram": ("_count", "count")}.get(metric["kind"], ("", "value"))
        for sample in metric["samples"]:
            found[metric["name"] + suffix, frozenset({"host": str(metric["host"]), **sample["labels"]}.items())] = sample[member]
    return {key: value for key, value in found.items() if grows(key[0])}


def of_csv(text):
    found = {}
    for row in csv.DictReader(io.StringIO(text)):
        labels = {name.removeprefix("labels_"): value for name, value in row.items() if name.startswith("labels_") and value}
        suffix, member = {"counter": ("_total", "value"), "histogram": ("_count", "count")}.get(row["kind"], ("", "value"))
        found[row["metric"] + suffix, frozenset({"host": row["host"], **labels}.items())] = float(row[member])
    return {key: value for key, value in found.items() if grows(key[0])}


def of_text(text, strict):
    return {key: value for key, value in openmetrics.series(openmetrics.read(text, strict)).items() if grows(key[0])}


class OneHost(fcgictl.ControlTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host(fcgictl.pools("look", "second", types={"look": "look", "second": "second"}), maps=MAPS)
        cls.worker = witness.facts(support.http_request(cls.host, "/app/x.look"))["pid"]

    def test_openmetrics_strict_is_openmetrics_with_every_family_of_the_table(self):
        families = openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics-strict").out)
        self.assertEqual(set(families) - OWN, {family.name for family in counters.FAMILIES})
        self.assertGreater(len(counters.FAMILIES), 25)
        pid = str(self.pids(self.host)[0])
        for family in counters.FAMILIES:
            with self.subTest(family.name):
                self.assertEqual(families[family.name].type, family.kind.lower())
                labels = [labels for _, labels, _ in families[family.name].samples]
                self.assertEqual({one["host"] for one in labels}, {pid} if labels else set())
                if family.name != "fcgi_limit_moves":  # of tuned pools only
                    self.assertEqual({one.get("pool") for one in labels}, {"look", "second"} if family.of_pool else {None})
        states = families["fcgi_pool_state"].samples
        self.assertEqual({labels["fcgi_pool_state"] for _, labels, _ in states}, {"running", "draining", "drained", "rapid_fail", "closed"})

    def test_counters_and_histograms_tell_since_when_they_count(self):
        families = openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics-strict").out)
        started = families["fcgi_host_start_time_seconds"].samples[0][2]
        for family in families.values():
            if family.type in ("counter", "histogram"):
                created = [value for name, _, value in family.samples if name.endswith("_created")]
                points = {tuple(sorted((label, text) for label, text in labels.items() if label != "le"))
                          for _, labels, _ in family.samples}
                self.assertEqual(len(created), len(points), family.name)
                self.assertTrue(all(value >= started for value in created), family.name)

    def test_both_dialects_have_the_same_series(self):
        strict = openmetrics.series(openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics-strict").out))
        families = openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics").out, strict=False)
        self.assertEqual(set(openmetrics.series(families)), set(strict))
        self.assertEqual(families["fcgi_requests_total"].type, "counter")
        self.assertEqual(families["fcgi_requests_created"].type, "gauge")
        self.assertEqual(families["fcgi_request_execution_seconds"].type, "histogram")

    def at_rest(self):
        """The counters when nothing is under way: the end of a request is counted after its client has been answered."""
        def rests():
            found = of_json(self.fcgictl("metrics", "--json").json())
            come, ended = (sum(value for (name, _), value in found.items() if name == f"fcgi_requests{suffix}_total")
                           for suffix in ("", "_completed"))
            return found if come == ended else None

        return witness.wait_until(rests, "no request is under way")

    def test_each_format_has_the_same_values(self):
        found = self.at_rest()
        self.assertGreater(len(found), 100)
        self.assertEqual({dict(labels)["pool"]: value for (name, labels), value in found.items() if name == "fcgi_requests_total"},
                         {"look": 1, "second": 0})
        self.assertEqual(of_csv(self.fcgictl("metrics", "-o", "csv").out), found)
        self.assertEqual(of_text(self.fcgictl("metrics", "-o", "openmetrics-strict").out, True), found)
        self.assertEqual(of_text(self.fcgictl("metrics", "-o", "openmetrics").out, False), found)

    def test_promtool_has_nothing_against_it(self):
        self.assertEqual(promtool(self.fcgictl("metrics", "-o", "openmetrics").out), (0, ""))
        code, said = promtool("fcgi_requests_total 1\n")
        self.assertEqual((code, "no help text" in said), (3, True), said)  # it does look

    def test_the_table_has_histograms_in_columns(self):
        out = self.fcgictl("metrics", "-o", "wide").out
        self.assertRegex(out, r"^METRIC .* VALUE +COUNT .*UNIT +HELP\n")
        self.assertRegex(out, r"(?m)^fcgi_request_execution_seconds +histogram +pool=look +- +\d+ ")
        self.assertRegex(out, r"(?m)^fcgi_pool_state +stateset +pool=look state=drained +0 ")
        self.assertNotRegex(self.fcgictl("metrics").out, r"state=drained")


class TextFile(fcgictl.ControlTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host(fcgictl.pools("look"), maps=MAPS)

    def setUp(self):
        self.folder = self.servers.folder / self.id().rpartition(".")[2][:40]
        self.folder.mkdir()
        self.file = self.folder / "fcgiext.prom"

    def write(self, **options):
        return self.fcgictl("metrics", "--textfile", support.windows_path(self.folder), **options)

    def test_it_is_what_is_printed_and_nothing_else_is_left(self):
        result = self.write()
        self.assertEqual((result.out, result.err), ("", ""))
        written = openmetrics.read(self.file.read_bytes().decode(), strict=False)
        printed = openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics").out, strict=False)
        self.assertEqual(set(openmetrics.series(written)), set(openmetrics.series(printed)))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["fcgiext.prom"])

    def test_a_reader_never_sees_a_part_of_it(self):
        self.write()
        stop = threading.Event()

        def look():
            looked = 0
            while not stop.is_set():
                openmetrics.read(self.file.read_bytes().decode(), strict=False)  # raises if it is not whole, or not there
                looked += 1
            return looked

        reader = witness.Background(look)
        try:
            for _ in range(REWRITES):
                self.write()
        finally:
            stop.set()
        self.assertGreater(reader.result(), REWRITES)

    def test_what_an_interrupted_run_has_left_is_no_obstacle(self):
        (self.folder / "fcgiext.prom.tmp").write_text("half of")
        self.file.write_text("what was there before\n")
        self.write()
        openmetrics.read(self.file.read_bytes().decode(), strict=False)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["fcgiext.prom"])

    def test_exit_code_1_a_folder_that_is_not_there(self):
        self.folder.rmdir()
        result = self.wrong(1, "^fcgictl: cannot write 'fcgiext.prom' in '.*': [^\n]* \\(3\\)\nhint: the folder must exist, ",
                            "metrics", "--textfile", support.windows_path(self.folder))
        self.assertEqual(result.out, "")

    def test_exit_code_1_what_cannot_be_replaced_stays_as_it_was(self):
        self.file.mkdir()  # no file takes the place of a folder
        self.wrong(1, "^fcgictl: cannot write 'fcgiext.prom' in '.*': ", "metrics", "--textfile", support.windows_path(self.folder))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["fcgiext.prom"])
        self.assertTrue(self.file.is_dir())


class SeveralHosts(fcgictl.ControlTest):
    @classmethod
    def start(cls, servers):
        cls.both = [servers.host(fcgictl.pools("look"), maps=MAPS), servers.host(fcgictl.pools("look", "second"), maps=MAPS)]

    def test_families_are_in_one_piece_with_the_series_of_both(self):
        pids = {str(pid) for pid in self.pids(*self.both)}
        families = openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics-strict").out)
        found = {(labels["host"], labels["pool"]) for _, labels, _ in families["fcgi_requests"].samples}
        self.assertEqual({host for host, pool in found if pool == "look"}, pids)
        self.assertEqual(len([pool for _, pool in found if pool == "second"]), 1)
        self.assertEqual({(labels["host"], value) for _, labels, value in families["fcgi_up"].samples}, {(pid, 1) for pid in pids})
        self.assertEqual(families["fcgi_hosts"].samples, [("fcgi_hosts", {}, 2)])
        self.assertEqual(promtool(self.fcgictl("metrics", "-o", "openmetrics").out), (0, ""))

    def test_one_of_them(self):
        pid = self.pids(*self.both)[1]
        families = openmetrics.read(self.fcgictl("metrics", "-o", "openmetrics-strict", "--host", pid).out)
        self.assertEqual({labels["host"] for _, labels, _ in families["fcgi_requests"].samples}, {str(pid)})

    def test_exit_code_8_a_host_that_does_not_answer_is_down(self):
        pids = [str(pid) for pid in self.pids(*self.both)]
        stopped = min(witness.processes(self.class_servers, support.BIN / "isapihost.exe"))
        os.kill(stopped, signal.SIGSTOP)
        try:
            result = self.wrong(8, r"^fcgictl: host \d+ has not answered in 0\.5 s\n", "metrics", "-o", "openmetrics-strict",
                                "--timeout", "0.5")
        finally:
            os.kill(stopped, signal.SIGCONT)
        families = openmetrics.read(result.out)
        up = {labels["host"]: value for _, labels, value in families["fcgi_up"].samples}
        self.assertEqual((set(up), sorted(up.values())), (set(pids), [0, 1]))
        self.assertEqual({labels["host"] for _, labels, _ in families["fcgi_requests"].samples},
                         {pid for pid, value in up.items() if value == 1})


class NoHost(fcgictl.ControlTest):
    def test_exit_code_3_with_a_document_that_says_so(self):
        result = self.wrong(3, "^fcgictl: no host was found", "metrics", "-o", "openmetrics-strict")
        self.assertEqual(openmetrics.series(openmetrics.read(result.out)), {("fcgi_hosts", frozenset()): 0})


GOOD = """# TYPE a counter
# HELP a Words.
a_total{x="1"} 1
a_created{x="1"} 5
a_total{x="2"} 1
# TYPE b_seconds histogram
# UNIT b_seconds seconds
# HELP b_seconds Words.
b_seconds_bucket{le="1.0"} 1
b_seconds_bucket{le="+Inf"} 2
b_seconds_count 2
b_seconds_sum 3.5
# TYPE c stateset
# HELP c Words.
c{c="on"} 1
c{c="off"} 0
# EOF
"""


class Reader(unittest.TestCase):
    """The reader of these tests sees what is wrong."""

    def test_what_is_right(self):
        self.assertEqual(openmetrics.series(openmetrics.read(GOOD))["a_total", frozenset({("x", "1")})], 1)

    def test_what_is_wrong(self):
        for old, new in [("# EOF\n", ""), ("# EOF\n", "# EOF"), ("# EOF\n", "# EOF\na 1\n"), ("a_total", "a"), ("a_total", "a_sum"),
                         ("counter", "count"), ('x="1"', 'x="1'), ('x="1"', 'x="1",'), ('x="1"', 'x="1",x="1"'), ('x="2"', 'x="1"'),
                         ('x="1"', 'x="\\1"'), ("} 1", "}  1"), ("} 1", "} one"), ("} 5", "} -5"), ("Words.", ""), ("Words.", 'A "word".'),
                         ("Words.", "A \\word."), ("UNIT b_seconds seconds", "UNIT b_seconds bytes"), ('"1.0"', '"1"'), ('"+Inf"', '"2.0"'),
                         ("b_seconds_count 2", "b_seconds_count 1"), ("b_seconds_sum 3.5\n", ""), ('le="1.0"} 1', 'le="1.0"} 3'),
                         ("c{c=", "c{d="), ('c="on"} 1', 'c="on"} 2'), ("# HELP c Words.\n", ""), ("# TYPE c stateset\n", ""),
                         ("# TYPE c", "\n# TYPE c"), ("# TYPE c", "#TYPE c"), ("# TYPE c", "# TYPE a"),
                         ("# TYPE c stateset\n# HELP c", "# TYPE a_total gauge\n# HELP a_total"),
                         ('a_created{x="1"} 5\na_total{x="2"} 1\n', 'a_total{x="2"} 1\na_created{x="1"} 5\n')]:
            with self.subTest(f"{old!r} -> {new!r}"):
                self.assertIn(old, GOOD)
                self.assertRaises((openmetrics.Malformed, ValueError), openmetrics.read, GOOD.replace(old, new, 1))


if __name__ == "__main__":
    unittest.main()
