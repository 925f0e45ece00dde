"""What stays undelivered or undecided for long, as lines for the log: at most one of each kind a minute.

A reconciler sees the same things again in every round, until they are settled. Time is an argument here.
"""

from typing import Final

LONG_S: Final = 60.0  # what takes longer wants somebody to look
LINE_EVERY_S: Final = 60.0
LOOK_EVERY_S: Final = 5.0  # rounds come more often than it is worth a look at all that is followed
GONE_S: Final = 120.0  # not seen for so long: it was settled. Where there is much, it takes rounds to come up again
FOLLOWED_MAX: Final = 10_000  # things of one kind; of more, those that were not seen for longest are let go


class StuckTracker:
    """Things of one kind, by name, and since when they have been seen."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._seen: dict[str, tuple[float, float, str]] = {}  # first and last time, and where it is stuck; by last time
        self._next_look_s = 0.0

    def saw(self, name: str, where: str, now_s: float, age_s: float = 0.0) -> None:
        """It is there, still or again, and at least `age_s` old."""
        first_s, last_s, _ = self._seen.pop(name, (now_s, now_s, ""))
        if now_s - last_s > GONE_S:
            first_s = now_s
        self._seen[name] = (min(first_s, now_s - age_s), now_s, where)
        if len(self._seen) > FOLLOWED_MAX:
            del self._seen[next(iter(self._seen))]

    def line(self, now_s: float) -> str:
        """How many there are, and the oldest; empty where no line is due."""
        if now_s < self._next_look_s:
            return ""
        self._next_look_s = now_s + LOOK_EVERY_S
        for name, (_, last_s, _) in list(self._seen.items()):
            if now_s - last_s <= GONE_S:
                break
            del self._seen[name]
        long = [(first_s, name, where) for name, (first_s, _, where) in self._seen.items() if now_s - first_s > LONG_S]
        if not long:
            return ""
        self._next_look_s = now_s + LINE_EVERY_S
        first_s, name, where = min(long)
        return f"stuck {self._kind} count={len(long)} oldest={name} where={where} age_s={int(now_s - first_s)}"
