"""Runs one fuzz target and prints TAP: `python3 tests/fuzz/run.py NAME [--seconds S] [--seed N]`, or with a file to replay:

    python3 tests/fuzz/run.py NAME INPUT

The seeds in tests/fuzz/corpus/NAME come first, each of them, then what the fuzzer makes of them until the time is up. What it
finds goes to build/tests/fuzz/NAME, which is made anew each time, and never into the repository: nothing is kept from run to
run, so the same seed begins with the same inputs. An input that fails belongs into the corpus once its reason is mended; from
then on every run tries it.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=2048"]  # one input: seconds; memory; bytes
GRACE = 120  # seconds beside the fuzzing: start, corpus, a failure's symbols, a loaded machine


def relative(path):
    return os.path.relpath(path, ROOT)


def run(command, timeout):
    """-> (exit code, None: killed after its time; what it printed)"""
    command = [str(word) for word in command]
    try:
        result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=timeout)
        code, output = result.returncode, result.stdout
    except subprocess.TimeoutExpired as late:
        code, output = None, late.stdout or b""
    return code, output.decode("utf-8", "replace")


def judge(code, output, seeds):
    """-> (what has been done, None or why it failed)"""
    executed = re.search(r"^stat::number_of_executed_units:\s*(\d+)", output, re.MULTILINE)
    done = re.findall(r"^#\d+\s+DONE\s+cov: (\d+).*? corp: (\d+)/", output, re.MULTILINE)
    counts = f"{executed[1] if executed else 0} executions"
    if done:
        counts += f", coverage {done[-1][0]}, corpus {seeds} seeds + {max(0, int(done[-1][1]) - seeds)}"
    if code is None:
        return counts, "it did not end"
    if code != 0:
        return counts, f"exit code {code}"
    if not done or not executed or int(executed[1]) < seeds:
        return counts, "it ended without having run all of the corpus"
    return counts, None


def fuzz(name, exe, options):
    corpus = ROOT / "tests/fuzz/corpus" / name
    seeds = len(list(corpus.glob("*")))
    if not seeds:
        return "0 executions", "there is no corpus", ""
    folder = ROOT / "build/tests/fuzz" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "found").mkdir(parents=True)
    command = [exe, f"-seed={options.seed}", f"-max_total_time={max(1, round(options.seconds))}", *LIMITS,
               f"-artifact_prefix={relative(folder)}/", "-print_final_stats=1"]
    words = ROOT / "tests/fuzz" / f"{name}.dict"
    if words.exists():
        command.append(f"-dict={relative(words)}")
    print(f"# {relative(exe)} {' '.join(command[1:])} {relative(corpus)}", flush=True)
    code, output = run([*command, folder / "found", corpus], options.seconds + GRACE)
    counts, why = judge(code, output, seeds)
    kept = sorted(relative(path) for path in folder.iterdir() if path.is_file())
    if why and kept:
        why += f"; the input is {' '.join(kept)}: python3 tests/fuzz/run.py {name} {kept[0]}"
    return counts, why, output


def main():
    parser = argparse.ArgumentParser(prog="python3 tests/fuzz/run.py")
    parser.add_argument("name")
    parser.add_argument("input", nargs="?", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    exe = ROOT / "build/linux/bin/tests" / f"fuzz_{options.name}"
    print("1..1")
    if not exe.exists():
        counts, why, output = "0 executions", f"{relative(exe)} has not been built", ""
    elif options.input:
        code, output = run([exe, *LIMITS, options.input.resolve()], GRACE)
        counts, why = f"1 execution of {options.input}", f"exit code {code}" if code != 0 else None
    else:
        counts, why, output = fuzz(options.name, exe, options)
    if why:
        print("\n".join("# " + line for line in output.splitlines()[-50:]))
        print(f"# {why}")
    print(f"{'not ok' if why else 'ok'} 1 - {options.name}: {counts}")
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
