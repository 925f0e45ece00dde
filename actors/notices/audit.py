"""What the notifier's journal says of itself, by other code than the ledger's: sent twice, or forgotten."""

from collections.abc import Iterable

from actors.core.message import Value
from actors.notices import events as ev


class Audit(Value, frozen=True):
    """`twice` are notices of which a second copy was sent after a first that is known to be sent; `missing` those that
    were due, of which nothing is known: never tried, not dropped, and not waiting. `unknown` ended so that nobody
    knows, and `repeated` are attempts after such an end. `untold` are attempts that were made without a record of
    their beginning.
    """

    notices: int
    attempts: int
    sent: int
    unknown: int
    repeated: int
    dropped: int
    twice: int
    missing: int
    untold: int


class Auditor:
    """Takes the events of a journal from its first on, in sequence."""

    def __init__(self) -> None:
        self._made: set[int] = set()
        self._started: dict[int, int] = {}  # the last attempt of each
        self._sent: set[int] = set()
        self._unknown: dict[int, int] = {}
        self._over: set[int] = set()
        self._attempts = self._repeated = self._twice = self._untold = 0

    def take(self, events: Iterable[ev.Event]) -> None:
        for event in events:
            match event:
                case ev.Observed():
                    self._made.update(notice.number for notice in event.notices)
                    self._over.update(event.overtaken)
                case ev.NoticeDropped():
                    self._over.add(event.number)
                case ev.AttemptStarted():
                    self._attempts += 1
                    self._twice += event.number in self._sent
                    self._repeated += event.number in self._unknown
                    self._started[event.number] = event.attempt
                case ev.AttemptSent():
                    self._untold += self._started.get(event.number) != event.attempt
                    self._sent.add(event.number)
                case ev.AttemptUnknown():
                    self._untold += self._started.get(event.number) != event.attempt
                    self._unknown[event.number] = self._unknown.get(event.number, 0) + 1
                case _:
                    continue

    def result(self, waiting: Iterable[int]) -> Audit:
        """What came of them; these notices wait, or are under way, now."""
        missing = self._made - self._over - set(self._started) - set(waiting)
        return Audit(
            len(self._made),
            self._attempts,
            len(self._sent),
            sum(self._unknown.values()),
            self._repeated,
            len(self._over),
            self._twice,
            len(missing),
            self._untold,
        )
