"""The data directory: is it there, can it be written, is there room, and how long until a write is safe?"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from holdfast.client.cli.checks.finding import Finding, Grade

FREE_BYTES_WARN = 5 << 30
FREE_BYTES_FAIL = 200 << 20

SYNC_MS_WARN = 10.0
"""Every answer waits for one sync; at 10 ms a lone caller gets fewer than a hundred a second."""

SYNC_US_TOO_FAST = 5.0
"""No disk is safe so soon: the sync is not reaching one."""

_SYNCS = 20
_BLOCK = bytes(4_096)


def findings(folder: Path) -> Iterator[Finding]:
    """All findings of this module; where the folder is not there yet, of the nearest one above it."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    subject = f"data directory {folder}"
    if not place.is_dir():
        yield Finding(Grade.FAIL, subject, f"{place} is not a directory", "Give another --data-dir")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(Grade.FAIL, subject, f"{place} cannot be written", "Give its owner, or another directory")
        return
    found = "is there and can be written" if place == folder.absolute() else f"will be made under {place}"
    yield Finding(Grade.OK, subject, found)
    yield room(shutil.disk_usage(place).free)
    try:
        yield sync(_sync_ms(place))
    except OSError as error:
        yield Finding(Grade.FAIL, "disk sync", str(error), "Mend the disk, or give another --data-dir")


def room(free_bytes: int) -> Finding:
    """Free space."""
    text = f"{free_bytes / (1 << 30):.1f} GiB free"
    if free_bytes < FREE_BYTES_FAIL:
        return Finding(
            Grade.FAIL, "disk space", text, "Make room: a journal that cannot be written ends its shop's service"
        )
    if free_bytes < FREE_BYTES_WARN:
        return Finding(Grade.WARN, "disk space", text, "Make room before the journals need it")
    return Finding(Grade.OK, "disk space", text)


def sync(median_ms: float) -> Finding:
    """The time until 4 kB are safe on disk."""
    text = f"4 kB are safe after {median_ms:.2f} ms (median of {_SYNCS})"
    if median_ms > SYNC_MS_WARN:
        return Finding(
            Grade.WARN, "disk sync", text, "Put the data directory on a faster disk: every answer waits for it"
        )
    if median_ms * 1000 < SYNC_US_TOO_FAST:
        return Finding(
            Grade.WARN, "disk sync", f"{text}, too soon to be true", "Do not keep journals in memory (tmpfs)"
        )
    return Finding(Grade.OK, "disk sync", text)


def _sync_ms(folder: Path) -> float:
    """The median time of a write and its sync, in a file of its own that is taken away again."""
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(_BLOCK)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[_SYNCS // 2]
