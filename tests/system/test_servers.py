"""Several external servers in Address: the load is spread over them, and one that is down costs no request."""

import contextlib
import os
import socket
import sys
import threading

import pages
import support
import witness

sys.path.insert(0, str(support.ROOT / "tests"))
import fcgi_client  # noqa: E402

WHO = b'<?php echo getenv("WHO"), " ", strlen(file_get_contents("php://input"));'
UNKNOWN = "300.1.1.1"  # no address, and no name that anybody has


def address(*ports):
    return ",".join(port if isinstance(port, str) else f"127.0.0.1:{port}" for port in ports)


class Server:
    """A FastCGI server in this program, one connection for each request. It answers with its name, or calls answer(connection)."""

    def __init__(self, name, answer=None):
        self.name = name
        self.answer = answer or self.reply
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(support.SECONDS)
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=[self.listener.accept()[0]], daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(support.SECONDS)
            self.read_request(connection.makefile("rb"))
            self.requests += 1
            self.answer(connection)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    def read_request(self, stream):
        while True:
            _, kind, _, length, padding = fcgi_client.HEADER.unpack(stream.read(fcgi_client.HEADER.size))
            stream.read(length + padding)
            if kind == fcgi_client.STDIN and length == 0:
                return

    def reply(self, connection):
        text = f"Content-Type: text/plain\r\n\r\n{self.name}".encode()
        connection.sendall(fcgi_client.stream(fcgi_client.STDOUT, text)
                           + fcgi_client.record(fcgi_client.END_REQUEST, bytes(8)))


