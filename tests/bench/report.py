"""The table of a run, the ratios, and docs/performance.md.

A figure is the median of the rounds. A ratio is worked out in each round, whose measurements follow one another, and is the
median of these: so a machine that becomes slower or faster meanwhile matters less.
"""

import dataclasses
import os
import statistics
import subprocess

import wine


@dataclasses.dataclass
class Row:
    title: str
    once: bool = False  # at one connection only
    unit: str = "requests"


ROWS = {
    "static": Row("isapihost, static file"),
    "isapi": Row("isapihost, trivial extension"),
    "isapi-async": Row("isapihost, trivial extension, asynchronous"),
    "kept": Row("isapihost, fcgiext, connection kept"),
    "new": Row("isapihost, fcgiext, connection not kept"),
    "nginx": Row("nginx for Windows, TCP, connection kept"),
    "rate": Row("fcgiext without HTTP (ecb_driver)"),
    "rate-new": Row("the same, connection not kept"),
    "rate-plain": Row("fcgiext without HTTP, Impersonate=0"),
    "bare": Row("bare pipe, no fcgiext, no HTTP"),
    "driver": Row("ecb_driver alone", once=True),
    "download": Row("long answer through fcgiext", once=True, unit="MiB"),
    "bare-download": Row("long answer, bare pipe", once=True, unit="MiB"),
    "status": Row("status of 20 pools over the management pipe", once=True, unit="replies"),
    "counters": Row("the counters of a request alone", once=True),
}


def rates(found, name, connections):
    return [load.rate for load in found.get((name, connections), [])]


def time_ratio(found, connections):
    """Time of a request through everything, as against its parts, in each round."""
    return [(1 / kept) / (1 / isapi + 1 / bare) for kept, isapi, bare in
            zip(*(rates(found, name, connections) for name in ("kept", "isapi", "bare")))]


def counters_ratio(found, connections):
    """The part of a request's processor time that is spent on counters, in each round."""
    return [counters.cpu / rate.cpu for counters, rate in zip(found.get(("counters", 1), []), found.get(("rate", connections), []))]


def rate_ratio(found, name, other, connections):
    return [one / two for one, two in zip(rates(found, name, connections), rates(found, other, connections))]


@dataclasses.dataclass
class Ratio:
    letter: str
    title: str
    target: float
    values: list  # of each round
    at_most: bool = False

    @property
    def value(self):
        return statistics.median(self.values)

    @property
    def verdict(self):
        return "reached" if (self.value <= self.target if self.at_most else self.value >= self.target) else "missed"


def ratios(found):
    everywhere = sorted({connections for _, connections in found})
    all_of_them = [Ratio("a", "time of a request, 1 connection: fcgiext kept / (trivial extension + bare pipe)", 1.25,
                         time_ratio(found, 1), at_most=True)]
    all_of_them += [Ratio("b", f"rate, {n} connections: fcgiext without HTTP / bare pipe", 0.8,
                          rate_ratio(found, "rate", "bare", n)) for n in everywhere]
    all_of_them += [Ratio("b", f"rate, {n} connections: fcgiext without HTTP, Impersonate=0 / bare pipe", 0.8,
                          rate_ratio(found, "rate-plain", "bare", n)) for n in everywhere]
    all_of_them += [Ratio("c", "rate, 8 connections: fcgiext kept / nginx kept", 1.3, rate_ratio(found, "kept", "nginx", 8))]
    all_of_them += [Ratio("d", f"rate, {n} connections: fcgiext kept / not kept", 1.5, rate_ratio(found, "kept", "new", n))
                    for n in everywhere]
    all_of_them += [Ratio("d", f"rate, {n} connections, without HTTP: kept / not kept", 1.5, rate_ratio(found, "rate", "rate-new", n))
                    for n in everywhere]
    all_of_them += [Ratio("e", "bytes a second, long answer: fcgiext / bare pipe", 0.8,
                          rate_ratio(found, "download", "bare-download", 1))]
    all_of_them += [Ratio("f", "a core, for 10 status of 20 pools a second", 0.01,
                          [10 * load.cpu for load in found.get(("status", 1), [])], at_most=True)]
    all_of_them += [Ratio("g", f"processor time, {n} connections: the counters of a request / fcgiext without HTTP", 0.01,
                          counters_ratio(found, n), at_most=True) for n in everywhere]
    return [ratio for ratio in all_of_them if ratio.values]


