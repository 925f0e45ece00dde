"""An event loop without waiting: where nobody is ready, it is at once the time of whoever is next."""

import asyncio
import selectors
from typing import Any


class _NoFiles(selectors.SelectSelector):
    """Nothing here comes from outside, so nobody is asked; asking took two fifths of a world's time."""

    def select(self, timeout: float | None = None) -> list[Any]:
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is what timers make of it. The same coroutines give the same run."""

    def __init__(self) -> None:
        super().__init__(_NoFiles())
        self._now_s = 0.0

    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        inside: Any = self
        if not inside._ready:
            assert inside._scheduled, "nobody is ready, and nobody ever will be"
            self._now_s = max(self._now_s, inside._scheduled[0]._when)
        inside.__class__.__mro__[1]._run_once(self)
