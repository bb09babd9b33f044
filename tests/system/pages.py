"""Error pages, as tests look at them; and pools of the program that misbehaves (tests/helpers/misbehave.c)."""

import html
import http.client
import re
import socket

import support
import witness

MISBEHAVE = support.HELPERS / "misbehave.exe"
ONE = {"ExePath": MISBEHAVE, "MaxInstances": 1}


def reason(answer):
    return answer.headers["X-Fcgiext-Reason"]


def details(answer):
    """-> {label: text} of a page"""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", answer.text, re.DOTALL)
    return {label: html.unescape(re.sub("</?pre>", "", text)) for label, text in found}


def other_address():
    """An address of this machine that is not in 127.0.0.0/8; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        return None if probe.getsockname()[0].startswith("127.") else probe.getsockname()[0]


class Page(support.SystemTest):
    """Helpers for error pages."""

    def check(self, answer, status, cause):
        """-> {label: text} of the page's details"""
        self.assertEqual((answer.status, reason(answer)), (status, cause), answer)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        if status == 503:
            self.assertGreater(int(answer.headers["Retry-After"]), 0)
        return details(answer)

    def fetch(self, path, status, cause, host=None, **options):
        """-> {label: text} of the page's details"""
        return self.check(support.http_request(host or self.host, path, **options), status, cause)

    def fetch_remotely(self, host, path):
        """An answer to a client whose address is not the host's."""
        own = other_address()
        if own is None:
            self.skipTest("this machine has no other address than 127.0.0.1")
        connection = http.client.HTTPConnection("127.0.0.1", host.ports[0], support.SECONDS, (own, 0))
        connection.request("GET", path)
        response = connection.getresponse()
        answer = support.Answer(response, response.read())
        connection.close()
        return answer

    def works(self, path="/app/env.fcgi", host=None):
        answer = support.http_request(host or self.host, path)
        self.assertEqual(answer.status, 200, answer)
        return answer


class Misbehaving(Page):
    """Pools whose name is their extension."""

    def start_host(self, *options, **pools):
        self.host = self.servers.host(support.ini({name: name for name in pools}, **pools), *options,
                                      maps=",".join("." + name for name in pools))
        return self.host

    def token(self, name="token"):
        """A file: the next process with once=... misbehaves, and takes it away."""
        file = self.servers.folder / name
        file.write_bytes(b"")
        return file

    def once(self, file, way, **words):
        """Arguments"""
        more = " ".join(f"{name}={value}" for name, value in words.items())
        return f"way={way} once={support.windows_path(file)} {more}"

    def good(self, pool, query="", **options):
        return witness.facts(support.http_request(self.host, f"/app/x.{pool}?{query}", **options))

    def bad(self, pool, query, status, cause, **options):
        return self.fetch(f"/app/x.{pool}?{query}", status, cause, **options)

    def replaced(self, before, pool, query="", **options):
        """The next request is served, as the first one of another process."""
        facts = self.good(pool, query, **options)
        self.assertEqual(facts["requests"], "1")
        self.assertNotEqual(facts["pid"], before["pid"])
        return facts
