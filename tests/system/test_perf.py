"""The counters in perfmon: fcgiperf.dll, called as perflib calls it and through HKEY_PERFORMANCE_DATA, and `fcgictl perf`.

The blocks are published by tests/helpers/perf_probe, which can do so wrongly; the same program reads, with a strict parser. Row 27 is of
the list of faults that others have had before. Wine 8 loads performance DLLs, but keeps no names: see docs of `fcgictl perf install`.
"""

import csv
import io
import re

import events
import fcgictl
import support
import witness
from operate import Helper

PROBE = support.HELPERS / "perf_probe.exe"
DLL = support.windows_path(support.BIN / "fcgiperf.dll")
POOLS, WORKERS = 0, 66  # offsets of the objects' numbers
NAMES = 84  # so many numbers are ours
ROOM = 128  # pools in a block


class PerfTest(fcgictl.ControlTest):
    def setUp(self):
        super().setUp()
        self.fcgictl("perf", "install")
        self.addCleanup(lambda: self.fcgictl("perf", "uninstall"))
        names = self.check("names")["text"]
        self.first = int(names.split()[1])

    def check(self, name, code=0):
        found = self.fcgictl("perf", "status", "--json", code=code).json()
        self.assertEqual(found["ok"], code == 0)
        return next(one for one in found["checks"] if one["check"] == name)

    def probe(self):
        probe = Helper(self.servers.run, program=PROBE)
        self.addCleanup(lambda: self.assertEqual(probe.close(), 0))
        return probe

    def ok(self, probe, *words):
        self.assertEqual(probe.ask("|".join(str(word) for word in words)), "ok", words)

    def host(self, kind="global", **pools):
        """A process with a block; pools: NAME=requests."""
        host = self.probe()
        self.ok(host, "publish", kind)
        for name, requests in pools.items():
            self.ok(host, "pool", name, requests, 1000 * requests)
        return host

    def reader(self):
        reader = self.probe()
        self.ok(reader, "load", DLL)
        self.assertEqual(reader.ask("open"), "0")
        return reader

    def objects(self, answer):
        """-> {offset of the object: [instance]}"""
        found = {}
        for part in answer.split("; ")[1:]:
            index, names = part.split(":")
            found[int(index) - self.first] = names.split()
        self.assertRegex(answer, rf"^{len(found)} objects, \d+ bytes(;|$)")
        return found

    def collect(self, reader, query="Global"):
        return self.objects(reader.ask(f"collect|{query}"))

    def value(self, reader, instance, counter, what=POOLS):
        """Of what was collected last; counter: offset of its number."""
        return int(reader.ask(f"value|{self.first + what}|{instance}|{self.first + counter}"))


