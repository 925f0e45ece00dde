"""What can be asked of a customers' ledger. Those with a key come from callers, the others from whoever drives."""

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
    """What a part of an order is to hold from now on, at most, beyond what was collected; no lines let go of it."""

    store_id: str
    attempt: int
    lines: Lines


class Hours(Value, frozen=True):
    """What a deadline has to keep to: the end of the last pickup slot, and when all of an order's shops are open, from
    about the wanted deadline on. Only their calendars know, so whoever carries the command says it; it is advice about
    the deadline alone, and no part of what the caller asked.
    """

    slots_end_ms: int
    open: tuple[tuple[int, int], ...]


NO_HOURS: Final = Hours(0, ())  # always open, and no slots


class Open(Message, frozen=True):
    """Begin an order: take the limits, and note whom to ask. `content` says in 24 hex digits what the caller asked,
    `missing` what of it the plans leave out because it cannot be had. The order that the customer's basket holds
    already becomes this one: what the plans have in common with it is kept, the rest is claimed.
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


class Amend(Message, frozen=True):
    """Begin a change: what shops are to hold from now on; a shop that is not named keeps what it has, one without lines
    gives all back. A plan's slot 0 leaves the one that is, `ttl_ms` 0 the deadline.
    """

    key: str
    content: str
    number: int
    wanted: tuple[Plan, ...]
    ttl_ms: int


class Replan(Message, frozen=True):
    """A claim was refused: let go of this attempt's claims, and ask others."""

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
    """A claim was refused and no other plan is left; the refusal becomes the caller's answer."""

    number: int
    attempt: int
    rejection: Rejection


class Refuse(Message, frozen=True):
    """No plan was found: the refusal is the answer to the call from now on."""

    key: str
    content: str
    customer_id: str
    rejection: Rejection


class Confirm(Message, frozen=True):
    """The order is placed. `collect_within_ms` 0 asks for the time of the policy."""

    key: str
    number: int
    collect_within_ms: int
    hours: Hours


class Release(Message, frozen=True):
    """Give all parts back."""

    key: str
    number: int
    reason: ReleaseReason


class Extend(Message, frozen=True):
    """Move the deadline to `ttl_ms` from now."""

    key: str
    number: int
    ttl_ms: int
    hours: Hours


class FanOut(Message, frozen=True):
    """A step that each shop decides for itself is taken in all of the order's shops. Which these are, its key
    remembers: a repeat goes to the same ones, whatever has become of the order.
    """

    key: str
    content: str
    number: int


class Report(Message, frozen=True):
    """How a shop's part stands. `revision` is the newest of the order's that the shop has applied, 0 where it was not
    told but speaks by itself. `held` and `collected` are units by line; `reservation` 0: there is no such part.
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


Command = Open | Refuse | Amend | Replan | Commit | Abandon | Confirm | Release | Extend | FanOut | Report


def customer_key(customer_id: str, key: str) -> str:
    """A caller's key as it is remembered: keys are the customer's own."""
    return f"{customer_id}\n{key}"


def order_key(number: int, key: str) -> str:
    """The same for a step of an order; no customer's id begins with a line's end, and many are numbers."""
    return f"\n{number}\n{key}"


def key_of(command: Command) -> str:
    """Under which key a command is remembered; empty for the words of those who drive."""
    match command:
        case Open() | Refuse():
            return customer_key(command.customer_id, command.key)
        case Amend() | Confirm() | Release() | Extend() | FanOut():
            return order_key(command.number, command.key)
        case _:
            return ""


def content_of(command: Command) -> str:
    """What a command says, in 24 hex digits. The plans of an order are ours, not the caller's."""
    match command:
        case Open() | Refuse() | Amend() | FanOut():
            return command.content
        case Confirm() | Extend():
            return fingerprint(command, "hours")  # when shops are open, no caller has said
        case _:
            return fingerprint(command)
