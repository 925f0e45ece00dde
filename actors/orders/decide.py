"""What a customers' ledger decides: a ladder of refusals, then the events. Nothing here changes the ledger.

A step is allowed by how the order stands here. That a shop has not heard of it yet changes nothing: it holds what it
holds until it has.
"""

from typing import Final

from actors.ledger.idempotency import fingerprint
from actors.ledger.lifecycle import LIVE, Status
from actors.ledger.policy import DAY_MS
from actors.ledger.reasons import Reason, Rejection
from actors.orders import commands as cm, events as ev
from actors.orders.limits import over_limit
from actors.orders.state import (
    ATTEMPTS_MAX,
    CERTAIN,
    OPEN_MS,
    REMEMBERED_ANSWERS_MAX,
    Order,
    OrderLedger,
    Part,
    Standing,
)

SLOT_MS_MAX: Final = DAY_MS  # no slot is longer than a local day of its shop's calendar

STATUS_OF: Final = {
    Standing.HELD: Status.HELD,
    Standing.CONFIRMED: Status.CONFIRMED,
    Standing.COLLECTED: Status.COLLECTED,
    Standing.RELEASED: Status.RELEASED,
    Standing.EXPIRED: Status.EXPIRED,
}

Decision = tuple[ev.Event, ...] | Rejection


def customer_key(customer_id: str, key: str) -> str:
    """A caller's key as it is remembered: keys are the customer's own."""
    return f"{customer_id}\n{key}"


def order_key(number: int, key: str) -> str:
    """The same for a step of an order; no customer's id begins with a line's end, and many are numbers."""
    return f"\n{number}\n{key}"


def key_of(command: cm.Command) -> str:
    """Under which key a command is remembered; empty for the words of those who drive."""
    match command:
        case cm.Open() | cm.Refuse():
            return customer_key(command.customer_id, command.key)
        case cm.Amend() | cm.Confirm() | cm.Release() | cm.Extend():
            return order_key(command.number, command.key)
        case _:
            return ""


def content_of(command: cm.Command) -> str:
    """What a command says, in 24 hex digits. The plans of an order are ours, not the caller's."""
    return command.content if isinstance(command, cm.Open | cm.Refuse | cm.Amend) else fingerprint(command)


def decide(ledger: OrderLedger, command: cm.Command, now_ms: int) -> Decision:
    """Accept or refuse one command whose key is new. No events: it says nothing new."""
    match command:
        case cm.Open():
            return _decide_open(ledger, command, now_ms)
        case cm.Refuse():
            return command.rejection
        case cm.Amend():
            return _decide_amend(ledger, command, now_ms)
        case cm.Replan(number, attempt, plans, missing):
            order = _with_open_attempt(ledger, number, attempt)
            if order is None or order.attempts >= ATTEMPTS_MAX:
                return ()
            refusal = over_limit(ledger, order.customer_id, order.channel, plans, now_ms, order, order.targets)
            if refusal is not None:  # another plan for the same call may ask for more of what is limited
                return (ev.Abandoned(number, refusal),)
            return (ev.Replanned(number, plans, missing, now_ms + OPEN_MS),)
        case cm.Commit(number, attempt, claims):
            order = _with_open_attempt(ledger, number, attempt)
            if order is None or {store_id for store_id, _ in claims} != {part.store_id for part in order.open_parts()}:
                return ()
            return (ev.Committed(number, claims, _commits_until_ms(ledger, order, now_ms)),)
        case cm.Abandon(number, attempt, rejection):
            order = _with_open_attempt(ledger, number, attempt)
            return () if order is None else (ev.Abandoned(number, rejection),)
        case cm.Note():
            return (ev.Noted._make(command),) if _says_something_new(ledger, command) else ()
        case _:
            return _decide_step(ledger, command, now_ms)


def _decide_open(ledger: OrderLedger, command: cm.Open, now_ms: int) -> Decision:
    policy = ledger.policy
    if command.ttl_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=command.ttl_ms, available=policy.ttl_ms_max)
    refusal = over_limit(ledger, command.customer_id, command.channel, command.plans, now_ms)
    if refusal is not None:
        return refusal
    if ledger.remembered >= REMEMBERED_ANSWERS_MAX:
        return Rejection(Reason.LEDGER_FULL)
    key, content, customer_id, channel, ttl_ms, plans, missing = command
    remembered_as = customer_key(customer_id, key)
    return (ev.Opened(remembered_as, content, customer_id, channel, ttl_ms, plans, missing, now_ms + OPEN_MS),)


