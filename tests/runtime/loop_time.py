"""An event loop whose time a test can move, so that none has to wait for a deadline."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class SkippingLoop(asyncio.SelectorEventLoop):
    """Real time, and what was skipped."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def time(self) -> float:
        return super().time() + self.skipped_s


class StandingLoop(SkippingLoop):
    """Only what was skipped: where the time that a test takes would be counted."""

    def time(self) -> float:
        return self.skipped_s


def skip(seconds: float) -> None:
    """So much later; timers that are due by then run at the next turn."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop), "run the test with loop_time.run"
    loop.skipped_s += seconds


async def turns(count: int = 10) -> None:
    """Let others run."""
    for _ in range(count):
        await asyncio.sleep(0)


def run(main: Callable[[], Awaitable[T]], loop: type[SkippingLoop] = SkippingLoop) -> T:
    """As `asyncio.run`."""

    async def whole() -> T:
        return await main()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(whole())


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time stands while anything is to be done, and else jumps to what is due next: nothing is waited for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s


class _Jumping(selectors.DefaultSelector):
    """Lets the loop's time pass in place of waiting."""

    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.now_s += max(0.0, timeout or 0.0)
        return super().select(0)
