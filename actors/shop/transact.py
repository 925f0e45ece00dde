"""One command against one ledger: recall, decide, evolve. All that the host does to a ledger goes through here."""

from itertools import islice
from typing import NamedTuple

from actors.core.rejection import UNRECORDED
from actors.shop.commands import ApplyOutcome, Command, Reserve
from actors.shop.decide import decide, decide_reserve
from actors.shop.decision import Rejected
from actors.shop.events import Event, Refused
from actors.shop.evolve import evolve
from actors.shop.expiry import due
from actors.shop.idempotency import fingerprint, first_answer
from actors.shop.state import REMEMBERED_ANSWERS_MAX, Ledger, Recorded, Remembered, StockOutcome


class Transacted(NamedTuple):
    """The answer, which may leave once the events are durable. No events: a repeat, or a refusal not written down."""

    answer: Remembered
    events: tuple[Event, ...]
    repeated: bool = False


def transact(ledger: Ledger, command: Command, now_ms: int) -> Transacted:
    """Answer one command at a ledger time. The ledger has moved on by the events that are returned."""
    answer = first_answer(ledger, command)
    if answer is not None:
        return Transacted(answer, (), repeated=True)
    if isinstance(command, Reserve):  # nine calls of ten: skips the ladder of `decide`
        decision = decide_reserve(ledger, command, now_ms)
    else:
        decision = decide(ledger, command, now_ms)
    events: tuple[Event, ...]
    if isinstance(decision, Rejected):
        rejection = decision.rejection
        if not command.key or rejection.reason in UNRECORDED or ledger.remembered >= REMEMBERED_ANSWERS_MAX:
            return Transacted(Recorded("", 0, rejection), ())
        events = (Refused(command.key, fingerprint(command), type(command).__name__, rejection),)
    else:
        events = decision.events
    for event in events:
        answer = evolve(ledger, event, now_ms) or answer
    if answer is None and not command.key:
        answer = _standing(ledger, command)
    assert answer is not None, "an accepted command answers its key"
    return Transacted(answer, events)


def _standing(ledger: Ledger, command: Command) -> Remembered:
    """The answer to a word about parts that changed nothing: how the part stands, if there is one."""
    if isinstance(command, ApplyOutcome):
        return Recorded("", ledger.version, ledger.reservations[ledger.holders[command.holder]])
    return Recorded("", ledger.version, StockOutcome(0, 0, 0, ()))


def expire(ledger: Ledger, now_ms: int, events_max: int | None = None) -> list[Event]:
    """Give back what is due at a ledger time, all of it unless a limit is given, and say so in events."""
    events: list[Event] = []
    for event in islice(due(ledger, now_ms), events_max):
        evolve(ledger, event, now_ms)
        events.append(event)
    return events
