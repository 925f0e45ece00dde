"""What the notifier's ledger is asked to do. None has a key: each says what it is based on, and changes nothing where
that is not so any more.
"""

from actors.core.message import Message, Value
from actors.notices.occasion import Dropped, Occasion, Outcome
from actors.notices.rules import Rules
from actors.notices.state import Detail, Place
from actors.shop.commands import Lines


class Fact(Value, frozen=True):
    """Something that an event of a shop's ledger says of one reservation. `occasion` None: only that it is over, or its
    deadline moved. `is_over`: nothing of it is left to collect. `is_told_always`: also where the ledger does not know
    it as confirmed. `slot_start_ms` is its slot from then on, 0 where there is none or the event says nothing of it.
    `held` is what is still to be collected, where the detail has other lines.
    """

    version: int
    at_ms: int
    reservation: int
    customer_id: str
    order_id: str
    occasion: Occasion | None
    detail: Detail
    is_over: bool = False
    is_told_always: bool = True
    slot_start_ms: int = 0
    held: Lines = ()


class Begin(Message, frozen=True):
    """Go on from these versions, if it has not begun: what was before is told nobody."""

    versions: dict[str, int]


class SetRules(Message, frozen=True):
    """Decide by these rules from now on."""

    rules: Rules


class Observe(Message, frozen=True):
    """What a shop's ledger has said after a version and up to another one, whose record has this hash."""

    store_id: str
    after: int
    version: int
    record_hash: int
    place: Place
    facts: tuple[Fact, ...]


class Rejoin(Message, frozen=True):
    """Go on from a version of a shop whose history is not the one that was read: it was restored from a copy."""

    store_id: str
    after: int
    version: int


class StartAttempt(Message, frozen=True):
    """About to send a notice that is due: its next attempt has this number. It says this end of the time to collect,
    None where it is written only now.
    """

    number: int
    attempt: int
    expires_at_ms: int | None = None


class EndAttempt(Message, frozen=True):
    """What became of an attempt. `why` is for people, and names no address. `is_away`: its way out was, and it counts
    for nothing.
    """

    number: int
    attempt: int
    outcome: Outcome
    why: str = ""
    is_away: bool = False


class Skip(Message, frozen=True):
    """Nothing can be sent now. Of NO_CONTACT it is looked up again for a while."""

    number: int
    reason: Dropped


class Repeat(Message, frozen=True):
    """An operator has a notice sent once more that has failed, or of which nobody knows."""

    number: int
    operator: str


Command = Begin | SetRules | Observe | Rejoin | StartAttempt | EndAttempt | Skip | Repeat
