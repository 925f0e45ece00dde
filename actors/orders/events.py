"""The events of a customers' ledger. They are journaled for ever (see `core.message`).

`answer` is the order as the decision left it, which is what the call's key is answered with. Who applies the event does
not need it; who reads back the answer does.
"""

from actors.core.message import Message
from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason
from actors.core.transact import PolicyAdopted, Refused
from actors.orders.answers import AnswerIndex
from actors.orders.commands import (
    Applied,
    BarClaim,
    CountHold,
    Open,
    Place,
    Plan,
    Report,
    ReportGrant,
    RequestGrant,
    Target,
)
from actors.orders.state import Order
from actors.shop.commands import Lines


class Opened(Message, frozen=True):
    """The order counts for limits, and its claims may be sent. Abandoned unless committed by `decide_by_ms`."""

    command: Open
    decide_by_ms: int


class Placed(Message, frozen=True):
    """The order is certain in all of its shops, which granted their claims before."""

    command: Place
    expires_at_ms: int


class Barred(Message, frozen=True):
    """No order of this number will be placed: a shop asked for it, and lets go of its claim."""

    number: int


class AmendOpened(Message, frozen=True):
    """A change was begun; the order stays as it was until the commit. `plans` are to be claimed, `targets` is what
    parts keep, `ttl_ms` counts from the commit (0: the deadline stays). `channel` and `missing` are those of a basket
    that was reserved anew, else empty.
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
    """The open attempt's claims were dropped and another attempt was opened. `targets` None: as they were."""

    number: int
    plans: tuple[Plan, ...]
    missing: Lines
    decide_by_ms: int
    targets: tuple[Target, ...] | None


class Committed(Message, frozen=True):
    """The open attempt was committed: a new hold, or an amendment. `claims` are (store_id, reservation number)."""

    number: int
    claims: tuple[tuple[str, int], ...]
    expires_at_ms: int
    answer: Order | None = None


class Abandoned(Message, frozen=True):
    """The open attempt was abandoned, after a refusal, which answers the call's key; without one as others had claimed
    what was lacking, or, where the key is left out too, by time-out.
    """

    number: int
    rejection: Rejection | None
    call_key: str = ""
    content: str = ""


class Confirmed(Message, frozen=True):
    """The order was confirmed."""

    key: str
    content: str
    number: int
    expires_at_ms: int
    answer: Order | None = None


class Released(Message, frozen=True):
    """The whole order was released."""

    key: str
    content: str
    number: int
    reason: ReleaseReason
    answer: Order | None = None


class Extended(Message, frozen=True):
    """The deadline was changed."""

    key: str
    content: str
    number: int
    expires_at_ms: int
    answer: Order | None = None


class FannedOut(Message, frozen=True):
    """A step was sent to all shops that the order had then; the order does not change here."""

    key: str
    content: str
    number: int
    answer: Order | None = None


class Expired(Message, frozen=True):
    """The deadline passed."""

    number: int


class Settled(Message, frozen=True):
    """All shops have said that the order is over: it leaves memory, and this is what is left of it."""

    order: Order
    told: AnswerIndex


class Reported(Message, frozen=True):
    """A shop reported the state of its part."""

    report: Report


class AppliedNoted(Message, frozen=True):
    """Shops have applied the outcomes of these parts, and nothing else has happened to them."""

    parts: tuple[Applied, ...]


class Reduced(Message, frozen=True):
    """Units that a shop was to release were collected there first: so many fewer are held elsewhere, by the parts in
    `targets`.
    """

    number: int
    targets: tuple[Target, ...]


class Granted(Message, frozen=True):
    """A shop may hold units for a call. `number` is that of a grant that is given anew, 0 for a new one, whose number
    is the version of this event; the units of `replaces` were not counted.
    """

    request: RequestGrant
    number: int
    replaces: int


class HoldCounted(Message, frozen=True):
    """A hold from before its limit is counted, by a grant with the number of this event's version, unless nothing of it
    is left.
    """

    hold: CountHold


class GrantReported(Message, frozen=True):
    """A shop reported what is held by a grant."""

    report: ReportGrant


class ClaimBarred(Message, frozen=True):
    """A claim that the ledger does not know was barred by an operator."""

    claim: BarClaim


Event = (
    Opened
    | Placed
    | Barred
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
    | Settled
    | Reported
    | AppliedNoted
    | Reduced
    | Granted
    | HoldCounted
    | ClaimBarred
    | GrantReported
    | PolicyAdopted
)
