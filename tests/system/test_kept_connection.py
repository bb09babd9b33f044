"""One connection to a program for many requests: when it is kept, when it is closed, and that the process stays in either case."""

import support
import witness


class KeptConnection(support.SystemTest):
    PROTOCOL = "NamedPipe"
    REQUESTS = 200
    WITNESS = witness.WITNESS
    RESPONDER = support.RESPONDER

    @classmethod
    def start(cls, servers):
        one = {"ExePath": cls.WITNESS, "MaxInstances": 1, "Protocol": cls.PROTOCOL}
        cls.servers_of_class = servers
        cls.host = servers.host(
            support.ini({"fcgi": "count", "auto": "auto", "never": "never", "always": "always", "flush": "flush"},
                        count={**one, "ExePath": cls.RESPONDER}, auto=one,
                        never={**one, "KeepConnections": "Never"}, always={**one, "KeepConnections": "Always"},
                        flush={**one, "FlushNamedPipe": 1}),
            maps=".fcgi,.auto,.never,.always,.flush")

    def ask(self, connection, extension, bodies):
        """One request for each body, None: GET. -> what the program said of each"""
        return [witness.facts(connection.request(f"/app/x.{extension}?read=1", body=body)) for body in bodies]

    def same_process(self, answers):
        first = int(answers[0]["requests"])
        self.assertEqual({facts["pid"] for facts in answers}, {answers[0]["pid"]})
        self.assertEqual([int(facts["requests"]) for facts in answers], list(range(first, first + len(answers))))

    def connections(self, answers):
        first = int(answers[0]["connections"])
        return [int(facts["connections"]) - first for facts in answers]

    def test_200_requests_of_one_client_and_of_many(self):
        numbers, pids = [], set()
        with support.Connection(self.host) as connection:
            for i in range(self.REQUESTS):
                if i == self.REQUESTS // 2:
                    connection.close()  # it opens another one by itself
                answer = connection.request("/app/env.fcgi?" + str(i))
                self.assertEqual((answer.status, answer.variables()["QUERY_STRING"]), (200, str(i)), answer)
                numbers.append(int(answer.headers["X-Worker-Requests"]))
                pids.add(answer.headers["X-Worker-Pid"])
        self.assertEqual(numbers, list(range(1, self.REQUESTS + 1)))
        self.assertEqual(len(pids), 1)

    def test_200_requests_are_one_connection_to_the_program(self):
        with support.Connection(self.host) as connection:
            answers = self.ask(connection, "auto", [None] * self.REQUESTS)
        self.same_process(answers)
        self.assertEqual(set(self.connections(answers)), {0})
        self.assertEqual({facts["kept"] for facts in answers}, {"1"})

    def test_auto_lets_the_program_close_after_a_request_with_a_body(self):
        with support.Connection(self.host) as connection:
            answers = self.ask(connection, "auto", [None, None, b"x" * 10, None, b"x" * 10, b"x" * 100000, None, None])
        self.same_process(answers)
        self.assertEqual([facts["kept"] for facts in answers], list("11010011"))
        # a request with a body comes on the kept connection, and the next one on a new one
        self.assertEqual(self.connections(answers), [0, 0, 0, 1, 1, 2, 3, 3])
        self.assertEqual([facts["body"] for facts in answers], ["0", "0", "10", "0", "10", "100000", "0", "0"])

    def test_a_post_without_a_body_keeps_the_connection(self):
        with support.Connection(self.host) as connection:
            answers = self.ask(connection, "auto", [b"", b"", None])
        self.same_process(answers)
        self.assertEqual([facts["kept"] for facts in answers], list("111"))
        self.assertEqual(self.connections(answers)[1:], [self.connections(answers)[1]] * 2)

    def test_never_makes_a_connection_for_each_request(self):
        for extension in ("never", "flush"):
            with support.Connection(self.host) as connection:
                answers = self.ask(connection, extension, [None, b"x" * 10, None, b"", None])
            self.same_process(answers)
            self.assertEqual([facts["kept"] for facts in answers], list("00000"), extension)
            self.assertEqual(self.connections(answers), [0, 1, 2, 3, 4], extension)

    def test_always_keeps_it_for_requests_with_a_body_too(self):
        with support.Connection(self.host) as connection:
            answers = self.ask(connection, "always", [None, b"x" * 10, None, b"x" * 100000, b"", None])
        self.same_process(answers)
        self.assertEqual([facts["kept"] for facts in answers], list("111111"))
        self.assertEqual(set(self.connections(answers)), {0})
        self.assertEqual([facts["body"] for facts in answers], ["0", "10", "0", "100000", "0", "0"])

    def test_pools_do_not_share_processes(self):
        with support.Connection(self.host) as connection:
            pids = {self.ask(connection, extension, [None])[0]["pid"] for extension in ("auto", "never", "always", "flush")}
        self.assertEqual(len(pids), 4)
        self.assertEqual(len(witness.processes(self.servers_of_class, self.WITNESS)), 4)
