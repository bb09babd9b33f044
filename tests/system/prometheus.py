"""Debian's prometheus, which scrapes an exporter each second, and its HTTP API. Its storage and settings are in a folder of the test's.

    server = prometheus.Server(folder, exporter.ports[0])
    server.wait_for('up == 1')
    server.value('sum(fcgi_requests_total)')
"""

import http.client
import json
import math
import os
import subprocess
import urllib.parse

import support
import witness

SETTINGS = """global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
- job_name: fcgiext
  static_configs:
  - targets: ['127.0.0.1:%d']
"""
TRIES = 5  # with ports that somebody else may take before us


def install():
    """prometheus and promtool."""
    setup = subprocess.run(["sh", "tests/monitoring/setup.sh"], cwd=support.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           check=False)
    assert setup.returncode == 0, setup.stderr


class Server:
    """Ready when the constructor returns."""

    def __init__(self, folder, target):
        install()
        folder.mkdir(parents=True)
        self.log = folder / "log"
        (folder / "prometheus.yml").write_text(SETTINGS % target)
        for _ in range(TRIES):
            self.port = support.free_port()
            self.ports = [self.port]  # support.http_request takes it for a host
            with self.log.open("wb") as log:
                self.process = subprocess.Popen(
                    ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                    env={"PATH": os.environ["PATH"], "HOME": str(folder)}, cwd=folder, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if witness.wait_until(lambda: "ready" if self.is_ready() else self.process.poll() is not None, "prometheus is ready") == "ready":
                return
        raise AssertionError(self.log.read_text())

    def is_ready(self):
        try:
            return support.http_request(self, "/-/ready").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, path, **words):
        """-> the data of an answer of /api/v1"""
        answer = support.http_request(self, f"/api/v1/{path}?{urllib.parse.urlencode(words)}")
        document = json.loads(answer.text)
        assert answer.status == 200 and document["status"] == "success", answer
        return document["data"]

    def query(self, expression, **words):
        """-> [({label: text}, value)] of an instant; [({label: text}, [(time, value)])] of a range, METRIC[5m]"""
        data = self.ask("query", query=expression, **words)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], _points(one["values"]) if "values" in one else float(one["value"][1])) for one in data["result"]]

    def query_range(self, expression, start, end, step=1):
        return [(one["metric"], _points(one["values"]))
                for one in self.ask("query_range", query=expression, start=start, end=end, step=step)["result"]]

    def value(self, expression, **words):
        """Of an expression that has one."""
        found = self.query(expression, **words)
        assert len(found) == 1, f"{expression}: {found}"
        return found[0][1]

    def now(self):
        return self.value("time()")

    def by(self, label, expression, **words):
        return {labels[label]: value for labels, value in self.query(expression, **words)}

    def wait_for(self, expression):
        """Until it has a value: `up == 1`."""
        return witness.wait_until(lambda: self.query(expression), f"{expression} in prometheus")

    def stop(self):
        """-> exit code; 0 is good"""
        self.process.terminate()
        try:
            return self.process.wait(support.SECONDS)
        except subprocess.TimeoutExpired:
            support.wine.kill_tree(self.process)
            return None


def _points(values):
    found = [(time, float(value)) for time, value in values]
    assert not any(math.isnan(value) for _, value in found), values
    return found
