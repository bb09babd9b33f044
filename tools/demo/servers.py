"""The two servers of the demo, to start, to wait for and to stop: isapihost (under Wine, with the DLL) and native php-cgi.

The system tests use them too (tests/system/support.py). Every process started here carries the mark of its Run in its environment:
so what a run has left behind is found, whatever its parent or process group, and nobody else's process is ever touched. Waiting is
for events with a deadline.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "build/win64/bin"
SITE = ROOT / "tools/demo/site"

# What programs get of our own environment; the rest is nobody's business (one sample page shows its environment).
PASSED_ON = re.compile(r"PATH|HOME|USER|LOGNAME|LANG|LC_ALL|TERM|TMPDIR|WINE\w*|LD_LIBRARY_PATH")
MARK = "FCGIEXT_RUN"
# Wine's services, and the console of each program; a program bears its loader's name, too, as long as it has not begun.
WINES_OWN = re.compile(r"(/\S*/wine64 )?c:\\windows\\", re.IGNORECASE)


class ServerError(Exception):
    """One sentence that says what went wrong, for the user."""


def windows_path(path):
    return "Z:" + str(pathlib.Path(path).resolve()).replace("/", "\\")


def seconds_until(deadline):
    return max(0.0, deadline - time.monotonic())


class Run:
    """The processes of one demo or one test. `environment`: that of tools/wine-env.sh."""

    def __init__(self, environment):
        self.mark = uuid.uuid4().hex
        self.base = {name: value for name, value in environment.items() if PASSED_ON.fullmatch(name)}

    def environment(self, more):
        return {**self.base, MARK: self.mark, **more}

    def processes(self, wines_own=False):
        """{process id: command line} of all that is alive; without Wine's services, which end with its server."""
        found = {}
        mark = f"{MARK}={self.mark}".encode()
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                    if wines_own or not WINES_OWN.match(command):
                        found[int(folder.name)] = command
            except (OSError, ValueError):
                pass  # it has ended, or is not ours
        return found

    def wait_until_gone(self, seconds, wines_own=False):
        """-> what is still there after so many seconds: {} if all is well."""
        deadline = time.monotonic() + seconds
        while True:
            left = self.processes(wines_own)
            if not left or time.monotonic() >= deadline:
                return left
            wait_for_exit(left, seconds_until(deadline))

    def kill(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self.wait_until_gone(5)


def wait_for_exit(pids, seconds):
    """Until one of them has ended, or so many seconds have passed (None: for ever). -> those that have ended."""
    poller = select.poll()
    pidfds = {}
    try:
        for pid in pids:
            try:
                pidfds[os.pidfd_open(pid)] = pid
            except ProcessLookupError:
                return [pid]
        for pidfd in pidfds:
            poller.register(pidfd, select.POLLIN)
        return [pidfds[pidfd] for pidfd, _ in poller.poll(None if seconds is None else seconds * 1000)]
    finally:
        for pidfd in pidfds:
            os.close(pidfd)


class Output:
    """What a process writes to one of its streams, line by line, read by a thread of its own."""

    def __init__(self, pipe):
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=[pipe], daemon=True)
        self.thread.start()

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                with self.changed:
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def text(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_for(self, pattern, seconds, count=1):
        """The first `count` matches of the pattern, one a line; fewer when the stream ends or the time is over before."""
        def matches():
            return [match for match in (re.search(pattern, line) for line in self.lines) if match][:count]

        with self.changed:
            self.changed.wait_for(lambda: self.ended or len(matches()) == count, seconds)
            return matches()

    def wait_for_end(self, seconds):
        self.thread.join(seconds)


class Host:
    """isapihost with fcgiext.dll. Ready when the constructor returns; `ports` holds one port for each site.

    ini: a file. arguments: options of isapihost further to those that each host here needs; `--listen` and `--root`, or `--site`,
    are among them. Each argument that is a path object is handed over as a Windows path.
    """

    def __init__(self, run, ini, arguments, sites=1, extension=BIN / "fcgiext.dll", seconds=60):
        program = BIN / "isapihost.exe"
        for file in (program, extension):
            if not file.exists():
                raise ServerError(f"{file.relative_to(ROOT)} has not been built")
        words = ["--extension", extension, "--stop-on-stdin-eof", *arguments]
        self.run = run
        self.process = subprocess.Popen(
            ["wine", str(program)] + [windows_path(word) if isinstance(word, pathlib.Path) else word for word in words],
            env=run.environment({"FCGIEXT_INI": windows_path(ini)}), cwd=BIN, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.stdout = Output(self.process.stdout)
        self.stderr = Output(self.process.stderr)
        try:
            self.ports = self._wait_until_ready(sites, seconds)
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, sites, seconds):
        lines = self.stdout.wait_for(r"listening on http://[^/]*:(\d+)/", seconds, sites)
        if len(lines) < sites:
            why = self.what_it_said(wait=2) or f"nothing was heard of it for {seconds} seconds"
            raise ServerError(f"isapihost did not start: {why}")
        return [int(line[1]) for line in lines]

    def what_it_said(self, wait=0):
        self.stderr.wait_for_end(wait)
        return "\n".join(text for text in (self.stdout.text(), self.stderr.text()) if text)

    def url(self, path="/", site=0):
        return f"http://127.0.0.1:{self.ports[site]}{path}"

    def command(self, line):
        """With --stdin-commands only."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def stop(self, seconds=30):
        """Asks it to stop, and waits. -> its exit code."""
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"isapihost did not stop within {seconds} seconds and was killed\n{self.what_it_said(1)}") from None
        self.stdout.wait_for_end(5)
        self.stderr.wait_for_end(5)
        return code

    def kill(self):
        """It and its workers."""
        self.run.kill()
        self.process.wait()


def run_to_end(command, seconds=60, **options):
    """-> its exit code, what it printed, what it said on the error stream"""
    # Into files: a process that lives on (Wine starts some with the first program that wants them) would hold a pipe open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=seconds, check=False, **options)
        except subprocess.TimeoutExpired:
            raise ServerError(f"{' '.join(map(str, command))} did not end within {seconds} seconds") from None
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    return done.returncode, *texts


def register_counters(run):
    """For perfmon, in the Wine of the demo; once is enough, and again is no harm."""
    code, out, err = run_to_end(["wine", str(BIN / "fcgictl.exe"), "perf", "install"], env=run.environment({}), cwd=BIN)
    if code != 0:
        raise ServerError(f"fcgictl perf install failed: {out}{err}")


class Exporter:
    """fcgictl exporter on 127.0.0.1:`port`; 0: on a free one, `port` tells which. Ready when the constructor returns."""

    def __init__(self, run, port=0, seconds=60):
        self.run = run
        self.process = subprocess.Popen(
            ["wine", str(BIN / "fcgictl.exe"), "exporter", "--listen", f"127.0.0.1:{port}"], env=run.environment({}), cwd=BIN,
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.stdout = Output(self.process.stdout)
        self.stderr = Output(self.process.stderr)
        found = self.stdout.wait_for(r"dashboard +http://[^/]*:(\d+)/", seconds)
        if not found:
            self.stderr.wait_for_end(2)
            self.stop()
            raise ServerError(f"fcgictl exporter did not start: {self.stderr.text()}")
        self.port = int(found[0][1])

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def what_it_said(self):
        return self.stderr.text()

    def stop(self, seconds=30):
        """Ctrl-C, which Wine makes of this signal. -> its exit code"""
        for pid, command in self.run.processes().items():
            if "fcgictl.exe" in command and " exporter " in command + " ":
                os.kill(pid, signal.SIGINT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerError(f"fcgictl exporter did not stop within {seconds} seconds and was killed") from None


class Php:
    """Native php-cgi as a FastCGI server on 127.0.0.1:`port`, with so many processes. It serves the *.php below `site`. Without a port
    it gets a free one.

    Requests name their script by its Windows path. For a Linux program that is a file name with backslashes in it, relative to its
    working directory: so in `folder`, which is emptied for this, there is a link of that name for each script.
    """

    def __init__(self, run, site, folder, children=4, settings=(), port=0, **environment):
        php = shutil.which("php-cgi")
        if php is None:
            raise ServerError("php-cgi is missing: sh tools/setup.sh installs it")
        self.run = run
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for script in sorted(pathlib.Path(site).rglob("*.php")):
            self.add(script)
        # No php.ini: the same everywhere. Errors go to stderr, as fcgiext wants them.
        options = ["display_errors=0", "html_errors=0", "log_errors=1", "upload_max_filesize=64M", "post_max_size=1G", *settings]
        environment = {"PHP_FCGI_CHILDREN": str(children), "PHP_FCGI_MAX_REQUESTS": "0", **environment}
        with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
            self.port = listener.getsockname()[1]
            # It takes over a socket that listens already: no port to be lost, nothing to wait for. setpriv: ends with us.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", php, "-n"] + [word for option in options for word in ("-d", option)],
                env=run.environment(environment), cwd=self.folder, start_new_session=True, stdin=listener.fileno(),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.stderr = Output(self.process.stderr)

    def add(self, script):
        """Makes one more script known."""
        name = windows_path(script)
        if len(name.encode()) > 255:
            raise ServerError(f"the path {script} is too long for a file name: use a folder with a shorter path")
        # The second is what the host's ANSI code page makes of it, in which variables are sent unless configured otherwise.
        for encoded in {name.encode(), name.encode("cp1252", "replace")}:
            os.symlink(pathlib.Path(script).resolve(), os.fsencode(self.folder) + b"/" + encoded)

    def stop(self, seconds=10):
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServerError(f"php-cgi did not stop within {seconds} seconds and was killed") from None
        finally:
            try:  # children that still wait for a request on a kept connection
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
