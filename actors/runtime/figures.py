"""What an actor counts of its ledgers."""

from collections.abc import Sequence
from typing import Any, Final

from actors.core.answers import Recorded
from actors.core.rejection import Rejection
from actors.core.transact import Deferred
from actors.orders import events as order_events
from actors.protocol.messages import Refusal, Stopped
from actors.runtime.kinds import Core
from actors.runtime.ledger_host import LedgerHost
from actors.runtime.traced import outcome_of
from actors.shop import events as shop_events
from actors.telemetry.metrics import (
    DECISIONS,
    EXPIRIES,
    JOURNAL_SECONDS,
    LEDGERS_STOPPED,
    RECOVERIES,
    RECOVERY_SECONDS,
    Figures,
)

_EXPIRED: Final = frozenset({shop_events.Expired, order_events.Expired})
_ACCEPTED: Final = ("ACCEPTED",)
_PERHAPS_REFUSED: Final = frozenset({Recorded, Refusal, Stopped, Deferred})


class ActorFigures:
    """Of one actor of ledgers. They are counted where its decisions are serialised."""

    def __init__(self) -> None:
        self.all = Figures()
        self._decisions = self.all.counter(DECISIONS)
        self._expiries = self.all.counter(EXPIRIES)
        self._recoveries = self.all.counter(RECOVERIES)

    def counting(self, core: Core) -> Core:
        """The same kind of ledger, whose expiries are counted."""

        def expire(*args: Any) -> list[Any]:
            events = core.expire(*args)
            if events:
                self._expiries[()] += sum(type(event) in _EXPIRED for event in events)
            return events

        return core._replace(expire=expire)

    def decided(self, answers: Sequence[Any]) -> None:
        """Count the answers of a step; what was deferred is decided later."""
        if _PERHAPS_REFUSED.isdisjoint(map(type, answers)):
            self._decisions[_ACCEPTED] += len(answers)
            return
        for answer in answers:
            if isinstance(answer, Stopped):
                self._decisions[("LEDGER_STOPPED",)] += 1
            elif isinstance(answer, Refusal) or (isinstance(answer, Recorded) and isinstance(answer.answer, Rejection)):
                self._decisions[(outcome_of(answer),)] += 1
            elif not isinstance(answer, Deferred):
                self._decisions[_ACCEPTED] += 1

    def watch(self, host: LedgerHost) -> None:
        """Have its writes timed, and what is stopped told."""
        self.all.times[JOURNAL_SECONDS] = host.upkeep.journal_seconds
        self.all.gauge(LEDGERS_STOPPED, lambda: {(): host.stopped_count()})

    def recovered(self, ledgers: int, took_s: float) -> None:
        """Count what was taken over since the start."""
        self._recoveries[()] += ledgers
        self.all.gauge(RECOVERY_SECONDS, lambda: {(): took_s})
