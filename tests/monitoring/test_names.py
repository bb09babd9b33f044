"""The table of names that the other tests here go by: it is whole, and what it does not understand is an error."""

import unittest

import names
import promql

ROWS = names.rows_of(names.INC.read_text(encoding="utf-8"))


class Table(unittest.TestCase):
    def test_it_has_every_row_of_counters_inc(self):
        table = names.table()
        self.assertEqual({subject: len(counters) for subject, counters in table.perfmon.items()},
                         {"FastCGI Pools": ROWS["PERF_POOL"], "FastCGI Workers": ROWS["PERF_WORKER"]})
        self.assertEqual(len(table.families()), ROWS["POOL"] + ROWS["HOST"] + len(names.OWN))
        for text in ('"fcgi_requests_retried"', '"Requests Until Recycle"', '"% Worker Busy Time"'):
            self.assertIn(text, names.INC.read_text(encoding="utf-8"))

    def test_some_of_it(self):
        table = names.table()
        self.assertEqual(table.series["fcgi_requests_retried_total"].labels,
                         {"host": names.ANY, "pool": names.ANY, "cause": {"unwritten", "unanswered"}})
        self.assertEqual(set(table.series["fcgi_request_execution_seconds_bucket"].labels), {"host", "pool", "le"})
        self.assertEqual(set(table.series["fcgi_request_execution_seconds_created"].labels), {"host", "pool"})
        self.assertIn("rapid_fail", table.series["fcgi_pool_state"].labels["fcgi_pool_state"])
        self.assertNotIn("fcgi_requests", table.series)
        self.assertEqual(table.perfmon["FastCGI Pools"]["Queue Wait Time"], "PERF_AVERAGE_TIMER")

    def test_what_is_not_understood_is_an_error(self):
        text = names.document()
        for old, new in [("### fcgi_recycles_total\n", "### other_total\n"), ("`: stateset", "`: set"), ("* `reason`: ", "* reason: "),
                         ("* `reason`: `idle`", "* `cause`: `idle`"), ("| Busy | PERF_", "| Busy | "), ("| Busy | PERF_", "Busy | PERF_"),
                         ("* Perfmon: *Requests/sec*", "* In perfmon: *Requests/sec*"), ("## Of the host", "## Of hosts"),
                         ("`fcgi_recycles_total{", "`fcgi_rapid_fails_total{"), ("`fcgi_queue_limit{host,pool}`", "`fcgi_queue_limit`")]:
            with self.subTest(new):
                self.assertIn(old, text)
                self.assertRaises(names.Unknown, names.parse, text.replace(old, new, 1), ROWS)
        self.assertRaises(names.Unknown, names.parse, text, {**ROWS, "POOL": ROWS["POOL"] + 1})
        self.assertRaises(names.Unknown, names.rows_of, "COUNTER_SERVER(A, COUNTER)\n")


class PromQL(unittest.TestCase):
    def test_what_it_names(self):
        text = 'sum by (pool, le) (rate(fcgi_up{host="1",job=~"a|b"}[5m] offset 1h)) / on (pool) group_left () x:y:rate5m > bool 1.5e3 # fcgi_none'
        expression = promql.Expression(text)
        self.assertEqual(expression.selectors, [("fcgi_up", [("host", "=", "1"), ("job", "=~", "a|b")]), ("x:y:rate5m", [])])
        self.assertEqual(expression.lists, [("by", {"pool", "le"}), ("on", {"pool"}), ("group_left", set())])

    def test_what_it_does_not_understand_is_an_error(self):
        for text in ["fcgi_up{host}", "fcgi_up{host=1}", "fcgi_up{host='1'", "sum by (a b) (fcgi_up)", "fcgi_up ; fcgi_up", "fcgi_up(1)"]:
            with self.subTest(text):
                self.assertRaises(names.Unknown, promql.Expression, text)

    def test_labels_that_are_left(self):
        self.assertEqual(set(promql.check("max without (host) (fcgi_oldest_wait_seconds)")), {"pool", "job", "instance"})
        self.assertEqual(set(promql.check("sum by (pool, result) (fcgi_requests_completed_total)")), {"pool", "result"})


if __name__ == "__main__":
    unittest.main()