def _decide_amend(ledger: OrderLedger, command: cm.Amend, now_ms: int) -> Decision:
    order = _standing_in(ledger, command.number, CERTAIN)
    if isinstance(order, Rejection):
        return order
    if order.attempts >= ATTEMPTS_MAX:
        return Rejection(Reason.LEDGER_FULL)
    key, content, number, plans, targets = command
    refusal = over_limit(ledger, order.customer_id, order.channel, plans, now_ms, order, targets)
    if refusal is not None:
        return refusal
    opened = ev.AmendOpened(order_key(number, key), content, number, plans, targets, now_ms + OPEN_MS)
    return (opened,) if plans else (opened, ev.Committed(number, (), order.expires_at_ms))


def _decide_step(ledger: OrderLedger, command: cm.Confirm | cm.Release | cm.Extend, now_ms: int) -> Decision:
    allowed = frozenset({Standing.HELD}) if isinstance(command, cm.Confirm) else CERTAIN
    order = _standing_in(ledger, command.number, allowed)
    if isinstance(order, Rejection):
        return order
    policy = ledger.policy
    key, content, number = key_of(command), content_of(command), command.number
    if isinstance(command, cm.Release):
        return (ev.Released(key, content, number, command.reason),)
    if isinstance(command, cm.Confirm):
        asked_ms = command.collect_within_ms or policy.collect_within_ms
    else:
        asked_ms = command.ttl_ms
    if asked_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=asked_ms, available=policy.ttl_ms_max)
    expires_at_ms = now_ms + asked_ms
    if isinstance(command, cm.Confirm) or order.standing is Standing.CONFIRMED:
        expires_at_ms = _not_before_slots_ms(expires_at_ms, order.certain_parts())
    happened = ev.Confirmed if isinstance(command, cm.Confirm) else ev.Extended
    return (happened(key, content, number, expires_at_ms),)


def _standing_in(ledger: OrderLedger, number: int, allowed: frozenset[Standing]) -> Order | Rejection:
    """The order, if it stands so that the step is allowed. Its deadline was judged before: what is due has expired."""
    order = ledger.orders.get(number)
    if order is None or order.standing is Standing.ABANDONED:
        return Rejection(Reason.RESERVATION_NOT_FOUND, number=number)
    if order.open_attempt:
        return Rejection(Reason.ORDER_UNDECIDED, number=number)
    if order.standing is Standing.EXPIRED:
        return Rejection(Reason.RESERVATION_EXPIRED, number=number, status=Status.EXPIRED)
    if order.standing not in allowed:
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=number, status=STATUS_OF[order.standing])
    return order


def _with_open_attempt(ledger: OrderLedger, number: int, attempt: int) -> Order | None:
    order = ledger.orders.get(number)
    return order if order is not None and order.open_attempt == attempt and attempt else None


def _commits_until_ms(ledger: OrderLedger, order: Order, now_ms: int) -> int:
    """A new hold's deadline, by the rule of each of its shops and the shortest of them; an amended order keeps its own,
    unless it waits for a later slot now.
    """
    if order.standing is Standing.CONFIRMED:
        return _not_before_slots_ms(order.expires_at_ms, order.open_parts())
    if order.standing is not Standing.OPEN:
        return order.expires_at_ms
    holds_ms = [ledger.policy.hold_ms(order.channel, part.lines, part.store_id) for part in order.open_parts()]
    return now_ms + (order.ttl_ms or min(holds_ms))


def _not_before_slots_ms(wanted_ms: int, parts: tuple[Part, ...]) -> int:
    """A deadline that leaves the customer the slots that were promised. How long one is, only its shop knows."""
    return max([wanted_ms, *(part.slot_start_ms + SLOT_MS_MAX for part in parts if part.slot_start_ms)])


def _says_something_new(ledger: OrderLedger, note: cm.Note) -> bool:
    order = ledger.orders.get(note.number)
    if order is None:
        return False
    for part in order.parts:
        if (part.store_id, part.attempt) == (note.store_id, note.attempt):
            if part.status not in LIVE:  # it is over, and what is over never changes
                return False
            return note.revision > part.heeded or note.version > part.version
    return False
