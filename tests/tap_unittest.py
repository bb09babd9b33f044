"""Runs one python unittest file and prints TAP: `python3 tests/tap_unittest.py FILE [PATTERN]`.

With PATTERN only the cases whose "file/Class.method" contains it. Used by tests/run.py, one process a file."""

import importlib.util
import pathlib
import sys
import unittest


def cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0  # of the last result printed
        self.before = 0  # self.number when the case began
        self.problem = None  # of the subtests of the case that runs

    def line(self, status, test, text=""):
        self.number += 1
        name = getattr(test, "_testMethodName", None)
        name = f"{type(test).__name__}.{name}" if name else str(test)
        print(f"{status} {self.number} - {name}")
        for row in text.rstrip().splitlines():
            print("# " + row)
        sys.stdout.flush()

    def startTest(self, test):
        super().startTest(test)
        self.before = self.number
        self.problem = None

    def addSuccess(self, test):
        if self.problem is None:
            self.line("ok", test)

    def addFailure(self, test, err):
        self.line("not ok", test, self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.problem = (self.problem or "") + f"{subtest}\n{self._exc_info_to_string(err, test)}"
            if isinstance(err[1], KeyboardInterrupt):
                raise err[1]

    def stopTest(self, test):
        super().stopTest(test)
        # unittest says nothing more about a case of which only subtests failed
        if self.problem is not None and self.number == self.before:
            self.line("not ok", test, self.problem)

    def addSkip(self, test, reason):
        self.number += 1
        print(f"ok {self.number} # SKIP {getattr(test, '_testMethodName', test)}: {reason}", flush=True)

    def addExpectedFailure(self, test, err):
        self.line("ok", test)

    def addUnexpectedSuccess(self, test):
        self.line("not ok", test, "succeeded, though marked as an expected failure")


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    tests = pathlib.Path(__file__).resolve().parent
    sys.path[0:1] = [str(tests), str(path.parent)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    chosen = [case for case in cases(unittest.defaultTestLoader.loadTestsFromModule(module))
              if pattern in f"{path.stem}/{type(case).__name__}.{case._testMethodName}"]
    result = Tap()
    unittest.TestSuite(chosen).run(result)
    # Results, not cases: a failing setUpClass is one result for several cases.
    print(f"1..{result.number}")
    if chosen and not result.number:
        print("# no result")
        sys.exit(1)


main()
