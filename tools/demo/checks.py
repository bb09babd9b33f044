"""What `tools/demo.sh --check` tries: real requests by curl to the samples of both pools. One line for each check."""

import concurrent.futures
import csv
import hashlib
import io
import json
import os
import subprocess

from servers import ROOT, ServerError, run_to_end

ECHO_LEN = 100000
DOWNLOAD_LEN = 5000000
UPLOAD_LEN = 300000


class Mismatch(Exception):
    pass


class Report:
    def __init__(self):
        self.count = 0
        self.failures = 0

    def passed(self, name):
        self.count += 1
        print(f"ok - {name}", flush=True)

    def failed(self, name, why):
        self.count += 1
        self.failures += 1
        print(f"FAILED - {name}: " + why.replace("\n", "\n    "), flush=True)

    def check(self, name, problems):
        if problems:
            self.failed(name, "\n".join(problems))
        else:
            self.passed(name)

    def end(self):
        if self.failures:
            print(f"demo: {self.failures} of {self.count} checks FAILED")
        else:
            print(f"demo: all {self.count} checks passed")
        return 1 if self.failures else 0


class Answer:
    def __init__(self, status, connects, seconds, head, body):
        self.status = status
        self.connects = connects  # new connections that this request needed
        self.seconds = seconds
        self.head = head
        self.headers = {name.strip().lower(): value.strip() for name, _, value in
                        (line.partition(":") for line in head.splitlines()[1:]) if value}
        self.body = body

    def text(self):
        return self.body.decode("utf-8", "replace")

    def lines(self):
        return self.text().splitlines()


