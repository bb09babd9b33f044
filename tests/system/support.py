"""What the system tests share: the real DLL in isapihost with real programs, and clients for it.

    class Environment(support.SystemTest):
        @classmethod
        def start(cls, servers):                 once for all cases of the class
            cls.host = servers.host(support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER}))

        def test_something(self):
            answer = support.http_request(self.host, "/app/env.fcgi?a=b")
            self.assertEqual(answer.status, 200, answer)

A case that needs servers of its own calls self.servers.host(...), .php(...). All are stopped at the end of the case or class, which
fails if isapihost does not end with 0 (it always runs with --strict) or if a process is left. Waiting is for events with a deadline.
"""

import atexit
import concurrent.futures
import http.client
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools/demo")]

import servers as demo_servers  # noqa: E402
import wine  # noqa: E402

BIN = demo_servers.BIN
HELPERS = BIN / "tests"
RESPONDER = BIN / "responder.exe"
SITE = demo_servers.SITE
FOLDERS = ROOT / "build/tests/system"
ServerError = demo_servers.ServerError
windows_path = demo_servers.windows_path

SECONDS = 60  # until something that should happen at once is taken for lost: generous, machines are loaded


def ini(types, **sections):
    """The text of a fcgiext.ini. Path objects become Windows paths.

    ini({"fcgi": "echo"}, echo={"ExePath": RESPONDER, "MaxInstances": 2})
    """
    lines = []
    for name, properties in [("Types", types), *sections.items()]:
        lines.append(f"[{name}]")
        for key, value in properties.items():
            lines.append(f"{key}={windows_path(value) if isinstance(value, pathlib.Path) else value}")
    return "\n".join(lines) + "\n"


