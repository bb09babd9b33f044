"""The page of fcgictl exporter in a browser: with real traffic behind it, and with figures that a test makes up."""

import http.server
import json
import re
import threading
import time
import unittest

import chromium
import counters
import exporter
import pages
import support
import witness

VIEWS = [(width, dark) for width in (1280, 360) for dark in (False, True)]
# Of all elements with text of their own that are to be seen: [text, colour, the first background behind it, size in px, weight]
TEXTS = """[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.unseen, .skip, thead, noscript')
  && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
    let behind = e;
    while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    const style = getComputedStyle(e);
    return [e.textContent.slice(0, 40), style.color, getComputedStyle(behind).backgroundColor, parseFloat(style.fontSize), +style.fontWeight];
  })"""
# What makes the page wider than the window: [element, pixels]
OVERFLOW = """[['page', document.documentElement.scrollWidth - innerWidth], ...[...document.querySelectorAll('main *')]
  .filter(e => getComputedStyle(e.closest('thead') ?? e).position !== 'absolute').map(e => [e.outerHTML.slice(0, 60), Math.round(e.getBoundingClientRect().right - innerWidth)])].filter(([, over]) => over > 0)"""


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def card(name):
    return f"document.querySelector('.card[aria-label^=\"Pool {name}\"]')"


def figure(name, term):
    """What stands in the card behind this word."""
    return f"[...({card(name)}?.querySelectorAll('dt') ?? [])].find(dt => dt.textContent === '{term}')?.nextElementSibling.textContent"


def trend(name, label):
    return f"[...({card(name)}?.querySelectorAll('.trend') ?? [])].find(one => one.firstElementChild.textContent === '{label}')"


class DashboardTest(exporter.ExporterTest):
    @classmethod
    def start(cls, servers):
        cls.browser = chromium.Browser(servers.folder / "browser")
        cls.addClassCleanup(cls.browser.close)

    def open(self, url, **words):
        page = self.browser.page(**words)
        page.open(url)
        return page

    def behaves(self, page, url):
        """Nothing was logged, thrown or refused, and nobody else was asked for anything."""
        self.assertEqual(page.problems, [])
        self.assertEqual({request for request in page.requests if not request.startswith((url, "data:"))}, set())
        self.assertIn(url + "status.json", page.requests)
        self.assertEqual(page.value(OVERFLOW), [])


