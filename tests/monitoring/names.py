"""Which names the product gives to what it counts: metrics with their labels, and counters of perfmon.

The table is docs/counters.md as tools/docs prints it now, so that labels and their values are the program's own; what is not of the form
that is known here is an error. What openmetrics.c adds by itself is listed below; tests/system/test_monitoring_names.py holds the whole
against the output of a host."""

import dataclasses
import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "build/linux/bin/tests/docs"
INC = ROOT / "fcgiext/core/counters.inc"
ANY = None  # a label that may have any value


class Unknown(Exception):
    """A row that is not of the form that we know, or a name that the product does not have."""


@dataclasses.dataclass(frozen=True)
class Series:
    name: str
    kind: str  # counter, gauge, histogram, stateset, info
    family: str  # without the suffix
    labels: dict  # name -> values, or ANY


@dataclasses.dataclass(frozen=True)
class Table:
    series: dict  # name of a sample -> Series
    perfmon: dict  # object -> {counter: type}

    def families(self):
        return {one.family for one in self.series.values()}


OWN = [Series("fcgi_hosts", "gauge", "fcgi_hosts", {}),
       Series("fcgi_up", "gauge", "fcgi_up", {"host": ANY}),
       Series("fcgi_build_info", "info", "fcgi_build", {"host": ANY, "program": ANY, "version": ANY}),
       Series("fcgi_host_start_time_seconds", "gauge", "fcgi_host_start_time_seconds", {"host": ANY})]
KINDS = {"counter", "gauge", "histogram", "stateset"}
NAME = re.compile(r"fcgi_[a-z_]+")


def sections(text):
    """-> [(heading, [line])] of what is below "## Of each pool" """
    found = []
    for line in text.partition("\n## Of each pool\n")[2].splitlines():
        if line.startswith("#"):
            found.append((line, []))
        elif found and line:
            found[-1][1].append(line)
    return found


def members_of(heading, lines):
    """The lines "* `label`: `value`, ..." -> {label: values}"""
    found = {}
    for line in lines:
        match = re.fullmatch(r"\* `(\w+)`:((?: `\w+`,?)+)", line)
        if match:
            found[match[1]] = frozenset(re.findall(r"`(\w+)`", match[2]))
        elif not re.match(r"\* (Perfmon|When it is high|What to do): ", line):
            raise Unknown(f"{heading}: {line}")
    return found


def family_of(heading, lines):
    """A section "### fcgi_..." -> its Series"""
    name = heading.removeprefix("### ")
    if not NAME.fullmatch(name) or len(lines) < 2:
        raise Unknown(heading)
    _, shape, *rest = lines
    match = re.fullmatch(r"\* (`.*`): (\w+)(, \w+)?", shape)
    series = re.findall(r"`(fcgi_\w+)\{([\w,]+)\}`", match[1]) if match else []
    kind = match[2] if match else None
    if kind not in KINDS or len(series) != (3 if kind == "histogram" else 1):
        raise Unknown(f"{heading}: {shape}")
    members = members_of(heading, rest)
    family = name.removesuffix("_total") if kind == "counter" else name
    for sample, labels in series:
        known = {label: members.get(label, ANY) for label in labels.split(",")}
        if set(members) - set(known) or any(values is ANY for label, values in known.items() if label not in ("host", "pool", "le")):
            raise Unknown(f"{heading}: labels {labels}, values of {set(members)}")
        yield Series(sample, kind, family, known)
    if kind in ("counter", "histogram"):
        created = {label: values for label, values in known.items() if label != "le"}
        yield Series(family + "_created", "gauge", family, created)


def object_of(heading, lines):
    """A section "## ... in perfmon" -> {counter: type}"""
    found = {}
    for line in lines:
        row = re.fullmatch(r"\| (.+?) \| (PERF_\w+) \| (`\w+` )?\| .+ \|", line)
        if row and row[1] not in found:
            found[row[1]] = row[2]
        elif line.startswith("|") and line not in ("| counter | type | OpenMetrics |  |", "| --- | --- | --- | --- |"):
            raise Unknown(f"{heading}: {line}")
    return found


def parse(text, rows):
    """`rows`: how many of each kind counters.inc has -> Table"""
    series, perfmon = {one.name: one for one in OWN}, {}
    seen = {"POOL": 0, "HOST": 0, "PERF_POOL": 0, "PERF_WORKER": 0}
    subject = "POOL"
    for heading, lines in [("## Of each pool", []), *sections(text)]:
        perf = re.fullmatch(r"## (FastCGI (Pool|Worker)s) in perfmon", heading)
        if heading.startswith("### "):
            seen[subject] += 1
            for one in family_of(heading, lines):
                if one.name in series:
                    raise Unknown(f"{one.name} twice")
                series[one.name] = one
        elif perf:
            perfmon[perf[1]] = object_of(heading, lines)
            seen[f"PERF_{perf[2].upper()}"] = len(perfmon[perf[1]])
        elif heading in ("## Of each pool", "## Of the host"):
            subject = heading.split()[-1].upper()
        else:
            raise Unknown(heading)
    if seen != rows:
        raise Unknown(f"counters.inc has {rows}, the document {seen}")
    return Table(series, perfmon)


def rows_of(text):
    """How many rows counters.inc has: each begins with its macro."""
    rows = {"POOL": 0, "HOST": 0, "PERF_POOL": 0, "PERF_WORKER": 0}
    for kind in re.findall(r"^COUNTER_(\w+)\(", text, re.MULTILINE):
        if kind not in rows:
            raise Unknown(f"COUNTER_{kind} in counters.inc")
        rows[kind] += 1
    return rows


@functools.cache
def document():
    return subprocess.run([DOCS, "counters"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


@functools.cache
def table():
    return parse(document(), rows_of(INC.read_text(encoding="utf-8")))