@contextlib.contextmanager
def blackhole():
    """-> the port of a server to which no connection can be made, and that does not say so: its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            visitor = stack.enter_context(socket.socket())
            visitor.settimeout(1)
            try:
                visitor.connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]


class TwoPhps(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.site = servers.folder / "site"
        cls.site.mkdir()
        (cls.site / "who.php").write_bytes(WHO)

    def setUp(self):
        self.phps = {name: self.servers.php(self.site, 2, WHO=name) for name in "AB"}
        self.host = self.servers.host(
            support.ini({"php": "php"}, php={"Address": address(*(php.port for php in self.phps.values())), "MaxInstances": 4}),
            root=self.site)

    def who(self, connection=None, body=None):
        answer = (connection or support.Connection(self.host)).request("/who.php", body=body)
        self.assertEqual(answer.status, 200, answer)
        name, length = answer.text.split()
        self.assertEqual(int(length), len(body or b""))
        return name

    def many(self, count=15, clients=4):
        """-> the names that have answered GETs and POSTs of several clients at the same time"""
        def client(_):
            with support.Connection(self.host) as connection:
                return [self.who(connection, os.urandom(i * 1000) if i % 3 == 0 else None) for i in range(count)]

        return [name for names in support.in_parallel(clients, client) for name in names]

    def test_the_load_is_spread(self):
        with support.Connection(self.host) as connection:
            names = [self.who(connection) for _ in range(20)]
        self.assertEqual((names.count("A"), names.count("B")), (10, 10), names)
        self.assertEqual(set(self.many()), {"A", "B"})

    def test_one_that_is_stopped_costs_no_request_and_is_used_again_when_it_is_back(self):
        for name, other in (("B", "A"), ("A", "B")):
            self.assertEqual(set(self.many()), {"A", "B"})
            port = self.phps[name].port
            self.servers.stop_php(self.phps[name])
            # its children end a moment after it, and until then connections to them are made, and break
            witness.wait_until(lambda: not witness.listening_addresses(port), f"nobody listens at server {name}'s port")
            self.assertEqual(set(self.many()), {other})
            self.phps[name] = self.servers.php(self.site, 2, port=port, WHO=name)
            witness.wait_until(lambda: self.who() == name, f"server {name} is used again")


class Trouble(pages.Page):
    def host_of(self, *ports, **settings):
        self.host = self.servers.host(support.ini({"fcgi": "pool"}, pool={"Address": address(*ports), **settings}),
                                      "--stdin-commands")

    def names(self, count, body=None):
        return [self.works_with(body).text for _ in range(count)]

    def works_with(self, body=None):
        answer = support.http_request(self.host, "/app/x.fcgi", body=body)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def test_all_are_down(self):
        with socket.socket() as one, socket.socket() as other:
            for taken in (one, other):  # and nobody else listens there
                taken.bind(("127.0.0.1", 0))
            ports = [taken.getsockname()[1] for taken in (one, other)]
            self.host_of(*ports)
            details = self.fetch("/app/x.fcgi", 500, "connect_failed")
        self.assertEqual(details["Program"], f"127.0.0.1:{ports[0]}, 127.0.0.1:{ports[1]}")
        self.assertRegex(details["Error number"], r"^(1225 \(0x000004C9\)|10061 \(0x0000274D\))$")

    def test_a_server_that_does_not_take_connections_does_not_hold_up_requests(self):
        """Without a limit of its own the try would take all the time that there is for a start, and fail the request."""
        with blackhole() as hole, Server("good") as good:
            for ports in ((hole, good.port), (good.port, hole)):
                self.host_of(*ports)
                self.assertEqual(set(self.names(4)), {"good"})
                self.assertEqual(set(self.names(4, os.urandom(1000))), {"good"})

    def test_names_that_are_not_known_are_skipped(self):
        with Server("good") as good:
            self.host_of(f"{UNKNOWN}:9000", good.port, "nowhere.invalid:9000")
            self.assertEqual(set(self.names(6)), {"good"})
        self.assertIn(f"{UNKNOWN}:9000", self.fetch("/app/x.fcgi", 500, "connect_failed")["Program"])

    def test_the_least_busy_one_gets_the_next_request(self):
        """Two requests stay at each of three servers; when both of one have ended, it gets the next two."""
        go_on = {name: threading.Event() for name in "ABC"}
        servers = {}

        def slow(name):
            def answer(connection):
                go_on[name].wait(support.SECONDS)
                servers[name].reply(connection)
            return answer

        with contextlib.ExitStack() as stack:
            for name in "ABC":
                servers[name] = stack.enter_context(Server(name, slow(name)))
            self.host_of(*(server.port for server in servers.values()), MaxInstances=10)
            count = {name: 0 for name in "ABC"}

            def reach(**more):
                for name, value in more.items():
                    count[name] += value
                witness.wait_until(lambda: {name: server.requests for name, server in servers.items()} == count,
                                   f"the servers have got {count} requests")

            clients = [witness.Background(self.works_with) for _ in range(6)]
            reach(A=2, B=2, C=2)
            go_on["B"].set()
            witness.wait_until(lambda: sum(client.done() for client in clients) == 2, "two are answered")
            go_on["B"].clear()
            witness.wait_until_in_flight(self.servers, self.host, 4)
            clients += [witness.Background(self.works_with) for _ in range(2)]
            reach(B=2)
            for event in go_on.values():
                event.set()
            self.assertEqual(sorted(client.result().text for client in clients), list("AABBBBCC"))

    def test_what_was_written_is_not_sent_to_another_server(self):
        """Nobody knows what the first one has done with it."""
        with Server("bad", lambda connection: None) as bad, Server("good") as good:
            self.host_of(bad.port, good.port)
            for options in ({}, {"body": b"x" * 1000}):
                before = bad.requests
                while bad.requests == before:
                    requests = good.requests
                    answer = support.http_request(self.host, "/app/x.fcgi", **options)
                self.assertEqual((answer.status, pages.reason(answer)), (500, "connection_closed"), answer)
                self.assertEqual((bad.requests, good.requests), (before + 1, requests))

    def test_a_reload_takes_servers_in_and_out(self):
        with Server("A") as a, Server("B") as b:
            self.host_of(a.port)
            self.assertEqual(self.names(3), ["A"] * 3)

            def change(*ports, **settings):
                self.host.write_ini(support.ini({"fcgi": "pool"}, pool={"Address": address(*ports), **settings}))

            change(a.port, b.port)
            witness.wait_until(lambda: "B" in self.names(2), "B is used")
            change(a.port, b.port, QueueLength=7)  # not a change of the servers
            self.assertEqual(set(self.names(10)), {"A", "B"})
            change(b.port)
            witness.wait_until(lambda: "A" not in self.names(2), "A is not used any more")
            self.assertEqual(self.names(3), ["B"] * 3)

    def test_unloading_while_a_connection_is_being_made(self):
        with blackhole() as hole, blackhole() as other:
            self.host_of(hole, other)
            client = witness.Background(support.http_request, self.host, "/app/x.fcgi")
            witness.wait_until_in_flight(self.servers, self.host, 1)
            self.assertEqual(witness.ask(self.host, "unload now"), "unloaded")
            answer = client.result()
            self.assertEqual((answer.status, pages.reason(answer)), (503, "shutting_down"), answer)