class Client:
    """curl. Each call has files of its own, so that calls may run at the same time."""

    def __init__(self, base, folder):
        self.base = base
        self.folder = folder
        self.number = 0

    def get(self, path, *options):
        return self.get_all([path], *options)[0]

    def post(self, path, body, content_type="application/octet-stream"):
        return self.get(path, "--data-binary", f"@{self.file(body)}", "-H", f"Content-Type: {content_type}")

    def file(self, content):
        self.number += 1
        file = self.folder / f"upload-{self.number}.bin"
        file.write_bytes(content)
        return file

    def get_all(self, paths, *options):
        """One after the other, on one connection if the server keeps it."""
        self.number += 1
        words = []
        files = []
        for i, path in enumerate(paths):
            head, body = (self.folder / f"{kind}-{self.number}-{i}" for kind in ("head", "body"))
            head.write_bytes(b"")
            body.write_bytes(b"")
            files.append((head, body))
            words += ["--next"] if i else []
            words += ["-sS", "--noproxy", "*", "--max-time", "60", "-D", head, "-o", body, *options,
                      "-w", "%{http_code} %{num_connects} %{time_total}\\n", self.base + path]
        curl = subprocess.run(["curl", "-q", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if curl.returncode != 0:
            raise Mismatch(f"{' '.join(paths)}: {curl.stderr.strip() or f'curl exit code {curl.returncode}'}")
        answers = []
        for (head, body), line in zip(files, curl.stdout.splitlines()):
            status, connects, seconds = line.split()
            answers.append(Answer(int(status), int(connects), float(seconds), head.read_text("latin-1"), body.read_bytes()))
        return answers


def expect(answer, status, *texts, **headers):
    """Status, what stands in the body whatever its case, and headers (content_type="text/html": begins so)."""
    if answer.status != status:
        raise Mismatch(f"status {answer.status} instead of {status}\n{answer.text()[:1500]}")
    for text in texts:
        if text.lower() not in answer.text().lower():
            raise Mismatch(f"'{text}' is not in the page\n{answer.text()[:1500]}")
    for name, start in headers.items():
        value = answer.headers.get(name.replace("_", "-"), "")
        if not value.lower().startswith(start.lower()):
            raise Mismatch(f"the header {name.replace('_', '-')} is '{value}' instead of '{start}'")


def expect_body(answer, body):
    if answer.body != body:
        raise Mismatch(f"{len(answer.body)} bytes, SHA-1 {hashlib.sha1(answer.body).hexdigest()}; expected were "
                       f"{len(body)}, SHA-1 {hashlib.sha1(body).hexdigest()}")


def pattern(length):
    """What the download samples send: byte i is i % 251."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


# ---- the checks; the text is what is printed

CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function
    return add


def for_both_pools(name):
    """The function gets the address of the pool's samples: '/app/%s.fcgi' or '/php/%s.php'."""
    def add(function):
        for pool, page in (("echo", "/app/%s.fcgi"), ("php", "/php/%s.php")):
            CHECKS.append((f"{pool}: {name}", lambda client, page=page: function(client, page)))
        return function
    return add


@check("start page")
def start_page(client):
    expect(client.get("/"), 200, "<h1>fcgiext demo</h1>", content_type="text/html")


@check("each link of the start page has a file")
def links(client):
    text = client.get("/").text()
    paths = sorted({part.split('"')[0].split("?")[0] for part in text.split('href="')[1:]} - {"/php/missing.php"})
    if len(paths) < 10:
        raise Mismatch(f"only {paths}")
    for path in paths:
        answer = client.get(path + "?bytes=10&ms=1", "--head")
        if answer.status != 200:
            raise Mismatch(f"{path}: status {answer.status}")


@check("static file: style.css")
def static_file(client):
    expect(client.get("/style.css"), 200, "font-family", content_type="text/css")


@check("static file that is missing: 404")
def missing_file(client):
    expect(client.get("/nothing-here.html"), 404)


@check("no way out of the root folder")
def escape(client):
    for path in ("/../fcgiext.ini", "/%2e%2e/fcgiext.ini", "/..%5cfcgiext.ini", "/app/..%2f..%2ffcgiext.ini"):
        answer = client.get(path, "--path-as-is")
        if answer.status not in (400, 403, 404):
            raise Mismatch(f"{path}: status {answer.status}\n{answer.text()[:300]}")


@check("echo: the CGI variables reach the program")
def responder_environment(client):
    answer = client.get("/app/env.fcgi?name=value&x=%20y", "-H", "X-Sample: some text")
    expect(answer, 200, content_type="text/plain")
    wanted = ["QUERY_STRING=name=value&x=%20y", "REQUEST_METHOD=GET", "SCRIPT_NAME=/app/env.fcgi", "HTTP_X_SAMPLE=some text",
              "REMOTE_ADDR=127.0.0.1", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_URI=/app/env.fcgi?name=value&x=%20y"]
    missing = [line for line in wanted if line not in answer.lines()]
    if missing:
        raise Mismatch(f"missing: {missing}\n{answer.text()}")


@check("echo: the process has its pipe, its folder and the variable of fcgiext.ini")
def responder_process(client):
    answer = client.get("/app/process.fcgi")
    expect(answer, 200, "DEMO_GREETING=hello from fcgiext.ini\n", "_FCGI_X_PIPE_=\\\\.\\pipe\\IISFCGI-")
    folder = next(line for line in answer.lines() if line.startswith("working directory: "))
    if not folder.lower().endswith("\\build\\win64\\bin"):
        raise Mismatch(folder)


@check("php: the CGI variables reach the script")
def php_environment(client):
    answer = client.get("/php/env.php?format=text&name=value", "-H", "X-Sample: some text")
    expect(answer, 200, "\nQUERY_STRING=format=text&name=value\n", "\nHTTP_X_SAMPLE=some text\n", "\nSCRIPT_NAME=/php/env.php\n")
    expect(client.get("/php/env.php"), 200, "SCRIPT_FILENAME", content_type="text/html")


@for_both_pools(f"{ECHO_LEN} random bytes posted come back")
def echo(client, page):
    body = os.urandom(ECHO_LEN)
    answer = client.post(page % "echo", body, "application/x-sample")
    expect(answer, 200, content_type="application/x-sample", x_body_length=str(ECHO_LEN))
    expect_body(answer, body)


@for_both_pools("an empty POST comes back")
def echo_nothing(client, page):
    answer = client.post(page % "echo", b"")
    expect(answer, 200, x_body_length="0")
    expect_body(answer, b"")


@for_both_pools(f"download of {DOWNLOAD_LEN} bytes, with and without Content-Length")
def download(client, page):
    for more in ("", "&length=no"):
        answer = client.get(page % "download" + f"?bytes={DOWNLOAD_LEN}{more}")
        expect(answer, 200, **({} if more else {"content_length": str(DOWNLOAD_LEN)}))
        expect_body(answer, pattern(DOWNLOAD_LEN))


@for_both_pools("HEAD has the headers and no body")
def head(client, page):
    path = page % "download" + "?bytes=1234567"
    first, second = client.get_all([path, path], "--head")  # a body would stand in the way of the second answer
    expect(first, 200, content_length="1234567")
    expect(second, 200, content_length="1234567")
    if second.connects != 0:
        raise Mismatch("the second request opened a connection of its own")


@for_both_pools("form with upload")
def form(client, page):
    expect(client.get(page % "form"), 200, "<form", 'type="file"')
    file = os.urandom(UPLOAD_LEN)
    upload = client.file(file)
    answer = client.get(page % "form", "--form-string", "text=M\u00fcnchen <&>", "-F", f"file=@{upload};filename=a & b.bin")
    expect(answer, 200, "M\u00fcnchen &lt;&amp;&gt;", "a &amp; b.bin", str(UPLOAD_LEN))
    if "php" in page:
        expect(answer, 200, hashlib.sha1(file).hexdigest())


@for_both_pools("slow page")
def slow(client, page):
    answer = client.get(page % "slow" + "?ms=1000")
    expect(answer, 200, "waited 1000 ms")
    if answer.seconds < 0.9:
        raise Mismatch(f"it came after {answer.seconds} seconds, not after 1")
    expect(client.get(page % "slow" + "?ms=10&lines=20"), 200, "line 1 of 20\n", "line 20 of 20\n")


@for_both_pools("two requests on one kept connection")
def keep_alive(client, page):
    first, second = client.get_all([page % "env", page % "env"])
    expect(first, 200)
    expect(second, 200)
    if (first.connects, second.connects) != (1, 0):
        raise Mismatch(f"the second request opened a connection of its own\n{first.head}")


@for_both_pools("8 clients at once, 4 processes: each gets its own answer")
def parallel(client, page):
    clients = [Client(client.base, client.folder / f"client-{i}") for i in range(8)]
    bodies = [os.urandom(20000) for _ in clients]
    for one in clients:
        one.folder.mkdir(exist_ok=True)

    def ask(i):
        expect(clients[i].get(page % "slow" + "?ms=200"), 200)
        answer = clients[i].post(page % "echo", bodies[i])
        expect_body(answer, bodies[i])
        return answer.headers["x-worker-pid"]

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        pids = set(pool.map(ask, range(len(clients))))
    if not 1 <= len(pids) <= 4:
        raise Mismatch(f"{len(pids)} processes answered: {pids}")


@check("echo: 50 headers")
def headers(client):
    answer = client.get("/app/headers.fcgi?count=50")
    missing = [i for i in range(1, 51) if answer.headers.get(f"x-sample-{i}") != f"value {i}"]
    if answer.status != 200 or missing:
        raise Mismatch(f"status {answer.status}, missing: {missing}")


@check("echo: a page with a status of its own")
def own_status(client):
    expect(client.get("/app/error.fcgi?kind=status"), 418, "this is its own page")


@check("echo: text on stderr makes a 500 that shows it")
def stderr(client):
    expect(client.get("/app/error.fcgi?kind=stderr"), 500, "The program writes this on stderr, and nothing else.")
    expect(client.get("/app/error.fcgi?kind=stderr-headers"), 500, "The program writes this on stderr, then a good page.")


@check("echo: a process that exits: 500 names the pool and exit code 7")
def exit_code(client):
    expect(client.get("/app/error.fcgi?kind=exit"), 500, "exit", "echo", "0x00000007")


@check("echo: a process that crashes: 500 names the exception code")
def crash(client):
    expect(client.get("/app/error.fcgi?kind=crash"), 500, "echo", "0xc0000005")


@check("echo: after that the pool answers as before")
def recovered(client):
    expect(client.get("/app/env.fcgi"), 200, "REQUEST_METHOD=GET")


@check("echo: no output at all: 500 says so")
def no_output(client):
    expect(client.get("/app/error.fcgi?kind=nothing"), 500, "echo", "header")


@check("echo: header lines that are none are dropped")
def garbage(client):
    answer = client.get("/app/error.fcgi?kind=garbage")
    expect(answer, 200, "Only the valid headers", x_good="this one is")
    if "no header" in answer.head or "bad name" in answer.head:
        raise Mismatch(answer.head)


@check("echo: Location alone is a 302")
def redirect(client):
    expect(client.get("/app/error.fcgi?kind=redirect"), 302, location="?page=env&redirected=1")
    expect(client.get("/app/error.fcgi?kind=redirect", "-L"), 200, "QUERY_STRING=page=env&redirected=1")


@check("php: a fatal error: 500 names it")
def php_fatal(client):
    expect(client.get("/php/error.php?kind=fatal"), 500, "this_function_does_not_exist")


@check("php: an exception: 500 names it")
def php_exception(client):
    expect(client.get("/php/error.php?kind=exception"), 500, "nobody catches this exception")


@check("php: a warning on stderr makes a 500 that shows it")
def php_warning(client):
    expect(client.get("/php/error.php?kind=warning"), 500, "this warning goes to stderr")


@check("php: exit in the middle: what was sent before it arrives")
def php_exit(client):
    expect(client.get("/php/error.php?kind=exit"), 200, "the first half")


@check("php: a page with a status of its own")
def php_own_status(client):
    expect(client.get("/php/error.php?kind=status"), 418, "this is its own page")


@check("php: a missing script: its own 404")
def php_missing(client):
    expect(client.get("/php/missing.php"), 404)


def fcgictl(*words, code=0):
    """-> what it printed"""
    found, out, err = run_to_end([ROOT / "build/fcgictl", *words])
    if found != code:
        raise Mismatch(f"fcgictl {' '.join(words)}: exit code {found}\n{out}{err}")
    return out


@check("fcgictl status: both pools, with what they have served")
def status(client):
    lines = {line.split()[0]: line.split()[1:] for line in fcgictl("status").splitlines() if line.split()[:1] in (["echo"], ["php"])}
    for pool in ("echo", "php"):
        if lines.get(pool, ["none"])[0] != "running":
            raise Mismatch(f"{pool}: {lines}")


@check("fcgictl perf show: what perfmon would show of both pools")
def perf_show(client):
    rows = csv.DictReader(io.StringIO(fcgictl("perf", "show", "-o", "csv")))
    total = {row["instance"]: float(row["value"]) for row in rows if row["counter"] == "Total Requests"}
    if not (total.keys() >= {"echo", "php"} and total["echo"] > 0 and total["php"] > 0):
        raise Mismatch(f"total requests: {total}")


@check("fcgictl recycle: another process answers")
def recycle(client):
    before = client.get("/app/process.fcgi").headers["x-worker-pid"]
    fcgictl("recycle", "echo", "--wait")
    after = client.get("/app/process.fcgi").headers["x-worker-pid"]
    if after == before:
        raise Mismatch(f"still {before}")


@check("fcgictl drain: 503 until resume")
def drain(client):
    fcgictl("drain", "echo", "--wait")
    try:
        expect(client.get("/app/env.fcgi"), 503, x_fcgiext_reason="draining")
    finally:
        fcgictl("resume", "echo")
    expect(client.get("/app/env.fcgi"), 200, "REQUEST_METHOD=GET")


@check("fcgictl exporter: the dashboard, both pools, metrics, health")
def dashboard(client):
    served = Client(client.exporter, client.folder)
    expect(served.get("/"), 200, "<title>fcgiext</title>", content_type="text/html", content_security_policy="default-src 'none'")
    found = {pool["name"]: pool["state"] for pool in json.loads(served.get("/status.json").text())["pools"]}
    if found != {"echo": "running", "php": "running"}:
        raise Mismatch(f"pools: {found}")
    expect(served.get("/metrics"), 200, 'fcgi_up{', 'pool="echo"', content_type="text/plain")
    expect(served.get("/healthz"), 200, "ok: 1 of 1 hosts answering")
    expect(served.get("/", "-H", "Host: other.example"), 403)


def run(base, exporter, folder, report):
    client = Client(base, folder)
    client.exporter = exporter
    for name, function in CHECKS:
        try:
            function(client)
        except (Mismatch, ServerError, OSError, KeyError, StopIteration) as error:
            report.failed(name, str(error) if isinstance(error, (Mismatch, ServerError)) else repr(error))
        else:
            report.passed(name)
