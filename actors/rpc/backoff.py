"""How long to wait before something that failed is tried again: longer each time, bounded, and not all at once."""

from collections.abc import Callable
from time import monotonic
from typing import Final
from zlib import crc32

START_PAUSE_S: Final = 0.5  # after the first start that failed, doubled with each further one
START_PAUSE_S_MAX: Final = 60.0
SPREAD: Final = 0.25  # up to so much more by name, so that many do not come at once
AWAY_SHARE: Final = 1 / 8  # of the time that an actor has been away: what is found late is late by no more
AWAY_PAUSE_S_MAX: Final = 2.0


def start_pause_s(name: str, failed: int) -> float:
    """Before an actor is started again that failed to start so many times, at least once."""
    doubled: float = START_PAUSE_S * 2 ** min(failed - 1, 16)
    return min(doubled, START_PAUSE_S_MAX) * _spread(name)


class Away:
    """Which actors cannot be reached, and from when on each is tried again. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._since: dict[str, tuple[float, float, str]] = {}  # by actor: since when, until when it is left alone, why

    def failed(self, actor: str, why: str) -> None:
        """It could not be reached."""
        now = self._now()
        since = self._since.get(actor, (now, now, why))[0]
        pause_s = min((now - since) * AWAY_SHARE, AWAY_PAUSE_S_MAX) * _spread(actor)
        self._since[actor] = (since, now + pause_s, why)

    def heard(self, actor: str) -> None:
        """It has given a sign, so it is tried again now."""
        if actor in self._since:
            since, _, why = self._since[actor]
            self._since[actor] = (since, self._now(), why)

    def reached(self, actor: str) -> None:
        self._since.pop(actor, None)

    def why_not(self, actor: str) -> str:
        """Why it is not to be tried yet, empty where it may be."""
        _, until, why = self._since.get(actor, (0.0, 0.0, ""))
        return why if self._now() < until else ""


def _spread(name: str) -> float:
    return 1 + SPREAD * (crc32(name.encode()) % 1_000) / 1_000