class Live(DashboardTest):
    def start_all(self):
        self.host = self.servers.host(support.ini(
            {"look": "look", "held": "held", "bad": "bad"}, look={"ExePath": witness.WITNESS, "MaxInstances": 2},
            held={"ExePath": witness.WITNESS, "MaxInstances": 1}, bad={"ExePath": pages.MISBEHAVE, "MaxInstances": 1}), maps=".look,.held,.bad")
        witness.facts(support.http_request(self.host, "/app/x.look"))
        self.assertEqual(support.http_request(self.host, "/app/x.bad?way=crash").status, 500)

    def test_live_traffic_in_both_schemes_wide_and_narrow(self):
        self.start_all()
        served = self.start_exporter()
        grounds = {}
        with witness.Gate() as gate, witness.Browsers(self.host, 2, "/app/x.look"):
            clients = [witness.Background(support.http_request, self.host, gate.path("SECRET", "/app/x.held")) for _ in range(2)]
            gate.arrival()
            for width, dark in VIEWS:
                with self.subTest(width=width, dark=dark):
                    page = self.open(served.url(), width=width, dark=dark)
                    page.wait_for(f"{trend('look', 'Requests/s')}?.querySelector('.curve').getAttribute('d').includes('L')")
                    page.wait_for(f"parseFloat({trend('look', 'Requests/s')}.querySelector('.now').textContent) > 0")
                    asked = page.value(figure("look", "Requests"))
                    page.wait_for(f"{figure('look', 'Requests')} !== {json.dumps(asked)}")
                    self.assertEqual(page.text("#link"), "live")
                    self.assertEqual([page.value(f"{card(name)}.querySelector('.state').textContent") for name in ("look", "held", "bad")],
                                     3 * ["running"])
                    self.assertEqual([page.value(figure("held", term)) for term in ("Busy", "Idle", "Queue", "Workers")], ["1", "0", "1", "1 of 1"])
                    self.assertRegex(page.text("#requests"), r"held\s+running\s[^$]*GET /app/x\.held")
                    self.assertRegex(page.text("#exits"), r"bad\s+worker crashed: access violation\s[^$]*/app/x\.bad")
                    self.assertRegex(page.text("#hosts"), r"answers\s+\d+ isapihost\.exe, fcgiext \d")
                    self.assertNotIn("SECRET", page.value("document.documentElement.outerHTML"))
                    page.screenshot(self.servers.folder / f"{width}-{'dark' if dark else 'light'}.png", whole=True)
                    self.behaves(page, served.url())
                    grounds[dark] = luminance(page.value("getComputedStyle(document.body).backgroundColor"))
        for client in clients:
            witness.facts(client.result())
        self.assertTrue(grounds[True] < 0.1 < 0.7 < grounds[False], grounds)

    def test_its_figures_are_those_of_the_clients(self):
        """A quarter of the requests takes 0.7 s, as their query says: p95 is in the bucket up to 1 s, or one beside it."""
        responder = {"ExePath": support.RESPONDER, "MaxInstances": 4}
        self.host = self.servers.host(support.ini({"look": "look", "bad": "bad"}, look=responder, bad=responder), maps=".look,.bad")
        page = self.open(self.start_exporter().url(), width=360)
        page.wait_for(f"{card('look')}?.dataset.state === 'running'")
        stop, taken = threading.Event(), []

        def client(number):
            with support.Connection(self.host) as connection:
                while not stop.is_set():
                    number += 1
                    started = time.monotonic()
                    self.assertEqual(connection.request(f"/app/slow.look?ms={700 if number % 4 == 0 else 35}").status, 200)
                    taken.append(time.monotonic() - started)

        clients = [witness.Background(client, number) for number in range(4)]
        for _ in range(3):
            self.assertEqual(support.http_request(self.host, "/app/error.bad?kind=nothing").headers["X-Fcgiext-Reason"], "bad_response")
        page.wait_for(f"{trend('look', 'p95')}.querySelector('.curve').getAttribute('d').split('L').length > 5")
        page.wait_for("document.getElementById('sum-running').textContent !== '0'")
        shown, unit, most = page.value(f"{trend('look', 'p95')}.querySelector('.now').textContent.match(/^([0-9.]+) (ms|s) max (.+)$/).slice(1)")
        p95 = float(shown) / (1000 if unit == "ms" else 1)
        stop.set()
        for one in clients:
            one.result()
        truth = sorted(taken)[int(0.95 * len(taken))]
        self.assertGreater(p95, 0.5, most)  # nobody has slept less
        self.assertLessEqual(abs(counters.bucket_of(p95) - counters.bucket_of(truth)), 1, (p95, truth))
        page.wait_for(f"{figure('look', 'Requests')} === {json.dumps(f'{len(taken):,}')} && document.getElementById('sum-running').textContent === '0'")
        self.assertEqual([page.value(figure("look", term)) for term in ("Failed", "Busy", "Idle", "Queue")], ["0", "0", "4", "0"])
        self.assertEqual([page.value(figure("bad", term)) for term in ("Requests", "Failed")], ["3", "3"])
        page.wait_for("document.getElementById('requests').innerText.endsWith('None at this moment.')")
        sums = page.value("[...document.querySelectorAll('.sums > div')].map(one => [one.children[0].textContent, one.children[1].textContent])")
        self.assertEqual([sums[i] for i in (1, 2, 3)], [["Running", "0"], ["Waiting", "0"], ["Workers busy", "0 of 8"]])
        self.assertEqual(page.value(f"{card('look')}.querySelector('.program').textContent"), support.windows_path(support.RESPONDER))

    def test_a_drain_is_seen_and_said(self):
        self.start_all()
        served = self.start_exporter()
        page = self.open(served.url())
        page.wait_for(f"{card('look')}?.dataset.state === 'running'")
        self.fcgictl("drain", "look", "--wait")
        page.wait_for(f"{card('look')}.dataset.state === 'drained'")
        self.assertIn("out of service until `resume`", page.value(f"{card('look')}.innerText"))
        page.wait_for("document.getElementById('news').textContent.includes('Pool look is drained.')")
        self.behaves(page, served.url())

    def test_an_exporter_that_has_gone_is_told_and_one_that_comes_back_is_taken(self):
        self.start_all()
        served = exporter.Exporter(self.servers)
        page = self.open(served.url())
        page.wait_for(f"{card('look')}?.dataset.state === 'running'")
        served.stop()
        page.wait_for("document.getElementById('link').dataset.link === 'gone'")
        self.assertEqual(page.text("#link"), "exporter gone")
        self.assertRegex(page.text("#banner"), r"^The exporter does not answer\. What you see is \d+ s old\.$")
        self.assertEqual(page.value(f"{card('look')}.dataset.state"), "running")
        page.wait_for("document.getElementById('news').textContent.includes('The exporter does not answer.')")
        self.start_exporter(listen=f"127.0.0.1:{served.ports[0]}")
        page.wait_for("document.getElementById('link').dataset.link === 'live'")
        self.assertEqual(page.value("document.getElementById('banner').hidden"), True)
        self.assertEqual({problem.split(":")[0] for problem in page.problems}, {"network"})


