"""Serves or checks the demo. To be started by tools/demo.sh, which has built everything and set up Wine's environment."""

import argparse
import errno
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

import checks
import servers

FOLDERS = servers.ROOT / "build/demo"  # one for each run, named by our process id


class Stopped(Exception):
    """Ctrl-C, or a signal that asks us to end."""


class Signals:
    """The first signal that asks us to end raises Stopped where we are, unless we are about to end anyway; further ones do nothing."""

    def __init__(self):
        self.ending = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    def _take(self, number, _frame):
        if not self.ending:
            self.ending = True
            raise Stopped(signal.Signals(number).name)


def make_folder():
    """Also removes what runs that were killed have left."""
    FOLDERS.mkdir(parents=True, exist_ok=True)
    for old in FOLDERS.iterdir():
        if not pathlib.Path("/proc", old.name).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = FOLDERS / str(os.getpid())
    folder.mkdir(exist_ok=True)
    return folder


def check_port(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = {errno.EADDRINUSE: "is taken by another program", errno.EACCES: "is not allowed to you"}
            raise servers.ServerError(f"port {port} {why.get(error.errno, error.strerror)}: "
                                      "choose one by --port N (0 takes a free one)") from None


def write_ini(folder, php):
    text = (servers.ROOT / "tools/demo/fcgiext.ini").read_text()
    text = text.replace("@RESPONDER@", servers.windows_path(servers.BIN / "responder.exe")).replace("@PHP_PORT@", str(php.port))
    ini = folder / "fcgiext.ini"
    ini.write_text(text)
    return ini


class Demo:
    """Both servers, and the exporter. Leave it by stop(), whatever happened."""

    def __init__(self, port, exporter_port, folder, options):
        self.run = servers.Run(os.environ)
        self.php = self.host = self.exporter = None
        self.exporter_port = exporter_port
        self.folder = folder
        self.port = port
        self.options = options  # more of isapihost's

    def start(self):
        if not (servers.BIN / "responder.exe").exists():
            raise servers.ServerError("build/win64/bin/responder.exe has not been built")
        check_port(self.port)
        self.php = servers.Php(self.run, servers.SITE, self.folder / "php")
        self.host = servers.Host(self.run, write_ini(self.folder, self.php), [
            "--listen", f"127.0.0.1:{self.port}", "--root", servers.SITE, "--map", ".php,.fcgi", "--default-doc", "index.html",
            "--access-log", self.folder / "access.log", "--stop-timeout", "5", *self.options])
        servers.register_counters(self.run)
        try:
            self.exporter = servers.Exporter(self.run, self.exporter_port)
        except servers.ServerError:
            if not self.exporter_port:
                raise
            self.exporter = servers.Exporter(self.run)  # its usual port is taken

    def wait(self):
        """Until one of the servers ends, which neither should."""
        named = {self.host.process.pid: (self.host, "isapihost"), self.php.process.pid: (self.php, "php-cgi"),
                 self.exporter.process.pid: (self.exporter, "fcgictl exporter")}
        server, name = named[servers.wait_for_exit(named, None)[0]]
        code = server.process.wait()
        server.stderr.wait_for_end(2)
        raise servers.ServerError(f"{name} has ended by itself, exit code {code}\n{server.stderr.text()}".rstrip())

    def stop(self):
        """-> sentences about what did not go well."""
        problems = []
        for server, name in ((self.exporter, "fcgictl exporter"), (self.host, "isapihost"), (self.php, "php-cgi")):
            if server is None or server.process.poll() is not None:
                continue  # not started, or ended by itself: wait() has said so
            try:
                code = server.stop()
                if code:
                    problems.append(f"{name} ended with exit code {code}\n{server.what_it_said()}")
            except servers.ServerError as error:
                problems.append(str(error))
        alone = wine_stop()
        for pid, command in self.run.wait_until_gone(10, wines_own=alone).items():
            problems.append(f"process {pid} was left: {command}")
        self.run.kill()
        return problems


def wine_stop():
    """-> False: Wine's server goes on for another demo or test."""
    lock = os.environ["FCGIEXT_WINE_LOCK_FD"]
    alone = subprocess.run(["flock", "-n", lock], pass_fds=[int(lock)], check=False).returncode == 0
    subprocess.run(["/bin/sh", "-c", ". tools/wine-env.sh\nwine_stop"], cwd=servers.ROOT, pass_fds=[int(lock)], check=False)
    return alone


def print_welcome(demo):
    print(f"""
  The demo is served at   {demo.host.url()}
  Its dashboard           {demo.exporter.url()}

  libfcgi on named pipes  {demo.host.url("/app/index.fcgi")}
  PHP                     {demo.host.url("/php/env.php")}
  configuration           {demo.folder.relative_to(servers.ROOT)}/fcgiext.ini
  log of requests         {demo.folder.relative_to(servers.ROOT)}/access.log

  Meanwhile, in another terminal:

    build/fcgictl status                 how the pools are
    build/fcgictl recycle echo --wait    new processes, and no request is lost
    build/fcgictl drain echo --wait      out of service; `build/fcgictl resume echo` puts it back
    build/fcgictl perf show              what perfmon would show

  Ctrl-C stops it.
""", flush=True)


def serve(demo):
    demo.start()
    print_welcome(demo)
    demo.wait()


def check(demo, report):
    try:
        demo.start()
    except servers.ServerError as error:
        report.failed("isapihost, php-cgi and the exporter start", str(error))
        return
    report.passed("isapihost, php-cgi and the exporter start")
    checks.run(demo.host.url(""), demo.exporter.url(""), demo.folder, report)


def main():
    parser = argparse.ArgumentParser(prog="sh tools/demo.sh")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    if "FCGIEXT_WINE_LOCK_FD" not in os.environ:
        parser.error("start it by sh tools/demo.sh")
    demo = Demo(options.port, 0 if options.check else 9889, make_folder(), ["--strict"] if options.check else [])
    report = checks.Report()
    code = 0
    signals = Signals()
    try:
        if options.check:
            check(demo, report)
        else:
            serve(demo)
    except Stopped as signal_name:
        print("\ndemo: stopping" if str(signal_name) == "SIGINT" else f"demo: stopping ({signal_name})", flush=True)
        code = 130 if options.check else 0
    except servers.ServerError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        code = 1
    finally:
        signals.ending = True
        problems = demo.stop()
    if options.check and code == 0:
        report.check("isapihost stops cleanly, and no process is left", problems)
        code = report.end()
    elif problems:
        print("\n".join(f"demo: error: {problem}" for problem in problems), file=sys.stderr)
        code = code or 1
    if code == 1 and (demo.folder / "fcgiext.ini").exists():
        print(f"demo: the files of this run are in {demo.folder.relative_to(servers.ROOT)}", file=sys.stderr)
    else:
        shutil.rmtree(demo.folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
