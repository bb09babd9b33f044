"""Both ends of the management pipe, without a host behind it (tests/helpers/mgmt_pipe): rights, bounds, and clients that misbehave.

Row 26 is of the list of faults that others have had before. Limits of time are either so long that they cannot be the reason for what
is seen, or so short that a test gets there soon; nothing is measured.
"""

import re
import unittest

import support
from operate import ENDS, Helper

MAX_CLIENTS = 16
MAX_LINE_LEN = 64 * 1024
NEVER = ["--line-ms", "600000", "--idle-ms", "600000"]  # ten times as long as anything is waited for
SOON = ["--line-ms", "200"]


class PipeTest(support.SystemTest):
    def helper(self, *words):
        helper = Helper(self.servers.run, *words)
        self.addCleanup(lambda: self.assertEqual(helper.close(), 0, words))
        return helper

    def server(self, *options):
        """Not yet started: `.pid` is known."""
        server = self.helper("serve", *options)
        server.pid = server.answer().removeprefix("pid ")
        return server

    def started(self, *options):
        server = self.server(*options)
        self.assertEqual(server.ask("start"), "started", server.alarms)
        return server

    def client(self):
        return self.helper("client")

    def raw(self, client, server, slots):
        for slot in slots:
            self.assertEqual(client.ask(f"raw {slot} {server.pid}"), "ok", slot)

    def write(self, client, slot, text):
        self.assertEqual(client.ask(f"write {slot} - {text}"), "ok")

    def read(self, client, slot):
        return client.ask(f"read {slot}")

    def exchange(self, client, slot, text, reads):
        """The client reads as soon as it has written, in case there is little time."""
        client.tell(f"write {slot} - {text}")
        for _ in range(reads):
            client.tell(f"read {slot}")
        self.assertEqual(client.answer(), "ok")
        return [client.answer() for _ in range(reads)]

    def calls(self, client, server, slot=63, count=1):
        """A new client is served."""
        self.assertEqual(client.ask(f"open {slot} {server.pid} 60000"), "ok")
        for i in range(count):
            self.assertEqual(client.ask(f"call {slot} 60000 hello {i}"), f"hello {i}")
        client.ask(f"close {slot}")


class Name(PipeTest):
    def test_row_26_a_name_taken_before_is_an_alarm_and_nothing_is_served(self):
        for instances in (1, 255):  # one more could be made by somebody who does not ask to be the first
            with self.subTest(instances=instances):
                server, client = self.server(), self.client()
                self.assertEqual(client.ask(f"squat {server.pid} {instances}"), "ok")
                self.assertRegex(server.ask("start"), r"failed (5|183|231)$")
                self.assertEqual(len(server.alarms), 1, server.alarms)
                self.assertIn("another process has taken the name of the management pipe", server.alarms[0])
                client.ask("unsquat")
                self.assertEqual(server.ask("start"), "started", server.alarms)
                self.calls(client, server)

    def test_the_client_sends_nothing_to_a_pipe_of_another_process(self):
        server, client = self.server(), self.client()
        self.assertEqual(client.ask(f"squat {server.pid} 1"), "ok")
        self.assertEqual(client.ask(f"open 0 {server.pid} 0"), "not_ours")

    def test_nobody_else_can_make_an_instance(self):
        server, client = self.started(), self.client()
        self.assertEqual(client.ask(f"instance {server.pid}"), "error 231")

    def test_the_access_list_lets_clients_read_and_write_and_nobody_make_instances(self):
        lists = [
            ([], ["SY", "BA", "S-1-5-32-558"]),
            (["--query", "D:(A;;GA;;;BU)(D;;GA;;;LS)", "--operate", "O:SYG:SYD:P(A;;GA;;;BU)(A;;GA;;;S-1-5-80-1-2-3-4-5)"],
             ["BU", "S-1-5-80-1-2-3-4-5"]),
        ]
        for options, accounts in lists:
            with self.subTest(options=options):
                server, client = self.started(*options), self.client()
                self.raw(client, server, range(MAX_CLIENTS))
                entries = [f"(A;;0x12019b;;;{account})" for account in accounts]  # all but 4, FILE_CREATE_PIPE_INSTANCE
                for slot in range(MAX_CLIENTS):
                    found = client.ask(f"list {slot}")
                    self.assertEqual(re.sub("^D:P?", "", found), "".join(entries) + "(A;;RC;;;OW)")

    def test_no_host_no_pipe(self):
        server, client = self.server(), self.client()
        self.assertEqual(client.ask(f"open 0 {server.pid} 60000"), "no_host")
        server.ask("start")
        server.ask("stop")
        self.assertEqual(client.ask(f"open 0 {server.pid} 60000"), "no_host")
        self.assertEqual(client.ask("hosts"), "")

    def test_discovery_finds_the_hosts_that_serve_and_no_other(self):
        first, second, silent, dead, client = self.started(), self.started(), self.server(), self.started(), self.client()
        self.raw(client, first, range(MAX_CLIENTS))  # also one that is busy
        self.assertEqual(dead.close(), 0)
        pids = sorted(int(server.pid) for server in (first, second))
        self.assertEqual(client.ask("hosts"), " ".join(f"{pid}:mgmt_pipe.exe" for pid in pids))
        self.assertEqual(silent.ask("start"), "started")
        self.assertIn(f"{silent.pid}:mgmt_pipe.exe", client.ask("hosts").split())


