"""The events of the notifier's ledger. They are journaled for ever (see `core.message`)."""

from actors.core.message import Message
from actors.notices.occasion import Dropped
from actors.notices.rules import Rules
from actors.notices.state import Notice


class Began(Message, frozen=True):
    """Feeds are read from these versions on, those of other shops from their first."""

    versions: dict[str, int]


class RulesSet(Message, frozen=True):
    """It is decided by these rules."""

    rules: Rules


class Observed(Message, frozen=True):
    """A shop's feed was read up to a version, whose record has this hash. `notices` are due from it; `overtaken` are
    numbers of those that nobody needs any more; `opened` are reservations that were confirmed, or have a reminder now,
    `closed` those that are over. `facts` are how many there were of each occasion. `moved` are notices that say another
    end of the time to collect now, (number, end). `slots` are those of reservations that are open, where they have
    others than before.
    """

    store_id: str
    version: int
    record_hash: int
    notices: tuple[Notice, ...] = ()
    overtaken: tuple[int, ...] = ()
    opened: tuple[tuple[int, bool], ...] = ()
    closed: tuple[int, ...] = ()
    facts: tuple[tuple[int, int], ...] = ()
    moved: tuple[tuple[int, int], ...] = ()
    slots: tuple[tuple[int, int], ...] = ()


class Rejoined(Message, frozen=True):
    """A shop's history is another one; it is read from this version on."""

    store_id: str
    version: int


class AttemptStarted(Message, frozen=True):
    """It is about to be sent."""

    number: int
    attempt: int


class AttemptSent(Message, frozen=True):
    """It was taken by who delivers it."""

    number: int
    attempt: int


class AttemptFailed(Message, frozen=True):
    """It was not sent. It is tried again at `next_at_ms`, 0 for never. `is_away`: its way out was away, and the attempt
    counts for nothing.
    """

    number: int
    attempt: int
    why: str
    next_at_ms: int
    is_away: bool = False


class AttemptUnknown(Message, frozen=True):
    """Nobody knows whether it was sent. It is tried again at `next_at_ms` where a second copy is known, 0 for never."""

    number: int
    attempt: int
    why: str
    next_at_ms: int


class Postponed(Message, frozen=True):
    """It is looked at again at `next_at_ms`."""

    number: int
    next_at_ms: int


class NoticeDropped(Message, frozen=True):
    """It is not sent."""

    number: int
    reason: Dropped


class Repeated(Message, frozen=True):
    """An operator has it sent once more."""

    number: int
    operator: str
    next_at_ms: int


Event = (
    Began
    | RulesSet
    | Observed
    | Rejoined
    | AttemptStarted
    | AttemptSent
    | AttemptFailed
    | AttemptUnknown
    | Postponed
    | NoticeDropped
    | Repeated
)
