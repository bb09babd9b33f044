"""Runs the test programs that tests/run.sh has built, and counts. See there for the options.

Every program prints TAP. A program counts as run only if its plan and its results agree and it exits with 0 (or some result is a
failure): under Wine a program may "exit" with 0 without having run at all.
"""

import argparse
import concurrent.futures
import dataclasses
import fcntl
import os
import pathlib
import re
import signal
import sys
import time

import wine

ROOT = wine.ROOT
TESTS = ROOT / "tests"
PYTHON = "/usr/bin/python3"
GROUPS = ["style", "unit-linux", "unit-linux32", "unit-wine", "sim", "fuzz", "monitoring", "pe", "system", "soak"]
SOAK_MINUTES = 2  # without --minutes
FUZZ_SECONDS = 5  # a target
JOBS = 2  # programs of a group at a time
# They use all processors, or a time that others must not take. With two programs of `system` at a time, Wine 8 did not start any
# process for minutes, in two of two runs.
ONE_BY_ONE = {"style", "sim", "fuzz", "system", "soak"}
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
              "UBSAN_OPTIONS": "print_stacktrace=1"}


@dataclasses.dataclass
class Program:
    group: str
    name: str
    command: list
    timeout: float
    environment: dict
    by_case: bool = False  # takes the pattern as its last argument and chooses among its cases


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: list = dataclasses.field(default_factory=list)
    details: list = dataclasses.field(default_factory=list)

    def fail(self, name, text):
        self.failed += 1
        self.details.append((name, text))


def native_env(**more):
    return {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}


def unit_programs(group, preset):
    """One for each tests/unit/test_*.c, whether it has been built or not: a missing one must not pass unnoticed."""
    on_wine = preset.startswith("win")
    environment = wine.env() if on_wine else native_env(**SANITIZERS)
    for source in sorted((TESTS / "unit").glob("test_*.c")):
        exe = ROOT / "build" / preset / "bin/tests" / (source.stem + (".exe" if on_wine else ""))
        yield Program(group, source.stem, [exe], 120, {**environment, "CMOCKA_MESSAGE_OUTPUT": "TAP"})


def programs(group, options):
    if group == "style":
        yield Program(group, "check", [PYTHON, TESTS / "style/check.py"], 300, native_env())
        yield Program(group, "selftest", [PYTHON, TESTS / "style/check.py", "--selftest"], 300, native_env())
        runner = [PYTHON, TESTS / "tap_unittest.py", TESTS / "style/test_runner.py"]
        yield Program(group, "test_runner", runner, 60, native_env(), by_case=True)
    elif group == "unit-linux":
        yield from unit_programs(group, "linux")
    elif group == "unit-linux32":
        yield from unit_programs(group, "linux32")
    elif group == "unit-wine":
        yield from unit_programs(group, "win64")
    elif group == "sim":
        yield Program(group, "sim", [ROOT / "build/linux/bin/tests/sim"], 300, native_env(**SANITIZERS))
        yield Program(group, "autotune_sim", [ROOT / "build/linux/bin/tests/autotune_sim"], 600, native_env(**SANITIZERS))
        yield Program(group, "planted", [PYTHON, TESTS / "sim/planted.py"], 600, native_env())
    elif group == "fuzz":
        seconds = FUZZ_SECONDS if options.minutes is None else options.minutes * 60
        for source in sorted((TESTS / "fuzz").glob("fuzz_*.c")):
            name = source.stem.removeprefix("fuzz_")
            command = [PYTHON, TESTS / "fuzz/run.py", name, "--seconds", seconds, "--seed", options.seed or 1]
            # Freed memory is watched for one input, not for thousands: a large quarantine costs half of the speed.
            sanitizers = {**SANITIZERS, "ASAN_OPTIONS": SANITIZERS["ASAN_OPTIONS"] + ":quarantine_size_mb=16"}
            yield Program(group, name, command, seconds + 180, native_env(**sanitizers))
    elif group == "monitoring":
        for module in sorted((TESTS / "monitoring").glob("test_*.py")):
            yield Program(group, module.stem, [PYTHON, TESTS / "tap_unittest.py", module], 600, native_env(), by_case=True)
    elif group == "pe":
        yield Program(group, "check_pe", [PYTHON, TESTS / "pe/check_pe.py"], 60, native_env())
        yield Program(group, "selftest", [PYTHON, TESTS / "pe/check_pe.py", "--selftest"], 60, native_env())
    elif group == "system":
        environment = wine.env(PYTHONDONTWRITEBYTECODE="1")
        for module in sorted((TESTS / "system").glob("test_*.py")):
            yield Program(group, module.stem, [PYTHON, TESTS / "tap_unittest.py", module], 900, environment, by_case=True)
    elif group == "soak":
        minutes = SOAK_MINUTES if options.minutes is None else options.minutes
        environment = wine.env(PYTHONDONTWRITEBYTECODE="1", FCGIEXT_SOAK_MINUTES=str(minutes),
                               FCGIEXT_SOAK_SEED="" if options.seed is None else str(options.seed))
        command = [PYTHON, TESTS / "tap_unittest.py", TESTS / "soak/test_soak.py"]
        yield Program(group, "test_soak", command, 1200 + minutes * 60, environment, by_case=True)


