"""The commands of a customers' ledger. Those with a key come from callers, the others from the coordinator."""

from typing import Final

from actors.core.answers import fingerprint
from actors.core.message import Message, Value
from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop.commands import Lines


class Plan(Value, frozen=True):
    """What one shop is to hold. `slot_start_ms` 0 asks for no pickup slot."""

    store_id: str
    lines: Lines
    slot_start_ms: int


class Target(Value, frozen=True):
    """What a part is to hold at most from now on, beyond what was collected; no lines: the part is released."""

    store_id: str
    attempt: int
    lines: Lines


class Hours(Value, frozen=True):
    """What bounds a pickup deadline: the end of the last pickup slot, and when all of the order's shops are open, from
    about the wanted deadline on. The coordinator supplies it, as the ledger has no shop's calendar; it is no part of
    the call's content.
    """

    slots_end_ms: int
    open: tuple[tuple[int, int], ...]


NO_HOURS: Final = Hours(0, ())  # always open, and no slots


class Open(Message, frozen=True):
    """Begin an order: reserve the customer's limits and record the plans. `content` is the fingerprint of the call;
    `missing` the lines that the plans leave out as unavailable. An order that the customer's basket has already is
    changed into this one: what the plans have in common with it is kept, the rest is claimed.
    `number` is a new order's, drawn by its gateway: shops may know those that a restored ledger has given before.
    """

    key: str
    content: str
    customer_id: str
    channel: str
    ttl_ms: int
    plans: tuple[Plan, ...]
    missing: Lines
    basket_id: str
    external_reference: str = ""
    number: int = 0


class Place(Message, frozen=True):
    """Decide an order whose claims were all granted, once and for all. `number` is the order's, drawn by its gateway,
    and names the claims; `granted` are the reservations of the plans' shops.
    """

    number: int
    asked: Open
    granted: tuple[int, ...]


class Bar(Message, frozen=True):
    """A shop has a claim for an order of which nothing is known: unless that was placed, it never will be."""

    number: int


class Amend(Message, frozen=True):
    """Begin a change: what shops are to hold from now on; a shop that is not named keeps what it has, one without lines
    releases all. A plan's slot 0 keeps the slot, `ttl_ms` 0 the deadline. With `adds` shops are to hold these beside
    what they have, in the slots that the plans have.
    """

    key: str
    content: str
    number: int
    wanted: tuple[Plan, ...]
    ttl_ms: int
    adds: bool = False


class Replan(Message, frozen=True):
    """A claim was refused: drop this attempt's claims, and claim these plans instead."""

    number: int
    attempt: int
    plans: tuple[Plan, ...]
    missing: Lines


class Commit(Message, frozen=True):
    """All claims of an attempt were granted; `claims` are (store_id, reservation number)."""

    number: int
    attempt: int
    claims: tuple[tuple[str, int], ...]
    hours: Hours


class Abandon(Message, frozen=True):
    """A claim was refused and no other plan is left; the refusal becomes the caller's answer. None answers nobody: the
    same call may try again, as what was lacking is only claimed by other orders.
    """

    number: int
    attempt: int
    rejection: Rejection | None


class Refuse(Message, frozen=True):
    """No plan was found: the refusal becomes the answer to the call."""

    key: str
    content: str
    customer_id: str
    rejection: Rejection


class Confirm(Message, frozen=True):
    """The customer placed the order. `collect_within_ms` 0 takes the time from the policy."""

    key: str
    number: int
    collect_within_ms: int
    hours: Hours


class Release(Message, frozen=True):
    """Release all parts."""

    key: str
    number: int
    reason: ReleaseReason


class Extend(Message, frozen=True):
    """Set the deadline to `ttl_ms` from now."""

    key: str
    number: int
    ttl_ms: int
    hours: Hours


class FanOut(Message, frozen=True):
    """Take a step, which each shop decides for itself, in all of the order's shops. Its key remembers which these are:
    a repeat goes to the same shops, however the order has changed.
    """

    key: str
    content: str
    number: int


