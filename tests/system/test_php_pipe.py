"""PHP on named pipes: our programs on php's own FastCGI code, compiled for Windows (tests/helpers/php_fastcgi), do what they do on libfcgi;
and what only php does. Native php-cgi, which other tests use, knows neither pipes nor the shutdown event."""

import pages
import scripted
import support
import test_bodies
import test_failures
import test_kept_connection
import test_signal
import witness
from scripted import PLAIN, path, pattern

RESPONDER, SCRIPTED, WITNESS = (support.HELPERS / f"php_{name}.exe" for name in ("responder", "scripted", "witness"))
KEEP = ("Auto", "Always", "Never")
BODIES = (None, b"", b"x", bytes(65528), bytes(1_000_000))


class Uploads(test_bodies.Uploads):
    RESPONDER = RESPONDER
    test_row_1_bodies_of_all_lengths_come_back_from_php = None  # native php


class Injection(test_bodies.Injection):
    RESPONDER, WITNESS = RESPONDER, WITNESS


class KeptConnection(test_kept_connection.KeptConnection):
    RESPONDER, WITNESS = RESPONDER, WITNESS
    REQUESTS = 50


class Signal(test_signal.Occasions, test_signal.Base):
    """Its clean-up runs on each occasion. It sees the event only while it has no connection: a request that it is in goes on."""

    PROGRAM, ARGUMENTS = WITNESS, ""
    PATIENT, LATE = True, "idle after 2"

    def test_a_connection_that_is_never_kept(self):
        pid = self.begin(KeepConnections="Never", IdleTimeout=1)
        self.ends(pid, self.cleans_up("idle after 1"))


class ClientsThatLeave(test_failures.ClientsThatLeave):
    RESPONDER = RESPONDER
    test_completions_inside_the_call = test_late_completions = None


