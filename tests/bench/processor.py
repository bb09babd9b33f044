"""The processor time of Windows programs under Wine, as Linux counts it, Wine's server among them."""

import os
import pathlib

TICK = 1 / os.sysconf("SC_CLK_TCK")


def server_pids(prefix):
    """The wineserver of a prefix: nearly all that Windows' kernel does is done there."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().startswith("wineserver") and \
                    f"WINEPREFIX={prefix}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            pass  # it has ended, or is not ours
    return found


def seconds(pids):
    """User and system time of all their threads, up to now. {process: seconds}"""
    found = {}
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[pid] = (int(fields[11]) + int(fields[12])) * TICK
    return found


def spent(before, after):
    """Of those that have begun meanwhile, too."""
    return sum(value - before.get(pid, 0) for pid, value in after.items())
