"""The bench measures everything, and does not take a wrong answer for a fast one. Its figures are for people."""

import http.server
import re
import subprocess
import sys
import threading
import unittest

import support

sys.path.append(str(support.ROOT / "tests/bench"))

import load  # noqa: E402
import report  # noqa: E402

SMOKE_SECONDS = 200


class Bench(support.SystemTest):
    def test_each_row_is_measured_and_each_answer_was_right(self):
        done = subprocess.run([sys.executable, support.ROOT / "tests/bench/run.py", "--smoke"], capture_output=True, text=True,
                              timeout=SMOKE_SECONDS, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name, row in report.ROWS.items():
            measured = re.search(rf"^{re.escape(row.title)}  +1  +([\d,.]+)", done.stdout, re.MULTILINE)
            if name == "nginx":
                self.assertIsNone(measured, "the smoke run fetches nothing")
            else:
                self.assertIsNotNone(measured, f"no row {row.title!r} in\n{done.stdout}")
                self.assertGreater(float(measured[1].replace(",", "")), 0, row.title)
        ratios = re.findall(r"^\((\w)\) .* (?:reached|missed)$", done.stdout, re.MULTILINE)
        self.assertEqual(ratios, ["a", "b", "b", "d", "d", "e", "f", "g"], done.stdout)


class NotFound(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class WrongAnswers(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotFound)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_an_error_page_is_no_answer(self):
        port = self.server.server_address[1]
        self.assertRaises(load.BenchError, load.check_answer, port, "/", 0)
        self.assertRaises(load.BenchError, load.by_python, port, "/", 2, 0.1)


if __name__ == "__main__":
    unittest.main()
