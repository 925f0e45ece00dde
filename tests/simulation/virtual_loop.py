"""An event loop without waiting: where nobody is ready, it is at once the time of whoever is next."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is what timers make of it. The same coroutines give the same run.

    A turn is that of asyncio without files and threads, since nothing here comes from outside: asking for that, and
    comparing timers in Python, took half of a world's time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = count()  # of two timers for one instant the older is first

    def time(self) -> float:
        return self._now_s

    def call_at(  # type: ignore[override]  # any callback
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._number), timer))
        return timer

    def call_soon(  # type: ignore[override]  # any callback
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        inside: Any = self
        inside._ready.append(handle)
        return handle

    def _run_once(self) -> None:
        inside: Any = self
        ready, timers = inside._ready, self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not ready:
            assert timers, "nobody is ready, and nobody ever will be"
            self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
