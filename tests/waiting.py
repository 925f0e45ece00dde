"""Waiting for another process, and the only place in the tests that sleeps."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

POLL_S: Final = 0.02


def until(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Poll until `condition` holds; AssertionError names `what` did not come."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > within_s:
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(POLL_S)


async def until_async(condition: Callable[[], Awaitable[bool]], *, within_s: float, what: str) -> None:
    """As `until`, for a condition that has to be awaited."""
    started = time.monotonic()
    while not await condition():
        if time.monotonic() - started > within_s:
            raise AssertionError(f"{what}: not within {within_s} s")
        await asyncio.sleep(POLL_S)
