"""Load on one URL: so many connections, each with one request at a time, for some seconds.

wrk makes it: a native program that takes little of the processor. For the smoke run, where figures do not matter, Python does.
"""

import concurrent.futures
import dataclasses
import http.client
import pathlib
import re
import subprocess
import time

SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk.lua"


class BenchError(Exception):
    """One sentence that says what could not be measured."""


@dataclasses.dataclass
class Load:
    requests: int
    seconds: float
    p50: float  # seconds, as p99
    p99: float
    cpu: float | None = None  # processor time of a request, in seconds

    @property
    def rate(self):
        return self.requests / self.seconds


def percentile(ordered, percent):
    return ordered[(len(ordered) - 1) * percent // 100]


def check_answer(port, path, length):
    """The answers are what they should be; wrk sees only that their status is good."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != 200 or len(body) != length:
        raise BenchError(f"{path} was answered with {response.status} and {len(body)} bytes: {body[:300]!r}")


def by_wrk(port, path, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s", "-s", SCRIPT,
               f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, stdin=subprocess.DEVNULL, check=False)
    result = re.search(r"^result (\d+) (\d+) (\d+) (\d+) (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not result:
        raise BenchError(f"wrk failed on {path}: {done.stdout}{done.stderr}")
    requests, duration, p50, p99, errors = map(int, result.groups())
    if errors or not requests:
        raise BenchError(f"{path}: {requests} requests, {errors} errors\n{done.stdout}")
    return Load(requests, duration / 1e6, p50 / 1e6, p99 / 1e6)


def by_python(port, path, connections, seconds):
    deadline = time.monotonic() + seconds

    def client(_):
        times = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not times or time.monotonic() < deadline:
            begun = time.monotonic()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise BenchError(f"{path} was answered with {response.status}")
            times.append(time.monotonic() - begun)
        connection.close()
        return times

    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        try:
            times = sorted(one for client_times in pool.map(client, range(connections)) for one in client_times)
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"{path}: {error!r}") from error
    return Load(len(times), time.monotonic() - begun, percentile(times, 50), percentile(times, 99))
