"""One HTTP connection, read to the byte: an HTTP library would hide what comes too much, twice, or not at all."""

import re
import socket

ANSWER_SECONDS = 120  # nothing that is asked for takes a tenth of it, not even on a loaded machine


class Cut(Exception):
    """The connection ended before the answer was complete. `reply`: what there was of it, None: not even its head."""

    def __init__(self, text, reply=None):
        super().__init__(text)
        self.reply = reply


class Reply:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.[01] (\d{3}) (.*)", lines[0])
        if match is None:
            raise Cut(f"this is no answer: {head[:300]!r}")
        self.status = int(match[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.lower()
            if name in self.headers and name != "set-cookie":
                raise Cut(f"the header {name} came twice: {head[:1000]!r}")
            self.headers[name] = value.strip()
        self.body = b""

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def reason(self):
        return self.headers.get("x-fcgiext-reason", "")

    def variables(self):
        return dict(line.split("=", 1) for line in self.text.splitlines() if "=" in line)

    def __str__(self):
        return f"status {self.status}, {self.headers}, {len(self.body)} bytes: {self.body[:1500]!r}"


class Wire:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(262144)
        self.received += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.received:
            if not self.more():
                raise Cut(f"the connection ended; what there was: {self.received[-300:]!r}")
        result, _, self.received = self.received.partition(mark)
        return result

    def _take(self, count, body):
        """Moves so many bytes to the end of `body`, a bytearray."""
        while count > 0:
            part = self.received[:count]
            self.received = self.received[len(part):]
            body += part
            count -= len(part)
            if count > 0 and not self.more():
                raise Cut(f"{count} bytes are missing")

    def _read_body(self, reply, body):
        if reply.headers.get("transfer-encoding") == "chunked":
            size = -1
            while size != 0:
                size = int(self._until(b"\r\n"), 16)
                self._take(size, body)
                if self._until(b"\r\n") != b"":
                    raise Cut("a chunk is longer than it said")
        elif "content-length" in reply.headers:
            self._take(int(reply.headers["content-length"]), body)
        else:
            while self.more():
                pass
            body += self.received
            self.received = b""

    def head(self):
        return Reply(self._until(b"\r\n\r\n"))

    def reply(self, method="GET"):
        """The next answer, whole."""
        reply = self.head()
        body = bytearray()
        try:
            if method != "HEAD" and reply.status not in (204, 304):
                self._read_body(reply, body)
        except (Cut, ConnectionError) as error:
            reply.body = bytes(body)
            raise Cut(f"cut: {error}; {reply}", reply) from error
        reply.body = bytes(body)
        return reply

    def close_side(self):
        self.socket.shutdown(socket.SHUT_WR)

    def rest(self):
        """Says that nothing more is wanted, waits for the end of the connection. -> what came before it"""
        try:
            self.close_side()
            while self.more():
                pass
        except ConnectionError:
            pass  # the host was first to close
        self.socket.close()
        return self.received

    def reset(self):
        """Ends the connection as a client does that has crashed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def close(self):
        self.socket.close()
