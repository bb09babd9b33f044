"""The real DLL under tests/helpers/ecb_driver, a host without HTTP that watches the rules of ISAPI, breaks what a host can break, and
holds as many requests at once as asked."""

import re
import subprocess
import unittest

import support
import wine

DRIVER = support.HELPERS / "ecb_driver.exe"
INI = support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER, "MaxInstances": 1, "QueueLength": 20000})


class EcbDriver(support.SystemTest):
    def drive(self, *arguments, seconds=200):
        """-> its output; fails unless it says that no rule was broken"""
        folder = support.FOLDERS / "ecb_driver"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "fcgiext.ini").write_text(INI)
        environment = wine.env(FCGIEXT_INI=support.windows_path(folder / "fcgiext.ini"))
        command = ["wine", str(DRIVER), support.windows_path(support.BIN / "fcgiext.dll"), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no rule was broken", done.stdout)
        return done.stdout

    def faults(self, mode, count=10):
        """Each request ends exactly once, whatever the host refuses or breaks."""
        text = self.drive("faults", mode, count)
        rows = re.findall(r"fault (\S+): ended (\d+) refused (\d+) silent (\d+) 2xx (\d+)", text)
        self.assertEqual(len(rows), 9, text)
        answered = {name: int(good) for name, _, _, _, good in rows}
        for name, ended, *_ in rows:
            self.assertEqual(int(ended), count, name)
        for name in ("none", "no-vector-send", "no-variables"):
            self.assertEqual(answered[name], count, name)
        for name in ("no-io-completion", "no-send"):
            self.assertEqual(answered[name], 0, name)
        for name in ("no-read", "read-breaks", "read-ends"): # every other request's body is in the ECB already
            self.assertEqual(answered[name], count // 2, name)

    def test_host_failures_when_completions_come_inside_the_call(self):
        self.faults("inline")

    def test_host_failures_when_completions_come_on_a_thread(self):
        self.faults("thread")

    def test_host_failures_when_completions_come_late(self):
        self.faults("late")

    def test_ten_thousand_requests_wait_in_little_memory_and_all_end(self):
        text = self.drive("waiting", 10000)
        memory = int(re.search(r"memory (\d+) bytes a request", text)[1])
        self.assertLessEqual(memory, 8 * 1024, text)  # with its variables
        ended, begun = re.search(r"(\d+) of (\d+) ended", text).groups()
        self.assertEqual(ended, begun)
        self.assertGreater(int(begun), 10000)

    def test_row_29_a_hundred_load_and_unload_cycles_under_requests(self):
        text = self.drive("cycles", 100)
        before, after = re.search(r"threads (\d+) to (\d+)", text).groups()
        self.assertEqual(before, after, text)


if __name__ == "__main__":
    unittest.main()
