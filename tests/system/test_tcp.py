"""Protocol=Tcp: processes of our own that are reached by TCP. Their standard input is a socket that listens on this machine only."""

import os
import socket

import pages
import support
import test_bodies
import test_kept_connection
import test_unload
import witness

TCP = {"Protocol": "Tcp"}


class KeptConnection(test_kept_connection.KeptConnection):
    PROTOCOL = "Tcp"


class Uploads(test_bodies.Uploads):
    PROTOCOL = "Tcp"


class Downloads(test_bodies.Downloads):
    PROTOCOL = "Tcp"


class Process(support.SystemTest):
    """What the program is started with."""

    @classmethod
    def start(cls, servers):
        look = {"ExePath": witness.WITNESS, "MaxInstances": 1, **TCP}
        cls.host = servers.host(
            support.ini({"fcgi": "look", "event": "event", "peers": "peers", "free": "free", "pipe": "pipe"}, look=look,
                        event={**look, "SignalBeforeTerminateSeconds": 5},
                        peers={**look, "EnvironmentVars": "fcgi_web_server_addrs:127.0.0.1/,192.0.2.1"},
                        free={**look, "EnvironmentVars": "FCGI_WEB_SERVER_ADDRS:"},
                        pipe={**look, "Protocol": "NamedPipe"}),
            maps=".fcgi,.event,.peers,.free,.pipe")

    def look(self, extension="fcgi"):
        return witness.facts(support.http_request(self.host, f"/app/x.{extension}"))

    def test_standard_input_is_a_socket(self):
        facts = self.look()
        expected = {"stdout": "none", "stderr": "none", "socket_address": "127.0.0.1", "in_job": "yes"}
        self.assertEqual({name: facts.get(name) for name in expected}, expected)

    def test_the_environment_names_the_only_peer_and_no_pipe(self):
        facts = self.look()
        self.assertEqual((facts["peers"], facts["pipe_name"]), ("127.0.0.1", "none"))
        facts = self.look("pipe")
        self.assertEqual((facts["peers"], facts["pipe_name"][:17]), ("none", r"\\.\pipe\IISFCGI-"))
        self.assertNotIn("socket_port", facts)

    def test_the_list_of_peers_that_is_configured_goes_first(self):
        self.assertEqual(self.look("peers")["peers"], "127.0.0.1,192.0.2.1")
        self.assertEqual(self.look("free")["peers"], "none")  # an empty one means that there is to be none

    def test_nothing_else_is_inherited(self):
        self.assertEqual(self.look()["inherited"], "File")
        facts = self.look("event")
        self.assertEqual(sorted(facts["inherited"].split()), ["Event", "File"])
        self.assertEqual((facts["shutdown_event"], facts["shutdown_event_set"]), ("manual reset", "0"))

    def test_it_listens_on_loopback_only_and_nobody_shares_the_port(self):
        port = int(self.look()["socket_port"])
        self.assertEqual(witness.listening_addresses(port), ["0100007F"])
        for reuse in (0, 1):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                with self.assertRaises(OSError):
                    other.bind(("127.0.0.1", port))
                    other.listen()

    def test_each_process_has_a_port_of_its_own(self):
        self.assertEqual(len({self.look(extension)["socket_port"] for extension in ("fcgi", "event", "peers")}), 3)


