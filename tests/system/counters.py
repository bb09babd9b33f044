"""What is counted, for tests: the rows of fcgiext/core/counters.inc, and what docs/counters.md says of them (which is printed from the
DLL's own code, and compared with it by tests/unit/test_counters_docs). A new row is here by itself; a row of a new kind is an error.

A model is {series: value}, a series (name, frozenset of its labels), as OpenMetrics writes them; histograms are in pieces.
"""

import bisect
import re

import support

INC = (support.ROOT / "fcgiext/core/counters.inc").read_text()
DOC = (support.ROOT / "docs/counters.md").read_text()
PERF_TYPES = {"COUNTER_BULK_COUNT": 0x10410500, "COUNTER_LARGE_RAWCOUNT": 0x00010100, "AVERAGE_TIMER": 0x30020400,
              "AVERAGE_BASE": 0x40030402, "100NSEC_TIMER": 0x20510500, "ELAPSED_TIME": 0x30240500}
MEMBER_PREFIXES = {"WORKERS": "WORKER_"}  # of the enum of a family's label
# What goes on while a request runs or waits, and what asking itself steps.
MOVING = {"fcgi_worker_busy_seconds_total", "fcgi_requests_waiting_seconds_total", "fcgi_oldest_wait_seconds", "fcgi_oldest_run_seconds"}
ASKING = "fcgi_management_requests_total"


class Family:
    def __init__(self, subject, name, kind, label, unit, series):
        self.of_pool = subject == "POOL"
        self.id, self.kind, self.label, self.unit, self.name = name, kind, label, unit, series

    @property
    def series(self):
        """The names of its series, but for _created."""
        ends = {"COUNTER": ["_total"], "HISTOGRAM": ["_bucket", "_count", "_sum"]}.get(self.kind, [""])
        return [self.name + end for end in ends]


class PerfRow:
    def __init__(self, name, kind, source, argument):
        self.name, self.type, self.source, self.argument = name, kind, source, argument


def _perf_rows(which):
    """In the order in which the DLL has them: the base of an average stands behind it."""
    found = []
    for name, kind, source, argument in re.findall(rf'^COUNTER_PERF_{which}\("([^"]+)", (\w+), (\w+), ([\w +]+),', INC, re.MULTILINE):
        found.append(PerfRow(name, kind, source, argument))
        if kind == "AVERAGE_TIMER":
            found.append(PerfRow(name + " Base", "AVERAGE_BASE", source, argument))
    return found


FAMILIES = [Family(*row) for row in re.findall(r'^COUNTER_(POOL|HOST)\((\w+), (\w+), (\w+), (\w+), "(\w+)"', INC, re.MULTILINE)]
BY_ID = {family.id: family for family in FAMILIES}
PERF_POOLS = _perf_rows("POOL")
PERF_WORKERS = _perf_rows("WORKER")
CLASSES = {name: (re.findall(r"`(\w+)`", members), "starts that failed" in members)
           for name, members in re.findall(r"^\* \*([\w ]+)\*:((?: `\w+`[,;]?)+.*)$", DOC, re.MULTILINE)}
# Each row of the table is here: a pattern that overlooks one would have the tests overlook it, too.
assert len(FAMILIES) == len(re.findall(r"^COUNTER_(?:POOL|HOST)\(", INC, re.MULTILINE))
assert len([row for row in PERF_POOLS if row.type != "AVERAGE_BASE"]) == len(re.findall(r"^COUNTER_PERF_POOL\(", INC, re.MULTILINE))
assert len(PERF_WORKERS) == len(re.findall(r"^COUNTER_PERF_WORKER\(", INC, re.MULTILINE))

# Of the histograms, in seconds: "buckets of at most 0.25 ms, ... 120 s, and one for what took longer"
LIMITS = [float(number) / (1000 if unit == "ms" else 1)
          for number, unit in re.findall(r"([\d.]+) (m?s),", re.search(r"^The histograms have .*", DOC, re.MULTILINE)[0])]


def bucket_of(seconds):
    return bisect.bisect_left(LIMITS, seconds)


# ---- sums of a model


def select(model, name, **labels):
    """[(labels, value)] of the series of that name with these labels, in their order."""
    found = [(dict(key[1]), value) for key, value in model.items() if key[0] == name]
    return [(own, value) for own, value in found if all(own.get(label) == text for label, text in labels.items())]


def total(model, name, **labels):
    return sum(value for _, value in select(model, name, **labels))


def by(model, name, label, **labels):
    """{value of the label: sum} without what is 0"""
    found = {}
    for own, value in select(model, name, **labels):
        if value:
            found[own[label]] = found.get(own[label], 0) + value
    return found


# ---- what perfmon's raw values have to be


def _member(model, row, where):
    family, _, member = row.argument.partition(" + ")
    prefix = MEMBER_PREFIXES[family]
    name = BY_ID[family].series[0]
    values = [value for labels, value in select(model, name, **where)
              if member.removeprefix(prefix).lower() in labels.values()]
    assert values, f"{row.name}: {member} is no member of {name}"
    return sum(values)


def _class(model, row, where):
    members, failed_starts = CLASSES[row.name.removeprefix("Total ").removesuffix("/sec")]
    family, label = (BY_ID["EXITS"], "reason") if row.name.removeprefix("Total ").startswith("Workers") else (BY_ID["RESULTS"], "result")
    found = by(model, family.series[0], label, **where)
    return sum(found.get(member, 0) for member in members) \
        + (total(model, BY_ID["START_FAILURES"].series[0], **where) if failed_starts else 0)


def _state(model, row, where):
    """Of several hosts the highest; the members come in the order of their numbers."""
    name = BY_ID[row.argument].series[0]
    states = re.findall(r"`(\w+)`", re.search(rf"^\* `{name}`:(.*)$", DOC, re.MULTILINE)[1])
    return max(states.index(labels[name]) for labels, value in select(model, name, **where) if value)


def _histogram(model, row, where):
    if row.type == "AVERAGE_BASE":
        return int(total(model, BY_ID[row.argument].name + "_count", **where)) & 0xffffffff
    # In ticks of the performance counter, of which the caller knows the rate: here microseconds.
    return round(1e6 * total(model, BY_ID[row.argument].name + "_sum", **where))


def _value(model, row, where):
    return round(total(model, BY_ID[row.argument].series[0], **where) * (1e6 if BY_ID[row.argument].unit == "SECONDS" else 1))


SOURCES = {
    "VALUE": _value,
    "FAMILY": _value,
    "MEMBER": _member,
    "CLASS": _class,
    "STATE": _state,
    "HISTOGRAM": _histogram,
    "TICKS": lambda model, row, where: round(1e7 * total(model, BY_ID[row.argument].series[0], **where)),
    "MILLISECONDS": lambda model, row, where: round(1e6 * max(value for _, value in select(model, BY_ID[row.argument].series[0], **where)))
    // 1000,
}


def perf_value(model, row, pool=None):
    """Of the instance `pool`, None: of _Total; but for START."""
    return SOURCES[row.source](model, row, {} if pool is None else {"pool": pool})


def perf_grows(row):
    """Is it a counter, whatever perfmon makes of it?"""
    if row.source in ("VALUE", "FAMILY", "TICKS", "HISTOGRAM"):
        return BY_ID[row.argument].kind in ("COUNTER", "HISTOGRAM")
    return row.source == "CLASS"
