"""A changed fcgiext.ini, and a changed file of MonitorChangesTo, take effect while requests run; none is lost."""

import pathlib
import re
import shutil

import operate
import support
import witness
from operate import OperateTest
from pages import MISBEHAVE

WAIT = 30  # seconds
CLIENTS = 32
RELOADS = 100


def pools(*, names=("look",), types=None, **properties):
    """An ini with one pool of the witness for each name, mapped to .fcgi (the first) or to .NAME."""
    sections = {name: {"ExePath": witness.WITNESS, "MaxInstances": 2, **properties} for name in names}
    if types is None:
        types = {"fcgi" if name == names[0] else name: name for name in names}
    return support.ini(types, **sections)


class Reload(support.SystemTest):
    def host(self, ini):
        return self.servers.host(ini, maps=".fcgi,.second")

    def facts(self, host, page="/app/x.fcgi"):
        return witness.facts(support.http_request(host, page))

    def worker(self, host):
        return self.facts(host)["pid"]

    def becomes(self, what, condition):
        witness.wait_until(condition, what, WAIT)

    def test_a_new_mapping_and_its_pool(self):
        host = self.host(pools())
        before = self.worker(host)
        self.assertEqual(support.http_request(host, "/app/x.second").status, 500)
        host.write_ini(pools(names=("look", "second")))
        self.becomes("the new pool answers", lambda: support.http_request(host, "/app/x.second").status == 200)
        self.assertEqual(self.worker(host), before)  # a pool that has not changed is left alone

    def test_a_pool_that_is_taken_out_ends_and_comes_back(self):
        host = self.host(pools(names=("look", "second")))
        self.facts(host, "/app/x.second")
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, host, gate.path("last", "/app/x.second"))
            visitor = gate.arrival()
            host.write_ini(pools())
            self.becomes("the mapping has gone", lambda: support.http_request(host, "/app/x.second").status == 500)
            visitor.let_go()
            self.assertEqual(witness.facts(client.result())["name"], "last")
        witness.wait_until_gone(self.servers, witness.WITNESS, WAIT)
        host.write_ini(pools(names=("look", "second")))
        self.becomes("the pool answers again", lambda: support.http_request(host, "/app/x.second").status == 200)

    def test_environment_variables_reach_new_processes(self):
        host = self.host(pools(EnvironmentVars="WITNESS_MARK:old"))
        self.assertEqual(self.facts(host)["mark"], "old")
        host.write_ini(pools(EnvironmentVars="WITNESS_MARK:new"))
        self.becomes("a process has the new variable", lambda: self.facts(host)["mark"] == "new")

    def test_limits_change_without_new_processes(self):
        host = self.host(pools(MaxInstances=1))
        before = self.worker(host)
        with witness.Gate() as gate:
            clients = [witness.Background(support.http_request, host, gate.path(str(i))) for i in range(3)]
            first = gate.arrival()
            host.write_ini(pools(MaxInstances=3))
            others = [gate.arrival(), gate.arrival()]
            self.assertEqual({first.name, *(one.name for one in others)}, {"0", "1", "2"})
            gate.open()
            self.assertIn(before, [witness.facts(client.result())["pid"] for client in clients])

    def test_an_invalid_file_leaves_the_last_good_one_in_force(self):
        host = self.host(pools())
        before = self.worker(host)
        host.write_ini(pools(MaxInstances="many", names=("look", "second")))
        host.write_ini(b"nonsense\n")
        host.write_ini(pools(names=("look", "second"), QueueLength=7))  # its effect shows that the others have been read, or skipped
        self.becomes("the good file is in force", lambda: support.http_request(host, "/app/x.second").status == 200)
        host.write_ini(b"[Types]\nfcgi=look\n[look]\nMaxInstances=many\n")
        host.write_ini(pools(types={"fcgi": "look"}))
        self.becomes("the last file is in force", lambda: support.http_request(host, "/app/x.second").status == 500)
        self.assertEqual(self.worker(host), before)

    def test_a_file_that_was_broken_or_missing_at_the_start(self):
        for text in (b"[Types]\nfcgi=look\n[look]\nMaxInstances=many\n", b""):
            with self.subTest(text):
                host = self.host(text)
                self.assertEqual(support.http_request(host, "/app/x.fcgi").headers["X-Fcgiext-Reason"], "config_invalid")
                host.write_ini(pools())
                self.becomes("it answers", lambda: support.http_request(host, "/app/x.fcgi").status == 200)

    def test_a_corrected_program_is_tried_at_once_after_rapid_fail(self):
        host = self.host(pools(Arguments="exit=3", RapidFailsPerMinute=0))
        self.becomes("the pool is in rapid-fail", lambda: support.http_request(host, "/app/x.fcgi").status == 503)
        host.write_ini(pools(RapidFailsPerMinute=0))
        self.becomes("it answers", lambda: support.http_request(host, "/app/x.fcgi").status == 200)


