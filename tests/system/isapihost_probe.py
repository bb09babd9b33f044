"""What the tests of isapihost share: a site of a few files, and requests to isapi_probe.dll."""

import pathlib
import time

import support

PROBE = support.HELPERS / "isapi_probe.dll"
FILES = {
    "index.html": "index of the site\n",
    "digits.txt": "0123456789",
    "sub/index.html": "index of sub\n",
    "empty/keep.txt": "",
    "picture.jpg": "<?php not a picture",
    "script.php": "<?php",
}

_site = None


def ready_site():
    """The folder, filled on the first call of a process."""
    global _site
    if _site is None:
        folder = support.FOLDERS / "isapihost" / "site"
        for name, text in FILES.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists() or file.read_text() != text:
                file.write_text(text)
        _site = pathlib.Path(folder)
    return _site


def content(size):
    """Bytes of all values that show where they belong."""
    return bytes((i * 31 + i // 251) & 255 for i in range(min(size, 65536))) * (size // 65536) + \
        bytes((i * 31 + i // 251) & 255 for i in range(size % 65536)) if size > 65536 else \
        bytes((i * 31 + i // 251) & 255 for i in range(size))


def probe(host, command, path="/x.php", site=0, **options):
    """One command, on a connection of its own."""
    return support.http_request(host, f"{path}?{command}", site=site, **options)


def post_chunked(host, command, body, path="/x.php"):
    """The body in chunks of different sizes."""
    def parts():
        at, size = 0, 1
        while at < len(body):
            yield body[at:at + size]
            at, size = at + size, size * 3 + 1

    with support.Connection(host) as connection:
        return connection.request(f"{path}?{command}", "POST", parts(), {"Transfer-Encoding": "chunked"}, chunked=True)


def wait_for_count(case, host, expected):
    """Until so many requests of the probe are pending."""
    deadline = time.monotonic() + support.SECONDS
    while (text := probe(host, "count").text) != str(expected):
        case.assertLess(time.monotonic(), deadline, f"{text} requests are pending, not {expected}")
