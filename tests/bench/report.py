"""The table of a run, the ratios, and docs/performance.md.

A figure is the median of the rounds. A ratio is worked out in each round, whose measurements follow one another, and is the median of
these: so a machine that becomes slower or faster meanwhile matters less.
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
    "nginx-static": Row("nginx for Windows, static file"),
    "rate": Row("fcgiext without HTTP (ecb_driver)"),
    "bare": Row("bare pipe, no fcgiext, no HTTP"),
    "driver": Row("ecb_driver alone", once=True),
    "download": Row("long answer through fcgiext", once=True, unit="MiB"),
    "bare-download": Row("long answer, bare pipe", once=True, unit="MiB"),
}


def rates(found, name, connections):
    return [load.rate for load in found.get((name, connections), [])]


def time_ratio(found, connections):
    """Time of a request through everything, as against its parts, in each round."""
    return [(1 / kept) / (1 / isapi + 1 / bare) for kept, isapi, bare in
            zip(*(rates(found, name, connections) for name in ("kept", "isapi", "bare")))]


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
    all_of_them += [Ratio("c", "rate, 8 connections: fcgiext kept / nginx kept", 1.3, rate_ratio(found, "kept", "nginx", 8))]
    all_of_them += [Ratio("d", f"rate, {n} connections: fcgiext kept / not kept", 1.5, rate_ratio(found, "kept", "new", n))
                    for n in everywhere]
    all_of_them += [Ratio("e", "bytes a second, long answer: fcgiext / bare pipe", 0.8,
                          rate_ratio(found, "download", "bare-download", 1))]
    return [ratio for ratio in all_of_them if ratio.values]


def facts(options):
    version = subprocess.run(["wine", "--version"], capture_output=True, text=True, env=wine.env(), check=False).stdout.split()
    return {"processors": os.cpu_count(), "Wine": version[0] if version else "unknown", "rounds": options.rounds,
            "seconds": f"{options.seconds:g}", "completions": options.completions, "MiB": options.download_mib}


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
    lines = [["", "", "ratio", "rounds from-to", "target", ""]]
    for ratio in ratios(found):
        lines.append([f"({ratio.letter})", ratio.title, f"{ratio.value:.2f}", f"{min(ratio.values):.2f}-{max(ratio.values):.2f}",
                      f"{'<=' if ratio.at_most else '>='} {ratio.target}", ratio.verdict])
    return lines


def aligned(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip() for line in lines)


def text(known, found):
    parts = [", ".join(f"{name} {value}" for name, value in known.items()), aligned(table(found))]
    if ratios(found):
        parts.append(aligned(ratio_table(found)))
    return "\n\n".join(parts)