class Exports(PerfTest):
    def test_queries(self):
        self.ok(self.host(php=5), "workers", 2, 1000, 0)
        reader = self.reader()
        pools, workers = ["php", "_Total"], ["php_1000", "php_1001"]
        number, other = self.first, self.first + WORKERS
        for query, expected in [("Global", {POOLS: pools, WORKERS: workers}), ("", {POOLS: pools, WORKERS: workers}),
                                (f"{number}", {POOLS: pools}), (f"{other}", {WORKERS: workers}),
                                (f"2 4 {other} 238 {number}", {POOLS: pools, WORKERS: workers}), (f"{number + 2}", {}),
                                ("Costly", {}), ("Foreign OTHER", {}), (f"Foreign {number}", {})]:
            with self.subTest(query):
                self.assertEqual(self.collect(reader, query), expected)
        self.assertEqual(reader.ask("close"), "0")

    def test_each_size_of_the_buffer(self):
        self.ok(self.host(php=5), "workers", 2, 1000, 0)
        reader = self.reader()
        for query in ("Global", str(self.first), str(self.first + WORKERS)):
            self.assertRegex(reader.ask(f"sizes|{query}"), r"^ok, \d+ bytes$")

    def test_64_pools_and_1000_workers(self):
        host = self.host(**{f"pool{i}": i for i in range(64)})
        self.ok(host, "workers", 1000, 5000, 63)
        reader = self.reader()
        names = [f"pool{i}" for i in range(64)] + ["_Total"]
        workers = [f"pool63_{5000 + i}" for i in range(1000)]
        self.assertEqual(self.collect(reader), {POOLS: names, WORKERS: workers})
        self.assertEqual(self.value(reader, "_Total", 4), sum(range(64)))
        self.assertEqual(self.value(reader, "pool63_5999", WORKERS + 4, WORKERS), 1000)
        self.assertRegex(reader.ask("sizes|Global"), r"^ok, \d+ bytes$")
        self.assertEqual(self.objects(reader.ask(f"registry|{self.first} {self.first + WORKERS}")), {POOLS: names, WORKERS: workers})

    def test_hosts_are_summed_and_totals_of_vanished_ones_stay(self):
        one, other = self.host(php=100, ruby=7), self.host("local", PHP=20)
        reader = self.reader()
        self.assertEqual(self.collect(reader)[POOLS], ["php", "ruby", "_Total"])
        self.assertEqual(self.value(reader, "php", 4), 120)
        self.assertEqual(self.value(reader, "_Total", 4), 127)
        self.ok(one, "workers", 1, 1000, 0)
        self.assertEqual(self.collect(reader)[WORKERS], ["php_1000"])
        self.ok(one, "change", "gone", 0)
        self.assertEqual(self.collect(reader), {POOLS: ["php", "ruby", "_Total"], WORKERS: []})
        self.assertEqual(self.value(reader, "php", 4), 120)
        self.ok(other, "change", "more", 0)
        self.ok(other, "change", "ended", 0)
        self.collect(reader)
        self.assertEqual(self.value(reader, "php", 4), 121)
        self.assertEqual(self.value(reader, "php", 58), 0)  # the state of no host
        successor = self.host(php=3)
        self.collect(reader)
        self.assertEqual(self.value(reader, "php", 4), 124)
        self.assertEqual(self.value(reader, "php", 58), 2)
        self.ok(successor, "change", "gone", 0)
        self.assertEqual(self.collect(self.reader()), {POOLS: ["PHP", "_Total"], WORKERS: []})  # what has not ended is still to be had

    def test_a_block_that_is_half_written_holds_nobody_up(self):
        host = self.host(php=5, ruby=6)
        reader = self.reader()
        self.ok(host, "change", "half", 0)
        self.assertEqual(self.collect(reader)[POOLS], ["ruby", "_Total"])
        self.ok(host, "change", "half", 0)
        self.assertEqual(self.collect(reader)[POOLS], ["ruby", "php", "_Total"])

    def test_without_registration_nothing_comes_and_nothing_fails(self):
        self.host(php=5)
        self.fcgictl("perf", "uninstall")
        reader = self.reader()
        self.assertEqual(reader.ask("collect|Global"), "0 objects, 0 bytes")
        self.assertEqual(reader.ask("close"), "0")

    def test_open_and_close_as_often_as_one_likes(self):
        self.host(php=5)
        reader = self.reader()
        self.assertEqual([reader.ask(word) for word in ("open", "close")], ["0", "0"])
        self.assertEqual(self.collect(reader)[POOLS], ["php", "_Total"])
        self.assertEqual([reader.ask(word) for word in ("close", "close", "collect|Global", "open")],
                         ["0", "0", "0 objects, 0 bytes", "0"])
        self.assertEqual(self.collect(reader)[POOLS], ["php", "_Total"])


