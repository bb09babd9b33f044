"""The end: of the DLL (TerminateExtension) and of the host. Whatever runs, it is quick, every client hears of it, no process is left."""

import contextlib
import http.client
import os
import signal
import socket
import threading

import scripted
import support
import witness
from scripted import PLAIN, path

LONG = 64 * 1024 * 1024  # bytes: more than two sockets hold
QUICK = 20  # seconds; nothing that is waited for takes that long


def end_of(function, *arguments):
    """-> the answer, or the error with which the client saw the connection end"""
    try:
        return function(*arguments)
    except (http.client.HTTPException, ConnectionError, EOFError) as error:
        return error


class End(support.SystemTest):
    def refused(self, answer):
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (503, "shutting_down"), answer)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)


class Unload(End):
    def host(self, *options, **properties):
        return self.servers.host(
            support.ini({"fcgi": "look", "echo": "echo"},
                        look={"ExePath": witness.WITNESS, "MaxInstances": 2, **properties},
                        echo={"ExePath": support.RESPONDER, "MaxInstances": 2, **properties}),
            "--stdin-commands", *options, maps=".fcgi,.echo")

    def no_worker_is_left(self):
        """Already when `unloaded` has been said: TerminateExtension waits for the end of each process."""
        for program in (witness.WITNESS, support.RESPONDER):
            # a process that has ended may be on its way out of the process table
            witness.wait_until_gone(self.servers, program, QUICK)

    def works(self, host):
        self.assertEqual(witness.facts(support.http_request(host, "/app/x.fcgi"))["requests"], "1")
        self.assertEqual(support.http_request(host, "/app/env.echo").status, 200)

    def test_unload_ends_all_processes_and_after_it_all_works_again(self):
        for properties in ({}, {"SignalBeforeTerminateSeconds": 30}):
            with self.subTest(properties):
                host = self.host(**properties)
                for _ in range(2):
                    self.works(host)
                    self.assertEqual(witness.ask(host, "unload", QUICK), "unloaded")
                    self.no_worker_is_left()
                    self.assertEqual(witness.ask(host, "load"), "loaded")

    def test_unload_before_the_first_request_and_twice(self):
        host = self.host()
        for command, answer in (("unload", "unloaded"), ("unload", "unloaded"), ("load", "loaded"), ("load", "loaded"),
                                ("unload now", "unloaded")):
            self.assertEqual(witness.ask(host, command, QUICK), answer)
        self.works(host)

    def unload_under_requests(self, *options, slow_clients=True):
        host = self.host(*options)
        self.works(host)
        with witness.Gate() as gate, contextlib.ExitStack() as connections:
            clients = [witness.Background(support.http_request, host, gate.path(str(i))) for i in range(8)]
            inside = [gate.arrival(), gate.arrival()]
            slow = [connections.enter_context(support.RawConnection(host)) for _ in range(2 if slow_clients else 0)]
            if slow:
                upload, download = slow  # one stops in the middle of its body, the other does not read
                upload.send(b"POST /app/echo.echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(100_000))
                download.send(b"GET /app/download.echo?bytes=100000000&length=no HTTP/1.1\r\nHost: x\r\n\r\n")
                download.read_until(b"\r\n\r\n")
            witness.wait_until_in_flight(self.servers, host, len(clients) + len(slow))
            self.assertEqual(witness.ask(host, "unload now", QUICK), "unloaded")
            for client in clients:
                self.refused(client.result(QUICK))
            for client in slow:
                end_of(client.read_all, QUICK)
            self.assertEqual(len(inside), 2)
        self.no_worker_is_left()
        self.works(host)

    def test_unload_while_requests_run_and_wait(self):
        self.unload_under_requests()

    def test_unload_while_requests_run_and_completions_come_late(self):
        self.unload_under_requests("--completions", "late")

    def test_unload_while_requests_run_and_completions_come_inside_the_call(self):
        # Such a host waits for its client inside our call: a slow client would hold us up as long as the host's time-out.
        self.unload_under_requests("--completions", "inline", slow_clients=False)

    def test_unload_does_not_wait_for_a_server_that_does_not_answer(self):
        with contextlib.ExitStack() as sockets:
            server = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            address = server.getsockname()
            with contextlib.suppress(TimeoutError):
                while True:  # until its queue is full: from then on a connection is neither taken nor refused
                    sockets.enter_context(socket.create_connection(address, 0.3))
            host = self.servers.host(support.ini({"fcgi": "out"}, out={"Address": f"127.0.0.1:{address[1]}"}), "--stdin-commands")
            client = witness.Background(support.http_request, host, "/app/x.fcgi")
            witness.wait_until_in_flight(self.servers, host, 1)
            self.assertEqual(witness.ask(host, "unload now", QUICK), "unloaded")
            self.refused(client.result(QUICK))

    def test_unload_does_not_wait_for_clients_that_pause(self):
        """One has sent half of a body that is of no use, one does not read. Their programs have answered: their workers serve others. The
        clients would be waited for as long as the host's time-out."""
        one = {"ExePath": scripted.PROGRAM, "MaxInstances": 1}
        host = self.servers.host(support.ini({"half": "half", "long": "long"}, half=one, long={**one, "ResponseBufferLimit": LONG}),
                                 "--stdin-commands", "--timeout", "600", maps=".half,.long")
        with support.RawConnection(host) as upload, support.RawConnection(host) as download, witness.Gate() as gate:
            target = path("half", ("gate", gate.port), ("out", PLAIN + "early"))
            upload.send(scripted.request_head(target, "POST", "HTTP/1.1", "Content-Length: 300000") + bytes(49152))
            visitor = gate.arrival()
            witness.wait_until_in_flight(self.servers, host, 1)
            visitor.let_go()
            download.send(scripted.request_head(path("long", ("out", PLAIN), ("bytes", LONG // 2)), "GET", "HTTP/1.1"))
            download.read_until(b"\r\n\r\n")
            for pool in ("half", "long"):
                self.assertEqual(support.http_request(host, path(pool, ("out", PLAIN + "next"))).text, "next")
            witness.wait_until(lambda: witness.in_flight(host) == 2, "only the clients that pause are left")
            self.assertEqual(witness.ask(host, "unload now", QUICK), "unloaded")
            for raw in (upload, download):
                end_of(raw.read_all, QUICK)

    def test_again_and_again_under_load(self):
        """Each request is answered well, or with 503, or sees its connection end; nothing hangs."""
        host = self.host()
        stop = threading.Event()
        good = []

        def client(number):
            i = 0
            while not stop.is_set():
                i += 1
                token = f"{number}-{i}"
                body = os.urandom(50000) if i % 2 else None
                answer = end_of(support.http_request, host, f"/app/{'echo' if body else 'env'}.echo?{token}", None, body)
                if not isinstance(answer, support.Answer):
                    continue
                if answer.status == 200:
                    good.append(1)
                    if answer.body != body if body else answer.variables()["QUERY_STRING"] != token:
                        raise AssertionError(answer)
                else:
                    self.refused(answer)

        clients = [witness.Background(client, number) for number in range(6)]
        try:
            for command in ("unload now", "unload") * 5:
                wanted = len(good) + 5
                witness.wait_until(lambda: len(good) >= wanted or any(one.done() for one in clients), "5 good answers")
                self.assertEqual(witness.ask(host, command), "unloaded")
        finally:
            stop.set()
        for one in clients:
            one.result()


class Stop(End):
    def start_host(self, *options):
        host = self.servers.host(support.ini({"fcgi": "look"}, look={"ExePath": witness.WITNESS, "MaxInstances": 2}), *options)
        witness.facts(support.http_request(host, "/app/x.fcgi"))
        return host

    def expect_end(self, host):
        self.assertEqual(host.process.wait(QUICK), 0, host.what_it_said(1))
        witness.wait_until_gone(self.servers, witness.WITNESS, QUICK)

    def test_end_of_stdin(self):
        host = self.start_host()
        host.process.stdin.close()
        self.expect_end(host)

    def test_ctrl_c(self):
        host = self.start_host()
        os.kill(witness.host_process(self.servers), signal.SIGINT)
        self.expect_end(host)

    def test_requests_that_run_end_first(self):
        host = self.start_host()
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, host, gate.path("last"))
            visitor = gate.arrival()
            host.process.stdin.close()
            visitor.let_go()
            self.assertEqual(witness.facts(client.result(QUICK))["name"], "last")
            self.expect_end(host)

    def test_a_request_that_does_not_end_is_ended(self):
        host = self.start_host("--stop-timeout", "1")
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, host, gate.path("never"))
            gate.arrival()
            host.process.stdin.close()
            self.refused(client.result(QUICK))
            self.expect_end(host)

    def test_a_host_that_is_killed_takes_its_workers_along(self):
        """Their job ends with its last handle."""
        host = self.start_host()
        os.kill(witness.host_process(self.servers), signal.SIGKILL)
        host.process.wait(QUICK)
        witness.wait_until_gone(self.servers, witness.WITNESS, QUICK)
        self.servers.hosts.remove(host)
