"""The server's clock, the only source of wall time. The core is passed instants; tests use their own clocks."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from actors.journal.port import ClockMark

SLEW_PER_MILLE_MAX: Final = 10  # a jump of an hour is followed within four days
# A successor differs from its predecessor's clock by at most 1 % of a mark's age, either way. While the clock is being
# drawn, that is less than a process takes to start; else it is what a jump while nobody runs can do: 0.6 s.
MARK_DRAWN_NS: Final = 10_000_000_000
MARK_NS: Final = 60_000_000_000
DRAWN_NS_MIN: Final = 50_000_000  # so far from the wall clock it is being drawn


class Clock(Protocol):
    """A source of wall time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC. Never less than a value returned before."""

    def raise_to(self, at_ms: int) -> None:
        """Go on from this instant where it stands before it: ledger time that stood still until a clock had caught up
        would count a sale as one before a count that it came after.
        """

    def mark_due(self) -> ClockMark | None:
        """What a successor goes on from, where it is to be written down now."""


def boot_id() -> str:
    """Of the machine's last start, empty where that is not known. The steady clock is comparable within one alone."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


class SystemClock:
    """The machine's clock, without its jumps.

    It runs at the pace of the monotonic one, drawn towards the wall clock by at most 1 %: a clock that is set an hour
    ahead must not expire an hour's holds, and one that is set back must not stop. It starts where the `mark` of a
    predecessor says, as if it had never ended, or, where there is none of this boot, at the wall clock, though never
    behind the mark. Thread-safe: two concurrent readings must not count the time since the last reading twice.
    """

    def __init__(
        self,
        mark: ClockMark | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
        boot: str | None = None,
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._boot = boot_id() if boot is None else boot
        self._said_ns, self._at_ns = wall_ns(), steady_ns()
        if mark is not None and mark.boot == self._boot != "" and mark.steady_ns <= self._at_ns:
            self._said_ns, self._at_ns = mark.said_ns, mark.steady_ns
        elif mark is not None:
            self._said_ns = max(self._said_ns, mark.said_ns)
        self._marked_ns: int | None = None
        self._lock = Lock()

    def now_ms(self) -> int:
        with self._lock:
            return self._now_ns() // 1_000_000

    def raise_to(self, at_ms: int) -> None:
        with self._lock:
            self._said_ns = max(self._now_ns(), at_ms * 1_000_000)

    def mark_due(self) -> ClockMark | None:
        with self._lock:
            said_ns = self._now_ns()
            is_drawn = abs(self._wall_ns() - said_ns) >= DRAWN_NS_MIN
            every_ns = MARK_DRAWN_NS if is_drawn else MARK_NS
            if self._marked_ns is not None and self._at_ns - self._marked_ns < every_ns:
                return None
            self._marked_ns = self._at_ns
            return ClockMark(self._boot, self._at_ns, said_ns)

    def _now_ns(self) -> int:
        at_ns = self._steady_ns()
        passed_ns = at_ns - self._at_ns
        slew_ns = passed_ns * SLEW_PER_MILLE_MAX // 1_000
        expected_ns = self._said_ns + passed_ns
        self._said_ns = min(max(self._wall_ns(), expected_ns - slew_ns), expected_ns + slew_ns)
        self._at_ns = at_ns
        return self._said_ns