class Sections(PerfTest):
    """Of a real host: who may have it, and what becomes of its counters where the name cannot be had."""

    def setUp(self):
        super().setUp()
        events.listen(self.servers)
        self.web = self.servers.host(support.ini({"look": "look"}, look={"ExePath": witness.WITNESS, "MaxInstances": 1}), "--stdin-commands",
                                     maps=".look")
        self.ask_web()
        self.pid = self.pids(self.web)[0]

    def ask_web(self):
        return witness.facts(support.http_request(self.web, "/app/x.look"))

    def requests(self):
        """-> what perfmon sees; what the management pipe tells"""
        reader = self.reader()
        pools = self.collect(reader)[POOLS]
        told = self.fcgictl("metrics", "-o", "openmetrics").out
        return self.value(reader, "look", 4) if "look" in pools else None, int(re.search(r"fcgi_requests_total\{.*\} (\d+)", told)[1])

    def test_readers_are_named_and_nobody_writes(self):
        # LC is how lists of rights that are those of no file spell 0x4: the right to map a section for reading
        self.assertEqual(self.probe().ask(f"access|Global|{self.pid}"),
                         "D:P(A;;LC;;;SY)(A;;LC;;;BA)(A;;LC;;;LS)(A;;LC;;;S-1-5-32-558)(A;;LC;;;S-1-5-32-559) 5")

    def test_where_global_is_refused_it_is_local(self):
        squatter = self.probe()
        self.assertEqual(witness.ask(self.web, "unload"), "unloaded")
        self.ok(squatter, "squat", "Global", self.pid)
        self.ask_web()
        self.assertRegex(self.probe().ask(f"access|Local|{self.pid}"), "^D:P.* 5$")
        self.assertEqual(self.requests(), (1, 1))

    def test_where_both_are_refused_it_serves_and_tells_the_pipe(self):
        squatter = self.probe()
        self.assertEqual(witness.ask(self.web, "unload"), "unloaded")
        self.ok(squatter, "squat", "Global", self.pid)
        self.ok(squatter, "squat", "Local", self.pid)
        self.assertEqual(events.of(self.web), [])
        self.ask_web()
        self.assertEqual(self.requests(), (None, 1))
        event = events.wait_for(self.web, r"^the counters of this process are not published \(error 183: .*\) \[host \d+\]$")
        self.assertEqual(event.type, events.WARNING)


class RealHost(PerfTest):
    def test_pools_that_find_no_room_are_told_and_seen_by_fcgictl(self):
        events.listen(self.servers)
        names = [f"pool-{number:03}" for number in range(ROOM + 2)]
        web = self.servers.host(fcgictl.pools(*names, types={names[-1]: names[-1]}), maps=f".{names[-1]}")
        witness.facts(support.http_request(web, f"/app/x.{names[-1]}"))
        shown = self.collect(self.reader())[POOLS]
        self.assertEqual(len(shown), ROOM + 1)  # _Total among them
        told = events.wait_for(web, rf"^there are more pools than the {ROOM} that can be published; the first one left out: (\S+)")
        self.assertEqual(told.type, events.WARNING)
        left_out = sorted(set(names) - set(shown))
        self.assertIn(told.text.split(": ")[1].split()[0], left_out)
        self.assertEqual([event.text for event in events.of(web) if "more pools" in event.text], [told.text])
        metrics = self.fcgictl("metrics", "-o", "openmetrics").out
        for name in left_out:
            self.assertRegex(metrics, rf'fcgi_requests_total\{{.*pool="{name}".*\}} {1 if name == names[-1] else 0}\n')

    def test_a_worker_is_shown_with_as_many_requests_left_as_ps_says(self):
        self.servers.host(fcgictl.pools("look", MinInstances=1, MaxInstances=1, EnvironmentVars="PHP_FCGI_MAX_REQUESTS:7"))

        def idle():
            workers = self.fcgictl("ps", "--json").json()["workers"]
            return [worker["requests_left"] for worker in workers if worker["state"] == "idle"]

        self.assertEqual(witness.wait_until(idle, "a worker is there"), [7])
        rows = csv.DictReader(io.StringIO(self.fcgictl("perf", "show", "look", "-o", "csv").out))
        self.assertEqual([row["value"] for row in rows if row["counter"] == "Requests Until Recycle"], ["7"])


