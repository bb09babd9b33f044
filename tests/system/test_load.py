"""32 clients at once for some seconds, however the host completes its operations: not one error, and nobody gets another's answer."""

import http.client
import os
import random
import time

import support

CLIENTS = 32
LOAD_SECONDS = 5
MOST_BYTES = 40000


class Load(support.SystemTest):
    def check_echo(self, connection, path, token, body):
        answer = connection.request(f"{path}?{token}", "POST", body, {"Content-Type": f"application/x-{token}"})
        if answer.status != 200 or answer.body != body or answer.headers["Content-Type"] != f"application/x-{token}":
            raise AssertionError(f"{path}: {token} of {len(body)} bytes got {len(answer.body)} bytes\n{answer!r:.2000}")

    def check_variables(self, connection, path, token):
        answer = connection.request(path + token, headers={"X-Token": token})
        variables = answer.variables()
        if answer.status != 200 or variables.get("HTTP_X_TOKEN") != token or not variables["QUERY_STRING"].endswith(token):
            raise AssertionError(f"{path}: {token} got\n{answer!r:.2000}")

    def client(self, host, number, deadline):
        """Requests of all kinds on a connection that is sometimes kept, until the time is over. -> how many"""
        chance = random.Random(number)
        kinds = [lambda token: self.check_variables(connection, "/app/env.fcgi?", token),
                 lambda token: self.check_variables(connection, "/php/env.php?format=text&", token),
                 lambda token: self.check_echo(connection, "/app/echo.fcgi", token, os.urandom(chance.randrange(MOST_BYTES))),
                 lambda token: self.check_echo(connection, "/php/echo.php", token, os.urandom(chance.randrange(MOST_BYTES))),
                 lambda token: self.check_echo(connection, "/app/echo.fcgi", token, b"")]
        count = 0
        with support.Connection(host) as connection:
            while time.monotonic() < deadline:
                count += 1
                try:
                    chance.choice(kinds)(f"token-{number}-{count}")
                except (OSError, http.client.HTTPException) as error:
                    raise AssertionError(f"client {number}, its request {count}: {error!r}\n{host.what_it_said()}") from error
                if chance.random() < 0.1:
                    connection.close()
        return count

    def load(self, completions):
        php = self.servers.php(children=4)
        host = self.servers.host(
            support.ini({"fcgi": "echo", "php": "php"}, echo={"ExePath": support.RESPONDER, "MaxInstances": 4},
                        php={"Address": f"127.0.0.1:{php.port}", "MaxInstances": 4}), "--completions", completions)
        deadline = time.monotonic() + LOAD_SECONDS
        counts = support.in_parallel(CLIENTS, lambda number: self.client(host, number, deadline))
        self.assertTrue(all(counts), f"a client was never served: {counts}")

    def test_completions_on_threads(self):
        self.load("thread")

    def test_completions_inside_the_call(self):
        self.load("inline")

    def test_late_completions(self):
        self.load("late")


class Trouble(support.SystemTest):
    """Programs that exit, crash and write to stderr, clients that leave, processes that are replaced all the time: each request is
    answered as if it were alone."""

    def good(self, connection, token, body):
        answer = connection.request(f"/app/{'env' if body is None else 'echo'}.fcgi?{token}", body=body)
        right = answer.variables().get("QUERY_STRING") == token if body is None else answer.body == body
        if answer.status != 200 or not right:
            raise AssertionError(f"{token} got\n{answer!r:.3000}")

    def failing(self, connection, kind, status, text):
        answer = connection.request(f"/app/error.fcgi?kind={kind}&code=5")
        if answer.status != status or text not in answer.text:
            raise AssertionError(f"{kind} got\n{answer!r:.3000}")

    def leave(self, host, request, chance):
        raw = support.RawConnection(host)
        raw.send(request)
        if chance.random() < 0.5:
            raw.reset()
        else:
            raw.socket.close()

    def client(self, host, number, deadline):
        chance = random.Random(number)
        kinds = [
            *[lambda token: self.good(connection, token, None)] * 6,
            *[lambda token: self.good(connection, token, os.urandom(chance.randrange(MOST_BYTES)))] * 4,
            lambda token: self.failing(connection, "exit", 500, "Exit code</dt><dd>5 "),
            lambda token: self.failing(connection, "crash", 500, "0xC0000005"),
            lambda token: self.failing(connection, "stderr", 500, "The program writes this"),
            lambda token: self.failing(connection, "nothing", 500, "without any output"),
            lambda token: self.failing(connection, "status", 418, "its own page"),
            lambda token: self.leave(host, b"GET /app/download.fcgi?bytes=1000000 HTTP/1.1\r\nHost: x\r\n\r\n", chance),
            lambda token: self.leave(host, b"POST /app/echo.fcgi HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" +
                                     bytes(chance.randrange(99999)), chance),
        ]
        with support.Connection(host) as connection:
            count = 0
            while time.monotonic() < deadline:
                count += 1
                try:
                    chance.choice(kinds)(f"token-{number}-{count}")
                except (OSError, http.client.HTTPException) as error:
                    raise AssertionError(f"client {number}, its request {count}: {error!r}\n{host.what_it_said()}") from error
        return count

    def trouble(self, completions):
        host = self.servers.host(
            support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER, "MaxInstances": 3, "InstanceMaxRequests": 5,
                                                "RapidFailsPerMinute": 1000000}), "--completions", completions)
        deadline = time.monotonic() + LOAD_SECONDS
        counts = support.in_parallel(8, lambda number: self.client(host, number, deadline))
        self.assertTrue(all(counts), f"a client was never served: {counts}")
        self.assertEqual(support.http_request(host, "/app/env.fcgi").status, 200)

    def test_completions_on_threads(self):
        self.trouble("thread")

    def test_completions_inside_the_call(self):
        self.trouble("inline")

    def test_late_completions(self):
        self.trouble("late")
