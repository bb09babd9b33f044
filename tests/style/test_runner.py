"""tests/run.py itself: what it makes of a program's output. A runner that counts wrongly makes every other test worthless."""

import contextlib
import importlib.util
import io
import pathlib
import sys
import time
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import run  # noqa: E402
import wine  # noqa: E402

_spec = importlib.util.spec_from_file_location("fuzz_run", run.TESTS / "fuzz/run.py")
fuzz_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fuzz_run)


class ParseTap(unittest.TestCase):
    def check(self, text, code, passed, failed, skipped=0):
        outcome = run.parse_tap(text, code)
        self.assertEqual((passed, failed, skipped), (outcome.passed, outcome.failed, len(outcome.skipped)), outcome.details)
        return outcome

    def test_counts(self):
        self.check("1..2\nok 1 - a\nok 2 - b\n", 0, 2, 0)

    def test_several_groups_in_one_program(self):
        self.check("1..1\nok 1 - a\n# ok - group\n1..2\nok 1 - b\nok 2 - c\n", 0, 3, 0)

    def test_failure_with_its_explanation(self):
        outcome = self.check("1..2\nnot ok 1 - a\n# 1 != 2\n# a.c:3\nok 2 - b\n# later\n", 1, 1, 1)
        self.assertEqual([("a", "# 1 != 2\n# a.c:3")], outcome.details)

    def test_cmocka_prints_a_skip_as_failure(self):
        outcome = self.check("1..2\nok 1 - a\n# no pipes here\nnot ok 2 # SKIP b\n", 0, 1, 0, 1)
        self.assertEqual(["b: no pipes here"], outcome.skipped)

    def test_skip_of_python(self):
        outcome = self.check("ok 1 # SKIP test_b: late\n1..1\n", 0, 0, 0, 1)
        self.assertEqual(["test_b: late"], outcome.skipped)

    def test_silent_exit_is_a_failure(self):
        self.check("", 0, 0, 1)

    def test_no_plan_is_a_failure(self):
        self.check("ok 1 - a\n", 0, 1, 1)

    def test_died_between_two_tests(self):
        self.check("1..3\nok 1 - a\n", 0, 1, 1)
        self.check("1..3\nok 1 - a\n", 139, 1, 1)

    def test_more_results_than_planned(self):
        self.check("1..1\nok 1 - a\nok 2 - b\n", 0, 2, 1)

    def test_sanitizer_report_after_the_last_test(self):
        self.check("1..1\nok 1 - a\n==1==ERROR: LeakSanitizer\n", 23, 1, 1)

    def test_time_out(self):
        self.check("1..1\nok 1 - a\n", None, 1, 1)


class Fuzz(unittest.TestCase):
    """What tests/run.py asks tests/fuzz/run.py for, and what that makes of libFuzzer's output."""

    DONE = "#90\tDONE   cov: 173 ft: 378 corp: 21/301b lim: 136 exec/s: 9 rss: 33Mb\nstat::number_of_executed_units: 90\n"

    def commands(self, **options):
        options = types.SimpleNamespace(**{"minutes": None, "seed": None, **options})
        return {program.name: [str(word) for word in program.command[2:]] for program in run.programs("fuzz", options)}

    def test_each_target_runs_for_seconds_or_minutes(self):
        self.assertEqual({"cgi_response", "config", "counter_block", "exchange", "record", "rpc", "stderr"}, set(self.commands()))
        self.assertEqual(["config", "--seconds", "5", "--seed", "1"], self.commands()["config"])
        self.assertEqual(["config", "--seconds", "30.0", "--seed", "7"], self.commands(minutes=0.5, seed=7)["config"])

    def test_each_target_has_a_corpus(self):
        for name in self.commands():
            self.assertTrue(list((run.TESTS / "fuzz/corpus" / name).iterdir()), name)

    def test_good_run(self):
        self.assertEqual(("90 executions, coverage 173, corpus 14 seeds + 7", None), fuzz_run.judge(0, self.DONE, 14))

    def test_failures(self):
        for code, output in (77, self.DONE), (None, self.DONE), (0, ""), (0, self.DONE.replace("units: 90", "units: 13")):
            self.assertIsNotNone(fuzz_run.judge(code, output, 14)[1], (code, output))


class Report(unittest.TestCase):
    def last_line(self, outcome):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = run.report(outcome)
        return code, output.getvalue().splitlines()[-1]

    def test_last_line_and_exit_code(self):
        self.assertEqual((0, "2 passed, 0 failed"), self.last_line(run.Outcome(passed=2)))
        self.assertEqual((1, "2 passed, 1 failed"), self.last_line(run.Outcome(passed=2, failed=1)))
        self.assertEqual((0, "2 passed, 0 failed, 1 skipped"), self.last_line(run.Outcome(passed=2, skipped=["x"])))

    def test_nothing_ran_is_a_failure(self):
        self.assertEqual((1, "0 passed, 0 failed"), self.last_line(run.Outcome()))


class Run(unittest.TestCase):
    def test_code_and_output(self):
        self.assertEqual((3, "a\n"), wine.run(["/bin/sh", "-c", "echo a; exit 3"], 10))

    def test_time_out_kills_grandchildren(self):
        code, output = wine.run(["/bin/sh", "-c", "sleep 97 & echo $!; wait"], 5)  # a loaded machine starts a shell in a second
        self.assertIsNone(code)
        self.assertRegex(output, r"^\d+\n$")
        state = pathlib.Path(f"/proc/{output.strip()}/stat")
        deadline = time.monotonic() + 10  # a killed process ends soon, not at once
        gone = False
        while not gone and time.monotonic() < deadline:
            try:
                gone = state.read_text().rsplit(")", 1)[1].split()[0] in "ZX"
            except OSError:
                gone = True
        self.assertTrue(gone, "the grandchild still runs")


if __name__ == "__main__":
    unittest.main()
