"""The machine of a till, whose clocks a test moves and sets."""

import time

import pytest

from holdfast.client import till_rows
from tests.clients.service import Service

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class Machine:
    """That of a till: its wall clock, which anybody sets, and the clock of its start, which nobody does."""

    def __init__(self, service: Service, patch: pytest.MonkeyPatch) -> None:
        self.service = service
        self.wall_ms, self.clock_s, self.boot = 1_800_000_000_000, 5_000.0, "first"
        patch.setattr(time, "time_ns", lambda: self.wall_ms * 1_000_000)
        patch.setattr(till_rows, "clock_s", lambda: self.clock_s)
        patch.setattr(till_rows, "boot_id", lambda: self.boot)

    def passes(self, ms: int) -> None:
        """Time, everywhere."""
        self.wall_ms += ms
        self.clock_s += ms / 1_000
        self.service.clock.move(ms)

    def start_anew(self) -> None:
        """Its clock begins anew."""
        self.boot, self.clock_s = f"{self.boot}'", 7_000.0
