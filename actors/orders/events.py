"""What happened to orders. Each is journalled and can be read for ever (see `journal.order_codec`)."""

from typing import NamedTuple

from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason, Status
from actors.orders.commands import Plan, Target
from actors.shop.commands import Lines
from actors.shop.events import PolicyAdopted


class Opened(NamedTuple):
    """Limits are taken, shops are asked. Not committed by `decide_by_ms`, it is abandoned."""

    key: str
    content: str
    customer_id: str
    channel: str
    ttl_ms: int
    plans: tuple[Plan, ...]
    missing: Lines
    decide_by_ms: int
    basket_id: str


class Refused(NamedTuple):
    """The business said no before anybody was asked. `key` is as it is remembered."""

    key: str
    content: str
    rejection: Rejection


class AmendOpened(NamedTuple):
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


class Replanned(NamedTuple):
    """The open attempt's claims are let go, others are asked. `targets` None: as they were."""

    number: int
    plans: tuple[Plan, ...]
    missing: Lines
    decide_by_ms: int
    targets: tuple[Target, ...] | None


class Committed(NamedTuple):
    """The open attempt is certain: held from here on, or amended. `claims` are (store_id, reservation number)."""

    number: int
    claims: tuple[tuple[str, int], ...]
    expires_at_ms: int


class Abandoned(NamedTuple):
    """The open attempt failed, by a refusal or, without one, by time: then its key has no answer."""

    number: int
    rejection: Rejection | None


class Confirmed(NamedTuple):
    """The order is placed."""

    key: str
    content: str
    number: int
    expires_at_ms: int


class Released(NamedTuple):
    """Given back as a whole."""

    key: str
    content: str
    number: int
    reason: ReleaseReason


class Extended(NamedTuple):
    """The deadline moved."""

    key: str
    content: str
    number: int
    expires_at_ms: int


class FannedOut(NamedTuple):
    """A step was taken in all shops that the order had then; it changes nothing here."""

    key: str
    content: str
    number: int


class Expired(NamedTuple):
    """The deadline passed."""

    number: int


class Reported(NamedTuple):
    """A shop said how its part stands; fields as in `commands.Report`."""

    number: int
    store_id: str
    attempt: int
    revision: int
    reservation: int
    version: int
    status: Status
    held: tuple[int, ...]
    collected: tuple[int, ...]


class Reduced(NamedTuple):
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
