"""The server's clock. The core is given instants; this is where they come from, and tests own theirs."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of wall time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC. May step back; ledger time does not follow it there."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
