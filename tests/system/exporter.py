"""fcgictl exporter on a port of its own, for the tests of what it serves. support.http_request and its like take it for a host."""

import json
import re

import fcgictl
import support
import witness


class Exporter:
    """Listens when the constructor returns. stop() wants it to end at Ctrl-C with 0 and nothing to say."""

    def __init__(self, servers, *options, listen="127.0.0.1:0"):
        self.running = fcgictl.Running(servers, ["exporter", "--listen", listen, *options])
        port = self.running.wait_for_out(r"dashboard +http://\S+:(\d+)/\s")[1]
        self.running.wait_for_out("Ctrl-C ends it")
        self.ports = [int(port)]

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.ports[0]}{path}"

    def status(self):
        answer = support.http_request(self, "/status.json")
        if answer.status != 200:
            raise AssertionError(answer)
        return json.loads(answer.text)

    def becomes(self, condition, what):
        """-> the first /status.json of which the condition holds"""
        def reached():
            document = self.status()
            return document if condition(document) else None

        return witness.wait_until(reached, what)

    def metrics(self, accept="application/openmetrics-text"):
        """-> {series with its labels: value}"""
        answer = support.http_request(self, "/metrics", headers={"Accept": accept})
        if answer.status != 200:
            raise AssertionError(answer)
        return dict(re.findall(r"^([a-z]\w*\{.*\}) (\S+)$", answer.text, re.MULTILINE))

    def stop(self, warned=False):
        self.running.interrupt()
        result = self.running.result()
        if result.code != 0 or (result.err and not warned):
            raise AssertionError(result)
        return result


class ExporterTest(fcgictl.ControlTest):
    """Cases with an exporter each, or one for the class."""

    def start_exporter(self, *options, warned=False, **words):
        exporter = Exporter(self.servers, *options, **words)
        self.addCleanup(exporter.stop, warned)
        return exporter

    @classmethod
    def start_class_exporter(cls, servers):
        cls.exporter = Exporter(servers)
        cls.addClassCleanup(cls.exporter.stop)
