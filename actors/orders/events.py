"""What happened to orders. Each is journalled and can be read for ever (see `core.message`)."""

from actors.core.message import Message
from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason
from actors.core.transact import PolicyAdopted, Refused
from actors.orders.commands import Open, Plan, Report, Target
from actors.shop.commands import Lines


class Opened(Message, frozen=True):
    """Limits are taken, shops are asked. Not committed by `decide_by_ms`, it is abandoned."""

    command: Open
    decide_by_ms: int


class AmendOpened(Message, frozen=True):
    """A change was begun; the order stands as it was until it is committed. `plans` are to be claimed, `targets` say
    what parts keep, `ttl_ms` counts from the commit (0: the deadline stays). Where the same basket was reserved anew,
    `channel` is its channel now and `missing` what it leaves out; else `channel` is empty.
    """

    key: str
    content: str
    number: int
    plans: tuple[Plan, ...]
    targets: tuple[Target, ...]
    decide_by_ms: int
    ttl_ms: int
    channel: str
    missing: Lines
    external_reference: str = ""


class Replanned(Message, frozen=True):
    """The open attempt's claims are let go, others are asked. `targets` None: as they were."""

    number: int
    plans: tuple[Plan, ...]
    missing: Lines
    decide_by_ms: int
    targets: tuple[Target, ...] | None


class Committed(Message, frozen=True):
    """The open attempt is certain: held from here on, or amended. `claims` are (store_id, reservation number)."""

    number: int
    claims: tuple[tuple[str, int], ...]
    expires_at_ms: int


class Abandoned(Message, frozen=True):
    """The open attempt failed, by a refusal or, without one, by time: then its key has no answer."""

    number: int
    rejection: Rejection | None


class Confirmed(Message, frozen=True):
    """The order is placed."""

    key: str
    content: str
    number: int
    expires_at_ms: int


class Released(Message, frozen=True):
    """Given back as a whole."""

    key: str
    content: str
    number: int
    reason: ReleaseReason


class Extended(Message, frozen=True):
    """The deadline moved."""

    key: str
    content: str
    number: int
    expires_at_ms: int


class FannedOut(Message, frozen=True):
    """A step was taken in all shops that the order had then; it changes nothing here."""

    key: str
    content: str
    number: int


class Expired(Message, frozen=True):
    """The deadline passed."""

    number: int


class Reported(Message, frozen=True):
    """A shop said how its part stands."""

    report: Report


class Reduced(Message, frozen=True):
    """A customer came to a shop before it heard that it is to give back, and collected there: so much less is held
    elsewhere. `targets` are the parts that are cut.
    """

    number: int
    targets: tuple[Target, ...]


Event = (
    Opened
    | Refused
    | AmendOpened
    | Replanned
    | Committed
    | Abandoned
    | Confirmed
    | Released
    | Extended
    | FannedOut
    | Expired
    | Reported
    | Reduced
    | PolicyAdopted
)