def pool(name, **more):
    return {"name": name, "host": 1, "program": "C:\\p.exe", "state": "running", "broken": False, "trouble": "none", "note": "",
            "workers": {"current": 2, "busy": 1, "idle": 1, "maximum": 4}, "requests": {"running": 1, "queued": 0},
            "totals": {"requests": 10, "failed": 0}, "started_unix": 1, **more}


def host(pid=1, answers=True, now=100, **more):
    return {"pid": pid, "program": "w3wp.exe", "answers": answers, "age_seconds": 0, "error": None,
            "server": {"version": "0.1.0", "now_unix": now, "uptime_seconds": 5, "config": {"state": "ok", "errors": 0}}, **more}


def document(**more):
    return {"api_version": 1, "version": "0.1.0", "now_unix": 1, "age_seconds": 0, "hosts": [host()], "pools": [pool("p")], "requests": [],
            "exits": [], "request_total": 0, **more}


class Stage:
    """Serves the exporter's page, with its head, and documents of the test's: `documents` one after another, the last one again and again."""

    def __init__(self, page):
        stage = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/":
                    self.answer(page.body, page.headers["Content-Type"], page.headers["Content-Security-Policy"])
                    return
                stage.open.wait(support.SECONDS)
                with stage.lock:
                    found = stage.documents.pop(0) if len(stage.documents) > 1 else stage.documents[0]
                self.answer(json.dumps(found).encode(), "application/json", "default-src 'none'")

            def answer(self, body, content_type, policy):
                self.send_response(200)
                for name, value in (("Content-Type", content_type), ("Content-Security-Policy", policy), ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.lock = threading.Lock()
        self.documents = [document()]
        self.open = threading.Event()
        self.open.set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def show(self, *documents):
        with self.lock:
            self.documents = list(documents)

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


class Staged(DashboardTest):
    @classmethod
    def start(cls, servers):
        super().start(servers)
        served = exporter.Exporter(servers)
        cls.page_answer = support.http_request(served, "/")
        served.stop()

    def stage(self, *documents):
        stage = Stage(self.page_answer)
        self.addCleanup(stage.close)
        stage.show(*documents)
        return stage

    def test_text_of_clients_is_only_text(self):
        evil = "<img src=x onerror=\"document.title='owned'\">"
        stage = self.stage(document(
            hosts=[host(program=evil)], pools=[pool(evil, program=evil, note=evil, trouble="bad", state=evil)],
            requests=[{"pool": evil, "host": 1, "state": evil, "method": evil, "url_path": "/a\u202egnp.exe\u0007" + evil, "age_seconds": evil}],
            exits=[{"pool": evil, "host": 1, "cause": evil, "code_text": evil, "url_path": evil, "age_seconds": None, "pid": evil}]))
        page = self.open(stage.url)
        page.wait_for("document.querySelector('#exits tbody tr')")
        self.assertEqual(page.value("document.images.length"), 0)
        self.assertEqual(page.value("document.querySelector('.card h3').textContent"), evil)
        self.assertIn("/a\ufffdgnp.exe\ufffd" + evil, page.value("document.querySelector('#requests tbody td:last-child').textContent"))
        self.assertEqual(page.value("document.title"), "(!) fcgiext")
        self.behaves(page, stage.url)

    def test_documents_of_another_shape_break_nothing(self):
        stage = self.stage(document(hosts=[{}, {"pid": 2}], pools=[{}, {"host": 2}, pool("p", host=2, workers=None, totals=None, requests=None)],
                                    requests=[{}], exits=[{}], request_total=None), document(hosts=[], pools=[]))
        page = self.open(stage.url)
        page.wait_for("document.querySelector('#pools .empty').textContent.startsWith('No host is running.')")
        self.assertEqual(page.value("document.getElementById('link').dataset.link"), "live")
        self.behaves(page, stage.url)

    def test_what_is_long_fits_into_360_pixels(self):
        long = "x" * 180
        many = [{"pool": long, "host": 1, "state": "running", "method": "GET", "url_path": "/" + 20 * long, "age_seconds": 86399, "worker_pid": 4294967295,
                 "sent_bytes": 1e15, "waits_for_client": True} for _ in range(120)]
        exits = [{"pool": long, "host": 1, "cause": "impersonation", "code_text": long, "url_path": long, "age_seconds": 1e9, "pid": 4294967295,
                  "answered": 4294967295} for _ in range(30)]
        wide = {"current": 10000, "busy": 9999, "idle": 1, "maximum": 10000}
        stage = self.stage(document(hosts=[host(), host(2, program=long)], requests=many, exits=exits, request_total=345, pools=[
            pool(long, program=long, note=long, trouble="warning", workers=wide, requests={"running": 9999, "queued": 65000},
                 totals={"requests": 1e15, "failed": 1e12, "rejected": 1e12, "retried": 1e12, "starts": 1e12, "unexpected_exits": 1e12})]))
        for width in (360, 1280):
            page = self.open(stage.url, width=width)
            page.wait_for("document.querySelectorAll('#requests tbody tr').length === 50")
            self.assertEqual(page.text("#requests .more"), "and 295 more: fcgictl requests lists them")
            self.assertEqual(page.text("#exits .more"), "and 10 more: fcgictl exits lists them")
            self.behaves(page, stage.url)

    def test_rate_p95_and_queue_are_those_of_the_figures(self):
        def at(now, requests, counts, queued):
            buckets = [{"le": limit, "count": count} for limit, count in zip((0.1, 0.5, 1, None), counts)]
            return document(hosts=[host(now=now)], pools=[pool("p", totals={"requests": requests}, requests={"running": 0, "queued": queued},
                                                               execution={"buckets": buckets})])

        stage = self.stage(at(100, 1000, (500, 900, 1000, 1000), 0), at(102, 1100, (550, 990, 1100, 1100), 7))
        page = self.open(stage.url)
        page.wait_for(f"{trend('p', 'Requests/s')}?.querySelector('.now').textContent.startsWith('50 ')")
        # 100 more, of which 50, 90 and 100 within the limits: the 95th is in the middle of the third bucket.
        self.assertEqual([page.value(f"{trend('p', label)}.querySelector('.now').textContent") for label in ("Requests/s", "p95", "Queue")],
                         ["50 max 50", "750 ms max 750 ms", "7 max 7"])
        self.assertEqual(page.value(f"{trend('p', 'p95')}.querySelector('svg').getAttribute('aria-label')"),
                         "p95 in the last 1 s: now 750 ms, highest 750 ms")
        self.assertEqual(page.text("#sum-rate"), "50")
        stage.show(at(104, 5, (1, 2, 5, 5), 0), at(106, 15, (1, 2, 5, 15), 0))  # it has begun anew; what is longer than the last limit is that
        page.wait_for(f"{trend('p', 'Requests/s')}.querySelector('.now').textContent === '5 max 5'")
        self.assertEqual(page.value(f"{trend('p', 'p95')}.querySelector('.now').textContent"), "1.0 s max 1.0 s")
        self.behaves(page, stage.url)

    def test_figures_of_a_silent_host_are_marked(self):
        stage = self.stage(document(hosts=[host(1), host(2, answers=False, age_seconds=42, error={"reason": "silent", "message": "host 2 is busy"})],
                                    pools=[pool("p"), pool("p", host=2)]))
        page = self.open(stage.url)
        page.wait_for("document.querySelectorAll('.card').length === 2")
        self.assertEqual(page.value("[...document.querySelectorAll('.card')].map(one => one.dataset.mood)"), ["good", "warning"])
        self.assertRegex(page.value("document.querySelectorAll('.card')[1].innerText"),
                         r"host 2\s+running when last seen\s+The host does not answer: figures are 4\d s old\.")
        self.assertRegex(page.text("#hosts"), "silent\\s+2 w3wp.exe, .*host 2 is busy")
        page.wait_for("document.getElementById('news').textContent === 'Host 2 does not answer.'")

    def test_figures_that_do_not_come_are_called_stale(self):
        stage = self.stage(document())
        page = self.open(stage.url)
        page.wait_for("document.getElementById('link').dataset.link === 'live'")
        stage.open.clear()
        page.wait_for("document.getElementById('link').dataset.link === 'stale'")
        self.assertEqual(page.text("#link"), "stale")
        self.assertRegex(page.text("#banner"), r"^No new figures for \d+ s")
        stage.open.set()
        page.wait_for("document.getElementById('link').dataset.link === 'live'")
        self.behaves(page, stage.url)

    def test_contrast_is_enough_in_both_schemes(self):
        states = [("running", "none"), ("running", "busy"), ("draining", "warning"), ("drained", "warning"), ("rapid_fail", "bad"), ("closed", "warning")]
        requests = [{"pool": "p", "host": 1, "state": "running", "method": "GET", "url_path": "/", "age_seconds": 1}]
        exits = [{"pool": "p", "host": 1, "cause": "worker_crashed", "code_text": "x", "age_seconds": 1, "pid": 1},
                 {"pool": "p", "host": 1, "expected": True, "age_seconds": 1, "pid": 1}]
        stage = self.stage(document(hosts=[host(), host(2, answers=False, error={"message": "x"})], requests=requests, exits=exits, request_total=9,
                                    pools=[pool(f"p{i}", state=state, trouble=trouble, note="a note", totals={"requests": 1, "failed": 1})
                                           for i, (state, trouble) in enumerate(states)]))
        for dark in (False, True):
            page = self.open(stage.url, dark=dark)
            page.wait_for("document.querySelectorAll('.card').length === 6")
            texts = page.value(TEXTS)
            self.assertGreater(len(texts), 80)
            for text, colour, ground, size, weight in texts:
                wanted = 3 if size >= 24 or (size >= 18.66 and weight >= 700) else 4.5
                self.assertGreaterEqual(contrast(colour, ground), wanted, f"dark={dark} '{text}': {colour} on {ground}")

    def test_landmarks_headings_and_text_for_screen_readers(self):
        stage = self.stage(document(requests=[{"pool": "p", "host": 1, "state": "running", "method": "GET", "url_path": "/u", "age_seconds": 1}]))
        for width in (1280, 360):
            page = self.open(stage.url, width=width)
            page.wait_for("document.querySelector('#requests tbody tr')")
            tree = page.tree()
            self.assertLessEqual({("banner", ""), ("main", ""), ("contentinfo", ""), ("navigation", "Sections")}, set(tree))
            self.assertCountEqual([name for role, name in tree if role == "heading"],
                                  ["fcgiext", "Pools", "p", "Requests in flight 1", "Last exits of workers", "Hosts"])
            self.assertCountEqual([name for role, name in tree if role == "region"], ["Pools", "Requests in flight 1", "Last exits of workers", "Hosts"])
            self.assertIn(("article", "Pool p"), tree)
            self.assertIn(("table", "Requests in flight 1"), tree)
            self.assertCountEqual([name for role, name in tree if role == "columnheader"], ["Pool", "State", "Age", "Worker", "Sent", "Request"])
            self.assertEqual(len([name for role, name in tree if role in ("cell", "gridcell")]), 6, tree)
            self.assertEqual(len([name for role, name in tree if role in ("image", "img") and re.match(r"(Requests/s|p95|Queue)\b", name)]), 3, tree)
            self.assertEqual(len([role for role, _ in tree if role == "status"]), 1)

    def test_the_live_region_is_silent_while_nothing_happens(self):
        stage = self.stage(*[document(hosts=[host(now=100 + i)], pools=[pool("p", totals={"requests": 100 * i})]) for i in range(20)])
        page = self.open(stage.url)
        page.wait_for("Number(document.body.dataset.updates) >= 4")
        page.value("window.changes = 0; new MutationObserver(() => window.changes++)"
                   ".observe(document.getElementById('news'), {childList: true, characterData: true, subtree: true}); 0")
        page.wait_for("Number(document.body.dataset.updates) >= 7")
        self.assertEqual(page.value("[window.changes, document.getElementById('news').textContent]"), [0, ""])
        self.assertEqual(page.value("[...document.querySelectorAll('[aria-live], [role=status], [role=alert]')].map(e => e.id)"), ["news"])

    def test_the_keyboard_reaches_everything_and_motion_is_wanted_or_not(self):
        stage = self.stage(document())
        page = self.open(stage.url, reduced_motion="reduce")
        page.wait_for("document.querySelector('.card')")
        order = []
        for _ in range(8):
            for kind in ("keyDown", "keyUp"):
                page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            order.append(page.value("document.activeElement.textContent"))
        self.assertEqual(order, ["Skip to the pools", "Pools", "Requests", "Exits", "Hosts", "/metrics", "/status.json", "/healthz"])
        self.assertNotEqual(page.value("getComputedStyle(document.activeElement).outlineStyle"), "none")
        self.assertEqual(page.value("getComputedStyle(document.documentElement).scrollBehavior"), "auto")
        moving = self.open(stage.url, reduced_motion="no-preference")
        self.assertEqual(moving.value("getComputedStyle(document.documentElement).scrollBehavior"), "smooth")


if __name__ == "__main__":
    unittest.main()
