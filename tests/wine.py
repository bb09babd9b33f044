"""Windows programs under Wine, for the tests. The environment itself is defined by tools/wine-env.sh.

    wine.start() ... wine.stop()      once for a whole run (tests/run.py does)
    wine.env()                        environment of a process that is to run Windows programs
    wine.to_windows_path(path)        /a/b -> Z:\\a\\b
    wine.run([exe, arg...], timeout=) run to the end: (exit code, stdout + stderr); the tree is killed on time-out
"""

import functools
import os
import pathlib
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

_lock = None
_running = set()  # what run() has started; also from other threads


def _shell(command, stdin=subprocess.DEVNULL, **options):
    return subprocess.run(["/bin/sh", "-c", ". tools/wine-env.sh\n" + command], cwd=ROOT, stdin=stdin, check=True, **options)


@functools.lru_cache(maxsize=None)
def _variables():
    output = _shell("exec env -0", stdout=subprocess.PIPE).stdout
    return dict(line.split("=", 1) for line in output.decode("utf-8", "surrogateescape").split("\0") if "=" in line)


def env(**more):
    return {**_variables(), **more}


def start():
    """Makes the prefix if there is none, starts the server, and registers this process as a user of it."""
    global _lock
    if _lock is None:
        (ROOT / "build").mkdir(exist_ok=True)
        _lock = os.open(ROOT / "build/.wine.lock", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        _shell("FCGIEXT_WINE_LOCK_FD=0\nwine_start", stdin=_lock)  # as its input: what it starts there has another one


def stop():
    """Ends the server and every program in it, unless another run uses it."""
    global _lock
    if _lock is not None:
        _shell("FCGIEXT_WINE_LOCK_FD=0\nwine_stop", stdin=_lock)
        os.close(_lock)
        _lock = None


def to_windows_path(path):
    return "Z:" + str(pathlib.Path(path).resolve()).replace("/", "\\")


def kill_tree(process):
    """Kills a process that was started with start_new_session=True, and what it started in its group; reaps it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def kill_running():
    for process in list(_running):
        kill_tree(process)


def run(command, timeout, environment=None, cwd=ROOT):
    """Runs to the end. -> (exit code or None after a time-out, what it printed as text)."""
    if str(command[0]).endswith(".exe"):
        command = ["wine", *command]
        environment = environment or env()
    # Into a file: a process that lives on (Wine's services do) would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([str(word) for word in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        _running.add(process)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                kill_tree(process)
            _running.discard(process)
        output.seek(0)
        return code, output.read().decode("utf-8", "replace").replace("\r\n", "\n")