def parse_tap(text, code):
    """What one program printed, and its exit code (None: killed after its time) -> Outcome."""
    outcome = Outcome()
    planned = seen = 0
    planned_once = False
    comments = []  # printed since the last result
    failing = None  # the failing case whose explanation follows it
    for line in text.splitlines():
        plan = re.fullmatch(r"1\.\.(\d+)(\s.*)?", line)
        result = re.fullmatch(r"(not )?ok (\d+)(?: -)?(.*)", line)
        if plan:
            planned += int(plan[1])
            planned_once = True
            failing = None
        elif result:
            seen += 1
            failing = None
            name = result[3].strip()
            skip = re.search(r"#\s*SKIP\b\s*(.*)", name, re.IGNORECASE)
            if skip:
                reason = "" if ":" in skip[1] or not comments else ": " + comments[-1].lstrip("# ")
                outcome.skipped.append(skip[1] + reason)
            elif result[1]:
                outcome.fail(name, "\n".join(comments[-60:]))
                failing = len(outcome.details) - 1
            else:
                outcome.passed += 1
            comments = []
        elif failing is not None and line.startswith("#"):
            name, detail = outcome.details[failing]
            outcome.details[failing] = (name, (detail + "\n" + line).strip())
        else:
            comments.append(line)
    tail = "\n".join(text.splitlines()[-40:])
    if code is None:
        outcome.fail("(time-out)", tail)
    elif not planned_once:
        outcome.fail("(no plan)", f"exit code {code}, and no plan: it has not run, or died\n{tail}")
    elif planned != seen:
        outcome.fail("(incomplete)", f"exit code {code}; {planned} tests planned, {seen} reported\n{tail}")
    elif code != 0 and not outcome.failed:
        outcome.fail("(exit code)", f"exit code {code}, though no test failed\n{tail}")
    return outcome


def run_program(program, pattern, verbose):
    command = program.command
    if not pathlib.Path(command[0]).exists():
        outcome = Outcome()
        outcome.fail("(missing)", f"{command[0]} has not been built")
        return outcome
    if program.by_case and pattern:
        command = [*command, "" if pattern in f"{program.group}/{program.name}" else pattern]
    code, text = wine.run(command, program.timeout, program.environment)
    if verbose:
        print(text, end="" if text.endswith("\n") else "\n")
    return parse_tap(text, code)


def timed(program, options):
    started = time.monotonic()
    outcome = run_program(program, options.k, options.verbose)
    return program, outcome, time.monotonic() - started


def run_group(group, options):
    """Yields (program, outcome, seconds), in the order of the programs, as soon as those before it have ended, too."""
    chosen = [program for program in programs(group, options)
              if not options.k or program.by_case or options.k in f"{group}/{program.name}"]
    with concurrent.futures.ThreadPoolExecutor(1 if group in ONE_BY_ONE else JOBS) as pool:
        futures = [pool.submit(timed, program, options) for program in chosen]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            wine.kill_running()
            raise


def run_and_print(group, options, total):
    for program, outcome, seconds in run_group(group, options):
        if options.k and not (outcome.passed or outcome.failed or outcome.skipped):
            continue
        if not (outcome.passed or outcome.failed or outcome.skipped):
            outcome.fail("(empty)", "not a single test")
        counts = f"{outcome.passed} passed" + (f", {outcome.failed} FAILED" if outcome.failed else "") \
            + (f", {len(outcome.skipped)} skipped" if outcome.skipped else "")
        print(f"{group:12} {program.name:28} {seconds:6.2f} s  {counts}", flush=True)
        total.passed += outcome.passed
        total.failed += outcome.failed
        total.skipped += [f"{group}/{program.name}: {reason}" for reason in outcome.skipped]
        total.details += [(f"{group}/{program.name}: {name}", text) for name, text in outcome.details]


def wait_for_other_runs(lock):
    """fcgictl operates all hosts of a Wine: those of another run would be drained by our tests."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another run of these tests is going on: waiting for its end", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def run_all(options):
    total = Outcome()
    with open(ROOT / "build/.hosts.lock", "w", encoding="utf-8") as lock:
        for group in options.group or GROUPS:
            if group in ("system", "soak"):
                wait_for_other_runs(lock)
            if group in ("unit-wine", "system", "soak"):
                wine.start()
            run_and_print(group, options, total)
    return total


def report(total):
    for reason in total.skipped:
        print(f"skipped {reason}")
    for name, text in total.details:
        print(f"\nFAILED {name}")
        for line in text.splitlines():
            print("    " + line)
    if total.details:
        print()
    if not total.passed and not total.failed:
        print("nothing ran")
    print(f"{total.passed} passed, {total.failed} failed" + (f", {len(total.skipped)} skipped" if total.skipped else ""))
    return 0 if total.passed and not total.failed else 1


def main():
    parser = argparse.ArgumentParser(prog="sh tests/run.sh")
    parser.add_argument("--group", action="append", choices=GROUPS)
    parser.add_argument("-k", metavar="PATTERN", default="")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--minutes", type=float, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N")
    options = parser.parse_args()

    def interrupt(number, frame):
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        total = run_all(options)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        wine.stop()
    return report(total)


if __name__ == "__main__":
    sys.exit(main())