class Rights(PipeTest):
    ADMINISTRATORS, USERS, SYSTEM = "D:(A;;GA;;;BA)", "D:(A;;GA;;;BU)", "D:(A;;GA;;;SY)"
    # options, kind of token, query, operate
    MATRIX = [
        ([], "own", 1, 1),
        ([], "no_admin", 0, 0),
        ([], "primary", 0, 0),
        ([], "error", 0, 0),
        (["--query", USERS], "own", 1, 1),
        (["--query", USERS], "no_admin", 1, 0),
        (["--query", USERS], "error", 0, 0),
        (["--query", USERS, "--operate", USERS], "no_admin", 1, 1),
        (["--query", SYSTEM, "--operate", SYSTEM], "own", 0, 0),
        (["--query", SYSTEM, "--operate", ADMINISTRATORS], "own", 1, 1),  # operate implies query
        (["--query", ADMINISTRATORS, "--operate", SYSTEM], "own", 1, 0),
        (["--operate", "D:(D;;GA;;;BU)(A;;GA;;;BA)"], "own", 1, 0),
        (["--operate", "D:(D;;GA;;;BU)(A;;GA;;;BA)"], "no_admin", 0, 0),
        (["--query", "O:SYG:SYD:(D;;GA;;;WD)(A;;GA;;;BA)", "--operate", SYSTEM], "own", 0, 0),
    ]

    def test_query_and_operate_by_the_token_of_the_client(self):
        client = self.client()
        options = []
        for row in self.MATRIX:
            if row[0] not in options:
                options.append(row[0])
        for option in options:
            rows = [row for row in self.MATRIX if row[0] == option]
            server = self.started(*option, *NEVER, "--tokens", ",".join(row[1] for row in rows))
            for _, kind, query, operate in rows:
                with self.subTest(options=option, token=kind):
                    self.raw(client, server, [0])
                    self.write(client, 0, "who\\nwho\\n")
                    self.assertRegex(self.read(client, 0), f"^query={query} operate={operate} account=" + (r"\S" if query else "$"))
                    if query:
                        self.assertRegex(self.read(client, 0), "^query=1")
                    client.ask("close 0")
            self.assertEqual(server.alarms, [])

    def test_the_clients_own_token_and_account(self):
        server, client = self.started(), self.client()
        self.raw(client, server, [0])
        self.write(client, 0, "who\\n")
        self.assertRegex(self.read(client, 0), r"^query=1 operate=1 account=[^\\]+\\[^\\]+$")

    def test_a_client_without_rights_is_disconnected_after_its_first_reply(self):
        server, client = self.started("--line-ms", "1000", "--tokens", "error"), self.client()
        self.raw(client, server, [0])
        lines = self.exchange(client, 0, "who\\nwho\\n", 2)
        self.assertEqual(lines[0], "query=0 operate=0 account=")
        self.assertIn(lines[1], ENDS)

    def test_a_thread_that_stays_somebody_else_serves_nobody(self):
        server, client = self.started("--tokens", "stuck"), self.client()
        self.raw(client, server, [0])
        self.write(client, 0, "who\\n")
        self.assertIn(self.read(client, 0), ENDS)
        self.assertEqual(len(server.alarms), 1, server.alarms)
        self.assertIn("cannot give back a client's identity", server.alarms[0])
        self.assertEqual(server.ask("stop"), "stopped")

    def test_lists_that_cannot_be_meant_are_refused(self):
        for sddl in ("nonsense", "O:BAG:BA", "D:(A;;GR;;;BA)", "D:(A;;FA;;;BA)", "D:(OA;;GA;;;;BA)"):
            for option in ("--query", "--operate"):
                with self.subTest(sddl=sddl, option=option):
                    server = self.server(option, sddl)
                    self.assertRegex(server.ask("start"), "^failed [1-9]")
                    self.assertEqual(len(server.alarms), 1, server.alarms)
                    self.assertIn("access lists", server.alarms[0])


