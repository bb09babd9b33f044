"""The event log as tests see it. Wine stores no events: it prints each one on the error stream of the host, if it is asked to: its
head, and the beginning of each string, about 300 characters.

    events.listen(self.servers)                                   before the host is started
    event = events.wait_for(host, "Pool: php", "start_failed")    the first event in which all these are found
    event.type, event.id, event.lines
"""

import dataclasses
import re

import support
import witness

CHANNELS = "-all,fixme+advapi,fixme+eventlog,err+eventlog,warn+eventlog,trace+eventlog"
ERROR, WARNING, INFORMATION = 1, 2, 4
HEAD = re.compile(r"^(\w+):fixme:\w+:ReportEventW \([^,]*,0x(\w+),0x\w+,0x(\w+),\w+,0x(\w+),")
LINE = re.compile(r'^(\w+):\w+:eventlog:ReportEventW L"(.*)"(?:\.\.\.)?$')  # one that is too long ends with dots


@dataclasses.dataclass
class Event:
    type: int
    id: int
    strings_left: int
    lines: list

    @property
    def text(self):
        return "\n".join(self.lines)

    def fact(self, label):
        """What stands behind `Label: `; None: no such line."""
        return next((line.split(": ", 1)[1] for line in self.lines if line.startswith(label + ": ")), None)


def listen(servers):
    servers.run.base["WINEDEBUG"] = CHANNELS


def _decoded(text):
    def character(match):
        word = match[1]
        return chr(int(word[1:], 16)) if word[0] == "x" else {"r": "\r", "n": "\n", "t": "\t"}.get(word, word)

    return re.sub(r"\\(x[0-9a-f]{4}|.)", character, text)


def of(host):
    """The events so far."""
    with host.stderr.changed:
        lines = list(host.stderr.lines)
    found, by_thread = [], {}
    for line in lines:
        head, text = HEAD.match(line), LINE.match(line)
        if head:
            by_thread[head[1]] = Event(int(head[2], 16), int(head[3], 16), int(head[4], 16), [])
            found.append(by_thread[head[1]])
        elif text and text[1] in by_thread:
            by_thread[text[1]].strings_left -= 1
            by_thread[text[1]].lines += _decoded(text[2]).splitlines()
    return [event for event in found if event.strings_left == 0]


def matching(host, *patterns):
    return [event for event in of(host) if all(re.search(pattern, event.text, re.MULTILINE) for pattern in patterns)]


def wait_for(host, *patterns, count=1):
    """The first event in which all patterns are found; with a count, so many of them."""
    try:
        witness.wait_until(lambda: len(matching(host, *patterns)) >= count, f"an event {patterns}", support.SECONDS)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n" + "\n\n".join(event.text for event in of(host))) from None
    found = matching(host, *patterns)
    return found[0] if count == 1 else found[:count]


def all_of(test, host):
    """Ends the host. -> every event that it has written"""
    test.assertEqual(test.servers.stop_host(host), "")
    return of(host)
