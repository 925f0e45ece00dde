"""Ways out that are left alone for a while, as nothing goes by them: each for itself, so none waits for another."""

from collections.abc import Callable
from typing import Final

FAILED_MAX: Final = 3  # attempts, one after the other, that fail by the way out's own fault
PAUSE_MS: Final = 5_000  # then twice as long for each failure after it
PAUSE_MS_MAX: Final = 300_000


class Pauses:
    """By channel of messages. A way out that has failed so often is tried again by one letter alone."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._failed: dict[int, tuple[int, int]] = {}  # how often, and until when it is left alone

    def places(self, channel: int, places: int) -> int:
        """How many letters may be on their way by that channel now, of so many otherwise."""
        failed, until_ms = self._failed.get(channel, (0, 0))
        if failed < FAILED_MAX:
            return places
        return int(self._now_ms() >= until_ms)

    def note(self, channel: int, *, is_away: bool) -> int:
        """What became of a letter. Returns for how many milliseconds the way out is left alone from now on, where that
        has just begun.
        """
        failed, until_ms = self._failed.pop(channel, (0, 0))
        if not is_away:
            return 0
        now_ms = self._now_ms()
        if now_ms < until_ms:  # it was on its way before
            self._failed[channel] = failed, until_ms
            return 0
        failed += 1
        pause_ms = 0 if failed < FAILED_MAX else min(PAUSE_MS << min(failed - FAILED_MAX, 16), PAUSE_MS_MAX)
        self._failed[channel] = failed, now_ms + pause_ms
        return pause_ms
