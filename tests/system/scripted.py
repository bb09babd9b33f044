"""The program tests/helpers/scripted.c, which writes what the query says, and answers as they are on the wire.

    path("fcgi", ("out", "Content-Type: text/plain\\r\\n\\r\\nhello"))     /app/x.fcgi?out=Content-Type...
    exchange(host, path(...), "HEAD", "HTTP/1.0").headers["content-length"]
"""

import urllib.parse

import support

PROGRAM = support.HELPERS / "scripted.exe"
PLAIN = "Content-Type: text/plain\r\n\r\n"  # the least that a program says before its body
PERIOD = 251  # of the pattern: byte i is i % 251


def pattern(length, start=0):
    skipped = start % PERIOD
    return (bytes(range(PERIOD)) * ((length + skipped) // PERIOD + 1))[skipped:skipped + length]


def path(pool, *steps):
    """steps: (name, value)"""
    words = [name + "=" + urllib.parse.quote(value if isinstance(value, (str, bytes)) else str(value), safe="")
             for name, value in steps]
    return f"/app/x.{pool}?" + "&".join(words)


class Head:
    """Status line and header lines as they came."""

    def __init__(self, data):
        assert data.endswith(b"\r\n\r\n"), data
        self.line, *self.lines = data[:-4].decode("latin-1").split("\r\n")
        version, self.status, self.reason = self.line.split(" ", 2)
        assert version == "HTTP/1.1", self.line
        self.status = int(self.status)
        self.headers = {}
        for line in self.lines:
            name, _, value = line.partition(": ")
            self.headers.setdefault(name.lower(), value)

    @property
    def own(self):
        """The lines but for those that isapihost adds by itself, and the framing."""
        hosts = ("server:", "date:", "connection:", "content-length:", "transfer-encoding:")
        return [line for line in self.lines if not line.lower().startswith(hosts)]


class Answer(Head):
    """Its body, how that was framed ("none", "length", "chunked", "close"), and whether the connection is of further use."""

    def __init__(self, raw, method):
        super().__init__(raw.read_until(b"\r\n\r\n"))
        self.body = b""
        self.chunks = []
        if method == "HEAD" or self.status in (204, 304):
            self.framing = "none"
        elif "transfer-encoding" in self.headers:
            self.framing = "chunked"
            self._read_chunks(raw)
        elif "content-length" in self.headers:
            self.framing = "length"
            self.body = raw.read(int(self.headers["content-length"]))
        else:
            self.framing = "close"
            self.body = raw.read_all()

    def _read_chunks(self, raw):
        while True:
            chunk = read_chunk(raw)
            if chunk == b"":
                break
            self.chunks.append(chunk)
        self.body = b"".join(self.chunks)

    def __repr__(self):
        return "\n".join([self.line, *self.lines, f"{self.framing}: {len(self.body)} bytes {self.body[:500]}"])


def read_chunk(raw):
    """-> its content; b"" for the last one"""
    size = int(raw.read_until(b"\r\n"), 16)
    chunk = raw.read(size)
    end = raw.read(2)
    assert end == b"\r\n", f"a chunk is longer than it said: {end!r}"
    return chunk


def request_head(target, method="GET", protocol="HTTP/1.1", *lines):
    return "\r\n".join([f"{method} {target} {protocol}", "Host: x", *lines, "", ""]).encode()


def is_kept(raw):
    """Is a second request on this connection, to the pool `fcgi`, answered? What comes must be its answer, or the end: nothing else."""
    try:
        raw.send(request_head(path("fcgi", ("out", PLAIN + "second")), "GET", "HTTP/1.1", "Connection: close"))
        rest = raw.read_all()
    except ConnectionError:
        return False
    assert rest == b"" or (rest.startswith(b"HTTP/1.1 200 OK\r\n") and rest.endswith(b"\r\n\r\nsecond")), rest[:1000]
    return rest != b""


def exchange(host, target, method="GET", protocol="HTTP/1.1", *lines):
    """One request, and another one behind it: `.kept` says whether that was answered."""
    with support.RawConnection(host) as raw:
        raw.send(request_head(target, method, protocol, *lines))
        answer = Answer(raw, method)
        answer.kept = is_kept(raw)
    return answer
