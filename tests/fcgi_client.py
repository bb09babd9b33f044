#!/usr/bin/env python3
"""A small FastCGI client: asks a FastCGI server on TCP directly, without a web server in between.

    python3 tests/fcgi_client.py HOST:PORT [NAME=VALUE ...] [<body]

prints what came on stderr, the reply's header and its body, and exits 0 if the request ended as the protocol wants. It is also the
support of tests: `request()` for one request on its own connection, `Connection` for kept ones.
"""
import os
import socket
import stat
import struct
import sys

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
RESPONDER, KEEP_CONN = 1, 1
RECORD_MAX = 65528
HEADER = struct.Struct(">BBHHBx")  # version, type, request id, content length, padding length


class ProtocolError(Exception):
    pass


def record(kind, content=b"", request_id=1, padding=None):
    if padding is None:
        padding = -len(content) % 8
    return HEADER.pack(1, kind, request_id, len(content), padding) + content + bytes(padding)


def stream(kind, content, request_id=1):
    """Content of any length, and the empty record that ends the stream."""
    parts = [content[i:i + RECORD_MAX] for i in range(0, len(content), RECORD_MAX)]
    return b"".join(record(kind, part, request_id) for part in parts) + record(kind, b"", request_id)


def pair(name, value):
    def length(data):
        return bytes([len(data)]) if len(data) < 128 else struct.pack(">I", len(data) | 0x80000000)

    name, value = as_bytes(name), as_bytes(value)
    return length(name) + length(value) + name + value


def as_bytes(text):
    return text if isinstance(text, bytes) else str(text).encode()


def params_stream(params, request_id=1):
    """A name-value pair never spans two records: php reads each record alone."""
    records, content = [], b""
    for name, value in params.items():
        one = pair(name, value)
        if len(content) + len(one) > RECORD_MAX:
            records.append(record(PARAMS, content, request_id))
            content = b""
        content += one
    return b"".join(records) + stream(PARAMS, content, request_id)


def encode_request(params, body=b"", keep=False, request_id=1):
    begin = struct.pack(">HB5x", RESPONDER, KEEP_CONN if keep else 0)
    return record(BEGIN_REQUEST, begin, request_id) + params_stream(params, request_id) + stream(STDIN, body, request_id)


class Reply:
    """What a FastCGI server answered: `stdout` and `stderr` as they came; status, headers and body are read from stdout."""

    def __init__(self):
        self.stdout = b""
        self.stderr = b""
        self.app_status = None  # None: the connection ended before END_REQUEST
        self.protocol_status = None
        self.records = []  # (type, content length)

    @property
    def complete(self):
        return self.protocol_status == 0

    @property
    def head(self):
        return self.stdout.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")[0].decode("latin-1").splitlines()

    @property
    def headers(self):
        """The last of each name, names in lower case."""
        return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in self.head)}

    @property
    def status(self):
        return int(self.headers.get("status", "200").split()[0])

    @property
    def body(self):
        return self.stdout.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")[2]


class Connection:
    """One connection to a FastCGI server. Each wait ends after `timeout` seconds with TimeoutError."""

    def __init__(self, host, port, timeout=20.0):
        self.socket = socket.create_connection((host, port), timeout)
        self.input = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.input.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read_record(self):
        """(type, request id, content), or None at the end of the connection."""
        header = self.input.read(HEADER.size)
        if not header:
            return None
        if len(header) < HEADER.size:
            raise ProtocolError("the connection ended in the middle of a record's header")
        version, kind, request_id, length, padding = HEADER.unpack(header)
        if version != 1:
            raise ProtocolError(f"version {version} in a record's header: {header.hex()}")
        content = self.input.read(length + padding)
        if len(content) < length + padding:
            raise ProtocolError("the connection ended in the middle of a record")
        return kind, request_id, content[:length]

    def read_reply(self, request_id=1):
        reply = Reply()
        stdout, stderr = [], []
        while True:
            came = self.read_record()
            if came is None:
                break
            kind, came_id, content = came
            if came_id != request_id:
                raise ProtocolError(f"a record of type {kind} for request {came_id}; {request_id} is open")
            reply.records.append((kind, len(content)))
            if kind == STDOUT:
                stdout.append(content)
            elif kind == STDERR:
                stderr.append(content)
            elif kind == END_REQUEST:
                reply.app_status, reply.protocol_status = struct.unpack(">IB3x", content)
                break
            else:
                raise ProtocolError(f"a record of type {kind} in a reply")
        reply.stdout, reply.stderr = b"".join(stdout), b"".join(stderr)
        return reply

    def request(self, params, body=b"", keep=True, request_id=1):
        self.send(encode_request(params, body, keep, request_id))
        return self.read_reply(request_id)


def cgi_params(script, query="", method=None, body=b"", content_type="", **more):
    """The variables of a plain request, as fcgiext sends them on IIS: PATH_INFO is the whole path."""
    params = {
        "CONTENT_LENGTH": len(body),
        "CONTENT_TYPE": content_type,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "PATH_INFO": script,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": method or ("POST" if body else "GET"),
        "REQUEST_URI": script + ("?" + query if query else ""),
        "SCRIPT_NAME": script,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": 80,
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    params.update(more)
    return params


def request(address, params, body=b"", timeout=20.0):
    """One request on a connection of its own; address = (host, port)."""
    with Connection(*address, timeout=timeout) as connection:
        return connection.request(params, body, keep=False)


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help") or ":" not in arguments[0]:
        print(__doc__)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    host, _, port = arguments[0].rpartition(":")
    kind = os.fstat(0).st_mode
    body = sys.stdin.buffer.read() if stat.S_ISREG(kind) or stat.S_ISFIFO(kind) else b""
    params = cgi_params("/", body=body)
    params.update(argument.partition("=")[::2] for argument in arguments[1:])
    try:
        reply = request((host, int(port)), params, body)
    except (OSError, ProtocolError) as error:
        print(f"fcgi_client: {arguments[0]}: {error}", file=sys.stderr)
        return 1
    sys.stderr.buffer.write(reply.stderr)
    sys.stdout.buffer.write(reply.stdout)
    if not reply.complete:
        print(f"\nfcgi_client: the request did not end well (protocol status {reply.protocol_status})", file=sys.stderr)
    return 0 if reply.complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
