"""fcgictl exporter: what it serves, to whom, and how it starts and ends; with real hosts, and with none."""

import os
import signal
import socket
import unittest

import exporter
import fcgictl
import pages
import support
import witness

PATHS = {
    "/": ("text/html; charset=utf-8", b"<!doctype html>"),
    "/metrics": ("text/plain; version=0.0.4; charset=utf-8", b"# TYPE fcgi_hosts gauge\n"),
    "/status.json": ("application/json", b'{"api_version":1,'),
    "/healthz": ("text/plain; charset=utf-8", b"ok: 1 of 1 hosts answering\n"),
}
ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
          "Cross-Origin-Resource-Policy": "same-origin", "Connection": "close"}


class Serving(exporter.ExporterTest):
    @classmethod
    def start(cls, servers):
        cls.host = servers.host(support.ini({"look": "look", "bad": "bad"}, look={"ExePath": witness.WITNESS, "MaxInstances": 2},
                                            bad={"ExePath": pages.MISBEHAVE, "MaxInstances": 1}), maps=".look,.bad")
        witness.facts(support.http_request(cls.host, "/app/x.look"))
        cls.start_class_exporter(servers)

    def raw(self, head):
        """-> the status of the answer to a request that no client would make; None: the connection was just closed"""
        with support.RawConnection(self.exporter) as connection:
            connection.send(head.replace(b"PORT", str(self.exporter.ports[0]).encode()))
            answer = connection.read_all()
        return int(answer.split()[1]) if answer else None

    def test_each_path(self):
        for path, (content_type, start) in PATHS.items():
            with self.subTest(path):
                answer = support.http_request(self.exporter, path)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, content_type))
                self.assertTrue(answer.body.startswith(start), answer)
                self.assertEqual({name: answer.headers[name] for name in ALWAYS}, ALWAYS)
                self.assertRegex(answer.headers["Content-Security-Policy"], "^default-src 'none'; .*frame-ancestors 'none'$")
                self.assertNotIn("unsafe", answer.headers["Content-Security-Policy"])
                self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])
                self.assertEqual(support.http_request(self.exporter, path + "?x=1").status, 200)

    def test_head_has_the_length_and_no_body(self):
        for path in PATHS:
            answer = support.http_request(self.exporter, path, "HEAD")
            self.assertEqual((answer.status, answer.body), (200, b""), path)
            self.assertGreater(int(answer.headers["Content-Length"]), 10, path)

    def test_other_paths(self):
        for path in ("/index.html", "/metrics/", "/status", "/%6detrics", "/../metrics", "/metrics;x", "/dashboard.html"):
            self.assertEqual(support.http_request(self.exporter, path).status, 404, path)

    def test_other_methods_and_bodies(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = support.http_request(self.exporter, "/status.json", method)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)
        self.assertEqual(support.http_request(self.exporter, "/", "GET", b"x").status, 400)
        self.assertEqual(self.raw(b"GET / HTTP/1.1\r\nHost: localhost:PORT\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400)

    def test_only_its_own_names_are_answered(self):
        port = self.exporter.ports[0]
        for name in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"):
            self.assertEqual(support.http_request(self.exporter, "/status.json", headers={"Host": name}).status, 200, name)
        for name in ("evil.example", f"evil.example:{port}", "localhost", "localhost:80", f"127.0.0.2:{port}", f"localhost.evil.example:{port}"):
            for path in (*PATHS, "/nothing"):
                answer = support.http_request(self.exporter, path, headers={"Host": name})
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (403, "text/plain; charset=utf-8"), name)
        self.assertEqual(self.raw(b"GET / HTTP/1.1\r\n\r\n"), 400)
        self.assertEqual(self.raw(b"GET / HTTP/1.1\r\nHost: localhost:PORT\r\nHost: evil.example\r\n\r\n"), 400)
        self.assertNotEqual(self.raw(b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 200)

    def test_what_is_no_request(self):
        self.assertEqual(self.raw(b"GET / HTTP/1.1\r\nHost: localhost:PORT\r\nX: " + b"x" * 20000), 400)
        self.assertIn(self.raw(b"nonsense\r\n\r\n"), (400, None))
        self.assertEqual(support.http_request(self.exporter, "/healthz").status, 200)

    def test_a_slow_head_is_not_waited_for(self):
        with support.RawConnection(self.exporter) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost:")
            self.assertNotIn(b" 200 ", connection.read_all())

    def test_idle_connections_do_not_lock_others_out(self):
        idle = [support.RawConnection(self.exporter) for _ in range(24)]
        try:
            self.assertEqual(support.http_request(self.exporter, "/healthz").status, 200)
        finally:
            for connection in idle:
                connection.socket.close()

    def test_pools_requests_and_exits_are_shown(self):
        self.assertEqual(support.http_request(self.host, "/app/x.bad?way=crash").status, 500)
        pid, = self.pids(self.host)
        with witness.Gate() as gate:
            client = witness.Background(support.http_request, self.host, gate.path("SECRET", "/app/x.look"))
            gate.arrival()
            document = self.exporter.becomes(lambda now: now["requests"], "the request is to be seen")
            request, = document["requests"]
            self.assertEqual((request["host"], request["pool"], request["state"], request["url_path"]), (pid, "look", "running", "/app/x.look"))
            self.assertFalse({"query", "client"} & set(request), request)
            self.assertNotIn("SECRET", str(document))
            self.assertEqual(document["request_total"], 1)
            metrics = self.exporter.metrics()
            self.assertEqual(metrics[f'fcgi_up{{host="{pid}"}}'], "1")
        witness.facts(client.result())
        host, = document["hosts"]
        self.assertEqual((host["pid"], host["program"], host["answers"], host["error"]), (pid, "isapihost.exe", True, None))
        self.assertEqual(host["server"]["pid"], pid)
        self.assertEqual([(pool["name"], pool["host"], pool["state"]) for pool in document["pools"]],
                         [("look", pid, "running"), ("bad", pid, "running")])
        last = document["exits"][0]
        self.assertEqual((last["pool"], last["cause"], last["url_path"], last["host"]), ("bad", "worker_crashed", "/app/x.bad", pid))

    def test_many_clients_cost_the_hosts_one_round_a_second(self):
        def ask(number):
            return [self.exporter.status() if number % 2 else self.exporter.metrics() for _ in range(4)]

        answers = [one for some in support.in_parallel(40, ask) for one in some]
        times = {answer["hosts"][0]["server"]["now_unix"] for answer in answers if "hosts" in answer}
        self.assertEqual(len(answers), 160)
        self.assertLessEqual(len(times), max(times) - min(times) + 3, times)


class Hosts(exporter.ExporterTest):
    def start_host(self):
        host = self.servers.host(fcgictl.pools("look"), maps=".look")
        witness.facts(support.http_request(host, "/app/x.look"))
        return host

    def test_none_one_that_comes_and_one_that_ends(self):
        served = self.start_exporter()
        document = served.status()
        self.assertEqual([document[name] for name in ("hosts", "pools", "requests", "exits")], [[], [], [], []])
        answer = support.http_request(served, "/healthz")
        self.assertEqual((answer.status, answer.text), (503, "no host: no process has loaded fcgiext.dll\n"))
        self.assertEqual(served.metrics(), {})
        host = self.start_host()
        served.becomes(lambda now: [pool["name"] for pool in now["pools"]] == ["look"], "its pool is to be seen")
        self.assertEqual(support.http_request(served, "/healthz").status, 200)
        self.assertEqual(self.servers.stop_host(host), "")
        document = served.becomes(lambda now: not now["hosts"], "the host is not there any more")
        self.assertEqual(document["pools"], [])
        self.assertEqual(support.http_request(served, "/healthz").status, 503)

    def test_one_that_hangs_holds_nobody_up(self):
        hosts = [self.start_host(), self.start_host()]
        pids = self.pids(*hosts)
        served = self.start_exporter()
        served.becomes(lambda now: [host["answers"] for host in now["hosts"]] == [True, True], "both answer")
        stopped = min(witness.processes(self.servers, support.BIN / "isapihost.exe"))
        os.kill(stopped, signal.SIGSTOP)
        try:
            document = served.becomes(lambda now: not all(host["answers"] for host in now["hosts"]), "one of them is silent")
            silent, = [host for host in document["hosts"] if not host["answers"]]
            other, = set(pids) - {silent["pid"]}
            self.assertEqual((silent["error"]["reason"], silent["error"]["message"]),
                             ("silent", f"host {silent['pid']} has not answered yet"))
            self.assertIsNotNone(silent["server"])
            before = {host["pid"]: host["server"]["now_unix"] for host in document["hosts"]}
            # The other one's figures go on; those of the silent one stay, and become older.
            document = served.becomes(lambda now: {host["pid"]: host["server"]["now_unix"] for host in now["hosts"]}[other] > before[other] + 2,
                                      "the other one is asked as before")
            after = {host["pid"]: host for host in document["hosts"]}
            self.assertEqual(after[silent["pid"]]["server"]["now_unix"], before[silent["pid"]])
            self.assertGreater(after[silent["pid"]]["age_seconds"], silent["age_seconds"])
            self.assertEqual({pool["host"] for pool in document["pools"]}, set(pids))
            up = {name: value for name, value in served.metrics().items() if name.startswith("fcgi_up")}
            self.assertEqual(up, {f'fcgi_up{{host="{silent["pid"]}"}}': "0",
                                  f'fcgi_up{{host="{other}"}}': "1"})
            self.assertEqual(support.http_request(served, "/healthz").text, "ok: 1 of 2 hosts answering\n")
        finally:
            os.kill(stopped, signal.SIGCONT)
        served.becomes(lambda now: all(host["answers"] for host in now["hosts"]), "both answer again")

    def test_one_that_refuses_is_told_with_the_reason(self):
        nobody = "D:(A;;GA;;;SY)"
        self.servers.host(fcgictl.pools("look", management={"QuerySddl": nobody, "OperateSddl": nobody}), maps=".look")
        host = self.servers.hosts[0]
        support.http_request(host, "/app/x.look")
        document = self.start_exporter().becomes(lambda now: now["hosts"], "it is found")
        self.assertEqual(document["hosts"][0]["error"]["reason"], "access_denied")
        self.assertEqual(document["pools"], [])


class Starting(exporter.ExporterTest):
    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.wrong(1, rf"^fcgictl: cannot listen on 127\.0\.0\.1:{port}: another program listens there \(10048\)\n"
                          r"hint: --listen ADDRESS:PORT chooses another one\n$", "exporter", "--listen", f"127.0.0.1:{port}")
        first = self.start_exporter()
        self.wrong(1, "another program listens there", "exporter", "--listen", f"127.0.0.1:{first.ports[0]}")

    def test_an_address_that_is_not_this_computers(self):
        self.wrong(1, "this computer has no such address", "exporter", "--listen", "192.0.2.1:0", "--allow-remote")

    def test_other_machines_need_the_option(self):
        for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:9889"):
            self.wrong(2, r"--allow-remote permits it\n$", "exporter", "--listen", listen)

    def test_on_loopback_only_loopback_reaches_it(self):
        served = self.start_exporter()
        self.assertEqual(witness.listening_addresses(served.ports[0]), ["0100007F"])

    def test_on_ipv6(self):
        served = self.start_exporter(listen="[::1]:0")
        with socket.create_connection(("::1", served.ports[0]), support.SECONDS) as connection:
            connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: [::1]:{served.ports[0]}\r\n\r\n".encode())
            self.assertRegex(connection.makefile("rb").read(), rb"^HTTP/1.1 503 ")

    def test_with_allow_remote_its_address_and_its_names(self):
        own = pages.other_address()
        if own is None:
            self.skipTest("this machine has no other address than 127.0.0.1")
        served = self.start_exporter("--allow-remote=mon.example", listen="0.0.0.0:0", warned=True)
        self.assertRegex(served.running._text(1), "^fcgictl: warning: whoever reaches this computer can read")
        port = served.ports[0]

        def status_of(name):
            with socket.create_connection((own, port), support.SECONDS) as connection:
                connection.sendall(f"GET /status.json HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
                return int(connection.makefile("rb").read().split()[1])

        self.assertEqual([status_of(name) for name in (f"{own}:{port}", "mon.example", f"mon.example:{port}", "evil.example", f"evil.example:{port}")],
                         [200, 200, 200, 403, 403])

    def test_a_service_is_started_by_the_system_only(self):
        self.wrong(1, r"^fcgictl: the system has not started this as a service\nhint: ", "exporter", "--service")

    def test_ctrl_c_ends_it_while_clients_are_connected(self):
        served = exporter.Exporter(self.servers)
        with support.RawConnection(served) as idle:
            idle.send(b"GET / HTTP/1.1\r\n")
            served.stop()


class Service(exporter.ExporterTest):
    NAME = "fcgiext-exporter-test"

    def sc(self, *words, code=0):
        result, output = support.wine.run(["sc.exe", *words], support.SECONDS, support.wine.env())
        self.assertEqual(result, code, output)
        return output

    def state(self):
        """-> 4: it runs, 1: it has stopped"""
        output = self.sc("query", self.NAME)
        return int(output.split("STATE")[1].split()[1]), output

    def test_it_is_started_asked_and_stopped(self):
        port = support.free_port()
        path = f"{support.windows_path(fcgictl.FCGICTL)} exporter --service --listen 127.0.0.1:{port}"
        self.sc("create", self.NAME, "binPath=", path)
        self.addCleanup(self.sc, "delete", self.NAME)
        self.sc("start", self.NAME)
        witness.wait_until(lambda: self.state()[0] == 4, "the service runs")

        class Served:
            ports = [port]

        self.assertEqual(support.http_request(Served, "/healthz").status, 503)
        self.sc("stop", self.NAME)
        witness.wait_until(lambda: self.state()[0] == 1, "the service has stopped")
        with self.assertRaises(ConnectionRefusedError):
            support.http_request(Served, "/healthz")

    def test_one_that_cannot_listen_tells_the_system_why(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            path = f"{support.windows_path(fcgictl.FCGICTL)} exporter --service --listen 127.0.0.1:{taken.getsockname()[1]}"
            self.sc("create", self.NAME, "binPath=", path)
            self.addCleanup(self.sc, "delete", self.NAME)
            self.sc("start", self.NAME)
            witness.wait_until(lambda: self.state()[0] == 1, "the service has stopped")
            self.assertIn("10048", self.state()[1])


if __name__ == "__main__":
    unittest.main()
