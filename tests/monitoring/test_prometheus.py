"""packaging/monitoring/prometheus: promtool takes it, each name is one of the product's, and the tests of the alerts notice wrong rules."""

import concurrent.futures
import copy
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

import names
import promql

FOLDER = names.ROOT / "packaging/monitoring/prometheus"
RULES = FOLDER / "fcgiext.rules.yml"
TESTS = pathlib.Path(__file__).resolve().parent / "alerts.test.yml"
FEWEST_ALERTS, FEWEST_SPOILT = 20, 150


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules_of(document):
    return [rule for group in document["groups"] for rule in group["rules"]]


def alerts():
    return [rule for rule in rules_of(read(RULES)) if "alert" in rule]


def recorded():
    """-> {name: labels} of the recording rules"""
    found = {}
    for rule in rules_of(read(RULES)):
        if "record" in rule:
            found[rule["record"]] = promql.check(rule["expr"], found)
            found[rule["record"]].pop("le", None)
    return found


def commands_of_fcgictl():
    rows = re.findall(r"^\| `([^`]+)` \| ", (names.ROOT / "docs/fcgictl.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {row.split()[0] for row in rows}


class Rules(unittest.TestCase):
    def test_promtool_takes_them(self):
        code, said = promtool("check", "rules", RULES)
        self.assertEqual((code, "FAILED" in said), (0, False), said)
        self.assertIn(f"{len(rules_of(read(RULES)))} rules found", said)

    def test_promtool_takes_the_sample_configuration_with_them(self):
        code, said = promtool("check", "config", FOLDER / "scrape.yml")
        self.assertEqual(code, 0, said)
        self.assertIn("1 rule files found", said)
        jobs = {job["job_name"] for job in read(FOLDER / "scrape.yml")["scrape_configs"]}
        self.assertEqual(jobs, {"fcgiext", "windows"})

    def test_their_tests_pass(self):
        code, said = promtool("test", "rules", TESTS)
        self.assertEqual((code, "FAILED" in said), (0, False), said)

    def test_each_name_is_one_of_the_products(self):
        known = recorded()
        for rule in rules_of(read(RULES)):
            with self.subTest(rule.get("alert") or rule["record"]):
                self.assertTrue(promql.metrics(rule["expr"]))
                promql.check(rule["expr"], known)

    def test_each_name_in_their_tests_is_one_of_the_products(self):
        known = {**recorded(), "ALERTS": {"alertname": {rule["alert"] for rule in alerts()}, "alertstate": {"firing"},
                                          "severity": names.ANY, "pool": names.ANY}}
        count = 0
        for test in read(TESTS)["tests"]:
            for series in test["input_series"]:
                promql.check(series["series"].replace("\\\\", "/"), known)
                count += 1
            for expected in test["promql_expr_test"]:
                promql.check(expected["expr"], known)
        self.assertGreater(count, 100)

    def test_each_alert_says_what_to_do(self):
        known, commands = recorded(), commands_of_fcgictl()
        self.assertGreaterEqual(len(alerts()), FEWEST_ALERTS)
        self.assertEqual(len({rule["alert"] for rule in alerts()}), len(alerts()))
        for rule in alerts():
            with self.subTest(rule["alert"]):
                summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
                self.assertRegex(rule["alert"], r"^Fcgi[A-Z]\w+$")
                self.assertIn(rule["labels"]["severity"], {"critical", "warning", "info"})
                used = re.findall(r"fcgictl ([a-z]+)", description)
                self.assertTrue(used)
                self.assertEqual(set(used) - commands, set())
                left = set(promql.check(rule["expr"], known))
                shown = set(re.findall(r"\$labels\.(\w+)", summary + description))
                self.assertEqual(shown - left, set())
                self.assertEqual(left & {"pool", "result", "reason"} - shown, set())  # it says which

    def test_each_is_tested_on_both_sides(self):
        text = TESTS.read_text(encoding="utf-8")
        for rule in alerts():
            self.assertRegex(text, rf'ALERTS{{alertname="{rule["alert"]}",alertstate="firing",.*severity="{rule["labels"]["severity"]}"}}')

    def test_a_wrong_name_is_found(self):
        for planted in ["fcgi_requests", "fcgi_requests_totals", "fcgi_pool_state{state=\"running\"}", "pool:fcgi_requests_ended:rate1m",
                        "fcgi_pool_state{fcgi_pool_state=\"rapidfail\"}", "sum by (result) (fcgi_requests_total)", "{job=\"fcgiext\"}",
                        "fcgi_worker_exits_total{reason=~\"crashed|broke\"}", "max without (state) (fcgi_up)", "fcgi_up{host=10}"]:
            with self.subTest(planted):
                promql.check("fcgi_hosts > 0")
                self.assertRaises(names.Unknown, promql.check, planted, recorded())


# ---- what the tests of the alerts must notice

FLIPPED = {">": "<", ">=": "<", "<=": ">", "==": "!="}


def spoilt_tokens(kind, text, before):
    """What may stand in the place of a token so that the rule is wrong."""
    if kind == "mark" and text in FLIPPED:
        yield FLIPPED[text]
    elif kind == "mark" and text in ("=~", "!~"):
        yield {"=~": "!~", "!~": "=~"}[text]
    elif kind == "number":
        number = float(text)
        yield from ("1",) if number == 0 else (str(number * 1.5), "1" if number == 2 else str(number / 1.5))
    elif kind == "duration":
        yield "1m"
        yield "4h"
    elif kind == "string" and before in ("=", "!=", "=~", "!~"):
        for value in text[1:-1].split("|"):
            yield text.replace(value, "never", 1)
    elif kind == "name" and text in ("and", "unless"):
        yield "or"
    elif kind == "name" and text in ("max", "sum"):
        yield "min"
    elif kind == "name" and text in ("host", "result", "reason", "cause", "outcome", "fcgi_pool_state") and before in ("(", ","):
        yield "never"  # of `without`


# What changes nothing: starts that are looked back at for longer are told from newer ones by their time.
HARMLESS = {("FcgiHostRestarts", "30m -> 4h")}


def spoilt_rules(rule):
    """-> (what, rule)"""
    tokens = promql.tokens(rule["expr"])
    for at, (kind, text) in enumerate(tokens):
        for other in spoilt_tokens(kind, text, tokens[at - 1][1] if at else ""):
            words = [one for _, one in tokens]
            words[at] = other
            if (rule.get("alert"), f"{text} -> {other}") not in HARMLESS:
                yield f"{text} -> {other} at {at}", {**rule, "expr": " ".join(words)}
    if "for" in rule:
        count, unit = int(rule["for"][:-1]), rule["for"][-1]
        yield "no for", {key: value for key, value in rule.items() if key != "for"}
        yield "longer", {**rule, "for": f"{count * 2}{unit}"}
    if "alert" in rule:
        other = {"critical": "warning", "warning": "info", "info": "warning"}[rule["labels"]["severity"]]
        yield "severity", {**rule, "labels": {"severity": other}}


class Spoilt(unittest.TestCase):
    """Each rule is spoilt in each of the ways above; the tests that name it, or an alert that is made of it, must fail."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.document, self.tests = read(RULES), read(TESTS)
        self.texts = [(test, yaml.safe_dump(test)) for test in self.tests["tests"]]

    def users(self, rule):
        """Alerts that are this one, or take what it records."""
        if "alert" in rule:
            return {rule["alert"]}
        return {one["alert"] for one in alerts() if rule["record"] in promql.metrics(one["expr"])}

    def run_with(self, name, rule, changed):
        """Only the tests that matter, with only the rules that they name. -> do they pass?"""
        tests = [(test, text) for test, text in self.texts if any(re.search(rf"\b{user}\b", text) for user in self.users(rule))]
        self.assertTrue(tests, rule)
        document = copy.deepcopy(self.document)
        for group in document["groups"]:
            group["rules"] = [changed if one == rule else one for one in group["rules"]
                              if "record" in one or any(re.search(rf"\b{one['alert']}\b", text) for _, text in tests)]
        (self.folder / f"{name}.rules.yml").write_text(yaml.safe_dump(document))
        path = self.folder / f"{name}.test.yml"
        path.write_text(yaml.safe_dump({**self.tests, "rule_files": [f"{name}.rules.yml"], "tests": [test for test, _ in tests]}))
        return promtool("test", "rules", path)[0] == 0

    def test_the_tests_notice(self):
        rules = rules_of(self.document)
        jobs = [(f"{number}_{place}", rule, what, changed) for number, rule in enumerate(rules)
                for place, (what, changed) in enumerate(spoilt_rules(rule))]
        self.assertGreater(len(jobs), FEWEST_SPOILT)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            right = list(pool.map(lambda one: self.run_with(f"right_{one[0]}", one[1], one[1]), enumerate(rules)))
            passed = list(pool.map(lambda job: self.run_with(job[0], job[1], job[3]), jobs))
        self.assertEqual([rule for rule, passes in zip(rules, right) if not passes], [])
        unseen = [f"{rule.get('alert') or rule['record']}: {what}" for (_, rule, what, _), passes in zip(jobs, passed) if passes]
        self.assertFalse(unseen, "\n" + "\n".join(unseen))


if __name__ == "__main__":
    unittest.main()
