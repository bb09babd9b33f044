"""Headless Chromium, told over a pipe (its remote debugging) what to load, how large and in which scheme, and asked what it shows.

    with chromium.Browser(folder) as browser:
        page = browser.page(width=360, dark=True)
        page.open("http://127.0.0.1:9889/")
        page.wait_for("document.title === 'x'")
        page.screenshot(folder / "page.png")

Everything that a page should not do is kept: `page.problems` has what it has logged, its exceptions and the refusals of its policy,
`page.requests` the address of each request.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading

import support
import witness

FLAGS = ["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync",
         "--hide-scrollbars", "--force-color-profile=srgb", "--no-proxy-server", "--mute-audio"]


def program():
    found = shutil.which("chromium")
    if found is None:
        raise AssertionError("chromium is missing: sh tools/setup.sh --tests installs it")
    return found


class Browser:
    """One process for all pages of a class. `folder`: of its profile."""

    def __init__(self, folder):
        down, self.commands = os.pipe()
        self.answers, up = os.pipe()
        # It wants its ends as 3 and 4, whatever numbers pipe() has found. (dash knows numbers of one digit only.)
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (down, up)]
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which root cannot have
        script = f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", script, "bash", program(), *FLAGS, *sandbox, f"--user-data-dir={folder}", "about:blank"], pass_fds=ends,
            env={**os.environ, "HOME": str(folder), "LANG": "C.UTF-8"}, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (down, up, *ends):
            os.close(end)
        self.changed = threading.Condition()
        self.results = {}
        self.pages = {}  # session -> page
        self.last_id = 0
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        with os.fdopen(self.answers, "rb") as stream:
            rest = b""
            while data := stream.read1(65536):
                *messages, rest = (rest + data).split(b"\0")
                for message in messages:
                    self._take(json.loads(message))
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _take(self, message):
        with self.changed:
            if "id" in message:
                self.results[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].take(message["method"], message["params"])
            self.changed.notify_all()

    def call(self, method, session=None, **params):
        with self.changed:
            self.last_id += 1
            number = self.last_id
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        with self.changed:
            self.changed.wait_for(lambda: number in self.results or self.ended, support.SECONDS)
            answer = self.results.pop(number, {"error": "chromium has ended" if self.ended else f"no answer to {method}"})
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def page(self, width=1280, height=900, dark=False, **media):
        """media: further features, reduced_motion="reduce"."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        with self.changed:
            self.pages[session] = page
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        features = {"prefers-color-scheme": "dark" if dark else "light",
                    **{"prefers-" + name.replace("_", "-"): value for name, value in media.items()}}
        page.call("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in features.items()])
        return page

    def close(self):
        try:
            self.call("Browser.close")
        except AssertionError:
            pass
        os.close(self.commands)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:  # its children
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.thread.join(10)


class Page:
    def __init__(self, browser, session):
        self.browser = browser
        self.session = session
        self.problems = []
        self.requests = []

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def take(self, method, params):
        if method == "Runtime.consoleAPICalled":
            self.problems.append(f"{params['type']}: {[argument.get('value') for argument in params['args']]}")
        elif method == "Runtime.exceptionThrown":
            self.problems.append("exception: " + json.dumps(params["exceptionDetails"])[:2000])
        elif method == "Log.entryAdded":
            self.problems.append(f"{params['entry']['source']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def value(self, expression):
        """Of a JavaScript expression, as JSON has it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression, seconds=support.SECONDS):
        """Until it is true, or something that counts as true."""
        try:
            witness.wait_until(lambda: self.value(f"Boolean({expression})"), expression, seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.value('document.body.innerText')}") from None

    def text(self, selector="body"):
        return self.value(f"document.querySelector({json.dumps(selector)}).innerText")

    def tree(self):
        """-> (role, name) of all that a screen reader is told"""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"] and "role" in node]

    def screenshot(self, file, whole=False):
        more = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            more = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        data = self.call("Page.captureScreenshot", format="png", **more)["data"]
        file.write_bytes(base64.b64decode(data))