class Lines(PipeTest):
    def test_lines_by_pieces_and_several_at_once(self):
        server, client = self.started(*NEVER), self.client()
        self.raw(client, server, [0])
        for piece in ("a", "b c", "d\\nsecond\\nthi"):
            self.write(client, 0, piece)
        self.assertEqual([self.read(client, 0) for _ in range(2)], ["ab cd", "second"])
        self.write(client, 0, "rd\\n\\n")
        self.assertEqual([self.read(client, 0) for _ in range(2)], ["third", ""])

    def test_the_longest_line_and_one_byte_more(self):
        server, client = self.started(*NEVER), self.client()
        for more, ending, reply in ((0, "\\n", f"{MAX_LINE_LEN} bytes"), (0, "\\r\\n", f"{MAX_LINE_LEN} bytes"),
                                    (1, "\\n", "line_too_long"), (1, "\\r\\n", "line_too_long"), (2, "\\n", "line_too_long")):
            with self.subTest(more=more, ending=ending):
                self.raw(client, server, [0])
                self.assertEqual(client.ask(f"fill 0 {MAX_LINE_LEN + more}"), "ok")
                self.write(client, 0, ending)
                self.assertEqual(self.read(client, 0), reply)
                client.ask("close 0")

    def test_row_26_a_line_of_10_mib(self):
        server, client = self.started(*NEVER), self.client()
        self.raw(client, server, [0])
        self.assertEqual(client.ask(f"fill 0 {10 << 20}"), "ok")  # is taken, and dropped
        self.assertEqual(self.read(client, 0), "line_too_long")
        self.calls(client, server)

    def test_after_a_line_that_is_too_long_the_connection_ends(self):
        server, client = self.started(*SOON), self.client()
        self.raw(client, server, [0])
        client.ask(f"fill 0 {MAX_LINE_LEN + 1}")
        self.assertEqual(client.ask("gone 0"), "gone")

    def test_row_26_half_a_line_is_told_and_ends(self):
        server, client = self.started("--line-ms", "1000"), self.client()
        self.raw(client, server, [0])
        lines = self.exchange(client, 0, "whole\\nhalf", 3)
        self.assertEqual(lines[:2], ["whole", "line_timeout"])
        self.assertIn(lines[2], ENDS)
        self.calls(client, server)

    def test_row_26_a_client_that_says_nothing(self):
        server, client = self.started("--idle-ms", "200"), self.client()
        self.raw(client, server, [0])
        self.assertEqual(client.ask("gone 0"), "gone")
        self.calls(client, server)

    def test_long_replies_arrive_whole(self):
        server, client = self.started(*NEVER), self.client()
        self.raw(client, server, [0])
        for _ in range(3):
            self.write(client, 0, "big 1000000\\n")
            self.assertEqual(self.read(client, 0), "1000000 bytes")

    def test_a_client_that_does_not_read_is_disconnected(self):
        server, client = self.started(*SOON), self.client()
        self.raw(client, server, [0])
        self.write(client, 0, "big 1000000\\n")
        self.assertEqual(client.ask("gone 0"), "gone")
        self.calls(client, server)


