"""packaging/monitoring: each file is read by a parser of its format, and each counter of perfmon, each metric and each label in it is one
that the product has. A file that no reader here knows is an error."""

import html.parser
import re
import tomllib
import unittest
import xml.etree.ElementTree

import yaml

import names

FOLDER = names.ROOT / "packaging/monitoring"
POOLS, WORKERS = "FastCGI Pools", "FastCGI Workers"
PATH = re.compile(r"\\([^\\(]+)\((\*|_Total|\{#INSTANCE\})\)\\([^\\]+)")


def split_path(path):
    r"""\Object(instance)\counter -> (object, counter)"""
    match = PATH.fullmatch(path)
    if not match:
        raise names.Unknown(f"{path!r} is no path of a counter")
    return match[1], match[3]


def known_label(label):
    if not any(label in one.labels for one in names.table().series.values()):
        raise names.Unknown(f"there is no label {label}")


def known_pattern(pattern):
    if not any(re.fullmatch(pattern, name) for name in names.table().series):
        raise names.Unknown(f"no metric is {pattern}")


# ---- readers: text -> [(object, counter)], and [family or metric] of OpenMetrics


def read_counter_list(text):
    return [split_path(line) for line in text.splitlines()], []


class ViewParser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.classes, self.values = [], {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "object":
            self.classes.append(attrs["classid"])
        elif tag == "param":
            if attrs["name"] in self.values:
                raise names.Unknown(f"{attrs['name']} twice")
            self.values[attrs["name"]] = attrs["value"]


def view_of(text):
    parser = ViewParser()
    parser.feed(text)
    parser.close()
    return parser


def read_view(text):
    values = view_of(text).values
    return [split_path(value) for name, value in values.items() if name.endswith(".Path")], []


def read_collector_set(text):
    root = xml.etree.ElementTree.fromstring(text)
    paths = [one.text for one in root.iter("Counter")]
    paths += [re.split("[<>]", one.text)[0] for one in root.iter("Alert")]
    return [split_path(path) for path in paths], []


def objects_of_windows_exporter(text):
    return yaml.safe_load(yaml.safe_load(text)["collector"]["performancecounter"]["objects"])


def read_windows_exporter(text):
    return [(one["object"], counter["name"]) for one in objects_of_windows_exporter(text) for counter in one["counters"]], []


def read_telegraf(text):
    document = tomllib.loads(text)
    found = [(one["ObjectName"], counter) for source in document["inputs"]["win_perf_counters"] for one in source["object"]
             for counter in one["Counters"]]
    for source in document["inputs"]["prometheus"]:
        for pattern in source["fieldexclude"]:
            known_pattern(pattern.replace("*", ".*"))
    for rename in document["processors"]["rename"]:
        for replaced in rename["replace"]:
            known_label(replaced["tag"])
    return found, []


KEY = re.compile(r'perf_counter_en\["([^"]*)"(?:,\d+)?\]')


def template_of(text):
    return yaml.safe_load(text)["zabbix_export"]["templates"][0]


def read_zabbix(text):
    found = re.findall(r"perf_instance_en\.discovery\[\"?([^\]\"]*)\"?\]", text)
    if not found or set(found) - set(names.table().perfmon):
        raise names.Unknown(f"objects {found}")
    paths = KEY.findall(text)
    if len(paths) != text.count("perf_counter"):
        raise names.Unknown("a key that is none of perf_counter_en")
    return [split_path(path) for path in paths], []


def read_datadog_perf(text):
    found = []
    for instance in yaml.safe_load(text)["instances"]:
        for subject, settings in instance["metrics"].items():
            found += [(subject, counter) for entry in settings["counters"] for counter in entry]
    return found, []


def read_datadog_openmetrics(text):
    families = []
    for instance in yaml.safe_load(text)["instances"]:
        families += [name for entry in instance["metrics"] for name in entry]
        for label in instance["rename_labels"]:
            known_label(label)
    return [], families


def read_otel(text):
    document = yaml.safe_load(text)
    receiver = document["receivers"]["windowsperfcounters"]
    for job in document["receivers"]["prometheus"]["config"]["scrape_configs"]:
        for rule in job["metric_relabel_configs"]:
            known_pattern(rule["regex"])
    return [(one["object"], counter["name"]) for one in receiver["perfcounters"] for counter in one["counters"]], []


READERS = {
    "agents/datadog-openmetrics.yaml": read_datadog_openmetrics,
    "agents/datadog-windows_performance_counters.yaml": read_datadog_perf,
    "agents/otel-collector.yaml": read_otel,
    "agents/telegraf.conf": read_telegraf,
    "agents/windows_exporter.yml": read_windows_exporter,
    "agents/zabbix-template.yaml": read_zabbix,
    "perfmon/fcgiext-collector-set.xml": read_collector_set,
    "perfmon/fcgiext-counters.txt": read_counter_list,
    "perfmon/fcgiext-view.htm": read_view,
}
ELSEWHERE = {"README.md", "grafana/fcgiext-dashboard.json", "prometheus/fcgiext.rules.yml", "prometheus/scrape.yml"}  # have tests of their own


def text_of(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def check(name, text):
    """Raises names.Unknown for what the product does not have. -> the counters"""
    table = names.table()
    counters, families = READERS[name](text)
    for subject, counter in counters:
        if counter not in table.perfmon.get(subject, {}):
            raise names.Unknown(f"{name}: \\{subject}\\{counter}")
    for family in families:
        if family not in table.families():
            raise names.Unknown(f"{name}: {family}")
    if not counters and not families:
        raise names.Unknown(f"{name} names nothing")
    return counters


class Names(unittest.TestCase):
    def test_every_file_is_looked_at_and_explained(self):
        files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
        self.assertEqual(files, set(READERS) | ELSEWHERE)
        readme = text_of("README.md")
        self.assertEqual({name for name in files if f"]({name})" not in readme}, {"README.md"})

    def test_each_name_is_one_of_the_products(self):
        for name in READERS:
            with self.subTest(name):
                check(name, text_of(name))

    def test_a_wrong_name_is_found_in_each_file(self):
        for name in READERS:
            text = text_of(name)
            planted = [(old, new) for old, new in [
                ("Requests Queued", "Requests Queueing"), (POOLS, "FastCGI Pool"), ("Private Bytes", "Private Byte"), (WORKERS, "FastCGI Worker"),
                ("Pool State", "Pool Status"), ("(*)\\Requests/sec", "(*)\\Requests /sec"), ("fcgi_requests_queued", "fcgi_requests_queueing"),
                ("fcgi_sent_bytes", "fcgi_sent_bytes_total"), ("host: host_pid", "hosts: host_pid"), ('tag = "host"', 'tag = "hosts"'),
                ("_created", "_creation"), ('{#INSTANCE}")', '{#NAME}")')] if re.search(rf"(?m)^[^#]*{re.escape(old)}", text)]
            self.assertGreaterEqual(len(planted), 2, name)
            for old, new in planted:
                with self.subTest(f"{name}: {new}"):
                    self.assertRaises(names.Unknown, check, name, text.replace(old, new))

    def test_all_counters_are_in_the_data_collector_set_and_the_list(self):
        every = {(subject, counter) for subject, counters in names.table().perfmon.items() for counter in counters}
        self.assertEqual(set(check("perfmon/fcgiext-collector-set.xml", text_of("perfmon/fcgiext-collector-set.xml"))), every)
        pools = [one for one in every if one[0] == POOLS]
        self.assertCountEqual(check("perfmon/fcgiext-counters.txt", text_of("perfmon/fcgiext-counters.txt")), pools)

    def test_each_agent_has_what_one_asks_for_first(self):
        wanted = {"Requests Executing", "Requests Queued", "Maximum Queue Item Age", "Workers Idle", "Workers Maximum", "Pool State",
                  "Bytes Sent/sec"}
        for name in READERS:
            counters = {counter for subject, counter in check(name, text_of(name)) if subject == POOLS}
            if name.startswith("agents/") and counters:
                lacking = wanted - counters - ({"Workers Idle"} if "Workers Busy" in counters else set())
                self.assertEqual(lacking, set(), name)
        families = set(read_datadog_openmetrics(text_of("agents/datadog-openmetrics.yaml"))[1])
        self.assertGreater(len(families), 20)

    def test_no_counter_twice(self):
        for name in READERS:
            if name != "agents/zabbix-template.yaml" and not name.endswith(".xml"):
                counters = check(name, text_of(name))
                self.assertEqual(len(counters), len(set(counters)), name)


class Forms(unittest.TestCase):
    """What each program wants besides names, as far as one can tell without it."""

    def test_the_view_is_one_of_system_monitor(self):
        view = view_of(text_of("perfmon/fcgiext-view.htm"))
        self.assertEqual(view.classes, ["CLSID:C4D2D8E0-D1DD-11CE-940F-008029004347"])
        paths = [name for name in view.values if name.endswith(".Path")]
        self.assertEqual(paths, [f"Counter{number:05}.Path" for number in range(1, int(view.values["CounterCount"]) + 1)])
        self.assertTrue(all(value.lstrip("-").isdigit() for name, value in view.values.items() if name.endswith(("Color", "Width", "Factor"))))

    def test_the_collector_set_logs_and_alerts(self):
        root = xml.etree.ElementTree.fromstring(text_of("perfmon/fcgiext-collector-set.xml"))
        self.assertEqual(root.tag, "DataCollectorSet")
        collectors = [one for one in root if one.tag.endswith("DataCollector")]
        kinds = {"PerformanceCounterDataCollector": "0", "AlertDataCollector": "3"}
        for one in collectors:
            self.assertEqual(one.findtext("DataCollectorType"), kinds[one.tag])
            self.assertGreaterEqual(int(one.findtext("SampleInterval")), 15)
        found = [one.findtext("Name") for one in collectors]
        self.assertEqual(len(found), len(set(found)))
        alerts = [one.text for one in root.iter("Alert")]
        self.assertEqual(len(alerts), 4)
        for alert in alerts:
            self.assertRegex(alert, r"\(_Total\)\\[^<>]+[<>]\d+$")
        # A counter is logged once.
        counters = [one.text for one in root.iter("Counter")]
        self.assertEqual(len(counters), len(set(counters)))

    def test_windows_exporter_gets_types_that_fit(self):
        document = yaml.safe_load(text_of("agents/windows_exporter.yml"))
        self.assertIn("performancecounter", document["collectors"]["enabled"].split(","))
        metrics = []
        for one in objects_of_windows_exporter(text_of("agents/windows_exporter.yml")):
            self.assertEqual((one["instances"], one["instance_label"]), (["*"], {POOLS: "pool", WORKERS: "worker"}[one["object"]]))
            for counter in one["counters"]:
                kind = names.table().perfmon[one["object"]][counter["name"]]
                grows = kind in ("PERF_COUNTER_BULK_COUNT", "PERF_100NSEC_TIMER") or counter["name"].startswith("Total ")
                self.assertEqual(counter["type"], "counter" if grows else "gauge", counter)
                self.assertEqual(counter["metric"].endswith("_total"), grows, counter)
                # Raw values of the others mean nothing to it.
                self.assertNotIn(kind, ("PERF_AVERAGE_TIMER", "PERF_ELAPSED_TIME"), counter)
                metrics.append(counter["metric"])
        self.assertEqual(len(metrics), len(set(metrics)))
        self.assertFalse(set(metrics) & set(names.table().series))  # other labels: other names

    def test_datadog_names_each_metric_once(self):
        for instance in yaml.safe_load(text_of("agents/datadog-windows_performance_counters.yaml"))["instances"]:
            for settings in instance["metrics"].values():
                given = [name for entry in settings["counters"] for name in entry.values()]
                self.assertEqual(len(given), len(set(given)))
        for instance in yaml.safe_load(text_of("agents/datadog-openmetrics.yaml"))["instances"]:
            given = [name for entry in instance["metrics"] for name in entry.values()]
            self.assertEqual(len(given), len(set(given)))
            self.assertIn("host", instance["rename_labels"])  # Datadog has a tag of that name

    def test_the_collector_of_opentelemetry_knows_each_metric_that_a_counter_goes_to(self):
        document = yaml.safe_load(text_of("agents/otel-collector.yaml"))
        receiver = document["receivers"]["windowsperfcounters"]
        counters = [counter for one in receiver["perfcounters"] for counter in one["counters"]]
        self.assertEqual({counter["metric"] for counter in counters}, set(receiver["metrics"]))
        series = [(counter["metric"], str(counter.get("attributes"))) for counter in counters]
        self.assertEqual(len(series), len(set(series)))
        for name, metric in receiver["metrics"].items():
            total = all(counter["name"].startswith("Total ") for counter in counters if counter["metric"] == name)
            self.assertEqual(("sum" in metric, "gauge" in metric), (total, not total), name)
        for kind, named in document["service"]["pipelines"]["metrics"].items():
            self.assertEqual(set(named), set(document[kind]))

    def test_ports_are_the_exporters(self):
        for name in ("agents/otel-collector.yaml", "agents/datadog-openmetrics.yaml", "agents/telegraf.conf"):
            self.assertEqual(set(re.findall(r"127\.0\.0\.1:(\d+)", text_of(name))), {"9889"}, name)


class Zabbix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = text_of("agents/zabbix-template.yaml")
        cls.template = template_of(cls.text)
        cls.rule, = cls.template["discovery_rules"]

    def test_ids_are_random_uuids_and_differ(self):
        ids = re.findall(r"uuid: (\S+)", self.text)
        self.assertEqual(len(ids), len(set(ids)))
        for one in ids:
            self.assertRegex(one, r"^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$")

    def triggers(self):
        return [*self.rule["trigger_prototypes"],
                *(trigger for item in self.rule["item_prototypes"] for trigger in item.get("trigger_prototypes", []))]

    def test_triggers_and_graphs_are_of_items_that_there_are(self):
        keys = {item["key"] for item in self.rule["item_prototypes"]}
        self.assertEqual(len(keys), len(self.rule["item_prototypes"]))
        name = self.template["template"]
        self.assertEqual(len(self.triggers()), 7)
        for trigger in self.triggers():
            used = re.findall(rf"/{name}/(perf_counter_en\[.*?\])[,)]", trigger["expression"])
            self.assertEqual(len(used), trigger["expression"].count("perf_counter_en"))
            self.assertEqual(set(used) - keys, set())
            self.assertIn("fcgictl", trigger["description"])
            self.assertIn("{#INSTANCE}", trigger["name"])
        for graph in self.rule["graph_prototypes"]:
            self.assertEqual({(one["item"]["host"], one["item"]["key"] in keys) for one in graph["graph_items"]}, {(name, True)})

    def test_rates_and_means_are_taken_over_a_minute(self):
        for subject, counters in names.table().perfmon.items():
            for counter, kind in counters.items():
                for rest in re.findall(re.escape(f"{subject}(") + r"\S+?\)\\" + re.escape(counter) + r'"(.*?)\]', self.text):
                    self.assertEqual(rest, ",60" if kind in ("PERF_COUNTER_BULK_COUNT", "PERF_AVERAGE_TIMER") else "", counter)

    def test_macros_are_defined_and_used(self):
        defined = {macro["macro"] for macro in self.template["macros"]}
        self.assertEqual(set(re.findall(r"\{\$[A-Z.]+\}", "".join(trigger["expression"] for trigger in self.triggers()))), defined)

    def test_states_have_the_words_of_the_counter(self):
        mappings = self.template["valuemaps"][0]["mappings"]
        said = re.search(r"\| Pool State \|.*\| (0: running.*?)\.", names.document())[1]
        self.assertEqual(", ".join(f"{one['value']}: {one['newvalue']}" for one in mappings), said)

    def test_the_sum_is_no_pool(self):
        condition, = self.rule["filter"]["conditions"]
        self.assertEqual((condition["value"], condition["operator"]), ("^_Total$", "NOT_MATCHES_REGEX"))


if __name__ == "__main__":
    unittest.main()
