"""What the management pipe of a real host replies while it serves: lists, counters, and what is kept from those who may only look."""

import contextlib
import json
import re
import threading

import support
import witness
from operate import NOBODY, OperateTest, Refused
from pages import MISBEHAVE

DOCUMENT = support.ROOT / "docs/management-api.md"
EVERYBODY = "D:(A;;GA;;;WD)"
EXITS_KEPT = 50
SCRAPES = 10000


def pools(*, management=None, **properties):
    """`look` answers to .fcgi, one request at a time; `bad` does what it is told. {pool}__{property} changes one of theirs."""
    sections = {"look": {"ExePath": witness.WITNESS, "MaxInstances": 1},
                "bad": {"ExePath": MISBEHAVE, "MaxInstances": 1, "RapidFailsPerMinute": 1000000}}
    for name, value in properties.items():
        pool, _, name = name.partition("__")
        sections[pool][name] = value
    return support.ini({"fcgi": "look", "bad": "bad"}, **sections, **({"Management": management} if management else {}))


class Queries(OperateTest):
    def begin(self, *options, **properties):
        return self.start_host(pools(**properties), *options, maps=".fcgi,.bad")

    def fails(self, code, path="/app/x.bad"):
        """A process exits. A POST, as a GET would be tried again."""
        answer = support.http_request(self.host, f"{path}?way=exit-in-stdin&code={code}", "POST", b"xx")
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (500, "worker_exited"), answer)

    def crashes(self, path="/app/x.bad"):
        answer = support.http_request(self.host, f"{path}?way=crash")
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (500, "worker_crashed"), answer)

    def idle(self, name):
        """The pool when nothing is under way: the end of a request, or of a process, is counted after its client has been answered."""
        def rests():
            pool = self.operator.pool(name)
            workers, totals = pool["workers"], pool["totals"]
            under_way = totals["requests"] - totals["answered"] - totals["failed"] + workers["current"] - workers["idle"]
            return pool if under_way == 0 else None

        return witness.wait_until(rests, f"nothing is under way in {name}")


# ---- each method