class Waiting(PipeTest):
    def test_a_reply_that_comes_later_holds_up_nobody(self):
        server, client, other = self.started(*NEVER), self.client(), self.client()
        client.ask(f"open 0 {server.pid} 60000")
        client.tell("call 0 60000 wait")
        self.calls(other, server, count=3)
        server.ask("release")
        self.assertEqual(client.answer(), "done")
        self.assertEqual(client.ask("call 0 60000 next"), "next")

    def test_it_is_asked_for_without_being_woken(self):
        server, client = self.started(*NEVER), self.client()
        client.ask(f"open 0 {server.pid} 60000")
        self.assertEqual(client.ask("call 0 60000 busy 3"), "done")

    def test_lines_sent_meanwhile_are_answered_in_order(self):
        server, client = self.started(*NEVER), self.client()
        self.raw(client, server, [0])
        self.write(client, 0, "wait\\nnext\\nlast\\n")
        server.ask("release")
        self.assertEqual([self.read(client, 0) for _ in range(3)], ["done", "next", "last"])

    def test_clients_that_leave_while_they_wait_give_their_places_back(self):
        server, client = self.started(*NEVER), self.client()
        for _ in range(2):
            self.raw(client, server, range(MAX_CLIENTS))
            for slot in range(MAX_CLIENTS):
                self.write(client, slot, "wait\\nnext\\n")
            for slot in range(MAX_CLIENTS):
                client.ask(f"close {slot}")
            self.calls(client, server)

    def test_the_clients_own_limit_of_time(self):
        server, client = self.started(*NEVER), self.client()
        client.ask(f"open 0 {server.pid} 60000")
        self.assertEqual(client.ask("call 0 50 wait"), "error 1460")  # ERROR_TIMEOUT
        self.assertEqual(client.ask("call 0 60000 next"), "error 1460")  # what would come now is not its reply
        server.ask("release")
        self.calls(client, server)