class Hostile(PerfTest):
    def test_row_27_sections_that_are_no_block_are_passed_over(self):
        for kind in ("short", "reserved", "file"):
            with self.subTest(kind):
                host = self.host(kind, php=5)
                self.assertEqual(self.collect(self.reader()), {POOLS: ["_Total"], WORKERS: []})
                self.ok(host, "change", "gone", 0)

    def test_row_27_a_block_of_another_process_or_version_is_passed_over(self):
        for what in ("pid", "version"):
            with self.subTest(what):
                host = self.host(php=5)
                self.ok(host, "change", what, 0)
                self.assertEqual(self.collect(self.reader()), {POOLS: ["_Total"], WORKERS: []})
                self.ok(host, "change", "gone", 0)

    def test_row_27_garbage_in_every_field(self):
        host, reader = self.host(), self.reader()
        self.host(php=5)
        for seed in range(20):
            self.ok(host, "change", "garbage", seed)
            for how in ("collect|Global", f"registry|{self.first} {self.first + WORKERS}"):
                self.assertRegex(reader.ask(how), rf"^2 objects, \d+ bytes; {self.first}: .* php .*; {self.first + WORKERS}:")


class Commands(PerfTest):
    def test_install_status_show_uninstall(self):
        self.ok(self.host(php=5), "workers", 1, 4711, 0)
        self.assertEqual(self.check("library")["text"], f"{DLL}, 64 bits")
        self.assertEqual(self.check("read")["text"], "1 pool, 1 worker")
        rows = list(csv.DictReader(io.StringIO(self.fcgictl("perf", "show", "-o", "csv").out)))
        self.assertEqual({row["instance"] for row in rows}, {"php", "_Total", "php_4711"})
        values = {row["counter"]: (row["value"], row["unit"]) for row in rows if row["instance"] == "php"}
        self.assertEqual(values["Total Requests"], ("5", ""))
        self.assertEqual(values["Requests/sec"], ("0", "/s"))
        self.assertEqual(values["Pool State"], ("2", ""))
        self.assertGreaterEqual(float(values["Pool Uptime"][0]), 5)
        self.assertRegex(self.fcgictl("perf", "show", "PHP").out, r"(?m)^php +Total Requests +5$")
        self.wrong(5, "^fcgictl: no instance is called 'nothing'", "perf", "show", "nothing")
        self.assertEqual(self.fcgictl("perf", "install", "--json").json()["library"], DLL)
        self.assertIn("no longer registered", self.fcgictl("perf", "uninstall").out)
        self.assertEqual(self.fcgictl("perf", "uninstall").out, "was not registered\n")
        self.assertEqual(self.check("registered", code=1)["remedy"], "fcgictl perf install")
        self.wrong(1, "^fcgictl: the counters are not registered\n", "perf", "show")

    def test_show_computes_rates_between_two_samples(self):
        host = self.host(php=5)
        running = self.start_fcgictl("perf", "show", "php", "-o", "ndjson")
        while running.process.poll() is None:
            self.ok(host, "change", "more", 0)
        result = running.result()
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.out, r'"counter":"Requests/sec","value":(?!0,)[\d.]+,"unit":"/s"')

    def test_a_library_of_the_other_bitness_is_refused(self):
        other = support.ROOT / "build/win32/bin/fcgiperf.dll"
        if not other.exists():
            self.skipTest("the preset win32 has not been built")
        self.wrong(1, "is no DLL of 64 bits", "perf", "install", support.windows_path(other))
        self.wrong(1, "cannot open '.*nothing.dll'", "perf", "install", "nothing.dll")
        self.assertEqual(self.check("library")["text"], f"{DLL}, 64 bits")
