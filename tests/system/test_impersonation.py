"""Requests of several users on one pool: as whom the DLL does what it does for them.

Wine cannot show what a process sees of the user (its ImpersonateNamedPipeClient gives the program's own token), so it is seen on this side:
tests/helpers/ecb_driver loads the real DLL, gives each user a token of his own, calls on threads that act as one, as IIS does, and stands
behind the DLL's imports. Each WriteFile must be made with the token of the user whose bytes it writes, each CreateFile, CreateNamedPipe and
CreateProcess with none, each look for a file with that of its user; and each thread must come back with the token it came with. What is wrong
ends the driver with the rule's name."""

import unittest

import support
import test_ecb_driver
import witness
from operate import OperateTest

MODES = ("inline", "thread", "late")
WRITES_OF_A_ROUND = 4 * 1 + 3  # four requests without a body; one with its first bytes and two more records


def ini(**properties):
    return support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER, "MaxInstances": 2, **properties})


class Impersonation(test_ecb_driver.EcbDriver):
    def run_users(self, mode, tracks, ini_text, rounds=40):
        text = self.drive("users", mode, tracks, rounds, ini_text=ini_text)
        good, ended, *writes, opens, starts = self.numbers(
            r"good (\d+) of (\d+), writes (\d+) (\d+) (\d+), opens (\d+), starts (\d+)", text)
        self.assertEqual((good, ended), (15 * rounds, 15 * rounds), text)
        self.assertEqual(writes, [WRITES_OF_A_ROUND * rounds] * 3, text)
        self.assertTrue(1 <= starts <= 2, text)
        self.assertGreater(opens, starts, text)  # connections that were made again, by whichever thread, too
        return opens

    def test_every_write_of_three_users_carries_the_token_of_its_user(self):
        for mode in MODES:
            with self.subTest(mode):
                opens = self.run_users(mode, 1, ini())
                self.assertLess(opens, 15 * 40)  # most of the connections have been kept, from user to user

    def test_every_write_carries_its_token_over_connections_that_are_never_kept(self):
        self.run_users("thread", 1, ini(KeepConnections="Never"))

    def test_impersonate_0_opens_pipes_that_know_the_host_only(self):
        for mode in MODES:
            with self.subTest(mode):
                self.run_users(mode, 0, ini(Impersonate=0))

    def token(self, failure, ini_text=None, mode="thread"):
        """-> good answers, bad ones, writes and the reason of the page, of one request while that call fails"""
        text = self.drive("token", mode, failure, ini_text=ini_text or ini())
        good, bad, writes = self.numbers(r"2xx (\d+) 5xx (\d+) writes (\d+) ", text)
        self.assertEqual(self.numbers(r"then 2xx (\d+) of 2", text), [2], text)
        return good, bad, writes, text.split("reason ", 1)[1].split("\n", 1)[0]

    def test_a_request_without_a_token_fails(self):
        for mode in MODES:
            with self.subTest(mode):
                self.assertEqual(self.token("no-token", mode=mode), (0, 1, 0, "impersonation"))

    def test_a_request_whose_token_cannot_be_copied_fails(self):
        self.assertEqual(self.token("duplicate"), (0, 1, 0, "impersonation"))

    def test_a_request_whose_token_cannot_be_set_fails_and_nothing_of_it_is_written(self):
        for mode in MODES:
            with self.subTest(mode):
                self.assertEqual(self.token("set", mode=mode), (0, 1, 0, "impersonation"))

    def test_a_request_fails_when_its_token_cannot_be_set_for_more_of_its_body(self):
        for mode in MODES:
            with self.subTest(mode):
                good, bad, writes, reason = self.token("set-later", mode=mode)
                self.assertEqual((good, bad, reason), (0, 1, "impersonation"))
                self.assertLess(writes, 3)

    def test_a_thread_whose_own_token_cannot_be_kept_is_not_given_another(self):
        self.assertEqual(self.token("current"), (0, 1, 0, "impersonation"))

    def test_row_23_the_write_after_the_impersonation_fails_and_the_thread_is_reverted(self):
        """The driver sees that the thread is as it was. The request is tried again, on a new worker: under its token."""
        for mode in MODES:
            with self.subTest(mode):
                self.assertEqual(self.token("write", mode=mode), (1, 0, 2, "none"))

    def test_a_thread_that_cannot_be_reverted_ends_the_host(self):
        done = self.run_driver(support.windows_path(support.BIN / "fcgiext.dll"), "token", "thread", "put-back", ini_text=ini())
        self.assertEqual(done.returncode, 1368 & 0xFF, done.stdout + done.stderr)  # ERROR_CANNOT_IMPERSONATE
        self.assertNotIn("token put-back", done.stdout)

    def test_a_foreign_process_that_has_taken_the_name_of_a_workers_pipe_gets_nothing(self):
        """The worker ends just before another connection to it is made: the request that comes then is served by a new one."""
        for mode in MODES:
            with self.subTest(mode):
                text = self.drive("foreign", mode, ini_text=ini(MaxInstances=1))
                self.assertIn("foreign: 2xx 3 of 3, starts 2, the foreign process got a connection\n", text)

    def test_impersonate_0_asks_for_no_token(self):
        self.assertEqual(self.drive_without_token(ini(Impersonate=0)), 10)

    def test_tcp_asks_for_no_token(self):
        self.assertEqual(self.drive_without_token(ini(Protocol="Tcp")), 10)

    def test_without_a_token_all_requests_of_a_pool_that_impersonates_fail(self):
        self.assertEqual(self.drive_without_token(ini()), 0)

    def drive_without_token(self, ini_text):
        """-> how many of ten requests a host without tokens has answered well"""
        text = self.drive("faults", "thread", 10, ini_text=ini_text)
        return self.numbers(r"fault no-token: .* 2xx (\d+)", text)[0]