class Places(PipeTest):
    def test_sixteen_clients_at_once_while_one_does_not_read(self):
        server, client = self.started(*NEVER), self.client()
        self.raw(client, server, [20])
        self.write(client, 20, "big 1000000\\n")
        for slot in range(MAX_CLIENTS - 1):
            self.assertEqual(client.ask(f"open {slot} {server.pid} 60000"), "ok")
        for call in range(2):
            for slot in range(MAX_CLIENTS - 1):
                self.assertEqual(client.ask(f"call {slot} 60000 {call} {slot}"), f"{call} {slot}")
        self.assertEqual(self.read(client, 20), "1000000 bytes")

    def test_the_seventeenth_is_told_busy_or_waits(self):
        server, client, late = self.started(*NEVER), self.client(), self.client()
        for slot in range(MAX_CLIENTS):
            self.assertEqual(client.ask(f"open {slot} {server.pid} 60000"), "ok")
        for ms in (0, 50):
            self.assertEqual(late.ask(f"open 0 {server.pid} {ms}"), "busy")
        late.tell(f"open 0 {server.pid} 60000")
        self.assertEqual(client.ask("call 3 60000 still served"), "still served")
        client.ask("close 3")
        self.assertEqual(late.answer(), "ok")
        self.assertEqual(late.ask("call 0 60000 hello"), "hello")

    def test_sixteen_that_say_nothing_do_not_lock_out_others(self):
        server, client, late = self.started("--line-ms", "200", "--idle-ms", "600000"), self.client(), self.client()
        self.raw(client, server, range(MAX_CLIENTS - 1))
        for slot in (*range(2, MAX_CLIENTS - 1), 1):
            self.assertEqual(self.exchange(client, slot, "hello\\n", 1), ["hello"])
        self.raw(client, server, [MAX_CLIENTS - 1])
        self.calls(late, server)
        self.assertEqual(client.ask("gone 0"), "gone")  # who had been idle the longest
        self.assertEqual(self.exchange(client, MAX_CLIENTS - 1, "hello\\n", 1), ["hello"])

    def test_row_26_a_thousand_connections_leave_nothing(self):
        server, client = self.server(), self.client()
        self.assertEqual([server.ask("start"), client.ask(f"churn {server.pid} 20"), server.ask("stop")], ["started", "20", "stopped"])
        stopped = server.ask("census")
        server.ask("start")
        client.ask(f"churn {server.pid} 20")
        before = server.ask("census")
        self.assertEqual(client.ask(f"churn {server.pid} 1000"), "1000")
        self.assertEqual(server.ask("census"), before)
        server.ask("stop")
        self.assertEqual(server.ask("census"), stopped)

    def test_row_26_forty_at_once(self):
        server, client = self.started(*NEVER), self.client()
        self.assertEqual(client.ask(f"crowd {server.pid} 40 5"), "200")

    def test_clients_that_vanish_in_the_middle_of_a_reply(self):
        server, client = self.started(*NEVER), self.client()
        for _ in range(2 * MAX_CLIENTS):
            self.raw(client, server, [0])
            self.write(client, 0, "big 1000000\\n")
            self.assertEqual(client.ask("read 0 100"), "x" * 100)
            client.ask("close 0")
        self.raw(client, server, range(MAX_CLIENTS))

    def test_clients_that_leave_at_once(self):
        server, client = self.started(*NEVER), self.client()
        for ending in (None, "half", "whole\\n"):
            for _ in range(2 * MAX_CLIENTS):
                self.raw(client, server, [0])
                if ending:
                    self.write(client, 0, ending)
                client.ask("close 0")
        self.raw(client, server, range(MAX_CLIENTS))
        self.assertEqual(server.alarms, [])


class Stop(PipeTest):
    def test_it_waits_for_no_client(self):
        """Silent, in a line, waiting, not reading, and one that has not been let in."""
        server, client, late = self.started(*NEVER), self.client(), self.client()
        self.raw(client, server, range(MAX_CLIENTS))
        for slot in range(0, 12, 3):
            self.write(client, slot, "half")
            self.write(client, slot + 1, "wait\\n")
            self.write(client, slot + 2, "big 1000000\\n")
        late.tell(f"open 0 {server.pid} 60000")
        self.assertEqual(server.ask("stop"), "stopped")
        self.assertEqual(late.answer(), "no_host")
        self.assertIn(self.read(client, 15), ENDS)

    def test_the_name_is_free_again_though_clients_are_still_there(self):
        server, client, late = self.started(*NEVER), self.client(), self.client()
        self.raw(client, server, range(MAX_CLIENTS))
        for _ in range(2):
            self.assertEqual(server.ask("stop"), "stopped")
            self.assertEqual(server.ask("start"), "started", server.alarms)
            self.calls(late, server)

    def test_start_and_stop_again_and_again(self):
        server, client = self.server(), self.client()
        for _ in range(20):
            self.assertEqual(server.ask("start"), "started", server.alarms)
            self.calls(client, server)
            self.assertEqual(server.ask("stop"), "stopped")


if __name__ == "__main__":
    unittest.main()
