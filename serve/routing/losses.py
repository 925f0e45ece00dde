"""What actors were lost with, over calls: a command that ends its actor may be sent by one call after another, of which
none has time for a second try.
"""

from collections.abc import Sequence
from typing import Final

from actors.core.transact import Deferred
from actors.protocol.messages import Answer, Entry, Late, name_of

LOSSES_MAX: Final = 2  # of an actor with the same entry, before that is sent alone
REMEMBERED_S: Final = 60.0  # from the last one on
LOST_MAX: Final = 4_096  # entries, twice what one actor has of a gateway; beyond that the oldest are forgotten


class Losses:
    """Entries that an actor was lost with and has not answered since; `now` is in seconds."""

    def __init__(self) -> None:
        self._lost: dict[tuple[str, str], tuple[int, float]] = {}  # by ledger and name: how often, and when last

    def note(self, entries: Sequence[Entry], now: float) -> None:
        """Their actor was lost with these."""
        for lost in {(ledger_id, name_of(command)) for ledger_id, command in entries}:
            times, _ = self._lost.pop(lost, (0, now))
            self._lost[lost] = times + 1, now
        while len(self._lost) > LOST_MAX:
            del self._lost[next(iter(self._lost))]

    def answered(self, entries: Sequence[Entry], answers: Sequence[Answer]) -> None:
        """Forget those that were decided: they do not end their actor."""
        if self._lost:
            for (ledger_id, command), answer in zip(entries, answers, strict=True):
                if not isinstance(answer, Late | Deferred):
                    self._lost.pop((ledger_id, name_of(command)), None)

    def suspects(self, entries: Sequence[Entry], now: float) -> list[int]:
        """The places of those that their actor was lost with LOSSES_MAX times."""
        while self._lost and next(iter(self._lost.values()))[1] <= now - REMEMBERED_S:
            del self._lost[next(iter(self._lost))]
        if not self._lost:
            return []
        lost = (self._lost.get((ledger_id, name_of(command)), (0, now)) for ledger_id, command in entries)
        return [place for place, (times, _) in enumerate(lost) if times >= LOSSES_MAX]
