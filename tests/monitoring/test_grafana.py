"""packaging/monitoring/grafana: what a current Grafana imports, queries that are PromQL and find something, and no name that is not ours."""

import itertools
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

import names
import promql

FILE = names.ROOT / "packaging/monitoring/grafana/fcgiext-dashboard.json"
UNITS = {"none", "reqps", "cps", "percentunit", "s", "Bps"}
ROWS = ["Now", "Traffic", "Latency", "Queue", "Workers", "Starts and exits", "Retries", "Bytes", "Hosts"]
KNOWN = {"ALERTS": {"alertname": names.ANY, "alertstate": {"firing", "pending"}, "pool": names.ANY}}
COMPUTERS, HOSTS, POOLS = ["web1", "web2"], ["10", "20"], ["api", "php"]
LIMITS = ["0.01", "0.1", "1.0", "10.0", "+Inf"]


def read(text):
    return json.loads(text)


def panels(board):
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(board):
    """-> (where, PromQL)"""
    for panel in panels(board):
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in board["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["name"], annotation["expr"]


def check(text):
    """Raises names.Unknown for a name that is not ours."""
    board = read(text)
    for _, query in queries(board):
        promql.check(query, KNOWN)
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
            if not match or match[2] not in promql.check(match[1]):
                raise names.Unknown(variable["definition"])


def with_values(query):
    return re.sub(r"\$(instance|host|pool)\b", ".*", query.replace("$__rate_interval", "5m"))


def all_series():
    """Every series that hosts with two pools have, as input of promtool, all of which grow. Of states all are 1."""
    for one in names.table().series.values():
        values = {"host": HOSTS, "pool": POOLS, "program": ["w3wp.exe"], "version": ["0.1.0"], "le": LIMITS}
        labels = [[(label, value) for value in sorted(known or values[label])] for label, known in one.labels.items()]
        for computer, *chosen in itertools.product(COMPUTERS, *labels):
            text = ",".join(f'{label}="{value}"' for label, value in [("job", "fcgiext"), ("instance", computer), *chosen])
            step = LIMITS.index(dict(chosen)["le"]) + 1 if "le" in one.labels else 1
            yield {"series": f"{one.name}{{{text}}}", "values": f"0+{step}x20" if one.name.endswith(("_total", "_bucket", "_sum", "_count")) else "1x20"}
    yield {"series": 'ALERTS{alertname="FcgiPoolRapidFail",alertstate="firing",instance="web1",pool="php"}', "values": "1x20"}


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = FILE.read_text(encoding="utf-8")
        cls.board = read(cls.text)

    def test_it_is_of_the_form_that_grafana_10_and_11_import(self):
        self.assertEqual((self.board["id"], self.board["uid"], self.board["__inputs"]), (None, "fcgiext-pools", []))
        self.assertGreaterEqual(self.board["schemaVersion"], 38)
        ids = [panel["id"] for panel in panels(self.board)]
        self.assertEqual(len(ids), len(set(ids)))
        used = {panel["type"] for panel in panels(self.board)} - {"row"}
        self.assertEqual(used, {one["id"] for one in self.board["__requires"] if one["type"] == "panel"})

    def test_its_rows(self):
        self.assertEqual([panel["title"] for panel in self.board["panels"] if panel["type"] == "row"], ROWS)

    def test_panels_do_not_overlap(self):
        taken = {}
        for panel in self.board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for cell in itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])):
                self.assertNotIn(cell, taken, panel["title"])
                taken[cell] = panel["title"]

    def test_each_panel_says_what_it_shows_and_in_which_unit(self):
        for panel in panels(self.board):
            if panel["type"] == "row":
                continue
            with self.subTest(panel["title"]):
                self.assertRegex(panel["description"], r"\.$")
                self.assertTrue(panel["targets"])
                unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"]["yAxis"]["unit"]
                self.assertIn(unit, UNITS)
                wanted = self.unit_of(panel["targets"][0]["expr"])
                self.assertIn(unit, wanted)

    def unit_of(self, query):
        """What the first metric of a query is measured in."""
        share = re.search(r"\) / sum", query) or " / sum" in query
        metric = promql.Expression(query).selectors[0][0]
        if metric.endswith("_seconds_sum") or metric.endswith("_seconds_bucket") or metric.startswith("fcgi_oldest"):
            return {"s"}
        if share:
            return {"percentunit"}
        if "bytes" in metric:
            return {"Bps"}
        if metric.startswith("fcgi_requests") and metric.endswith("_total") and "rate(" in query and "seconds" not in metric:
            return {"reqps"}
        return {"none", "cps", "reqps"}

    def test_the_datasource_can_be_chosen(self):
        sources = [panel["datasource"] for panel in panels(self.board) if panel["type"] != "row"]
        sources += [target["datasource"] for panel in panels(self.board) for target in panel.get("targets", [])]
        self.assertEqual({source["uid"] for source in sources}, {"${datasource}"})
        variables = {one["name"]: one for one in self.board["templating"]["list"]}
        self.assertEqual(list(variables), ["datasource", "instance", "pool", "host"])
        self.assertEqual((variables["datasource"]["type"], variables["datasource"]["query"]), ("datasource", "prometheus"))

    def test_each_query_is_of_what_was_chosen(self):
        for where, query in queries(self.board):
            for metric, matchers in promql.Expression(query).selectors:
                with self.subTest(where):
                    labels = {"instance", *names.table().series[metric].labels} if metric != "ALERTS" else {"instance"}
                    wanted = {(label, f"${label}") for label in labels & {"instance", "host", "pool"}}
                    self.assertEqual({(label, text) for label, _, text in matchers if text.startswith("$")}, wanted)

    def test_legends_have_labels_that_are_left(self):
        for panel in panels(self.board):
            for target in panel.get("targets", []):
                left = set(promql.check(target["expr"], KNOWN))
                self.assertEqual(set(re.findall(r"{{(\w+)}}", target["legendFormat"])) - left, set(), panel["title"])

    def test_each_name_is_one_of_the_products(self):
        check(self.text)
        self.assertGreater(len(list(queries(self.board))), 40)

    def test_every_family_is_shown(self):
        shown = {names.table().series[metric].family for _, query in queries(self.board) for metric in promql.metrics(query)
                 if metric != "ALERTS"}
        # The number of hosts is that of the rows of their table.
        self.assertEqual(names.table().families() - shown, {"fcgi_hosts"})

    def test_a_wrong_name_is_found(self):
        for old, new in [("fcgi_requests_queued{", "fcgi_requests_queueing{"), ('result!=\\"answered\\"', 'result!=\\"answer\\"'),
                         ('=\\"rapid_fail\\"', '=\\"rapidfail\\"'), ("(state)", "(states)"), ("label_values(fcgi_hosts,", "label_values(fcgi_host,"),
                         ("fcgi_requests_total{", "fcgi_requests{"), ("}, pool)", "}, pools)")]:
            with self.subTest(new):
                self.assertIn(old, self.text)
                self.assertRaises(names.Unknown, check, self.text.replace(old, new))

    def test_prometheus_answers_each_query_with_something(self):
        tests = [{"expr": f"count({with_values(query)}) > bool 0", "eval_time": "20m", "exp_samples": [{"labels": "{}", "value": 1}]}
                 for _, query in queries(self.board)]
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "none.yml").write_text("groups: []\n", encoding="utf-8")
            path = pathlib.Path(folder, "test.yml")
            path.write_text(yaml.safe_dump({"rule_files": ["none.yml"], "evaluation_interval": "1m", "tests": [
                {"interval": "1m", "input_series": list(all_series()), "promql_expr_test": tests}]}), encoding="utf-8")
            done = subprocess.run(["promtool", "test", "rules", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
