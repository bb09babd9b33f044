"""nginx for Windows as a peer: the same program, on TCP, with kept connections; one process for each connection."""

import subprocess

import fcgi_client
import subjects
from load import BenchError
from servers import Output

FOLDER = subjects.FOLDER / "nginx"
EXE = subjects.ROOT / "build/bench/nginx/bin/nginx.exe"
WAIT_SECONDS = 60

# One process that serves. No time-outs but long ones; no log. The most a connection may serve is more than it will.
CONFIG = """
daemon off;
master_process off;
error_log stderr notice;
pid logs/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_timeout 3600;
    keepalive_requests 1000000000;
{upstreams}
    server {{
        listen 127.0.0.1:{port};
        fastcgi_keep_conn on;
        fastcgi_read_timeout 3600;
{params}
{locations}
    }}
}}
"""


def params_of(request):
    """The variables of a recorded request: nginx is to send as many and as long ones."""
    content, at = b"", 0
    while at < len(request):
        _, kind, _, length, padding = fcgi_client.HEADER.unpack_from(request, at)
        at += fcgi_client.HEADER.size
        if kind == fcgi_client.PARAMS:
            content += request[at:at + length]
        at += length + padding
    return {name: value for name, value in pairs(content) if not name.startswith("HTTP_")}  # it makes these by itself


def pairs(content):
    at = 0

    def number():
        nonlocal at
        size = 4 if content[at] & 0x80 else 1
        at += size
        return int.from_bytes(content[at - size:at], "big") & 0x7fffffff

    def text(length):
        nonlocal at
        at += length
        return content[at - length:at].decode()

    while at < len(content):
        name, value = number(), number()
        yield text(name), text(value)


def start_programs(bench, run, count):
    """-> their ports"""
    command = ["wine", str(subjects.RESPONDER), "tcp"]
    started = [subprocess.Popen(command, env=run.environment({}), start_new_session=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(count)]
    bench.processes += started
    lines = [Output(process.stdout).wait_for(r"listening on (\d+)", WAIT_SECONDS) for process in started]
    if not all(lines):
        raise BenchError("bench_responder does not listen")
    return [int(line[0][1]) for line in lines]


def write_config(bench, run, port, params):
    upstreams, locations = [], []
    for n in bench.options.connections:
        servers = " ".join(f"server 127.0.0.1:{program};" for program in start_programs(bench, run, n))
        upstreams.append(f"    upstream kept-{n} {{ least_conn; {servers} keepalive {n}; keepalive_requests 1000000000; "
                         "keepalive_timeout 3600; }")
        locations.append(f"        location = /{n} {{ fastcgi_pass kept-{n}; }}")
    for folder in ("logs", "temp", "conf"):
        (FOLDER / folder).mkdir(parents=True)
    values = [f'        fastcgi_param {name} "{value.replace(chr(92), "/")}";' for name, value in params.items()]
    text = CONFIG.format(port=port, upstreams="\n".join(upstreams), locations="\n".join(locations), params="\n".join(values))
    (FOLDER / "conf/nginx.conf").write_text(text)


def start(bench):
    """-> (run, port)"""
    run = bench.run()
    port = subjects.free_port()
    write_config(bench, run, port, params_of(subjects.capture(bench, 0).read_bytes()))
    process = subprocess.Popen(["wine", str(EXE), "-p", "."], env=run.environment({}), cwd=FOLDER, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    bench.processes.append(process)
    output = Output(process.stdout)
    if not output.wait_for(r'using the "\w+" event method', WAIT_SECONDS):  # it says so when it listens
        raise BenchError(f"nginx did not start: {output.text()}")
    return run, port
