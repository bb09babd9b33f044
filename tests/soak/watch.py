"""The host seen from outside, at moments when it has nothing to do."""

import dataclasses
import pathlib
import re
import time

import support
import wine
import witness

HANDLES = support.HELPERS / "handles.exe"
REST_SECONDS = 180  # for all workers to end (their IdleTimeout), on a loaded machine
STILL_SECONDS = 7  # Wine's pool threads end when they had nothing to do for 5 s


@dataclasses.dataclass
class Sample:
    requests: int
    threads: int
    files: int
    memory: int
    handles: dict  # type -> count, and "all"

    def __str__(self):
        types = " ".join(f"{name}={count}" for name, count in sorted(self.handles.items()) if name != "all")
        return f"{self.handles['all']} handles ({types}), {self.threads} threads, {self.files} fds, {self.memory // 1024} KiB"


class Watch:
    def __init__(self, servers, host):
        self.servers = servers
        self.host = host
        self.pid = witness.host_process(servers)
        self.most_workers = self.most_threads = 0

    def _proc(self, name):
        return pathlib.Path(f"/proc/{self.pid}/{name}")

    def threads(self):
        return len(list(self._proc("task").iterdir()))

    def files(self):
        return len(list(self._proc("fd").iterdir()))

    def memory(self):
        return int(re.search(r"RssAnon:\s+(\d+) kB", self._proc("status").read_text())[1]) * 1024

    def handles(self):
        """Those of Windows: most are no file descriptors of the process."""
        code, text = wine.run([HANDLES, "isapihost.exe"], support.SECONDS)
        lines = re.findall(r"^\d+ (all=.*)$", text, re.MULTILINE)
        if code != 0 or len(lines) != 1:
            raise support.ServerError(f"handles.exe: exit code {code}, there should be one isapihost:\n{text}")
        return {name: int(count) for name, count in (word.split("=") for word in lines[0].split())}

    def workers(self):
        return sum(len(witness.processes(self.servers, program)) for program in (support.RESPONDER, witness.WITNESS))

    def look(self):
        self.most_workers = max(self.most_workers, self.workers())
        self.most_threads = max(self.most_threads, self.threads())

    def _still(self):
        """Until threads and descriptors have not changed for a while."""
        deadline = time.monotonic() + REST_SECONDS
        before, since = None, time.monotonic()
        while time.monotonic() - since < STILL_SECONDS and time.monotonic() < deadline:
            now = (self.threads(), self.files())
            if now != before:
                before, since = now, time.monotonic()
            time.sleep(0.2)

    def at_rest(self, requests):
        """When no request is in the extension, all workers have ended, and so have the threads lent by Wine. -> Sample"""
        witness.wait_until(lambda: witness.in_flight(self.host) == 0, "no request is in flight", REST_SECONDS)
        witness.wait_until(lambda: self.workers() == 0, "all workers have ended", REST_SECONDS)
        self._still()
        return Sample(requests, self.threads(), self.files(), self.memory(), self.handles())
