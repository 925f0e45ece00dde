"""The server's clock, the only source of wall time. The core is passed instants; tests use their own clocks."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, Protocol

SLEW_PER_MILLE_MAX: Final = 10  # a jump of an hour is followed within four days


class Clock(Protocol):
    """A source of wall time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC. Never less than a value returned before."""


class SystemClock:
    """The machine's clock, without its jumps.

    It starts at the wall clock and then runs at the pace of the monotonic one, drawn towards the wall clock by at most
    1 %: a clock that is set an hour ahead must not expire an hour's holds, and one that is set back must not stop.
    Thread-safe: two concurrent readings must not count the time since the last reading twice.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._said_ns, self._at_ns = wall_ns(), steady_ns()
        self._lock = Lock()

    def now_ms(self) -> int:
        with self._lock:
            at_ns = self._steady_ns()
            passed_ns = at_ns - self._at_ns
            slew_ns = passed_ns * SLEW_PER_MILLE_MAX // 1_000
            expected_ns = self._said_ns + passed_ns
            said_ns = min(max(self._wall_ns(), expected_ns - slew_ns), expected_ns + slew_ns)
            self._said_ns, self._at_ns = said_ns, at_ns
            return said_ns // 1_000_000
