"""Programs that answer before they have read the body of the request, or while they read it; and clients that go away in the middle.

The client gets the answer, whether it goes on sending or waits; its connection is closed if some of the body was not read; the program's
process is used again."""

import pages
import scripted
import support
import witness
from scripted import PLAIN, path, pattern

LENGTH = 1_000_000  # more than all buffers on the way hold
EARLY = ("out", PLAIN + "early")
# How much of the body the program reads before it answers.
PROGRAMS = {"reads nothing": [EARLY], "reads half": [("read", LENGTH // 2), EARLY, ("out", "!\n"), ("told", 1)]}
BODIES = {"reads nothing": b"early", "reads half": f"early!\nread={LENGTH // 2} wrong=0\n".encode()}
POST = ("POST", "HTTP/1.1", f"Content-Length: {LENGTH}")


class Base(pages.Page):
    @classmethod
    def start(cls, servers):
        cls.host = cls.new_host(servers)

    @classmethod
    def new_host(cls, servers, *options):
        one = {"ExePath": scripted.PROGRAM, "MaxInstances": 1, "RapidFailsPerMinute": 0}
        pools = {"fcgi": one, "none": {**one, "ResponseBufferLimit": 0}, "small": {**one, "ResponseBufferLimit": 1000},
                 "always": {**one, "KeepConnections": "Always"}, "echo": {**one, "ExePath": support.RESPONDER}}
        return servers.host(support.ini({name: name for name in pools}, **pools), "--stdin-commands", *options,
                            maps=",".join("." + name for name in pools))


class Early(Base):
    OTHER_VERSIONS = ("5.1", "7")  # of IIS

    def check_answer(self, answer, what, closed=True):
        self.assertEqual((answer.status, answer.body), (200, BODIES[what]), answer)
        self.assertEqual(answer.headers.get("connection") == "close", closed, answer)
        self.assertEqual(answer.kept, not closed)

    def each(self, send, pools=("fcgi", "none", "small", "always")):
        for what, steps in PROGRAMS.items():
            for pool in pools:
                with self.subTest(what, pool=pool), support.RawConnection(self.host) as raw:
                    sent = send(raw, scripted.request_head(path(pool, *steps), *POST), LENGTH // 2 if "half" in what else 0)
                    answer = scripted.Answer(raw, "POST")
                    if sent is not None:
                        sent.result()
                    answer.kept = scripted.is_kept(raw)
                    self.check_answer(answer, what)
                self.works(path(pool, ("out", PLAIN)))

    def waits(self, raw, head, needed):
        """The client sends what the program reads, and then nothing before it has the answer."""
        raw.send(head + pattern(needed))

    def goes_on(self, raw, head, needed):
        """The client sends all of it, or as much as the host takes."""
        def rest():
            try:
                raw.send(pattern(LENGTH - needed, needed))
            except OSError:
                pass  # it has the answer, and the host has closed the connection

        raw.send(head + pattern(needed))
        return witness.Background(rest)

    def test_a_client_that_waits_for_the_answer(self):
        """IIS 7 can cancel the read that is outstanding. (Where it reads inside the call nothing can.)"""
        for mode in ("thread", "late"):
            self.host = self.new_host(self.servers, "--iis", "7", "--completions", mode)
            self.each(self.waits)

    def test_a_client_that_goes_on_sending(self):
        self.each(self.goes_on)
        for iis in self.OTHER_VERSIONS:
            with self.subTest(iis):
                self.host = self.new_host(self.servers, "--iis", iis)
                self.each(self.goes_on)

    def test_a_client_that_has_sent_all_keeps_its_connection(self):
        """What the program did not read was no longer on the client's connection."""
        for pool in ("fcgi", "none", "always"):
            with support.RawConnection(self.host) as raw:
                raw.send(scripted.request_head(path(pool, EARLY), "POST", "HTTP/1.1", "Content-Length: 30000") + pattern(30000))
                answer = scripted.Answer(raw, "POST")
                answer.kept = scripted.is_kept(raw)
            self.check_answer(answer, "reads nothing", closed=False)
            self.works(path(pool, ("out", PLAIN)))

    def test_an_answer_while_the_body_is_read(self):
        """The program writes more than ResponseBufferLimit and then reads on: neither waits for the other for ever."""
        steps = [("read", 1000), ("out", PLAIN), ("bytes", 5_000_000), ("flush", 1), ("read", 2 * LENGTH), ("told", 1)]
        for pool in ("fcgi", "none", "small"):
            with support.RawConnection(self.host) as raw:
                raw.send(scripted.request_head(path(pool, *steps), *POST))
                sender = witness.Background(raw.send, pattern(LENGTH))
                answer = scripted.Answer(raw, "POST")
                sender.result()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.body[:5_000_000], pattern(5_000_000))
            self.assertEqual(answer.body[5_000_000:], f"read={LENGTH} wrong=0\n".encode())


class ClientsThatLeave(Base):
    """The process that served them serves the next request."""

    def leave(self, raw, how):
        (raw.reset if how == "reset" else raw.socket.close)()

    def test_in_the_middle_of_a_long_upload(self):
        pid = self.works("/app/env.echo").headers["X-Worker-Pid"]
        for how in ("close", "reset"):
            raw = support.RawConnection(self.host)
            raw.send(scripted.request_head("/app/echo.echo", "POST", "HTTP/1.1", "Content-Length: 1073741824") + bytes(20_000_000))
            self.leave(raw, how)
            self.assertEqual(self.works("/app/env.echo").headers["X-Worker-Pid"], pid)

    def test_in_the_middle_of_a_long_download(self):
        pid = self.works("/app/env.echo").headers["X-Worker-Pid"]
        for how in ("close", "reset"):
            raw = support.RawConnection(self.host)
            raw.send(scripted.request_head("/app/download.echo?bytes=50000000"))
            raw.read(20_000_000)
            self.leave(raw, how)
            self.assertEqual(self.works("/app/env.echo").headers["X-Worker-Pid"], pid)
