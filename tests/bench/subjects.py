"""What is measured: isapihost with this or that extension, the DLL without HTTP, the bare pipe. Each has measure(connections).

All run the same program, tests/helpers/bench_responder, one process for each connection; all answer with the same page.
"""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import fcgi_client
import load
import processor
import servers as demo_servers
import wine
from load import BenchError, Load

ROOT = demo_servers.ROOT
BIN = demo_servers.BIN
HELPERS = BIN / "tests"
DLL = BIN / "fcgiext.dll"
RESPONDER = HELPERS / "bench_responder.exe"
FOLDER = ROOT / "build/tests/bench"
PAGE = b"A small page that does not change, so that each answer is the same.\n"  # the same in bench_responder and trivial_isapi
WARM_SECONDS = 1
windows_path = demo_servers.windows_path


def pool(name, connections, **more):
    """A section of fcgiext.ini."""
    properties = {"ExePath": windows_path(RESPONDER), "MaxInstances": connections, "QueueLength": 1000,
                  "InstanceMaxRequests": 1000000000, **more}
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in properties.items())


def write_ini(name, types, *sections):
    path = FOLDER / name
    path.write_text("[Types]\n" + "".join(f"{key}={value}\n" for key, value in types.items()) + "".join(sections))
    return path


def free_port():
    """A port on which nobody listens; somebody may take it at any time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    """What the subjects share: the options, the folder, the processes."""

    def __init__(self, options):
        self.options = options
        self.environment = wine.env()
        self.wineserver = processor.server_pids(self.environment["WINEPREFIX"])
        if not self.wineserver:
            raise BenchError("Wine's server is not to be found")
        self.runs = []
        self.hosts = []
        self.processes = []  # others than hosts
        shutil.rmtree(FOLDER, ignore_errors=True)
        (FOLDER / "site").mkdir(parents=True)
        (FOLDER / "site/small.txt").write_bytes(PAGE)

    def run(self):
        self.runs.append(demo_servers.Run(self.environment))
        return self.runs[-1]

    def processor_time(self, run):
        return processor.seconds([*run.processes(), *self.wineserver])

    def host(self, ini, maps, extension):
        arguments = ["--listen", "127.0.0.1:0", "--root", FOLDER / "site", "--map", maps,
                     "--completions", self.options.completions]
        self.hosts.append(demo_servers.Host(self.run(), ini, arguments, extension=extension))
        return self.hosts[-1]

    def close(self):
        try:
            for host in self.hosts:
                if host.stop() != 0:
                    raise BenchError(f"isapihost failed: {host.what_it_said()}")
        finally:
            for run in self.runs:
                run.kill()
            for process in self.processes:
                process.wait()


class Site:
    """One URL of a server, for any number of connections. paths: {connections: path}, or one for all."""

    def __init__(self, bench, run, port, paths):
        self.bench, self.run, self.port, self.paths = bench, run, port, paths
        self.warm = set()

    def measure(self, connections):
        path = self.paths if isinstance(self.paths, str) else self.paths[connections]
        make = load.by_python if self.bench.options.smoke else load.by_wrk
        if connections not in self.warm:
            load.check_answer(self.port, path, len(PAGE))
            make(self.port, path, connections, min(WARM_SECONDS, self.bench.options.seconds))
            self.warm.add(connections)
        before = self.bench.processor_time(self.run)
        result = make(self.port, path, connections, self.bench.options.seconds)
        result.cpu = processor.spent(before, self.bench.processor_time(self.run)) / result.requests
        return result


class Program:
    """A program that measures by itself, started anew each time: it says when it begins and what came out, then waits."""

    def __init__(self, bench, exe, ini=None):
        self.bench, self.exe, self.ini = bench, exe, ini or {}

    def start(self, arguments, connections):
        """-> the Load, or (bytes, seconds) of a download"""
        run = self.bench.run()
        more = {"FCGIEXT_INI": windows_path(self.ini[connections])} if self.ini else {}
        words = [windows_path(word) if isinstance(word, pathlib.Path) else str(word) for word in arguments]
        process = subprocess.Popen(["wine", str(self.exe), *words], env=run.environment(more), cwd=BIN, start_new_session=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = demo_servers.Output(process.stdout), demo_servers.Output(process.stderr)
        try:
            seconds = self.bench.options.seconds + 120
            if not output.wait_for(r": begun$", seconds):
                raise BenchError(f"{self.exe.name} {words} did not begin: {output.text()} {errors.text()}")
            before = self.bench.processor_time(run)
            lines = output.wait_for(r"(\d+) (?:requests|bytes) in ([\d.]+) s", seconds)
            after = self.bench.processor_time(run)
            process.stdin.close()
            code = process.wait(60)
            errors.wait_for_end(5)
            if not lines or code != 0:
                raise BenchError(f"{self.exe.name} {words} failed with exit code {code}: {output.text()} {errors.text()}")
        finally:
            run.kill()
            process.wait()
        return int(lines[0][1]), float(lines[0][2]), processor.spent(before, after), lines[0].string

    def rate(self, arguments, connections):
        requests, seconds, cpu, line = self.start(arguments, connections)
        times = re.search(r"p50 (\d+) ns, p99 (\d+) ns", line)
        if not requests:
            raise BenchError(f"{self.exe.name}: {line}")
        return Load(requests, seconds, int(times[1]) / 1e9, int(times[2]) / 1e9, cpu / requests)

    def speed(self, arguments, least):
        """-> a Load whose requests are MiB"""
        count, seconds, cpu, line = self.start(arguments, 1)
        if count < least:
            raise BenchError(f"{self.exe.name}: {line}, at least {least} should have come")
        return Load(count / 2**20, seconds, 0, 0, cpu / (count / 2**20))


class Rate(Program):
    """The DLL in ecb_driver, without HTTP; properties: of its pool. `own`: the driver with nothing in it."""

    def __init__(self, bench, own=False, **properties):
        name = "-".join(["rate", *properties])
        ini = {n: write_ini(f"{name}-{n}.ini", {"fcgi": "bench"}, pool("bench", n, **properties)) for n in bench.options.connections}
        super().__init__(bench, HELPERS / "ecb_driver.exe", ini)
        self.dll = "-" if own else DLL

    def measure(self, connections):
        return self.rate([self.dll, "rate", self.bench.options.seconds, connections], connections)


class Bare(Program):
    def __init__(self, bench):
        super().__init__(bench, HELPERS / "bare_pipe.exe")
        self.request = capture(bench, 0)

    def measure(self, connections):
        return self.rate([RESPONDER, self.request, "rate", self.bench.options.seconds, connections], connections)


class Download(Program):
    def __init__(self, bench):
        super().__init__(bench, HELPERS / "ecb_driver.exe", {1: write_ini("download.ini", {"fcgi": "bench"}, pool("bench", 1))})

    def measure(self, _):
        size = self.bench.options.download_mib * 2**20
        return self.speed([DLL, "download", size, 1], size)


class BareDownload(Program):
    def __init__(self, bench):
        super().__init__(bench, HELPERS / "bare_pipe.exe")
        self.request = capture(bench, bench.options.download_mib * 2**20)

    def measure(self, _):
        return self.speed([RESPONDER, self.request, "download", 1], self.bench.options.download_mib * 2**20)


class Counters(Program):
    def __init__(self, bench):
        super().__init__(bench, HELPERS / "counter_rate.exe")

    def measure(self, connections):
        return self.rate(["rate", self.bench.options.seconds], connections)


class Status:
    """`status` of a host with 20 pools, again and again over one connection; the processor time is the host's alone."""

    POOLS, LINE = 20, '{"jsonrpc":"2.0","id":1,"method":"status"}'

    def __init__(self, bench):
        self.bench = bench
        self.run = bench.run()
        self.client = subprocess.Popen(["wine", str(HELPERS / "mgmt_pipe.exe"), "client"], env=self.run.environment({}), cwd=BIN,
                                       start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        bench.processes.append(self.client)
        before = self.ask("hosts").split()
        names = [f"pool-{i}" for i in range(self.POOLS)]
        ini = write_ini("status.ini", {name: name for name in names}, *(pool(name, 8) for name in names))
        self.host = bench.host(ini, ".x", DLL)
        new = [host.partition(":")[0] for host in self.ask("hosts").split() if host not in before]
        if len(new) != 1 or self.ask(f"open 0 {new[0]} 60000") != "ok":
            raise BenchError(f"the management pipe of the new host cannot be opened: {new}")
        self.check(self.ask(f"call 0 60000 {self.LINE}"))

    def ask(self, line):
        self.client.stdin.write(line + "\n")
        self.client.stdin.flush()
        return self.client.stdout.readline().strip()

    def check(self, reply):
        if len(json.loads(reply)["result"]["pools"]) != self.POOLS:
            raise BenchError(reply)

    def host_time(self):
        return processor.seconds(self.host.run.processes())

    def measure(self, _):
        count, before, start = 0, self.host_time(), time.monotonic()
        while time.monotonic() - start < self.bench.options.seconds:
            self.check(self.ask(f"call 0 60000 {self.LINE}"))
            count += 1
        seconds = time.monotonic() - start
        return Load(count, seconds, 0, 0, processor.spent(before, self.host_time()) / count)


# ---- the bytes of a request


class Recorder(threading.Thread):
    """A FastCGI server on `port` that keeps the first request it gets, as it came, and answers each with a few bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.request = b""

    def run(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as stream:
            while request := self.read_request(stream):
                self.request = self.request or request
                number = fcgi_client.HEADER.unpack_from(request)[2]
                connection.sendall(fcgi_client.stream(fcgi_client.STDOUT, b"Content-Type: text/plain\r\n\r\ngot it\n", number) +
                                   fcgi_client.record(fcgi_client.END_REQUEST, bytes(8), number))

    def read_request(self, stream):
        """Up to the end of its body; b"" at the end of the connection."""
        request = b""
        while header := stream.read(fcgi_client.HEADER.size):
            _, kind, _, length, padding = fcgi_client.HEADER.unpack(header)
            request += header + stream.read(length + padding)
            if kind == fcgi_client.STDIN and length == 0:
                break
        return request


def capture(bench, download_bytes):
    """-> a file with the request that the DLL makes of what ecb_driver asks: what the bare pipe is to carry, too."""
    recorder = Recorder()
    recorder.start()
    section = f"[bench]\nAddress=127.0.0.1:{recorder.port}\nMaxInstances=1\nKeepConnections=Always\n"
    ini = write_ini("capture.ini", {"fcgi": "bench"}, section)
    Program(bench, HELPERS / "ecb_driver.exe", {1: ini}).start([DLL, "download", download_bytes, 1], 1)
    recorder.listener.close()
    if not recorder.request:
        raise BenchError("no request could be recorded")
    path = FOLDER / f"request-{download_bytes}.bin"
    path.write_bytes(recorder.request)
    return path
