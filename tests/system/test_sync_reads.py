"""Hosts that refuse asynchronous reads: bodies are read on a bounded number of threads of the DLL's own, and a client that sends nothing
holds one of them, but no thread of the host, none that serves workers, and no other client's answer."""

import contextlib
import os

import pages
import scripted
import support
import witness
from scripted import PLAIN, path

THREADS = 32  # SYNC_READ_THREADS
CHUNKED = "Transfer-Encoding: chunked"


class SyncReads(support.SystemTest):
    host_options = ("--no-async-read",)

    def start_host(self, *options):
        self.host = self.servers.host(support.ini({"fcgi": "fcgi"}, fcgi={"ExePath": scripted.PROGRAM, "MaxInstances": 1}),
                                      "--stdin-commands", *options)
        self.connections = self.enterContext(contextlib.ExitStack())

    def client(self):
        """One that announces a body, and says nothing of it. The host asks for it (100) when somebody reads."""
        raw = self.connections.enter_context(support.RawConnection(self.host))
        target = path("fcgi", ("read", 1000), ("out", PLAIN), ("told", 1))
        raw.send(scripted.request_head(target, "POST", "HTTP/1.1", CHUNKED, "Expect: 100-continue"))
        return raw

    def is_read(self, raw):
        raw.read_until(b"HTTP/1.1 100 Continue\r\n\r\n")

    def is_not_read(self, raw):
        """The host has nothing to do, and has not asked."""
        raw.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            raw.socket.recv(1)

    def sends(self, raw):
        raw.send(b"3\r\n\0\1\2\r\n0\r\n\r\n")

    def is_answered(self, raw):
        self.assertEqual(scripted.Answer(raw, "POST").body, b"read=3 wrong=0\n")

    def silent(self, count):
        """As many clients, of whom each holds a thread; the last `count` in line for one."""
        readers = [self.client() for _ in range(THREADS)]
        for raw in readers:
            self.is_read(raw)
        waiting = []
        for _ in range(count):
            waiting.append(self.client())
            witness.wait_until_in_flight(self.servers, self.host, THREADS + len(waiting))
            self.is_not_read(waiting[-1])
        return readers, waiting

    def test_clients_beyond_the_threads_wait_in_their_order_and_hold_up_no_others(self):
        self.start_host()
        readers, waiting = self.silent(3)
        answer = support.http_request(self.host, path("fcgi", ("out", PLAIN + "others are served")))
        self.assertEqual((answer.status, answer.text), (200, "others are served"))
        body = support.http_request(self.host, path("fcgi", ("read", 9), ("out", PLAIN), ("told", 1)), body=scripted.pattern(3))
        self.assertEqual(body.text, "read=3 wrong=0\n")  # came with its request: nothing to be read
        for i in range(3):
            self.sends(readers[i])  # the read that would bring the end of this body is the last in line now
            self.is_read(waiting[i])
            witness.wait_until_in_flight(self.servers, self.host, THREADS + 3)
            for raw in [*readers[:i + 1], *waiting[i + 1:]]:
                self.is_not_read(raw)
        for raw in readers[3:] + waiting:
            self.sends(raw)
        for raw in readers + waiting:
            self.is_answered(raw)

    def test_threads_that_serve_workers_do_not_wait_for_clients(self):
        count = min(THREADS, max(4, 2 * os.cpu_count()))  # as many as there are such threads
        self.host = self.servers.host(
            support.ini({"fcgi": "fcgi", "slow": "slow"}, fcgi={"ExePath": scripted.PROGRAM, "MaxInstances": 1},
                        slow={"ExePath": pages.MISBEHAVE, "MaxInstances": count}), "--stdin-commands", maps=".fcgi,.slow")
        with contextlib.ExitStack() as connections:
            clients = [connections.enter_context(support.RawConnection(self.host)) for _ in range(count)]
            for raw in clients:
                raw.send(scripted.request_head("/app/x.slow", "POST", "HTTP/1.1", "Content-Length: 70000") + bytes(100))
            witness.wait_until_in_flight(self.servers, self.host, count)
            for i in range(count):
                answer = support.http_request(self.host, path("fcgi", ("out", PLAIN + str(i))))
                self.assertEqual((answer.status, answer.text), (200, str(i)))
            for raw in clients:
                raw.send(bytes(69900))
            for raw in clients:
                self.assertIn(b"body=70000\n", scripted.Answer(raw, "POST").body)

    def test_one_that_leaves_makes_room(self):
        self.start_host()
        readers, waiting = self.silent(2)
        readers[5].reset()
        self.is_read(waiting[0])
        readers[6].socket.close()
        self.is_read(waiting[1])
        for raw in waiting:
            self.sends(raw)
            self.is_answered(raw)

    def test_unloading_does_not_wait_for_silent_clients(self):
        self.start_host()
        for _ in range(2):
            self.silent(3)
            self.assertEqual(witness.ask(self.host, "unload now"), "unloaded")
            self.assertEqual(witness.ask(self.host, "load"), "loaded")
        raw = self.client()
        self.is_read(raw)
        self.sends(raw)
        self.is_answered(raw)

    def pauses(self, *options):
        """The program has answered, the pool has forgotten the request; the client sends no more of the body that it has announced."""
        self.start_host(*options)
        raw = self.connections.enter_context(support.RawConnection(self.host))
        with witness.Gate() as gate:
            target = path("fcgi", ("gate", gate.port), ("out", PLAIN + "early"))
            raw.send(scripted.request_head(target, "POST", "HTTP/1.1", "Content-Length: 300000") + bytes(49152))
            visitor = gate.arrival()
            witness.wait_until_in_flight(self.servers, self.host, 1)
            visitor.let_go()
        answer = support.http_request(self.host, path("fcgi", ("out", PLAIN + "next")))  # so the worker is free
        self.assertEqual(answer.text, "next")
        self.assertEqual(witness.ask(self.host, "unload now"), "unloaded")

    def test_unloading_does_not_wait_for_the_rest_of_a_body_that_is_of_no_use(self):
        self.pauses("--iis", "7")

    def test_unloading_does_not_wait_for_it_where_completions_come_inside_the_call(self):
        self.pauses("--completions", "inline")


if __name__ == "__main__":
    support.unittest.main()
