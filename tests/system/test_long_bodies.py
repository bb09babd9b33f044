"""Bodies of a gigabyte, both ways, through a program on its pipe and through PHP: every byte is right, and the host's memory is bounded
per request whatever the length, also when one side stops for long. Other hosts have shorter ones: test_other_hosts.py.

FCGIEXT_BODY_MIB=1024: PHP's bodies in full size, too (256).
"""

import os
import pathlib

import scripted
import support
import witness
from scripted import PLAIN, path, pattern

MIB = 1024 * 1024
GIB = 1024 * MIB
PHP_LENGTH = int(os.environ.get("FCGIEXT_BODY_MIB", "256")) * MIB
BLOCK = pattern(scripted.PERIOD * 4096)  # about 1 MiB; each block of a body is this one
CONSUME_PHP = """<?php
// Reads the body in blocks and compares it with the pattern.
$block = str_repeat(implode(array_map('chr', range(0, 250))), 1024);
$read = $wrong = 0;
$input = fopen('php://input', 'rb');
while (($data = stream_get_contents($input, strlen($block))) !== '' && $data !== false) {
    $wrong += $data === substr($block, 0, strlen($data)) ? 0 : 1;
    $read += strlen($data);
}
header('Content-Type: text/plain');
echo "read=$read wrong=$wrong\\n";
"""
SEND_PHP = """<?php
set_time_limit(0);
$left = (int) $_GET['bytes'];
if (isset($_GET['length'])) {
    header("Content-Length: $left");
}
$block = str_repeat(implode(array_map('chr', range(0, 250))), 1024);
for (; $left > 0; $left -= strlen($block)) {
    echo $left < strlen($block) ? substr($block, 0, $left) : $block;
}
"""


