"""Measures what tests/bench/run.sh says, prints a table and the ratios that matter. See there for the options."""

import argparse
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools/demo")]

import nginx  # noqa: E402
import report  # noqa: E402
import subjects  # noqa: E402
import wine  # noqa: E402
from load import BenchError  # noqa: E402
from servers import ServerError  # noqa: E402

SECONDS, ROUNDS, DOWNLOAD_MIB = 2, 5, 256
BY_WRK = {"static", "isapi", "isapi-async", "kept", "new", "nginx"}


def extensions(bench):
    """isapihost with fcgiext.dll: kept connections to the program, and a new one for each request."""
    types, sections = {}, []
    for n in bench.options.connections:
        types |= {f"k{n}": f"kept-{n}", f"n{n}": f"new-{n}"}
        sections += [subjects.pool(f"kept-{n}", n), subjects.pool(f"new-{n}", n, KeepConnections="Never")]
    ini = subjects.write_ini("host.ini", types, *sections)
    return bench.host(ini, ",".join(f".{name}" for name in types), subjects.DLL)


def make_subjects(bench, names):
    """-> {name: subject}. A server is started only if something of it is wanted."""
    made = {}
    numbers = bench.options.connections
    if {"static", "isapi", "isapi-async"} & names:
        host = bench.host(subjects.write_ini("none.ini", {}), ".x", subjects.HELPERS / "trivial_isapi.dll")
        for name, path in {"static": "/small.txt", "isapi": "/a.x", "isapi-async": "/a.x?async"}.items():
            made[name] = subjects.Site(bench, host.run, host.ports[0], path)
    if {"kept", "new"} & names:
        host = extensions(bench)
        made["kept"] = subjects.Site(bench, host.run, host.ports[0], {n: f"/a.k{n}" for n in numbers})
        made["new"] = subjects.Site(bench, host.run, host.ports[0], {n: f"/a.n{n}" for n in numbers})
    if "nginx" in names:
        run, port = nginx.start(bench)
        made["nginx"] = subjects.Site(bench, run, port, {n: f"/{n}" for n in numbers})
    for name, kind in {"rate": subjects.Rate, "bare": subjects.Bare, "download": subjects.Download,
                       "bare-download": subjects.BareDownload, "status": subjects.Status, "counters": subjects.Counters}.items():
        if name in names:
            made[name] = kind(bench)
    if "rate-new" in names:
        made["rate-new"] = subjects.Rate(bench, KeepConnections="Never")
    if "rate-plain" in names:
        made["rate-plain"] = subjects.Rate(bench, Impersonate=0)
    if "driver" in names:
        made["driver"] = subjects.Rate(bench, own=True)
    return {name: made[name] for name in report.ROWS if name in made and name in names}


def measure(bench, names):
    """-> {(name, connections): [Load of each round]}"""
    found = {}
    made = make_subjects(bench, names)
    for number in range(bench.options.rounds):
        for connections in bench.options.connections:
            for name, subject in made.items():
                if report.ROWS[name].once and connections != bench.options.connections[0]:
                    continue
                key = name, 1 if report.ROWS[name].once else connections
                print(f"round {number + 1}: {name}, {key[1]} connections", file=sys.stderr, flush=True)
                found.setdefault(key, []).append(subject.measure(key[1]))
    return found


def parse():
    def names(text):
        wanted = text.split(",")
        if unknown := [name for name in wanted if name not in report.ROWS]:
            raise argparse.ArgumentTypeError(f"{unknown[0]}: there are {', '.join(report.ROWS)}")
        return wanted

    def numbers(text):
        return sorted({int(number) for number in text.split(",")})

    parser = argparse.ArgumentParser(prog="sh tests/bench/run.sh")
    parser.add_argument("--only", type=names)
    parser.add_argument("--connections", type=numbers)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--download-mib", type=int)
    parser.add_argument("--completions", choices=["inline", "thread", "late"], default="thread")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    usual = ([1], 1, 0.2, 4) if options.smoke else ([1, 8, 32], ROUNDS, SECONDS, DOWNLOAD_MIB)
    for name, value in zip(("connections", "rounds", "seconds", "download_mib"), usual):
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.save and (options.only or options.smoke or options.connections != usual[0]):
        parser.error("--save wants the whole table")
    options.names = set(options.only or report.ROWS)
    if options.smoke:  # also without a network
        options.names.discard("nginx")
    return options


def set_up(what):
    """What only the bench needs is fetched when it is needed. -> why it is not there, "" if all is well"""
    done = subprocess.run(["sh", "tests/bench/setup.sh", what], cwd=wine.ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines() or ["tests/bench/setup.sh failed"]
    return said[-1].removeprefix("bench: error: ")


def run(options):
    skipped = {}
    if not options.smoke and BY_WRK & options.names and (reason := set_up("wrk")):
        raise BenchError(reason)
    if "nginx" in options.names and (reason := set_up("nginx")):
        skipped["nginx"] = reason
    wine.start()
    bench = subjects.Bench(options)
    try:
        found = measure(bench, options.names - skipped.keys())
    finally:
        bench.close()
    facts = report.facts(options)
    print(report.text(facts, found, skipped))
    if options.save:
        report.save(facts, found, skipped)


def main():
    options = parse()

    def interrupt(number, frame):
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        run(options)
    except (BenchError, ServerError) as error:
        print(f"bench: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        wine.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
