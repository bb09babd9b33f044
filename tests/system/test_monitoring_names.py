"""The names that tests/monitoring takes for the product's are those that a host's metrics have: no more, no less."""

import sys
import unittest

import fcgictl
import openmetrics
import support

sys.path.append(str(support.ROOT / "tests/monitoring"))
import names  # noqa: E402


class Names(fcgictl.ControlTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host(fcgictl.pools("look", MaxInstances=0), maps=".look")  # tuned: with every family

    def test_metrics_their_labels_and_the_values_of_labels(self):
        table = names.parse((support.ROOT / "docs/counters.md").read_text(encoding="utf-8"),
                            names.rows_of(names.INC.read_text(encoding="utf-8")))
        for dialect in ("openmetrics-strict", "openmetrics"):
            families = openmetrics.read(self.fcgictl("metrics", "-o", dialect).out, strict=dialect == "openmetrics-strict")
            found = {}  # name -> {label: values}
            for family in families.values():
                for name, labels, _ in family.samples:
                    series = found.setdefault(name, {label: set() for label in labels})
                    self.assertEqual(set(series), set(labels), name)
                    for label, value in labels.items():
                        series[label].add(value)
            self.assertEqual(set(found), set(table.series))
            for name, series in found.items():
                with self.subTest(name):
                    known = table.series[name].labels
                    self.assertEqual(set(series), set(known))
                    self.assertEqual({label: values for label, values in series.items() if known[label] is not names.ANY},
                                     {label: set(values) for label, values in known.items() if values is not names.ANY})


if __name__ == "__main__":
    unittest.main()