class Report(Message, frozen=True):
    """The state of a shop's part. `revision` is the newest that the shop has applied, 0 where it reports without an
    outcome. `held` and `collected` are units by line; `reservation` 0: there is no such part.
    """

    number: int
    store_id: str
    attempt: int
    revision: int
    reservation: int
    version: int
    status: Status
    held: tuple[int, ...]
    collected: tuple[int, ...]


class Applied(Value, frozen=True):
    """A shop has applied an outcome of this revision to a part, which is otherwise as the order last heard of it."""

    number: int
    store_id: str
    attempt: int
    revision: int
    version: int
    status: Status


class NoteApplied(Message, frozen=True):
    """What shops have applied, of many orders at once."""

    parts: tuple[Applied, ...]


class RequestGrant(Message, frozen=True):
    """Permit a shop to hold `lines`, which are by SKU, for one call under limits of the whole chain; only SKUs in
    `more` are checked. `replaces` is the grant of the reservation that the call amends, 0 for none; a hold of the same
    basket in the same shop is replaced as well. `reservation` is what the call amends, 0 for none.
    """

    customer_id: str
    channel: str
    store_id: str
    call_key: str
    basket_id: str
    lines: Lines
    more: Lines
    replaces: int = 0
    reservation: int = 0


class CountHold(Message, frozen=True):
    """Count what a shop held already when a limit of the whole chain began to apply to it, as if it had been granted.
    `held` and `collected` are by SKU, at the shop's `version`, and `as_of` as in ReportGrant.
    """

    customer_id: str
    channel: str
    store_id: str
    basket_id: str
    reservation: int
    version: int
    held: Lines
    collected: Lines
    as_of: int = 0


class BarClaim(Message, frozen=True):
    """An operator says that an undecided claim is never to be committed, only for one that the ledger does not know. Of
    `attempt` 0 it is the grant of this number that is never to be held by, as its shop says that it is not.
    """

    number: int
    attempt: int
    operator: str
    why: str


class ReportGrant(Message, frozen=True):
    """What a shop's reservation holds, and what was collected from it, by SKU, at the shop's `version`. `reservation`
    0: nothing is held by this grant, nor will be. `store_id` is the ledger that says so, empty for that of the grant: a
    reservation may have moved from the ledger of a hot SKU into its shop. `as_of`: the version of the customer's ledger
    after which the shop was asked, as this had been doubted then; 0 where it tells by itself.
    """

    number: int
    reservation: int
    version: int
    held: Lines
    collected: Lines
    store_id: str = ""
    as_of: int = 0


Command = (
    Open
    | Place
    | Bar
    | Refuse
    | Amend
    | Replan
    | Commit
    | Abandon
    | Confirm
    | Release
    | Extend
    | FanOut
    | Report
    | NoteApplied
    | RequestGrant
    | CountHold
    | BarClaim
    | ReportGrant
)


def customer_key(customer_id: str, key: str) -> str:
    """The remembered form of a caller's key: keys are scoped by customer."""
    return f"{customer_id}\n{key}"


def order_key(number: int, key: str) -> str:
    """A key scoped by order; no customer's id begins with a line feed, so the two forms never collide."""
    return f"\n{number}\n{key}"


def call_key_of(remembered: str) -> str:
    """The key that shops know a call by, from its remembered form: none where it is scoped by order."""
    return "" if remembered.startswith("\n") else remembered.rpartition("\n")[2]


def key_of(command: Command) -> str:
    """The key that a command's answer is remembered by; empty for the coordinator's commands."""
    if isinstance(command, RequestGrant | ReportGrant):  # as most
        return ""
    match command:
        case Place():
            return customer_key(command.asked.customer_id, command.asked.key)
        case Open() | Refuse():
            return customer_key(command.customer_id, command.key)
        case Amend() | Confirm() | Release() | Extend() | FanOut():
            return order_key(command.number, command.key)
        case _:
            return ""


def content_of(command: Command) -> str:
    """The fingerprint of the caller's content. An order's plans are the service's, not the caller's."""
    match command:
        case Place():
            return command.asked.content
        case Open() | Refuse() | Amend() | FanOut():
            return command.content
        case Confirm() | Extend():
            return fingerprint(command, ("key", "hours"))  # hours are supplied by the coordinator, not by the caller
        case _:
            return fingerprint(command)
