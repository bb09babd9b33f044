"""fcgictl.exe against the hosts of a test: what it prints, what it says on the error stream, and its exit code."""

import json
import os
import re
import signal
import subprocess
import tempfile

import support
import witness

FCGICTL = support.BIN / "fcgictl.exe"


class Result:
    """Of one fcgictl that has ended."""

    def __init__(self, arguments, code, out, err):
        self.arguments = arguments
        self.code = code
        self.out = out
        self.err = err

    def json(self):
        return json.loads(self.out)

    def operation(self):
        """The HOST:ID that it tells."""
        return re.search(r"\(operation (\d+:\d+)\)", self.out)[1]

    def __repr__(self):
        return f"fcgictl {' '.join(self.arguments)}: exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Running:
    """One that has been started. Both streams go to files: a process that lives on (Wine's services do) would hold a pipe open."""

    def __init__(self, servers, arguments, cwd=None):
        self.servers = servers
        self.arguments = [str(argument) for argument in arguments]
        self.streams = [tempfile.TemporaryFile() for _ in range(2)]
        environment = servers.run.environment({"WINEDEBUG": "-all"})
        self.process = subprocess.Popen(["wine", str(FCGICTL), *self.arguments], env=environment, cwd=cwd or support.ROOT,
                                        stdin=subprocess.DEVNULL, stdout=self.streams[0], stderr=self.streams[1],
                                        start_new_session=True)

    def _text(self, which):
        """Of what has been written until now. pread: the place in the file is the child's, too."""
        stream = self.streams[which].fileno()
        return os.pread(stream, os.fstat(stream).st_size, 0).decode().replace("\r\n", "\n")

    def out(self):
        return self._text(0)

    def wait_for_out(self, pattern):
        """Until it has printed that; or it ends, which is an error."""
        def printed():
            ended = self.process.poll() is not None
            found = re.search(pattern, self.out())
            if not found and ended:
                raise AssertionError(self.result())
            return found

        return witness.wait_until(printed, f"fcgictl prints {pattern}")

    def interrupt(self):
        """Ctrl-C: Wine makes this signal the console's event."""
        pids = witness.processes(self.servers, FCGICTL)
        assert len(pids) == 1, pids
        os.kill(next(iter(pids)), signal.SIGINT)

    def result(self, seconds=support.SECONDS):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            support.wine.kill_tree(self.process)
            code = None
        result = Result(self.arguments, code, self._text(0), self._text(1))
        for stream in self.streams:
            stream.close()
        return result


class ControlTest(support.SystemTest):
    """Cases with a host each, or one for the class (`host`), whose pool is the witness."""

    def fcgictl(self, *arguments, code=0, servers=None, **options):
        """Runs it to its end; the exit code must be this one."""
        result = self.start_fcgictl(*arguments, servers=servers, **options).result()
        self.assertEqual(result.code, code, result)
        return result

    def start_fcgictl(self, *arguments, servers=None, **options):
        return Running(servers or self.servers, arguments, **options)

    def wrong(self, code, pattern, *arguments, **options):
        """It ends with this code and has said this, and nothing else of it stands in the output."""
        result = self.fcgictl(*arguments, code=code, **options)
        self.assertRegex(result.err, pattern, result)
        self.assertRegex(result.err, "^fcgictl: ", result)
        return result

    def pids(self, *hosts):
        """The process ids of these hosts, as Windows has them, in that order."""
        entries = self.fcgictl("config", "show", "--json").json()["hosts"]
        by_path = {entry["config"]["path"].lower(): entry["pid"] for entry in entries if "config" in entry}
        return [by_path[support.windows_path(host.ini).lower()] for host in hosts]


def pools(*names, management=None, types=None, **properties):
    """An ini with one pool of the witness for each name, mapped to .NAME."""
    sections = {name: {"ExePath": witness.WITNESS, "MaxInstances": 2, **properties} for name in names}
    if management:
        sections["Management"] = management
    return support.ini(types or {name: name for name in names}, **sections)
