"""What a PromQL expression names: metrics, labels and their values, held against the product's (names.py).

Whether it is PromQL at all is promtool's matter; this reads tokens and forgives nothing that it does not know."""

import re

import names

TOKEN = re.compile(r"""
    (?P<space>\s+|\#.*) | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') | (?P<duration>\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*\b)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\b) | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*) | (?P<variable>\$\{?\w+\}?)
    | (?P<mark>=~|!~|!=|==|<=|>=|[-+*/%^=<>(){}\[\],:@])""", re.VERBOSE)
OPERATORS = {"and", "or", "unless", "bool", "offset", "Inf", "NaN"}
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "group", "topk", "bottomk", "quantile", "stddev", "stdvar", "count_values"}
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}  # labels follow, in parentheses
TARGET = {"job", "instance"}  # labels that Prometheus adds
# Of others: Prometheus itself, and windows_exporter.
FOREIGN = {"up": set(), "windows_textfile_mtime_seconds": {"file"}}
GRAFANA = {"$__rate_interval": "duration", "$__interval": "duration", "$__range": "duration"}


def tokens(text):
    """-> [(kind, text)] without spaces and comments"""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise names.Unknown(f"{text[at:at + 20]!r} in {text!r}")
        if match.lastgroup != "space":
            found.append((match.lastgroup, match[0]))
        at = match.end()
    return found


class Expression:
    """selectors: [(metric, [(label, operator, text)])]; lists: [(by, without ..., {label})]"""

    def __init__(self, text):
        self.text = text
        self.tokens = tokens(text)
        self.selectors, self.lists = [], []
        self.at = 0
        while self.at < len(self.tokens):
            self.step()

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ("end", "")

    def take(self, *wanted):
        kind, text = self.peek()
        if wanted and kind not in wanted and text not in wanted:
            raise names.Unknown(f"{text!r} where {wanted} should be in {self.text!r}")
        self.at += 1
        return text

    def step(self):
        kind, text = self.peek()
        follows = self.peek(1)[1]
        if kind == "name" and text in LISTS and follows == "(":
            self.read_list()
        elif kind == "name" and text not in OPERATORS | AGGREGATIONS | LISTS and follows != "(":
            self.selectors.append((self.take(), self.read_matchers() if follows == "{" else []))
        elif text == "{":
            raise names.Unknown(f"a selector without a metric in {self.text!r}")
        else:
            if kind == "name" and follows == "(" and text.startswith(("fcgi_", "windows_")):
                raise names.Unknown(f"{text} is no function")
            self.take()

    def read_list(self):
        which, labels = self.take(), set()
        self.take("(")
        while self.peek()[1] != ")":
            labels.add(self.take("name"))
            if self.peek()[1] != ")":
                self.take(",")
        self.take(")")
        self.lists.append((which, labels))

    def read_matchers(self):
        matchers = []
        self.take("{")
        while self.peek()[1] != "}":
            matchers.append((self.take("name"), self.take("=", "!=", "=~", "!~"), self.take("string")[1:-1]))
            if self.peek()[1] != "}":
                self.take(",")
        self.take("}")
        return matchers


def labels_of(metric, recorded):
    """-> {label: values or ANY} of a metric; `recorded`: {name of a recording rule: its labels}"""
    found = names.table().series.get(metric)
    if found:
        return dict(found.labels)
    if metric in FOREIGN:
        return dict.fromkeys(FOREIGN[metric], names.ANY)
    if metric in recorded:
        return dict(recorded[metric])
    raise names.Unknown(f"there is no metric {metric}")


def check_matcher(metric, labels, matcher):
    label, operator, text = matcher
    if label in TARGET or (label in labels and labels[label] is names.ANY):
        return
    if label not in labels:
        raise names.Unknown(f"{metric} has no label {label}")
    for value in text.split("|") if operator in ("=~", "!~") else [text]:
        if value not in labels[label] and not re.fullmatch(r"\$\w+", value):
            raise names.Unknown(f"{label} of {metric} is never {value!r}")


def check(text, recorded=()):
    """Raises Unknown for a name that is none. -> the labels that the result may have"""
    expression = Expression(text)
    recorded = dict(recorded)
    known = {}
    for metric, matchers in expression.selectors:
        labels = labels_of(metric, recorded)
        known.update(labels)
        for matcher in matchers:
            check_matcher(metric, labels, matcher)
    gone, kept = set(), None
    for which, labels in expression.lists:
        if labels - set(known) - TARGET:
            raise names.Unknown(f"{which} {labels}: nothing in {text!r} has these labels")
        gone |= labels if which == "without" else set()
        kept = (kept or set()) | labels if which == "by" else kept
    result = {label: values for label, values in {**known, **dict.fromkeys(TARGET, names.ANY)}.items() if label not in gone}
    return result if kept is None else {label: values for label, values in result.items() if label in kept}


def metrics(text):
    return {metric for metric, _ in Expression(text).selectors}
