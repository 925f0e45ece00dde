"""Cores, memory, file descriptors and the clock."""

import os
import resource
import time
from collections.abc import Iterator
from datetime import datetime, timezone

from holdfast.client.cli.checks.finding import Finding, Grade

CORES_MIN = 2
MEMORY_BYTES_MIN = 4 << 30
DESCRIPTORS_MIN = 4_096

_BUILT_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""No clock that is right shows a time before this."""

_CLOCK_STEP_MS_MAX = 50.0


def findings() -> Iterator[Finding]:
    """All findings of this module."""
    yield cores(len(os.sched_getaffinity(0)))
    yield memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    yield descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE))
    yield clock(datetime.now(timezone.utc), _clock_step_ms())


def cores(count: int) -> Finding:
    """Cores that this process may use."""
    if count >= CORES_MIN:
        return Finding(Grade.OK, "cores", str(count))
    return Finding(Grade.WARN, "cores", str(count), f"Give the service at least {CORES_MIN}")


def memory(total_bytes: int) -> Finding:
    """Memory of the machine."""
    text = f"{total_bytes / (1 << 30):.1f} GiB"
    if total_bytes >= MEMORY_BYTES_MIN:
        return Finding(Grade.OK, "memory", text)
    return Finding(Grade.WARN, "memory", text, f"Ray wants {MEMORY_BYTES_MIN >> 30} GiB; serve fewer shops an actor")


def descriptors(soft: int, hard: int) -> Finding:
    """Open files that a process may have; each connection and each journal is one."""
    if soft == resource.RLIM_INFINITY or soft >= DESCRIPTORS_MIN:
        return Finding(Grade.OK, "file descriptors", "unlimited" if soft == resource.RLIM_INFINITY else str(soft))
    may_raise = hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS_MIN
    mend = f"ulimit -n {DESCRIPTORS_MIN}" if may_raise else "Raise the hard limit (LimitNOFILE= of the unit)"
    return Finding(Grade.WARN, "file descriptors", str(soft), mend)


def clock(now: datetime, step_ms: float) -> Finding:
    """The wall clock: a year that can be, and as fast as the monotonic one."""
    text = now.strftime("%Y-%m-%d %H:%M:%SZ")
    if now < _BUILT_AT:
        return Finding(Grade.FAIL, "clock", f"{text}, which is in the past", "Set the clock, with NTP for example")
    if abs(step_ms) > _CLOCK_STEP_MS_MAX:
        return Finding(
            Grade.WARN, "clock", f"{text}, and it jumped by {step_ms:.0f} ms", "See that one NTP runs, not two"
        )
    return Finding(Grade.OK, "clock", text)


def _clock_step_ms() -> float:
    """By how much the wall clock gained on the monotonic one while this process looked at them."""
    wall, steady = time.time(), time.monotonic()
    for _ in range(1_000):
        time.monotonic()
    return ((time.time() - wall) - (time.monotonic() - steady)) * 1000
