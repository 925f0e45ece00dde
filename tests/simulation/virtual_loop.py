"""An event loop without waiting: where nobody is ready, it is at once the time of whoever is next."""

import asyncio
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is what timers make of it. The same coroutines give the same run."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0

    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        inside: Any = self
        if not inside._ready and inside._scheduled:
            self._now_s = max(self._now_s, inside._scheduled[0]._when)
        inside.__class__.__mro__[1]._run_once(self)