class Pool(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.all_servers = servers
        look = {"ExePath": witness.WITNESS, **TCP}
        cls.host = servers.host(
            support.ini({"three": "three", "recycle": "recycle", "idle": "idle", "wave": "wave"},
                        three={**look, "MaxInstances": 3},
                        recycle={"ExePath": support.RESPONDER, **TCP, "MaxInstances": 4, "InstanceMaxRequests": 7},
                        idle={**look, "MaxInstances": 1, "IdleTimeout": 1},
                        wave={**look, "MaxInstances": 1, "IdleTimeout": 1, "SignalBeforeTerminateSeconds": 20}),
            "--stdin-commands", maps=".three,.recycle,.idle,.wave")

    def ask(self, path):
        return witness.facts(support.http_request(self.host, path))

    def test_eight_clients_and_three_processes(self):
        with witness.Gate() as gate:
            clients = [witness.Background(self.ask, gate.path(str(i), "/app/x.three")) for i in range(8)]
            for _ in range(3):
                gate.arrival()
            witness.wait_until_in_flight(self.all_servers, self.host, 8)
            self.assertTrue(gate.nobody_waits(), "more requests run than MaxInstances allows")
            gate.open()
            answers = [client.result() for client in clients]
        self.assertEqual([facts["name"] for facts in answers], [str(i) for i in range(8)])
        self.assertEqual(len({facts["pid"] for facts in answers}), 3)

    def test_a_process_is_replaced_after_instance_max_requests_and_no_request_is_lost(self):
        clients, each = 8, 20

        def client(number):
            result = []
            with support.Connection(self.host) as connection:
                for i in range(each):
                    body = os.urandom(100 * i) if i % 3 == 0 else None
                    path = f"/app/{'env' if body is None else 'echo'}.recycle?token-{number}-{i}"
                    answer = connection.request(path, body=body)
                    self.assertEqual(answer.status, 200, answer)
                    if body is None:
                        self.assertEqual(answer.variables()["QUERY_STRING"], f"token-{number}-{i}")
                    else:
                        self.assertEqual(answer.body, body)
                    result.append(int(answer.headers["X-Worker-Requests"]))
            return result

        numbers = [number for result in support.in_parallel(clients, client) for number in result]
        self.assertEqual(len(numbers), clients * each)
        self.assertLessEqual(max(numbers), 7)

    def test_an_idle_process_ends_and_a_new_one_comes(self):
        for _ in range(2):
            ports = []
            for extension in ("idle", "wave"):  # terminated, and asked to end
                facts = self.ask(f"/app/x.{extension}")
                self.assertEqual(facts["requests"], "1", extension)
                ports.append(int(facts["socket_port"]))
            for port in ports:
                witness.wait_until(lambda port=port: not witness.listening_addresses(port), f"the process with port {port} ends", 15)


class Failures(pages.Misbehaving):
    TCP = {**pages.ONE, **TCP}

    def start_pool(self, **settings):
        self.start_host(pool={**self.TCP, **settings})

    def test_a_crash_in_the_middle_gives_the_exit_code(self):
        self.start_pool()
        before = self.good("pool")
        details = self.bad("pool", "way=crash", 500, "worker_crashed")
        self.assertEqual(details["Exit code"], "3221225477 (0xC0000005)")
        self.assertEqual(details["Program"], support.windows_path(pages.MISBEHAVE))
        self.replaced(before, "pool")

    def test_an_exit_in_the_middle_gives_the_exit_code(self):
        self.start_pool(RapidFailsPerMinute=10)
        before = self.good("pool")
        for query, options in (("way=exit-after-headers&code=7", {}), ("way=exit-in-stdin&code=7", {"body": os.urandom(100_000)})):
            self.assertEqual(self.bad("pool", query, 500, "worker_exited", **options)["Exit code"], "7 (0x00000007)")
            before = self.replaced(before, "pool", **options)

    def test_an_exit_at_the_start_gives_the_exit_code(self):
        for way in ("exit-at-start", "exit-after-connect", "exit-after-begin"):
            with self.subTest(way):
                file = self.token()
                self.start_pool(Arguments=self.once(file, way, code=7), RapidFailsPerMinute=1)
                self.assertEqual(self.bad("pool", "", 500, "worker_exited")["Exit code"], "7 (0x00000007)")
                self.assertEqual(self.good("pool", "name=next")["name"], "next")

    def test_a_program_that_does_not_exist(self):
        self.start_pool(ExePath=r"C:\nowhere\no program.exe")
        self.assertEqual(self.bad("pool", "", 500, "start_failed")["Error number"], "2 (0x00000002)")

    def test_a_silent_program_is_timed_out(self):
        self.start_pool(ActivityTimeout=1)
        before = self.good("pool")
        self.bad("pool", "way=silent", 500, "activity_timeout")
        self.replaced(before, "pool")

    def test_a_program_that_never_accepts_is_timed_out(self):
        file = self.token()
        self.start_pool(Arguments=self.once(file, "stay"), StartupTimeout=1)
        self.bad("pool", "", 500, "startup_timeout")
        self.assertEqual(self.good("pool", "name=next")["name"], "next")

    def test_a_request_on_a_connection_that_nobody_accepts_is_sent_again(self):
        """The program ends, as it should, while our connection and the request are still in its backlog."""
        settings = {**self.TCP, "RapidFailsPerMinute": 0, "KeepConnections": "Never"}
        self.start_host("--stdin-commands", pool=settings)
        with witness.Gate() as gate:
            first = witness.Background(self.good, "pool", f"name=1&way=exit-unaccepted&gate={gate.port}")
            gate.arrival().let_go()
            before = first.result()
            leaving = gate.arrival()
            second = witness.Background(self.good, "pool", "name=2")
            witness.wait_until_in_flight(self.servers, self.host, 1)
            leaving.let_go()
            after = second.result()
        self.assertEqual((after["name"], after["requests"]), ("2", "1"))
        self.assertNotEqual(after["pid"], before["pid"])

    def test_a_program_that_ends_after_an_answer_loses_no_request(self):
        self.start_pool(RapidFailsPerMinute=0, KeepConnections="Never")
        pids = set()
        with support.Connection(self.host) as connection:
            for i in range(40):  # not always the same number of requests before the exit: that would be learned
                way = "&way=exit-after-end" if i % 3 == 0 or i % 7 == 0 else ""
                facts = witness.facts(connection.request(f"/app/x.pool?name={i}{way}"))
                self.assertEqual(facts["name"], str(i))
                pids.add(facts["pid"])
        self.assertGreater(len(pids), 10)

    def test_the_connection_ends_in_the_middle_of_a_record(self):
        self.start_pool(MaxInstances=4, RapidFailsPerMinute=1000)
        support.in_parallel(4, lambda i: self.bad("pool", f"way=eof&at={(0, 3, 8, 50)[i]}", 500, "connection_closed"))
        self.assertEqual(self.good("pool", "name=after")["name"], "after")

    def test_standard_error_can_end_the_process(self):
        self.host = self.servers.host(support.ini({"fcgi": "good"}, good={
            "ExePath": support.RESPONDER, "MaxInstances": 1, "StderrMode": "TerminateProcess", **TCP}))
        pids = [self.works().headers["X-Worker-Pid"]]
        answer = support.http_request(self.host, "/app/error.fcgi?kind=stderr")
        self.assertEqual((answer.status, pages.reason(answer)), (500, "stderr"))
        pids.append(self.works().headers["X-Worker-Pid"])
        self.assertNotEqual(pids[0], pids[1])


class ShutdownEvent(pages.Misbehaving):
    def test_a_program_that_sleeps_until_a_connection_comes_is_woken(self):
        """It has had its last request, its connection is closed, and it would be terminated in an hour."""
        for protocol in ("Tcp", "NamedPipe"):
            with self.subTest(protocol):
                self.start_host(pool={**pages.ONE, "Protocol": protocol, "Arguments": "way=poll-event", "InstanceMaxRequests": 1,
                                      "KeepConnections": "Never", "SignalBeforeTerminateSeconds": 3600})
                self.assertEqual(self.good("pool", body=b"x")["requests"], "1")
                witness.wait_until_gone(self.servers, pages.MISBEHAVE)
                self.good("pool")
                witness.wait_until_gone(self.servers, pages.MISBEHAVE)


class Unload(test_unload.Unload):
    # They start hosts of their own kind, and are the same as in their own file.
    test_unload_does_not_wait_for_clients_that_pause = None
    test_unload_does_not_wait_for_a_server_that_does_not_answer = None

    def host(self, *options, **properties):
        return super().host(*options, **TCP, **properties)


class UnloadWithoutConnection(pages.Misbehaving):
    """TerminateExtension leaves no process: one is idle on a kept connection, one waits for the next connection."""

    def ends(self, **settings):
        host = self.start_host("--stdin-commands", kept={**pages.ONE, **TCP, **settings},
                               never={**pages.ONE, **TCP, "KeepConnections": "Never", **settings})
        for pool in ("kept", "never"):
            self.good(pool)
        self.assertEqual(len(witness.processes(self.servers, pages.MISBEHAVE)), 2)
        self.assertEqual(witness.ask(host, "unload", test_unload.QUICK), "unloaded")
        witness.wait_until_gone(self.servers, pages.MISBEHAVE)
        self.assertEqual(witness.ask(host, "load"), "loaded")
        self.good("kept")

    def test_processes_that_are_terminated(self):
        self.ends()

    def test_processes_that_are_asked_to_end(self):
        self.ends(SignalBeforeTerminateSeconds=30)
