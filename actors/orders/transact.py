"""A customers' ledger as a Decider, and the expiry of what is due."""

from typing import Any, Final, get_args

from msgspec.structs import replace

from actors.core.answers import KeyedAnswer, Recorded
from actors.core.due import About, Budget
from actors.core.rejection import Reason, Rejection
from actors.core.transact import KEY_REUSED, Decider, Transacted, refused_by, transact as transact_by
from actors.orders import commands as cm, due_first, events as ev
from actors.orders.commands import content_of, key_of, order_key
from actors.orders.decide import decide
from actors.orders.due_first import fallen_due
from actors.orders.evolve import evolve, placed
from actors.orders.state import DEADLINE_SHIFT, ORDER_MASK, Order, OrderLedger, due_at_ms
from actors.shop import commands as shop

# None where there is no such order (any more). An order with an open attempt is undecided: the caller has to continue
# with it.
Answer = Recorded[Order | Rejection | shop.Grant] | None
Answering = ev.Committed | ev.Confirmed | ev.Extended | ev.Released | ev.FannedOut
ANSWERING: Final = frozenset(get_args(Answering))
ALONE: Final = frozenset({ev.Placed, ev.Granted, ev.GrantReported})  # they say all, and end no order


def recall(ledger: OrderLedger, command: cm.Command) -> Answer:
    """The answer remembered for this key, the order being decided under it, KEY_REUSED, or None for a new key."""
    key = key_of(command)
    if not key:
        return None
    known = ledger.answers.get(key)
    if known is not None:
        return known if known.fingerprint == content_of(command) else KEY_REUSED
    pending = ledger.answers.pending.get(key)
    if pending is None:
        return None
    order, content = ledger.orders[pending], content_of(command)
    return Recorded(content, order.version, order) if order.content == content else KEY_REUSED


def standing(ledger: OrderLedger, command: cm.Command, events: tuple[ev.Event, ...], _now_ms: int) -> Answer:
    """The order concerned, as the events left it: an Open makes a new one, or changes its basket's."""
    if isinstance(command, cm.Place):
        made = ledger.orders[command.number]
        return Recorded("", made.version, made)
    if isinstance(command, cm.Refuse):
        return Recorded(command.content, ledger.version, command.rejection)
    if isinstance(command, cm.ReportGrant | cm.NoteApplied | cm.BarClaim):
        return None
    if isinstance(command, cm.RequestGrant | cm.CountHold):
        if isinstance(command, cm.RequestGrant):
            given = events[0] if events else None
            is_new = isinstance(given, ev.Granted) and not given.number
            grant = ledger.grants.get(ledger.version) if is_new else ledger.grants.of_call(command)
            assert grant is not None, "it was given"
        else:
            grant = ledger.grants.of_reservation(command.customer_id, command.store_id, command.reservation)
        if grant is None:  # nothing is held any more
            return None
        return Recorded(
            "", ledger.version, shop.Grant(grant.number, grant.policy_version, grant.replaces, grant.checked)
        )
    if isinstance(command, cm.Open):
        opened = events[0]
        number = opened.number if isinstance(opened, ev.AmendOpened) else command.number or ledger.version
    elif isinstance(command, cm.Bar) and command.number in ledger.barred:
        return Recorded("", ledger.version, Rejection(Reason.CLAIM_ABANDONED))
    else:
        number = command.number
    is_about_any = isinstance(command, cm.FanOut | cm.Bar)
    order = ledger.known(number) if is_about_any else ledger.orders.get(number)
    return None if order is None else Recorded("", order.version, order)


def answered_by(event: ev.Event, version: int, at_ms: int) -> KeyedAnswer:
    """The key that the event of this version answered, and its answer. Of an order that is over, its number's and the
    event.
    """
    match event:
        case ev.Settled():
            return order_key(event.order.number, ""), event, ""
        case ev.Placed():
            order = placed(event, version, at_ms)
            return order.key, Recorded(order.content, version, order), ""
        case ev.Committed():
            answer = _answer_in(event)
            return answer.key, Recorded(answer.content, answer.version, answer), ""
        case ev.Confirmed() | ev.Extended() | ev.Released() | ev.FannedOut():
            return event.key, Recorded(event.content, version, _answer_in(event)), ""
        case ev.Abandoned() if event.rejection is not None:
            return event.call_key, Recorded(event.content, version, event.rejection), ""
        case ev.GrantReported():  # this and the next two noted what is gone, and answered no key
            return "", event.report, ""
        case ev.HoldCounted():
            return "", event.hold, ""
        case ev.ClaimBarred():
            return "", event.claim, ""
        case _:
            return refused_by(event, version)


def _answer_in(event: Answering) -> Order:
    assert event.answer is not None, "it is there wherever it was decided"
    return event.answer


DECIDER: Final = Decider(key_of, content_of, recall, decide, evolve, standing)


def transact(
    ledger: OrderLedger, command: cm.Command, now_ms: int, is_behind: bool = False, refusal_of: Any = None
) -> Transacted:
    """See `core.transact`. The events have the answers with them, and what is left of an order that they ended."""
    told = transact_by(DECIDER, ledger, command, now_ms, is_behind, refusal_of)
    if not told.events or type(told.events[0]) in ALONE:
        return told
    events = tuple([_with_answer(ledger, event) if type(event) in ANSWERING else event for event in told.events])
    return Transacted(told.answer, (*events, *_settled(ledger, now_ms)) if ledger.settled else events)


def _with_answer(ledger: OrderLedger, event: Answering) -> Answering:
    return replace(event, answer=ledger.orders[event.number])


def _settled(ledger: OrderLedger, now_ms: int) -> list[ev.Event]:
    """Let orders leave memory that have just ended; returns the events, already applied."""
    events: list[ev.Event] = []
    for number in tuple(ledger.settled):
        event = ev.Settled(ledger.orders[number], ledger.answers.all_told(number))
        evolve(ledger, event, now_ms)
        events.append(event)
    return events


def expire(ledger: OrderLedger, now_ms: int, events_max: int | None = None) -> list[ev.Event]:
    """Expire the orders and abandon the attempts that are due at `now_ms`; returns the events, already applied."""
    events: list[ev.Event] = []
    deadlines, limit = ledger.deadlines, (now_ms + 1) << DEADLINE_SHIFT
    while (entry := deadlines.first()) is not None and entry < limit:
        if events_max is not None and len(events) >= events_max:
            break
        deadlines.pop()
        instant_ms, number = entry >> DEADLINE_SHIFT, entry & ORDER_MASK
        order = ledger.orders.get(number)
        if order is None or due_at_ms(order) != instant_ms:
            continue
        events.append(fallen_due(ledger, order, now_ms))
    return events + _settled(ledger, now_ms)


def expire_first(ledger: OrderLedger, about: About, now_ms: int, budget: Budget) -> tuple[list[ev.Event], bool]:
    """See `due_first`; with what leaves memory by it."""
    events, is_whole = due_first.expire_first(ledger, about, now_ms, budget)
    return (events + _settled(ledger, now_ms) if events else events), is_whole