class Documented:
    """The objects of the documentation, to hold replies against."""

    TYPES = {"string": str, "number": (int, float), "boolean": bool, "object": dict, "array": list, "id": str, "time": str}

    def __init__(self):
        self.objects = {}
        for title, section in re.findall(r"^### ([^\n]+)\n(.*?)(?=^##)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL):
            rows = re.findall(r"^\| `([\w.]+)` \| ([\w ]+) \| (.*) \|$", section, re.MULTILINE)
            if "| member | type |" in section:
                self.objects[title] = [(name, kind.split(" or "), re.findall(r"`([\w.]+)`", also.partition("also ")[2]))
                                       for name, kind, also in rows]

    def check(self, kind, value):
        """AssertionError unless all members are there, and have their types."""
        for path, types, also in self.objects[kind]:
            for one in [path, *also]:
                found = self.member(kind, value, one)
                wanted = "number" if one.endswith("_unix") else types[0]
                if "null" not in types if found is None else not isinstance(found, self.TYPES[wanted]):
                    raise AssertionError(f"{kind}: {one} is {found!r}, not of type {types}")
                if wanted == "id" and found is not None and not found.isdigit():
                    raise AssertionError(f"{kind}: {one} is no id: {found!r}")

    @staticmethod
    def member(kind, value, path):
        for name in path.split("."):
            if name not in value:
                raise AssertionError(f"{kind} has no member {path}: {value}")
            value = value[name]
        return value


class Methods(Queries):
    def replies(self, connection, operation):
        """Each method that changes nothing, called once. -> {name: result}"""
        calls = {"pool.show": {"pool": "LOOK"}, "operation.wait": {"operation": operation["id"], "timeout_seconds": 60}}
        names = [method["name"] for method in connection.call("rpc.discover")["methods"] if method["right"] == "query"]
        return {name: connection.call(name, **calls.get(name, {})) for name in names}

    def test_each_method_replies_what_is_documented(self):
        self.begin()
        self.good("/app/x.fcgi")
        self.fails(7)
        self.idle("bad")
        operation = self.operator.do("resume", "look")
        with witness.Gate() as gate:
            clients = [self.background(gate.path("running"))]
            gate.arrival()
            clients.append(self.background(gate.path("queued")))
            self.operator.becomes("look", state="running")
            witness.wait_until(lambda: self.operator.pool("look")["requests"]["queued"] == 1, "one request waits")
            replies = self.replies(self.connect(), operation)
            gate.open()
            for client in clients:
                witness.facts(client.result())
        self.assertEqual({reply["api_version"] for reply in replies.values()}, {1})
        self.check_objects(replies)
        self.check_values(replies)

    def check_objects(self, replies):
        documented = Documented()
        for kind, values in {
                "server": [replies["server.info"], replies["status"]["server"]],
                "pool": replies["status"]["pools"] + replies["pool.list"]["pools"] + [replies["pool.show"]["pool"]],
                "worker": replies["worker.list"]["workers"] + replies["pool.show"]["workers"],
                "request": replies["request.list"]["requests"],
                "exit": replies["exit.list"]["exits"] + replies["pool.show"]["exits"],
                "operation": [replies["operation.wait"]["operation"]],
                "setting": replies["pool.show"]["pool"]["settings"],
                "pool configuration": replies["config.show"]["pools"],
                "mapping": replies["config.show"]["types"],
                "management": [replies["config.show"]["management"]],
                "metric": replies["metrics"]["metrics"]}.items():
            self.assertTrue(values, f"there is no {kind} to look at")
            for value in values:
                if kind == "pool" and "settings" not in value:  # of pool.show only
                    value = {**value, "settings": None}
                if kind == "setting" and "variables" not in value:  # of EnvironmentVars only
                    value = {**value, "variables": []}
                if kind == "metric":  # its row is about each of its samples
                    self.check_samples(value)
                    continue
                documented.check(kind, value)

    def check_samples(self, metric):
        self.assertTrue(metric["samples"] or metric["name"] == "fcgi_limit_moves", metric)
        for sample in metric["samples"]:
            members = {"labels", "value"}
            if metric["kind"] == "histogram":
                members = {"labels", "buckets", "sum", "count", "created"}
            elif metric["kind"] == "counter":
                members.add("created")
            self.assertEqual(set(sample), members, metric["name"])
            of_host = metric["name"] in ("fcgi_requests_unrouted", "fcgi_management_requests", "fcgi_config_reloads", "fcgi_config_errors")
            self.assertEqual("pool" in sample["labels"], not of_host, metric["name"])

    def check_values(self, replies):
        ini = support.windows_path(self.host.ini)
        self.assertEqual(replies["server.info"]["pid"], self.operator.pid)
        self.assertEqual(replies["server.info"]["host_program"], "isapihost.exe")
        self.assertEqual(replies["server.info"]["config"]["path"], ini)
        self.assertEqual([pool["name"] for pool in replies["status"]["pools"]], ["look", "bad"])
        self.assertEqual([pool["totals"] for pool in replies["pool.list"]["pools"]],
                         [pool["totals"] for pool in replies["status"]["pools"]])
        self.assertEqual(replies["pool.show"]["pool"]["name"], "look")
        self.assertEqual([worker["pool"] for worker in replies["worker.list"]["workers"]], ["look"])
        self.assertEqual(replies["worker.list"]["workers"][0]["state"], "busy")
        self.assertEqual((replies["config.check"]["path"], replies["config.check"]["errors"], replies["config.check"]["would_replace"]),
                         (ini, 0, True))
        self.assertEqual({(one["extension"], one["pool"]) for one in replies["config.show"]["types"]}, {("fcgi", "look"), ("bad", "bad")})
        operation = replies["operation.wait"]
        self.assertEqual((operation["timed_out"], operation["operation"]["kind"], operation["operation"]["state"]),
                         (False, "resume", "done"))
        self.assertEqual({metric["name"] for metric in replies["metrics"]["metrics"]},
                         set(re.findall(r"^\| `(fcgi_\w+)` ", DOCUMENT.read_text(), re.MULTILINE)))

    def test_what_does_not_exist(self):
        self.begin()
        connection = self.connect()
        for method, params, reason in (("pool.show", {"pool": "nope"}, "no_such_pool"), ("pool.drain", {"pool": "nope"}, "no_such_pool"),
                                       ("worker.kill", {"pool": "look", "pid": 1}, "no_such_worker"),
                                       ("operation.wait", {"operation": "77"}, "no_such_operation"),
                                       ("no.method", {}, "method_not_found"), ("status", {"page": 1}, "invalid_params")):
            with self.subTest(method), self.assertRaises(Refused) as caught:
                connection.call(method, **params)
            self.assertEqual(caught.exception.reason, reason)


# ---- requests and exits


class Requests(Queries):
    def test_a_running_and_a_queued_request(self):
        self.begin(look__ResponseBufferLimit=0)
        before = self.operator.requests()
        with witness.Gate() as gate:
            running = self.background(gate.path("running", "/app/first.fcgi") + "&read=1&early=1", "POST", b"x" * 1000)
            gate.arrival()
            queued = self.background(gate.path("queued", "/app/second.fcgi"))

            def both():
                found = self.operator.requests("look")
                return found if len(found) == 2 and found[0]["sent_bytes"] > 0 else None

            first, second = witness.wait_until(both, "one request has begun its answer, one waits")
            later = self.operator.requests("look")[0]
            gate.open()
            facts = witness.facts(running.result())
            witness.facts(queued.result())
        self.assertEqual(before, [])
        for request, wanted in ((first, ("look", "running", "POST", "/app/first.fcgi", int(facts["pid"]), 1000)),
                                (second, ("look", "queued", "GET", "/app/second.fcgi", None, 0))):
            self.assertEqual(tuple(request[name] for name in ("pool", "state", "method", "url_path", "worker_pid", "body_bytes")), wanted)
            self.assertIn("name=", request["query"])
            self.assertEqual(request["client"], "127.0.0.1")
        self.assertEqual(second["sent_bytes"], 0)
        self.assertGreater(first["age_seconds"], second["age_seconds"])
        self.assertGreater(later["age_seconds"], first["age_seconds"])
        self.assertEqual(later["id"], first["id"])
        self.assertNotEqual(first["id"], second["id"])
        self.idle("look")
        self.assertEqual(self.operator.requests(), [])

    def test_row_19_quotes_and_bytes_that_are_no_ascii_in_a_url(self):
        """As far as the host lets them through: control characters it refuses, and what its code page has not is a question mark."""
        self.begin()
        connection = self.connect()
        with witness.Gate() as gate:
            client = self.background(f"/app/x.fcgi/%22%C3%A4'%3Cb%3E%22?gate={gate.port}&name=\"\\'<b>")
            gate.arrival()
            lines = {}
            for method in ("request.list", "worker.list"):
                connection.send(method)
                lines[method] = connection.line()
            gate.open()
            witness.facts(client.result())
        self.operator.do("recycle", "look", "--now", "--wait")
        connection.send("exit.list")
        lines["exit.list"] = connection.line()
        for method, line in lines.items():
            with self.subTest(method):
                item, = json.loads(line)["result"][method.replace(".", " ").split()[0] + "s"]
                self.assertRegex(item["url_path"], "^/app/x.fcgi/\"[?\N{REPLACEMENT CHARACTER}]+'<b>\"$")
                if method == "request.list":
                    self.assertEqual(item["query"], f"gate={gate.port}&name=\"\\'<b>")


class Exits(Queries):
    def facts(self, exit_):
        names = ("pool", "pid", "code", "code_hex", "code_text", "expected", "cause", "answered", "url_path")
        return tuple(exit_[name] for name in names)

    def test_a_crash_an_exit_and_a_recycled_process(self):
        self.begin()
        pids = [self.good("/app/good.bad")["pid"]]
        self.good("/app/good.bad")
        self.crashes("/app/crash.bad")
        pids.append(self.good("/app/good.bad")["pid"])
        self.fails(7, "/app/exit.bad")
        pids.append(self.good("/app/last.bad")["pid"])
        self.operator.do("recycle", "bad", "--now", "--wait")
        found = self.operator.exits("bad")
        self.assertEqual([self.facts(one) for one in reversed(found)], [
            ("bad", int(pids[0]), 0xC0000005, "0xc0000005", "access violation", False, "worker_crashed", 2, "/app/crash.bad"),
            ("bad", int(pids[1]), 7, "0x00000007", "", False, "worker_exited", 1, "/app/exit.bad"),
            ("bad", int(pids[2]), found[0]["code"], found[0]["code_hex"], found[0]["code_text"], True, None, 1, "/app/last.bad"),
        ])
        ages = [one["age_seconds"] for one in found]
        self.assertEqual(ages, sorted(ages))
        self.assertGreater(found[0]["lived_seconds"], 0)
        self.assertEqual(self.operator.exits("look"), [])
        totals = self.operator.totals("bad")
        self.assertEqual((totals["exits"], totals["unexpected_exits"]), (3, 2))

    def test_the_newest_fifty_are_kept(self):
        self.begin()
        more = 2
        for number in range(EXITS_KEPT + more):
            self.good("/app/x.bad")  # who has answered once is replaced without a pause
            self.fails(number)
        self.idle("bad")
        codes = [one["code"] for one in self.operator.exits()]
        self.assertEqual(codes, list(reversed(range(more, EXITS_KEPT + more))))
        self.assertEqual(self.operator.totals("bad")["exits"], EXITS_KEPT + more)


# ---- counters


def counters(metrics):
    """-> {(name, labels): value} of the counters, and the counts of histograms"""
    return {(metric["name"], *sorted(sample["labels"].items())): sample["value" if metric["kind"] == "counter" else "count"]
            for metric in metrics["metrics"] if metric["kind"] in ("counter", "histogram") for sample in metric["samples"]}


class Counters(Queries):
    def test_the_numbers_are_those_of_what_was_sent(self):
        self.begin(look__QueueLength=1)
        for _ in range(5):
            self.good("/app/x.fcgi")
        with witness.Gate() as gate:
            held = [self.background(gate.path("running"))]
            gate.arrival()
            held.append(self.background(gate.path("queued")))
            witness.wait_until(lambda: self.operator.pool("look")["requests"]["queued"] == 1, "one request waits")
            for _ in range(3):
                self.refused(support.http_request(self.host, "/app/x.fcgi"), "queue_full")
            gate.open()
            for client in held:
                witness.facts(client.result())
        self.operator.do("drain", "look", "--wait")
        for _ in range(2):
            self.refused(support.http_request(self.host, "/app/x.fcgi"), "draining")
        for code in (5, 6):
            self.fails(code)
        self.crashes()
        self.good("/app/x.bad")
        look, bad = self.idle("look")["totals"], self.idle("bad")["totals"]
        self.assertEqual(look, {"requests": 12, "answered": 7, "failed": 5, "failed_by_cause": {"queue_full": 3, "draining": 2},
                                "rejected": 5, "retried": 0, "starts": 1, "start_failures": 0, "exits": 1, "unexpected_exits": 0})
        self.assertEqual(bad, {"requests": 4, "answered": 1, "failed": 3, "failed_by_cause": {"worker_exited": 2, "worker_crashed": 1},
                               "rejected": 0, "retried": 0, "starts": 4, "start_failures": 0, "exits": 3, "unexpected_exits": 3})
        self.check_metrics(counters(self.operator.ask("metrics")), {"look": look, "bad": bad})

    def check_metrics(self, found, totals):
        def split(name, pool, label):
            """-> {value of the label: count} of those that there were"""
            rows = [(dict(labels), value) for (one, *labels), value in found.items() if one == name and value]
            return {labels[label]: value for labels, value in rows if labels["pool"] == pool}

        for pool, numbers in totals.items():
            for name in ("requests", "worker_starts", "worker_start_failures"):
                self.assertEqual(found[f"fcgi_{name}", ("pool", pool)], numbers[name.removeprefix("worker_")], name)
            self.assertEqual(split("fcgi_requests_completed", pool, "result"),
                             {"answered": numbers["answered"], **numbers["failed_by_cause"]})
            self.assertEqual(sum(split("fcgi_requests_retried", pool, "cause").values()), numbers["retried"])
            exits = split("fcgi_worker_exits", pool, "reason")
            self.assertEqual(sum(exits.values()), numbers["exits"])
            self.assertEqual(exits.get("exited", 0) + exits.get("crashed", 0), numbers["unexpected_exits"])

    def scrape(self, connection, count):
        """So many readings, none of which is below the one before. -> the last one"""
        connection.helper.tell(f'repeat {connection.slot} {count} {{"jsonrpc":"2.0","id":1,"method":"metrics"}}')
        before = {}
        for _ in range(count):
            after = counters(json.loads(connection.helper.answer())["result"])
            lower = {name: (value, after.get(name)) for name, value in before.items() if after.get(name, -1) < value}
            if lower:
                raise AssertionError(f"counters went back: {lower}")
            before = after
        return before

    def test_row_20_two_scrapers_while_requests_run_and_pools_are_recycled(self):
        self.begin(look__MaxInstances=2)
        stop = threading.Event()

        def traffic():
            done = 0
            while not stop.is_set():
                self.good(f"/app/x.fcgi?name={done}")
                done += 1
                if done % 20 == 0:
                    self.good("/app/x.bad")
                    self.fails(done)
            return done

        def recycle():
            done = 0
            connection = self.connect()
            while not stop.is_set():
                operation = connection.call("pool.recycle", pool="look")["operation"]
                done += not connection.call("operation.wait", operation=operation["id"], timeout_seconds=60)["timed_out"]
            return done

        first = counters(self.connect().call("metrics"))
        scrapers = [witness.Background(self.scrape, self.connect(), SCRAPES // 2) for _ in range(2)]
        others = [witness.Background(traffic), witness.Background(recycle)]
        try:
            last = [scraper.result(4 * support.SECONDS) for scraper in scrapers]
        finally:
            stop.set()
        for other in others:
            self.assertGreater(other.result(), 0)
        for one in last:
            self.assertEqual([name for name in first if one[name] < first[name]], [])
            self.assertGreater(one["fcgi_requests_completed", ("pool", "look"), ("result", "answered")], 0)


# ---- rights


class Rights(Queries):
    SECRETS = ("secret-of-the-query", "secret-of-the-environment", "The program writes this on stderr")

    def everything(self, operator):
        """All that can be read of the host while a request runs that has to do with each secret. -> text"""
        connection = self.connect(operator)
        methods = connection.call("rpc.discover")["methods"]
        with witness.Gate() as gate:
            client = self.background(gate.path(self.SECRETS[0]))
            gate.arrival()
            text = ""
            for method in methods:
                if method["right"] == "query" and method["name"] != "operation.wait":
                    connection.send(method["name"], **({"pool": "look"} if method["name"] == "pool.show" else {}))
                    text += connection.line() + "\n"
            gate.open()
            witness.facts(client.result())
        return text

    def begin_with_secrets(self, **management):
        self.begin(management=management, look__EnvironmentVars=f"WITNESS_MARK:{self.SECRETS[1]}", bad__ExePath=support.RESPONDER)
        answer = support.http_request(self.host, f"/app/error.bad?kind=stderr&{self.SECRETS[0]}")
        self.assertIn(self.SECRETS[2], answer.text)

    def test_who_may_only_query_sees_no_secrets_and_changes_nothing(self):
        self.begin_with_secrets(QuerySddl=EVERYBODY, OperateSddl=NOBODY)
        text = self.everything(self.operator)
        for secret in self.SECRETS:
            self.assertNotIn(secret, text)
        self.assertIn("WITNESS_MARK", text)  # that there is such a variable may be known
        connection = self.connect()
        methods = [method for method in connection.call("rpc.discover")["methods"] if method["right"] == "operate"]
        self.assertEqual(len(methods), 6)
        pid = self.operator.workers("look")[0]["pid"]
        for method in methods:
            params = {} if method["name"] == "config.reload" else {"pool": "look"}
            params.update({"pid": pid} if method["name"].startswith("worker.") else {})
            with self.subTest(method["name"]), self.assertRaises(Refused) as caught:
                connection.call(method["name"], **params)
            self.assertEqual((caught.exception.reason, caught.exception.error["data"]["right"]), ("access_denied", "operate"))
        self.operator.ask("drain", "look", code=4)
        self.assertEqual(self.good("/app/x.fcgi")["pid"], str(pid))

    def test_who_may_operate_sees_queries_and_variables(self):
        self.begin_with_secrets()
        text = self.everything(self.operator)
        self.assertIn(self.SECRETS[0], text)
        self.assertIn(self.SECRETS[1], text)

    def test_diagnostics_do_not_repeat_variables(self):
        self.begin_with_secrets(QuerySddl=EVERYBODY, OperateSddl=NOBODY)
        self.host.write_ini(pools(look__EnvironmentVars=f"no-colon-{self.SECRETS[1]}", management={"OperateSddl": NOBODY}))
        found = self.connect().call("config.check")
        self.assertGreater(found["errors"] + found["warnings"], 0)
        self.assertIn("EnvironmentVars", json.dumps(found))
        self.assertNotIn(self.SECRETS[1], json.dumps(found))

    def test_who_may_not_even_query_is_told_nothing(self):
        """As soon as the changed file is in force: the pipe is served anew."""
        self.begin()
        self.operator.ask("status")
        self.host.write_ini(pools(management={"QuerySddl": NOBODY, "OperateSddl": NOBODY}))
        witness.wait_until(self.is_denied, "the new lists are in force")
        with self.assertRaises(Refused) as caught:
            self.connect().call("server.info")
        self.assertEqual((caught.exception.reason, caught.exception.error["data"]["right"]), ("access_denied", "query"))
        self.assertEqual(self.good("/app/x.fcgi")["requests"], "1")

    def is_denied(self):
        with contextlib.suppress(AssertionError):  # another exit code: not yet
            self.operator.ask("status", code=4)
            return True
        return False