class Memory:
    """How far the resident memory of the host rises above what it was at the beginning, at its highest."""

    def __init__(self, servers):
        self.process = pathlib.Path(f"/proc/{witness.host_process(servers)}")
        (self.process / "clear_refs").write_text("5")  # the peak begins anew
        self.before = self._read("VmRSS")

    def _read(self, name):
        for line in (self.process / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {name}")

    def growth(self):
        return self._read("VmHWM") - self.before


def blocks(length):
    for _ in range(length // len(BLOCK)):
        yield BLOCK
    yield BLOCK[:length % len(BLOCK)]


class Reader:
    """Reads a body and compares it with the pattern."""

    def __init__(self, source):
        self.source = source  # has readinto
        self.buffer = bytearray(len(BLOCK))
        self.view = memoryview(self.buffer)
        self.used = 0
        self.length = 0

    def read(self, most=None):
        """So many bytes, or to the end. -> bytes in all"""
        end = None if most is None else self.length + most
        while end is None or self.length < end:
            got = self.source.readinto(self.view[self.used:])
            if not got:
                break
            self.used += got
            self.length += got
            if self.used == len(BLOCK):
                assert self.buffer == BLOCK, f"wrong bytes before {self.length}"
                self.used = 0
        else:
            return self.length
        assert self.view[:self.used] == memoryview(BLOCK)[:self.used], f"wrong bytes before the end, {self.length}"
        return self.length


def upload(host, target, length):
    """-> the answer's text"""
    with support.Connection(host) as connection:
        answer = connection.request(target, "POST", blocks(length), {"Content-Length": str(length)})
    assert answer.status == 200, answer
    return answer.text


class Download:
    """response: the head has come."""

    def __init__(self, host, target):
        self.connection = support.Connection(host)
        self.connection.http.request("GET", target)
        self.response = self.connection.http.getresponse()
        self.reader = Reader(self.response)
        assert self.response.status == 200, self.response.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.connection.close()


class Bodies:
    """Those to and from a program on its pipe. Who inherits this is a test.

    BOUNDS: most memory of one request, by pool. relay.h says what it takes: for an upload a record of 64 KiB; for a reply two buffers of
    ResponseBufferLimit and one read, with a quarter as slack, one of them twice while it grows. The rest is the host's own."""

    BOUNDS = {"small": 2 * MIB, "fcgi": 16 * MIB, "php": 16 * MIB}  # ResponseBufferLimit: 64 KiB, 4 MiB, 4 MiB
    LENGTH = GIB
    STOP_AT = 50 * MIB  # where a client stops
    ACTIVITY_TIMEOUTS = (4, 5)  # of `small` and of `slow`
    HOST_WAITS = False  # for its client, inside our call: the thread is gone for the time
    OTHERS = tuple(path(pool, ("out", PLAIN), ("bytes", 5_000_000)) for pool in ("fcgi", "small"))

    @classmethod
    def start(cls, servers, root=support.SITE, **more):
        """more: further pools"""
        one = {"ExePath": scripted.PROGRAM, "MaxInstances": 1, "RequestTimeout": 600}
        small, slow = cls.ACTIVITY_TIMEOUTS
        # in this order: with HOST_WAITS a client of `small` holds up a port of the first two, and `slow` begins at the third
        pools = {"small": {**one, "ResponseBufferLimit": 65536, "ActivityTimeout": small, "MaxInstances": 2}, "fcgi": one,
                 "slow": {**one, "ActivityTimeout": slow}, **more}
        cls.servers_of_class = servers
        cls.host = servers.host(support.ini({name: name for name in pools}, **pools), "--stdin-commands", root=root,
                                maps=",".join("." + name for name in pools))
        for pool in ("fcgi", "small", "slow"):
            assert upload(cls.host, path(pool, ("read", 1000), ("out", PLAIN), ("told", 1)), 1000) == "read=1000 wrong=0\n"

    def check_memory(self, memory, pool, what):
        growth = memory.growth()
        print(f"# {what}: {growth // 1024} KiB of the host's memory")
        self.assertLess(growth, self.BOUNDS[pool])

    def check_upload(self, pool, target, length):
        memory = Memory(self.servers_of_class)
        self.assertEqual(upload(self.host, target, length), f"read={length} wrong=0\n")
        self.check_memory(memory, pool, f"upload of {length // MIB} MiB to {pool}")

    def check_download(self, pool, target, length, framing):
        memory = Memory(self.servers_of_class)
        with Download(self.host, target) as download:
            self.assertIn(framing, str(download.response.headers))
            self.assertEqual(download.reader.read(), length)
        self.check_memory(memory, pool, f"download of {length // MIB} MiB from {pool}")

    def let_the_time_be_over(self):
        """Returns when the ActivityTimeout of `slow`, which is longer than that of `small`, has passed."""
        with witness.Gate() as gate:
            answer = support.http_request(self.host, path("slow", ("gate", gate.port)))
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (500, "activity_timeout"))

    def others_are_served(self):
        for target in self.OTHERS:
            with Download(self.host, target) as download:
                self.assertEqual(download.reader.read(), 5_000_000)

    def test_up_to_a_program_on_its_pipe(self):
        self.check_upload("small", path("small", ("read", 2 * self.LENGTH), ("out", PLAIN), ("told", 1)), self.LENGTH)

    def test_down_from_a_program_to_a_client_that_stops_reading_for_long(self):
        """Others are served meanwhile, nobody loses patience with the program, and the client gets the rest when it reads on."""
        for _ in range(2):  # both processes have been used: the first time-out of a process is longer
            self.others_are_served()
        memory = Memory(self.servers_of_class)
        with Download(self.host, path("small", ("out", PLAIN), ("bytes", self.LENGTH))) as download:
            self.assertEqual(download.response.headers["Transfer-Encoding"], "chunked")
            download.reader.read(self.STOP_AT)
            witness.wait_until_in_flight(self.servers_of_class, self.host, 1)
            self.check_memory(memory, "small", "while a client does not read")
            self.let_the_time_be_over()
            if not self.HOST_WAITS:
                self.others_are_served()
            memory = Memory(self.servers_of_class)
            self.assertEqual(download.reader.read(), self.LENGTH)
        self.check_memory(memory, "small", f"download of {self.LENGTH // MIB} MiB from small")


class LongBodies(Bodies, support.SystemTest):
    OTHERS = (*Bodies.OTHERS, "/send.php?bytes=5000000")

    @classmethod
    def start(cls, servers):
        site = servers.folder / "site"
        site.mkdir()
        (site / "consume.php").write_text(CONSUME_PHP)
        (site / "send.php").write_text(SEND_PHP)
        cls.php = servers.php(site, children=1, settings=["post_max_size=4G", "enable_post_data_reading=0"])
        super().start(servers, site, php={"Address": f"127.0.0.1:{cls.php.port}", "MaxInstances": 1, "RequestTimeout": 600})
        assert upload(cls.host, "/consume.php", 1000) == "read=1000 wrong=0\n"

    def test_a_client_that_stops_sending_for_long(self):
        length = 10 * MIB
        target = path("small", ("read", 2 * length), ("out", PLAIN), ("told", 1))
        body = pattern(length)
        with support.RawConnection(self.host) as raw:
            raw.send(scripted.request_head(target, "POST", "HTTP/1.1", f"Content-Length: {length}") + body[:length // 2])
            witness.wait_until_in_flight(self.servers_of_class, self.host, 1)
            self.let_the_time_be_over()
            raw.send(body[length // 2:])
            self.assertEqual(scripted.Answer(raw, "POST").body, f"read={length} wrong=0\n".encode())

    def test_down_with_the_default_limit_and_a_length(self):
        length = 64 * MIB
        target = path("fcgi", ("out", f"Content-Length: {length}\r\n" + PLAIN), ("bytes", length))
        self.check_download("fcgi", target, length, f"Content-Length: {length}\n")

    def test_up_to_php(self):
        self.check_upload("php", "/consume.php", PHP_LENGTH)

    def test_down_from_php(self):
        self.check_download("php", f"/send.php?bytes={PHP_LENGTH}", PHP_LENGTH, "Transfer-Encoding: chunked\n")
        self.check_download("php", f"/send.php?length=1&bytes={64 * MIB}", 64 * MIB, f"Content-Length: {64 * MIB}\n")