class Monitor(support.SystemTest):
    def start_host(self, path, **properties):
        host = self.servers.host(pools(MonitorChangesTo=path, **properties))
        return host, witness.facts(support.http_request(host, "/app/x.fcgi"))["pid"]

    def new_worker(self, host, before, what):
        witness.wait_until(lambda: witness.facts(support.http_request(host, "/app/x.fcgi"))["pid"] != before, what, WAIT)
        return witness.facts(support.http_request(host, "/app/x.fcgi"))["pid"]

    def test_a_file_that_appears_changes_is_replaced_and_disappears(self):
        self.servers.folder.mkdir(parents=True, exist_ok=True)
        file = self.servers.folder / "monitored.txt"
        host, worker = self.start_host(file)
        file.write_text("1")
        worker = self.new_worker(host, worker, "the file has appeared")
        file.write_text("22")
        worker = self.new_worker(host, worker, "the file has been written")
        new = file.with_suffix(".new")
        new.write_text("333")
        new.replace(file)
        worker = self.new_worker(host, worker, "the file has been replaced")
        file.unlink()
        self.new_worker(host, worker, "the file has gone")

    def test_a_relative_path_begins_at_the_folder_of_the_program(self):
        program = self.servers.folder / witness.WITNESS.name
        shutil.copy(witness.WITNESS, program)
        host, worker = self.start_host("monitored.txt", ExePath=program)
        (self.servers.folder / "monitored.txt").write_text("1")
        self.new_worker(host, worker, "the file has appeared")

    def test_a_relative_path_may_lead_through_folders(self):
        program = self.servers.folder / "bin" / witness.WITNESS.name
        (self.servers.folder / "etc").mkdir()
        program.parent.mkdir()
        shutil.copy(witness.WITNESS, program)
        host, worker = self.start_host(r"..\etc\monitored.txt", ExePath=program)
        (self.servers.folder / "etc/monitored.txt").write_text("1")
        self.new_worker(host, worker, "the file has appeared")

    def starts(self, host):
        return operate.Operator(self.servers, host).totals("look")["starts"]

    def test_other_files_of_the_folder_do_not_matter(self):
        file = self.servers.folder / "monitored.txt"
        host, worker = self.start_host(file)
        for name in ("other.txt", "monitored.txt2", "monitored"):
            file.with_name(name).write_text("1")
            file.with_name(name).rename(file.with_name("moved"))
        self.assertEqual(witness.facts(support.http_request(host, "/app/x.fcgi"))["pid"], worker)
        file.write_text("1")
        self.new_worker(host, worker, "the file has appeared")
        self.assertEqual(self.starts(host), 2)

    def test_another_file_is_monitored_from_the_reload_on(self):
        first, second = (self.servers.folder / name for name in ("first.txt", "second.txt"))
        host, worker = self.start_host(first)
        host.write_ini(pools(MonitorChangesTo=second, types={"fcgi": "look", "php": "look"}))
        witness.wait_until(lambda: support.http_request(host, "/app/x.php").status == 200, "the ini has been read", WAIT)
        first.write_text("1")
        second.write_text("1")
        self.new_worker(host, worker, "the file has appeared")
        self.assertEqual(self.starts(host), 2)

    def test_fifty_changes_in_a_row_are_few_recycles(self):
        """Each is followed by a request, which the newest process gets: so each recycle could have a process of its own."""
        file = self.servers.folder / "monitored.txt"
        host, worker = self.start_host(file)
        with support.Connection(host) as connection:
            for i in range(50):
                file.write_text("x" * i)
                witness.facts(connection.request("/app/x.fcgi"))
        self.new_worker(host, worker, "the workers are replaced")
        self.assertLess(self.starts(host), 40)  # a machine under load may let the file rest for long enough at times

    def sleepers(self, servers, connection, trigger):
        """Processes are replaced, for whatever reason. -> threads of the host that have slept meanwhile, and those that have not"""
        def switches():
            tasks = pathlib.Path(f"/proc/{witness.host_process(servers)}/task").iterdir()
            return {task.name: re.search(r"(?m)^voluntary_ctxt_switches:.*", (task / "status").read_text())[0] for task in tasks}

        def worker():
            return witness.facts(connection.request("/app/x.fcgi"))["pid"]

        before, old = switches(), worker()
        for _ in range(50):
            worker()
        trigger()
        witness.wait_until(lambda: worker() != old, "the workers are replaced", WAIT)
        after = switches()
        slept = {thread for thread in before if before[thread] == after.get(thread)}
        return slept, set(before) - slept

    def test_the_thread_that_watches_sleeps_while_nothing_changes(self):
        """It is the one that wakes when the file has changed, but never when processes are replaced for another reason."""
        file = self.servers.folder / "monitored.txt"
        host, _ = self.start_host(file)
        operator = operate.Operator(self.servers, host)
        threads = None
        with support.Connection(host) as connection:
            for i in range(3):
                slept, _ = self.sleepers(self.servers, connection, lambda: operator.do("recycle", "look"))
                _, woke = self.sleepers(self.servers, connection, lambda: file.write_text("x" * i))
                threads = slept & woke & (threads if threads is not None else woke)
        self.assertEqual(len(threads), 1)

    def test_a_folder_that_appears_later(self):
        folder = self.servers.folder / "later"
        host, worker = self.start_host(folder / "monitored.txt")
        folder.mkdir()
        (folder / "monitored.txt").write_text("1")
        self.new_worker(host, worker, "the file has appeared in a new folder")

    def test_no_request_is_lost_while_workers_are_replaced(self):
        file = self.servers.folder / "monitored.txt"
        host, worker = self.start_host(file)
        with witness.Browsers(host, 8) as browsers:
            for i in range(10):
                file.write_text("x" * i)
                worker = self.new_worker(host, worker, f"the workers are replaced for the {i + 1}th time")
        self.assertGreater(min(browsers.asked), 0)


