"""A shop's ledger as a decider, and the two things that happen to it: commands, and the passing of time."""

from functools import partial
from itertools import islice
from typing import Final

from actors.core.answers import Recorded, fingerprint
from actors.core.transact import KEY_REUSED, Decider, transact as transact_by
from actors.shop.commands import ApplyOutcome, Command, Reserve
from actors.shop.decide import decide
from actors.shop.events import Event
from actors.shop.evolve import evolve
from actors.shop.expiry import due
from actors.shop.state import Ledger, Remembered, Reservation, StockOutcome


def key_of(command: Command) -> str:
    """The key of the call; empty for messages about parts, which are known by their revisions and versions."""
    return command.key


def recall(ledger: Ledger, command: Command) -> Remembered | None:
    """The answer given to this key before, the refusal of a reused key, or None where the key is new."""
    remembered = ledger.answers.get(command.key)
    if remembered is None:
        return None
    if isinstance(remembered, Reservation):
        return remembered if isinstance(command, Reserve) and remembered.answers(command) else KEY_REUSED
    if not remembered.fingerprint:  # nobody has said it yet: its order was over before its claim came
        return remembered
    return remembered if remembered.fingerprint == fingerprint(command) else KEY_REUSED


def standing(ledger: Ledger, command: Command, _events: tuple[Event, ...]) -> Remembered:
    """The answer to a message about parts that changed nothing: how the part stands, if there is one."""
    if isinstance(command, ApplyOutcome):
        return Recorded("", ledger.version, ledger.reservations[ledger.holders[command.holder]])
    return Recorded("", ledger.version, StockOutcome(0, 0, 0, ()))


DECIDER: Final = Decider(key_of, fingerprint, recall, decide, evolve, standing)

transact: Final = partial(transact_by, DECIDER)


def expire(ledger: Ledger, now_ms: int, events_max: int | None = None) -> list[Event]:
    """Give back what is due at a ledger time, all of it unless a limit is given, and say so in events."""
    events: list[Event] = []
    for event in islice(due(ledger, now_ms), events_max):
        evolve(ledger, event, now_ms)
        events.append(event)
    return events