def facts(options):
    """What one has to know to compare the figures with others. No name and no folder of the machine."""
    version = subprocess.run(["wine", "--version"], capture_output=True, text=True, env=wine.env(), check=False).stdout.split()
    return [f"{os.cpu_count()} processors", version[0] if version else "Wine of unknown version",
            f"median of {options.rounds} rounds of {options.seconds:g} s", f"completions of isapihost: {options.completions}",
            f"long answer: {options.download_mib} MiB"]


def median_of(loads, name):
    return statistics.median(getattr(load, name) for load in loads)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(found):
    """Lines of cells, the first one the head."""
    lines = [["", "connections", "a second", "p50 us", "p99 us", "processor us each"]]
    for (name, connections), loads in sorted(found.items(), key=lambda item: (list(ROWS).index(item[0][0]), item[0][1])):
        row = ROWS[name]
        times = [number(median_of(loads, p) * 1e6) if row.unit == "requests" else "-" for p in ("p50", "p99")]
        rate = number(median_of(loads, "rate")) + ("" if row.unit == "requests" else f" {row.unit}")
        lines.append([row.title, str(connections), rate, *times, number(median_of(loads, "cpu") * 1e6)])
    return lines


def ratio_table(found):
    lines = [["", "", "ratio", "from-to", "target", ""]]
    for ratio in ratios(found):
        places = 2 if ratio.target > 0.1 else 4
        spread = f"{min(ratio.values):.{places}f}-{max(ratio.values):.{places}f}"
        target = f"{'<=' if ratio.at_most else '>='} {ratio.target}"
        lines.append([f"({ratio.letter})", ratio.title, f"{ratio.value:.{places}f}", spread, target, ratio.verdict])
    return lines


def aligned(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip() for line in lines)


def left_out(skipped):
    """{row: why}"""
    return [f"Not measured: {ROWS[name].title}: {reason}" for name, reason in skipped.items()]


def text(known, found, skipped):
    parts = [", ".join(known), aligned(table(found)), "\n".join(left_out(skipped))]
    if ratios(found):
        parts.append(aligned(ratio_table(found)))
    return "\n\n".join(part for part in parts if part)


# ---- docs/performance.md

INTRODUCTION = """# Performance

Written by `sh tests/bench/run.sh --save`, which measures all this again. Everything runs under Wine on one machine, the load
generator too: what counts is how the rows compare, not how fast they are.

Everything that runs a FastCGI program runs the same one, on libfcgi, one process for each connection; all answer with the same
page of 68 bytes. *Without HTTP*: the real DLL in `tests/helpers/ecb_driver`, which keeps so many requests running. *Bare pipe*:
the same bytes over the same kind of pipe, with neither host nor DLL (`tests/helpers/bare_pipe`). It writes as itself; fcgiext
writes as the user of each request, unless the pool has `Impersonate=0`: so there is a row without it, too. *Trivial extension*: one
VECTOR_SEND, nothing else; *asynchronous*: as fcgiext has to do it. The load comes from wrk, on kept HTTP connections.
*Processor us each*: user and system time of a request (of a MiB for the long answers), of the host, of the FastCGI processes
and of Wine's server; without wrk, and without what the system does for nobody. For `status`: of the host alone.
*The counters of a request alone*: all that is counted for one request, by the DLL's own code (`tests/helpers/counter_rate`).

A ratio is worked out in each round, in which its measurements follow one another, and is the median of these; *from-to* are the
lowest and the highest of the rounds.
"""


def markdown(lines):
    head, *rows = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def save(known, found, skipped):
    path = wine.ROOT / "docs/performance.md"
    path.parent.mkdir(exist_ok=True)
    parts = [INTRODUCTION.rstrip(), "Measured with: " + ", ".join(known) + ".", markdown(table(found)), *left_out(skipped),
             markdown(ratio_table(found))]
    path.write_text("\n\n".join(parts) + "\n")
