"""Readers of the texts that `fcgictl metrics` writes, which forgive nothing: OpenMetrics 1.0, and Prometheus' older text format.

https://prometheus.io/docs/specs/om/open_metrics_spec/ and https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import collections
import re

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
# What may stand behind a family's name, by its type.
SUFFIXES = {"counter": ("_total", "_created"), "gauge": ("",), "stateset": ("",), "info": ("_info",),
            "histogram": ("_bucket", "_count", "_sum", "_created")}
OLD_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


class Malformed(Exception):
    pass


class Family:
    def __init__(self, name):
        self.name = name
        self.type = self.unit = self.help = None
        self.samples = []  # (name, {label: value}, value), in their order


def unescape(text, escapes):
    """Each backslash must begin one of the escapes."""
    if not re.fullmatch(rf"(?:[^\\\n]|\\[{escapes}])*", text):
        raise Malformed(f"escapes of {text!r}")
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)


def read_labels(text):
    """'a="b",c="d"' -> {name: value}"""
    labels = {}
    pair = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
    at = 0
    while at < len(text):
        match = pair.match(text, at)
        if not match or match[1] in labels or (match[3] == "," and match.end() == len(text)):
            raise Malformed(f"labels {text!r}")
        labels[match[1]] = unescape(match[2], r'"\\n')
        at = match.end()
    return labels


def read_sample(line):
    match = re.fullmatch(rf"({NAME})(?:\{{(.*)\}})? (\S+)", line)
    if not match or not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", match[3]):
        raise Malformed(f"sample {line!r}")
    return match[1], read_labels(match[2] or ""), float(match[3])


def describe(families, family, what, name, text, strict):
    """One of the lines that begin with '#'. -> the family that it is about"""
    if family is None or family.name != name:
        if name in families:
            raise Malformed(f"the family {name} is in two pieces")
        family = families[name] = Family(name)
    member = what.lower()
    if family.samples or getattr(family, member) is not None:
        raise Malformed(f"{what} of {name} comes late, or twice")
    if what == "TYPE" and text not in (SUFFIXES if strict else OLD_SUFFIXES):
        raise Malformed(f"type {text!r}")
    if what == "UNIT" and not name.endswith("_" + text):
        raise Malformed(f"{name} does not end in its unit {text!r}")
    # Only the newer format escapes quotes in a help text, and it must.
    if what == "HELP" and strict and re.search(r'(?<!\\)(\\\\)*"', text):
        raise Malformed(f"a bare quote in {text!r}")
    setattr(family, member, unescape(text, r'"\\n' if strict else r"\\n") if what == "HELP" else text)
    return family


def read(text, strict=True):
    """The whole document. -> {name: Family}"""
    families, family = {}, None
    if not text.endswith("\n# EOF\n") or "\r" in text:
        raise Malformed("it does not end as it should")
    for line in text.removesuffix("# EOF\n").splitlines():
        comment = re.fullmatch(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)", line)
        if comment and comment[1] == "UNIT" and not strict:  # to this format a comment
            if not comment[2].endswith("_" + comment[3]):
                raise Malformed(f"unit {line!r}")
        elif comment:
            family = describe(families, family, *comment.groups(), strict)
        elif line.startswith("#") or not line:
            raise Malformed(f"line {line!r}")
        else:
            sample = read_sample(line)
            suffixes = (SUFFIXES if strict else OLD_SUFFIXES).get(family.type if family else None, ())
            if not any(sample[0] == family.name + suffix for suffix in suffixes):
                raise Malformed(f"{line!r} does not belong to {family and family.name}")
            family.samples.append(sample)
    check(families, strict)
    return families


def check(families, strict):
    seen = collections.Counter()
    for family in families.values():
        if not family.type or not family.help:
            raise Malformed(f"{family.name} has no type, or no help")
        seen.update(family.name + suffix for suffix in {"", *(SUFFIXES if strict else OLD_SUFFIXES)[family.type]})
        series = collections.Counter((name, *sorted(labels.items())) for name, labels, _ in family.samples)
        if series and max(series.values()) > 1:
            raise Malformed(f"a series twice: {series.most_common(1)}")
        check_points(family)
    clash = [name for name, count in seen.items() if count > 1]
    if clash:
        raise Malformed(f"names of several families: {clash}")


def check_points(family):
    """Samples of one set of labels stand together, and fit each other."""
    points = []
    own = {"histogram": "le", "stateset": family.name}.get(family.type)
    for name, labels, value in family.samples:
        key = {label: text for label, text in labels.items() if label != own}
        if not points or points[-1][0] != key:
            if key in [before for before, _ in points]:
                raise Malformed(f"{family.name}: {key} is in two pieces")
            points.append((key, []))
        points[-1][1].append((name.removeprefix(family.name), labels, value))
        if value < 0 and family.type in ("counter", "histogram"):
            raise Malformed(f"{name} is negative")
    for _, samples in points:
        {"histogram": check_histogram, "stateset": check_stateset, "info": check_info}.get(family.type, lambda *_: None)(family, samples)


def check_histogram(family, samples):
    buckets = [(float(labels["le"]), value) for suffix, labels, value in samples if suffix == "_bucket"]
    rest = {suffix: value for suffix, _, value in samples if suffix != "_bucket"}
    if buckets != sorted(buckets) or not buckets or buckets[-1][0] != float("inf") or len(dict(buckets)) != len(buckets):
        raise Malformed(f"{family.name}: buckets {buckets}")
    if rest.get("_count") != buckets[-1][1] or "_sum" not in rest or [value for _, value in buckets] != sorted(value for _, value in buckets):
        raise Malformed(f"{family.name}: {rest} and {buckets}")
    for suffix, labels, _ in samples:
        if ("le" in labels) != (suffix == "_bucket") or not re.fullmatch(r"\+Inf|\d+\.\d+|\d+(\.\d+)?e[+-]\d+", labels.get("le", "1.0")):
            raise Malformed(f"{family.name}: labels {labels}")


def check_stateset(family, samples):
    if any(family.name not in labels or value not in (0, 1) for _, labels, value in samples):
        raise Malformed(f"{family.name}: {samples}")


def check_info(family, samples):
    if any(value != 1 for _, _, value in samples):
        raise Malformed(f"{family.name}: {samples}")


def series(families):
    """-> {(name, labels): value}"""
    return {(name, frozenset(labels.items())): value for family in families.values() for name, labels, value in family.samples}
