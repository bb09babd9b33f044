"""What several system tests need beside support.py: the program tests/helpers/witness.c and its gate, processes, commands of isapihost."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import threading
import time

import support

WITNESS = support.HELPERS / "witness.exe"


def wait_until(condition, what, seconds=support.SECONDS):
    """For what sends no event when it becomes true. -> the condition's value"""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{seconds} seconds have passed without this: {what}")
        time.sleep(0.005)


def facts(answer):
    """The lines NAME=value of a good answer of the witness."""
    if answer.status != 200:
        raise AssertionError(answer)
    return answer.variables()


class Gate:
    """A place where requests of the witness wait: /x.fcgi?gate=PORT&name=TEXT.

    arrival() waits until one has come to its program; closing what it returns lets the request go on.
    """

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.socket.getsockname()[1]
        self.inside = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()

    def path(self, name="", page="/app/x.fcgi"):
        return f"{page}?gate={self.port}&name={name}"

    def arrival(self, seconds=support.SECONDS):
        self.socket.settimeout(seconds)
        visitor = Visitor(self.socket.accept()[0])
        self.inside.append(visitor)
        return visitor

    def nobody_waits(self):
        """True if no further request has come to the gate."""
        self.socket.settimeout(0)
        try:
            self.inside.append(Visitor(self.socket.accept()[0]))
        except BlockingIOError:
            return True
        return False

    def open(self):
        """All go on, and so does whoever comes later: his connection is refused."""
        self.socket.close()
        for visitor in self.inside:
            visitor.let_go()


class Browsers:
    """Clients that ask the witness, or misbehave, all the time, each on a connection of its own; each must get the answer to its own
    request. After the block `asked` says how many requests each of them has made."""

    def __init__(self, host, count, page="/app/x.fcgi"):
        self.host = host
        self.page = page
        self.stop = threading.Event()
        self.asked = []
        self.threads = [Background(self.browse, number) for number in range(count)]

    def browse(self, number):
        count = 0
        with support.Connection(self.host) as connection:
            while not self.stop.is_set():
                count += 1
                token = f"{number}-{count}"
                found = facts(connection.request(f"{self.page}?name={token}"))
                if found["name"] != token:
                    raise AssertionError(f"{token} got {found}")
        return count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.asked = [thread.result() for thread in self.threads]


class Visitor:
    def __init__(self, connection):
        connection.settimeout(support.SECONDS)
        self.connection = connection
        with connection.makefile("rb") as lines:
            self.name = lines.readline().decode().strip()

    def let_go(self):
        self.connection.close()


# ---- processes


def processes(servers, program):
    """{process id: command line} of the living ones of this program, an .exe. The ids are those of Linux."""
    name = program.name.lower()
    return {pid: line for pid, line in servers.run.processes().items()
            if re.split(r"[\\/]", line.split(".exe")[0].lower() + ".exe")[-1] == name}


def host_process(servers):
    """The Linux process id of the only isapihost. A worker that it is just starting bears its name, too, for a moment."""
    found = []

    def only_one():
        found[:] = processes(servers, support.BIN / "isapihost.exe")
        return len(found) == 1

    wait_until(only_one, "there is one isapihost")
    return found[0]


def wait_until_gone(servers, program, seconds=support.SECONDS):
    wait_until(lambda: not processes(servers, program), f"the last {program.name} ends", seconds)


def kill(servers, program):
    """Kills them all, and comes back when their end of each pipe is closed: its thread groups are empty.

    processes() does not show one any more whose memory is gone, and that goes before its files.
    """
    pids = processes(servers, program)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        if not support.demo_servers.wait_for_exit([pid], support.SECONDS):
            raise TimeoutError(f"{program.name} {pid} was killed and has not ended")


def _asleep(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            if (task / "stat").read_text().rpartition(")")[2].split()[0] not in "SI":
                return False
    return True


def listening_addresses(port):
    """The addresses of this machine on which somebody listens at the port, as /proc has them: 0100007F is 127.0.0.1."""
    found = []
    for name in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", name).read_text().splitlines()[1:]:
            fields = line.split()
            address, _, hex_port = fields[1].rpartition(":")
            if fields[3] == "0A" and int(hex_port, 16) == port:  # LISTEN
                found.append(address)
    return found


# ---- commands of isapihost, which needs --stdin-commands


def ask(host, command, seconds=support.SECONDS):
    """-> the line that answers it"""
    count = len(host.stdout.lines) + 1
    host.command(command)
    lines = host.stdout.wait_for("^", seconds, count)
    if len(lines) < count:
        raise TimeoutError(f"no answer to the command '{command}'\n{host.what_it_said()}")
    return lines[-1].string


def in_flight(host):
    """Requests that are in the extension."""
    return int(re.search(r"in-flight=(\d+)", ask(host, "status"))[1])


def wait_until_in_flight(servers, host, count):
    """Until the extension has so many requests, and has done with them what it can do now: all threads of the host sleep."""
    pid = host_process(servers)
    wait_until(lambda: in_flight(host) == count, f"{count} requests are in the extension")
    wait_until(lambda: all(_asleep(pid) for _ in range(3)), "the host has nothing to do")


class Background:
    """function(*arguments) in a thread of its own; result() waits for it, and raises what it raised."""

    def __init__(self, function, *arguments):
        self.value = self.error = None
        self.thread = threading.Thread(target=self._run, args=[function, arguments], daemon=True)
        self.thread.start()

    def _run(self, function, arguments):
        try:
            self.value = function(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def done(self):
        return not self.thread.is_alive()

    def result(self, seconds=support.SECONDS):
        self.thread.join(seconds)
        if self.thread.is_alive():
            raise TimeoutError(f"nothing came for {seconds} seconds")
        if self.error is not None:
            raise self.error
        return self.value