class UnderLoad(OperateTest):
    """A file that is replaced, and taken, again and again; the watch sees it, too."""

    def ini(self, number):
        """Each one asks for something else: other processes, a limit, nothing as it is broken, one more pool."""
        more = [{"EnvironmentVars": f"WITNESS_MARK:{number}"}, {"QueueLength": 1000 + number}, {"QueueLength": "many"}, {}][number % 4]
        return pools(names=("look", "second")[:1 + (number % 4 == 3)], ExePath=MISBEHAVE, **more)

    def test_a_hundred_reloads_under_32_clients_lose_nothing(self):
        host = self.start_host(self.ini(0), maps=".fcgi,.second")
        connection = self.connect()
        ends = []
        with witness.Browsers(host, CLIENTS) as browsers:
            witness.wait_until(lambda: self.operator.totals("look")["answered"] >= CLIENTS, "the clients are at work")
            for number in range(1, RELOADS + 1):
                host.write_ini(self.ini(number))
                operation = connection.call("config.reload")["operation"]
                ended = connection.call("operation.wait", operation=operation["id"], timeout_seconds=WAIT)["operation"]
                ends.append((number % 4, ended["state"]))
        self.assertEqual(set(ends), {(0, "done"), (1, "done"), (2, "failed"), (3, "done")})
        totals = self.operator.totals_at_rest("look")
        sent = sum(browsers.asked)
        self.assertEqual((totals["requests"], totals["answered"], totals["failed"], totals["rejected"]), (sent, sent, 0, 0))
        self.assertEqual((totals["start_failures"], totals["unexpected_exits"]), (0, 0))
        self.assertGreaterEqual(totals["starts"], 2, "some changes ask for other processes")