class InIsapihost(support.SystemTest):
    def test_the_host_serves_with_the_token_that_it_has(self):
        """isapihost has one token, its own, and sees with --strict that nobody closes it."""
        host = self.servers.host(ini())
        for _ in range(20):
            self.assertEqual(support.http_request(host, "/app/env.fcgi").status, 200)
            self.assertEqual(support.http_request(host, "/app/echo.fcgi", body=b"x" * 100000).status, 200)

    def test_impersonate_takes_effect_with_a_reload(self):
        host = self.servers.host(ini())
        before = support.http_request(host, "/app/process.fcgi").headers["X-Worker-Pid"]
        host.write_ini(ini(Impersonate=0))
        witness.wait_until(lambda: support.http_request(host, "/app/process.fcgi").headers["X-Worker-Pid"] != before,
                           "another process, over another pipe, answers")

    def test_a_request_with_a_user_never_comes_to_a_process_that_was_started_without(self):
        """Not even when the new program cannot be started: a recycle would leave the old processes in service then."""
        for before, after in ((0, 1), (1, 0)):
            with self.subTest(after):
                host = self.servers.host(ini(Impersonate=before))
                self.assertEqual(support.http_request(host, "/app/process.fcgi").status, 200)
                host.write_ini(ini(Impersonate=after, ExePath=support.RESPONDER.with_name("no-such.exe")))
                witness.wait_until(lambda h=host: support.http_request(h, "/app/process.fcgi").headers["X-Fcgiext-Reason"]
                                   in ("start_failed", "rapid_fail"), "the new program is tried, and no other one")


class Drained(OperateTest):
    def test_a_drained_pool_stays_drained_when_the_identity_of_its_processes_changes(self):
        host = self.start_host(ini(Impersonate=0))
        self.assertEqual(support.http_request(host, "/app/process.fcgi").status, 200)
        for value in (1, 0, 1):
            self.operator.do("drain", "echo", "--wait")
            host.write_ini(ini(Impersonate=value))
            self.operator.do("config", "reload", "--wait")
            self.refused(support.http_request(host, "/app/process.fcgi"), "draining")
            self.operator.do("resume", "echo")
            self.assertEqual(support.http_request(host, "/app/process.fcgi").status, 200)


if __name__ == "__main__":
    unittest.main()