def free_port():
    """A port on which nobody listens; somebody may take it at any time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- servers


class Host(demo_servers.Host):
    """isapihost with fcgiext.dll; --strict always. Its files, the ini among them, are in `folder`."""

    def __init__(self, run, folder, ini_text, arguments, sites, seconds, extension):
        self.ini = folder / "fcgiext.ini"
        self.write_ini(ini_text)
        super().__init__(run, self.ini, ["--strict", *arguments], sites=sites, seconds=seconds, extension=extension)

    def write_ini(self, text):
        """The file is replaced at once: nobody sees half of it."""
        new = self.ini.with_suffix(".new")
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        new.replace(self.ini)


class Servers:
    """The servers of one case or class, in a folder of their own below build/tests/system."""

    def __init__(self, name, options=()):
        self.options = options  # of isapihost; what a case says goes before them
        self.folder = FOLDERS / re.sub(r"[^\w.-]", "_", name)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.run = demo_servers.Run(wine.env())
        self.hosts = []
        self.others = []
        self.php_count = 0

    def host(self, ini_text, *arguments, root=SITE, maps=".fcgi,.php", sites=None, seconds=SECONDS, extension=BIN / "fcgiext.dll"):
        """arguments: more options of isapihost; path objects become Windows paths. With sites=[(id, root), ...] several sites."""
        folder = self.folder / f"host-{len(self.hosts) + 1}"
        folder.mkdir()
        options = ["--listen", "127.0.0.1:0", "--map", maps, *self.options, *arguments]
        if sites is None:
            options += ["--root", root]
        for number, site_root in sites or []:
            options += ["--site", f"{number}:0:{windows_path(site_root)}"]
        host = Host(self.run, folder, ini_text, options, len(sites) if sites else 1, seconds, extension)
        self.hosts.append(host)
        return host

    def php(self, site=SITE, children=4, settings=(), port=0, **environment):
        """Native php-cgi on 127.0.0.1:`.port`."""
        self.php_count += 1
        php = demo_servers.Php(self.run, site, self.folder / f"php-{self.php_count}", children, settings, port, **environment)
        self.others.append(php)
        return php

    def stop_php(self, php):
        self.others.remove(php)
        php.stop()

    def stop_host(self, host):
        """Stops it and says what was wrong, "" if nothing was."""
        self.hosts.remove(host)
        try:
            code = host.stop()
        except ServerError as error:
            return str(error)
        return f"isapihost ended with exit code {code}\n{host.what_it_said()}" if code != 0 else ""

    def close(self):
        problems = [self.stop_host(host) for host in list(self.hosts)]
        for other in self.others:
            try:
                other.stop()
            except ServerError as error:
                problems.append(str(error))
        self.others = []
        left = self.run.wait_until_gone(10)
        problems += [f"process {pid} was left: {command}" for pid, command in left.items()]
        if left:
            self.run.kill()
        problems = [problem for problem in problems if problem]
        if problems:
            raise AssertionError("\n".join(problems))
        shutil.rmtree(self.folder, ignore_errors=True)


class SystemTest(unittest.TestCase):
    """The base of system tests. start() may be overridden; `self.servers` is there for each case, unused at no cost."""

    maxDiff = 4000
    class_servers = None
    host_options = ()  # of isapihost, for all hosts of the class

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wine.start()
        cls.class_servers = Servers(cls.__qualname__, cls.host_options)
        cls.addClassCleanup(cls.class_servers.close)
        cls.start(cls.class_servers)

    @classmethod
    def start(cls, servers):
        """Starts what all cases of the class share."""

    @property
    def servers(self):
        if not hasattr(self, "_servers"):
            self._servers = Servers(self.id(), self.host_options)
            self.addCleanup(self._servers.close)
        return self._servers


atexit.register(wine.stop)  # does nothing while tests/run.py goes on


# ---- clients


class Answer:
    """An HTTP answer that has been read to its end."""

    def __init__(self, response, body):
        self.status = response.status
        self.reason = response.reason
        self.version = {10: "HTTP/1.0", 11: "HTTP/1.1"}[response.version]
        self.headers = response.headers  # ignores case; get_all() for repeated ones
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def variables(self):
        """The lines NAME=value of the page `env` of the responder, or of env.php?format=text."""
        return dict(line.split("=", 1) for line in self.text.splitlines() if "=" in line)

    def __repr__(self):
        return f"{self.version} {self.status} {self.reason}\n{self.headers}{self.text[:3000]}"


class Connection:
    """One kept HTTP connection to a host."""

    def __init__(self, host, site=0, seconds=SECONDS):
        self.http = http.client.HTTPConnection("127.0.0.1", host.ports[site], timeout=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.http.close()

    def request(self, path, method=None, body=None, headers=None, chunked=False):
        """body: bytes, or with chunked=True an iterable of them."""
        self.http.request(method or ("GET" if body is None else "POST"), path, body, headers or {}, encode_chunked=chunked)
        response = self.http.getresponse()
        return Answer(response, response.read())


def http_request(host, path, method=None, body=None, headers=None, site=0, seconds=SECONDS):
    """One request on a connection of its own."""
    with Connection(host, site, seconds) as connection:
        return connection.request(path, method, body, headers)


class RawConnection:
    """A TCP connection on which bytes are sent and read as they are: for what no HTTP client would say."""

    def __init__(self, host, site=0):
        self.socket = socket.create_connection(("127.0.0.1", host.ports[site]), SECONDS)
        self.received = bytearray()  # and not asked for yet

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        """Ends the connection as a client does that has crashed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def _receive(self, deadline):
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        data = self.socket.recv(65536)
        self.received += data
        return data

    def _take(self, count):
        result = bytes(self.received[:count])
        del self.received[:count]
        return result

    def read_until(self, mark, seconds=SECONDS):
        """Everything up to and with `mark`; what follows is kept for the next call. TimeoutError, or EOFError when it does not come."""
        deadline = time.monotonic() + seconds
        searched = 0
        while (at := self.received.find(mark, searched)) < 0:
            searched = max(0, len(self.received) - len(mark))
            if not self._receive(deadline):
                raise EOFError(f"the connection ended before {mark!r}: {self.received[-300:]!r}")
        return self._take(at + len(mark))

    def read(self, count, seconds=SECONDS):
        """So many bytes. TimeoutError, or EOFError when they do not come."""
        deadline = time.monotonic() + seconds
        while len(self.received) < count:
            if not self._receive(deadline):
                raise EOFError(f"the connection ended {count - len(self.received)} bytes too early")
        return self._take(count)

    def read_all(self, seconds=SECONDS):
        """Everything up to the end of the connection."""
        deadline = time.monotonic() + seconds
        while self._receive(deadline):
            pass
        return self._take(len(self.received))


def in_parallel(count, function):
    """function(0) ... function(count - 1), each in a thread of its own, at the same time. -> their results; raises the first error."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


# ---- programs on a terminal


def on_terminal(command, environment, pattern):
    """Runs a Windows program on a terminal and types Ctrl-C when the pattern is to be seen. -> exit code, what was to be seen"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("wine", ["wine", *command], environment)
    raw = seen = b""
    interrupted = False
    while True:
        if not select.select([terminal], [], [], SECONDS)[0]:
            os.kill(pid, signal.SIGKILL)
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other side has been closed
            data = b""
        if not data:
            break
        raw += data
        seen = re.sub(rb"\x1b\[[\d;?]*[A-Za-z]", b"", raw)  # Wine's console draws each character with these around it
        if not interrupted and re.search(pattern, seen):
            os.write(terminal, b"\x03")
            interrupted = True
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not interrupted:
        raise AssertionError(f"{pattern} was not to be seen; exit code {code}: {seen}")
    return code, seen
