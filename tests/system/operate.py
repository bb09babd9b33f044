"""What tests of operating share: fcgictl, and clients of the management pipe (tests/helpers/mgmt_pipe), for one of several hosts."""

import json
import queue
import shutil
import subprocess
import threading

import support
import wine
import witness

HELPER = support.HELPERS / "mgmt_pipe.exe"
FCGICTL = support.BIN / "fcgictl.exe"
ENDS = ("end 109", "end 233")  # ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED
MAX_CLIENTS = 16
NOBODY = "D:(A;;GA;;;S-1-5-80-1-2-3-4-5)"  # an access list that allows an account which no caller has

# ---- fcgictl


class Operator:
    """fcgictl --json for one host. A command fails when its exit code is not the expected one."""

    def __init__(self, servers, host):
        self.run = servers.run
        self.pid = self.find(support.windows_path(host.ini))

    def find(self, ini):
        hosts = self.ask("version", code=None, of_host=False)["hosts"]  # one that is just ending may fail
        found = [host["pid"] for host in hosts if "server" in host and host["server"]["config"]["path"] == ini]
        if len(found) != 1:
            raise AssertionError(f"the hosts of {ini} are {found}")
        return found[0]

    def ask(self, *words, code=0, of_host=True):
        """-> the document. code None: whatever it is"""
        command = ["wine", str(FCGICTL), *[str(word) for word in words], "--json", *(["--host", str(self.pid)] if of_host else [])]
        process = subprocess.Popen(command, env=self.run.environment({}), cwd=support.BIN, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=support.SECONDS)
        finally:
            if process.returncode is None:
                wine.kill_tree(process)
        if code is not None and process.returncode != code:
            raise AssertionError(f"{words}: exit code {process.returncode}, not {code}\n{out.decode()}{err.decode()}")
        return json.loads(out) if out.strip() else {}

    def pool(self, name):
        return self.ask("list", name)["pools"][0]

    def totals(self, name):
        return self.pool(name)["totals"]

    def totals_at_rest(self, name):
        """When no request is under way. A request counts as ended when its last bytes have gone out, after its process is free."""
        def found():
            totals = self.totals(name)
            return totals if totals["requests"] == totals["answered"] + totals["failed"] else None

        return witness.wait_until(found, f"no request of {name} is under way")

    def workers(self, name):
        return self.ask("ps", name)["workers"]

    def requests(self, *name):
        return self.ask("requests", *name)["requests"]

    def exits(self, *name):
        return self.ask("exits", *name)["exits"]

    def do(self, *words, code=0):
        """-> the operation"""
        operations = self.ask(*words, code=code)["operations"]
        if len(operations) != 1 or "operation" not in operations[0]:
            raise AssertionError(f"{words}: {operations}")
        return operations[0]["operation"]

    def wait(self, operation, *words, code=0):
        """-> the operation as it is at the end, or when the time is over"""
        return self.ask("wait", f"{self.pid}:{operation['id']}", *words, code=code, of_host=False)["operation"]

    def becomes(self, name, **wanted):
        """The pool is so at last: becomes("look", state="drained")."""
        def reached():
            pool = self.pool(name)
            return pool if all(pool[member] == value for member, value in wanted.items()) else None

        return witness.wait_until(reached, f"the pool {name} has {wanted}")


# ---- the pipe


class Helper:
    """A program, mgmt_pipe, of which each line that it is told is answered by one line."""

    def __init__(self, run, *words, program=HELPER):
        self.process = subprocess.Popen(["wine", str(program), *words], env=run.environment({}), cwd=support.BIN,
                                        start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        self.alarms = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with self.process.stdout:
            for line in self.process.stdout:
                text = line.decode().rstrip("\r\n")
                if text.startswith("alarm "):
                    self.alarms.append(text.removeprefix("alarm "))
                else:
                    self.lines.put(text)
        self.lines.put(None)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.lines.get(timeout=4 * support.SECONDS)
        if line is None:
            raise AssertionError(f"the helper has ended: exit code {self.process.wait(support.SECONDS)}")
        return line

    def ask(self, line):
        self.tell(line)
        return self.answer()

    def close(self):
        """Ends by itself at the end of its input. -> exit code"""
        self.process.stdin.close()
        try:
            return self.process.wait(support.SECONDS)
        except subprocess.TimeoutExpired:
            wine.kill_tree(self.process)
            return None


class Refused(Exception):
    """An error that the host replied."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.code = error["code"]
        self.reason = error["data"]["reason"]
        self.error = error


class Connection:
    """One connection to a host's pipe. What is sent and what is received may be apart; until it is received its helper does nothing
    else."""

    def __init__(self, helper, slot, pid):
        self.helper = helper
        self.slot = slot
        self.last_id = 0
        self.command(f"raw {slot} {pid}")

    def command(self, line):
        answer = self.helper.ask(line)
        if answer != "ok":
            raise AssertionError(f"{line[:200]}: {answer}")

    def write(self, text):
        """Bytes as they are, with \\n in them."""
        self.command(f"write {self.slot} - {text}")

    def send(self, method, **params):
        self.last_id += 1
        self.write(json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}) + r"\n")

    def line(self):
        return self.helper.ask(f"line {self.slot}")

    def receive(self):
        """-> the result; raises Refused"""
        line = self.line()
        if line in ENDS:
            raise EOFError(f"the host has ended the connection: {line}")
        reply = json.loads(line)
        if "error" in reply:
            raise Refused(reply["error"])
        if reply["id"] != self.last_id:
            raise AssertionError(f"the reply to {self.last_id} is {line[:300]}")
        return reply["result"]

    def call(self, method, **params):
        self.send(method, **params)
        return self.receive()

    def close(self):
        self.helper.ask(f"close {self.slot}")


class Clients:
    """Connections of one helper."""

    def __init__(self, run, pid):
        self.helper = Helper(run, "client")
        self.pid = pid
        self.slots = 0

    def connect(self):
        self.slots += 1
        return Connection(self.helper, self.slots - 1, self.pid)


class OperateTest(support.SystemTest):
    """A case has a host with its operator; clients of the pipe as it wants them."""

    def start_host(self, ini, *options, **words):
        self.host = self.servers.host(ini, *options, **words)
        self.operator = Operator(self.servers, self.host)
        return self.host

    def restart_host(self, ini, *options, **words):
        """A new process with the same fcgiext.ini, by its path."""
        self.assertEqual(self.servers.stop_host(self.host), "")
        folder = self.host.ini.parent
        shutil.rmtree(folder)
        self.start_host(ini, *options, **words)
        self.assertEqual(self.host.ini.parent, folder)

    def clients(self, operator=None):
        clients = Clients(self.servers.run, (operator or self.operator).pid)
        self.addCleanup(lambda: self.assertEqual(clients.helper.close(), 0))
        return clients

    def connect(self, operator=None):
        """A connection with a helper of its own, which nobody else waits for."""
        return self.clients(operator).connect()

    def good(self, path, **options):
        """-> the facts that the witness or misbehave tells"""
        return witness.facts(support.http_request(self.host, path, **options))

    def background(self, path, *more):
        return witness.Background(support.http_request, self.host, path, *more)

    def refused(self, answer, cause):
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (503, cause), answer)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