class Requests(pages.Misbehaving):
    """A pool of one process for each value of KeepConnections, whose name says it."""

    def start_pools(self, program, *options, **properties):
        one = {"ExePath": program, "MaxInstances": 1, **properties}
        self.start_host(*options, **{keep.lower(): {**one, "KeepConnections": keep} for keep in KEEP})

    def test_requests_with_and_without_bodies_on_one_process(self):
        self.start_pools(WITNESS)
        for keep in KEEP:
            pool = keep.lower()
            answers = [self.good(pool, "read=1", body=body) for body in BODIES + BODIES]
            self.assertEqual([int(facts["body"]) for facts in answers], [len(body or b"") for body in BODIES + BODIES])
            self.assertEqual([int(facts["requests"]) for facts in answers], list(range(1, 2 * len(BODIES) + 1)))
            self.assertEqual({"Auto": 6, "Always": 1, "Never": 10}[keep], int(answers[-1]["connections"]), keep)

    def test_params_beyond_64_kib(self):
        self.start_pools(RESPONDER)
        for size in (900, 6001, 12000):
            values = {f"X-Large-{i}": f"{i}-" + "0123456789" * (size // 10) for i in range(min(60, 110_000 // size))}
            for keep in KEEP:
                answer = support.http_request(self.host, f"/app/env.{keep.lower()}?q=" + "x" * 9000 + "end", headers=values)
                self.assertEqual(answer.status, 200, answer)
                variables = answer.variables()
                self.assertEqual({name: variables.get("HTTP_" + name.upper().replace("-", "_")) for name in values}, values)
                self.assertTrue(variables["QUERY_STRING"].endswith("xend"))
                self.assertGreater(len(answer.body), 54_000 if size == 900 else 65536)

    def test_a_long_answer_with_and_without_a_kept_connection(self):
        self.start_pools(SCRIPTED, ResponseBufferLimit=65536)
        for keep in KEEP:
            for _ in range(2):
                answer = support.http_request(self.host, path(keep.lower(), ("out", PLAIN), ("bytes", 6_000_000)))
                self.assertEqual((answer.status, len(answer.body)), (200, 6_000_000))
                self.assertEqual(test_bodies.sha1(answer.body), test_bodies.sha1(pattern(6_000_000)))

    def test_a_body_left_unread(self):
        """php reads to its end what the script has not touched, and leaves what it has begun: that must not harm the next request."""
        self.start_pools(SCRIPTED)
        early = ("out", PLAIN + "early")
        for keep in ("auto", "never"):
            for length in (100, 65528, 1_000_000):
                for steps in ([early], [early, ("flush", 1)], [("read", 10), early], [("read", 10), early, ("flush", 1)]):
                    with self.subTest(keep, length=length, steps=steps):
                        answer = support.http_request(self.host, path(keep, *steps), "PUT", pattern(length))
                        self.assertEqual((answer.status, answer.body), (200, b"early"), answer)
                        answer = support.http_request(self.host, path(keep, ("out", PLAIN + "next")))
                        self.assertEqual((answer.status, answer.body), (200, b"next"), answer)

    def test_impersonation(self):
        """php reverts after each request and impersonates for the next one, on a kept connection, too."""
        self.start_pools(WITNESS, Arguments="-d fastcgi.impersonate=1")
        for keep in KEEP:
            answers = [self.good(keep.lower(), "read=1", body=body) for body in BODIES]
            self.assertEqual([facts["impersonated"] for facts in answers], ["1"] * len(BODIES), keep)
            self.assertEqual({facts["pid"] for facts in answers}, {answers[0]["pid"]})


class MaxRequests(pages.Misbehaving):
    """PHP_FCGI_MAX_REQUESTS: after its last request php ends; and if the connection is to be kept, it disconnects by force, and what has not
    been read of the answer is gone. So its last request tells it not to."""

    LIMIT = 3

    def start_pools(self, **properties):
        one = {"ExePath": WITNESS, "MaxInstances": 1, "EnvironmentVars": f"PHP_FCGI_MAX_REQUESTS:{self.LIMIT}", **properties}
        self.start_host(**{keep.lower(): {**one, "KeepConnections": keep} for keep in KEEP})

    def test_no_request_is_lost(self):
        self.start_pools()
        for keep in KEEP:
            answers = [self.good(keep.lower(), f"name={i}") for i in range(4 * self.LIMIT)]
            self.assertEqual([facts["name"] for facts in answers], [str(i) for i in range(4 * self.LIMIT)])
            self.assertLessEqual({facts["requests"] for facts in answers}, {"1", "2", "3"}, keep)
            self.assertGreaterEqual(len({facts["pid"] for facts in answers}), 4, keep)

    def test_once_the_limit_is_known_no_post_meets_a_process_that_ends(self):
        self.start_pools()
        for keep in ("Auto", "Never"):
            for i in range(2 * self.LIMIT):
                self.good(keep.lower(), f"name={i}")
            count = 2 * self.LIMIT
            answers = [self.good(keep.lower(), f"read=1&name={i}", body=bytes(1000)) for i in range(count)]
            self.assertEqual([(facts["name"], facts["body"]) for facts in answers], [(str(i), "1000") for i in range(count)])
            self.assertLessEqual({facts["requests"] for facts in answers}, {"1", "2", "3"}, keep)
            self.assertGreaterEqual(len({facts["pid"] for facts in answers}), 2, keep)

    def test_many_clients_on_several_processes(self):
        self.start_pools(MaxInstances=3)
        for keep in KEEP:
            with witness.Browsers(self.host, 6, f"/app/x.{keep.lower()}") as browsers:
                witness.wait_until(lambda: len(witness.processes(self.servers, WITNESS)) >= 2, "several processes work")
                for i in range(20):
                    self.good(keep.lower(), f"name={i}")
            self.assertTrue(all(browsers.asked))

    def test_the_last_answer_is_whole(self):
        """It is longer than what the pipe holds; php waits until it has been read, if it is not to keep the connection."""
        self.start_pools(ExePath=SCRIPTED, ResponseBufferLimit=0)
        for keep in KEEP:
            for body in (b"x", None):
                for number in range(4 * self.LIMIT):
                    answer = support.http_request(self.host, path(keep.lower(), ("out", PLAIN), ("bytes", 100_000)), body=body)
                    self.assertEqual((answer.status, answer.body), (200, pattern(100_000)), (keep, body, number))

    def test_without_a_limit_of_its_own_it_is_that_of_the_pool(self):
        self.start_host(good={"ExePath": WITNESS, "MaxInstances": 1, "InstanceMaxRequests": 4})
        answers = [self.good("good") for _ in range(9)]
        self.assertEqual([int(facts["requests"]) for facts in answers], [1, 2, 3, 4, 1, 2, 3, 4, 1])


class Stderr(pages.Misbehaving):
    """php's messages end with a line end, and go out with the output around them."""

    MODES = {"text": "ReturnStderrIn500", "generic": "ReturnGeneric500", "ignore": "IgnoreAndReturn200", "terminate": "TerminateProcess"}

    def ask(self, pool, *steps):
        return support.http_request(self.host, path(pool, *steps))

    def test_each_mode(self):
        self.start_host(**{name: {"ExePath": SCRIPTED, "MaxInstances": 1, "StderrMode": mode} for name, mode in self.MODES.items()})
        for pool in self.MODES:
            for steps in ([("err", "PHP Warning:  one"), ("err", "two"), ("out", PLAIN + "body")],
                          [("out", PLAIN + "bo"), ("err", "PHP Warning:  one"), ("out", "dy"), ("err", "two")]):
                with self.subTest(pool, steps=steps):
                    answer = self.ask(pool, *steps)
                    if pool == "ignore":
                        self.assertEqual((answer.status, answer.body), (200, b"body"), answer)
                        continue
                    self.assertEqual((answer.status, pages.reason(answer)), (500, "stderr"), answer)
                    self.assertEqual(answer.body == b"PHP Warning:  one\ntwo\n", pool == "text", answer)
            answer = self.ask(pool, ("out", PLAIN + "next"))
            self.assertEqual((answer.status, answer.body), (200, b"next"), answer)

    def test_a_message_longer_than_phps_buffer(self):
        self.start_host(text={"ExePath": SCRIPTED, "MaxInstances": 1}, ignore={
            "ExePath": SCRIPTED, "MaxInstances": 1, "StderrMode": "IgnoreAndReturn200", "ResponseBufferLimit": 0})
        answer = self.ask("text", ("noise", 100_000), ("out", PLAIN + "body"))
        self.assertEqual((answer.status, pages.reason(answer)), (500, "stderr"))
        self.assertTrue(answer.body.startswith(b"\n" + b"x" * 79), answer)
        answer = self.ask("ignore", ("out", PLAIN), ("bytes", 100_000), ("noise", 100_000), ("bytes", 100_000))
        self.assertEqual((answer.status, answer.body), (200, pattern(200_000)))


if __name__ == "__main__":
    support.unittest.main()
