"""A customers' ledger as a Decider, and the expiry of what is due."""

from functools import partial
from heapq import heappop
from typing import Final

from actors.core.answers import Recorded, Said
from actors.core.rejection import Reason, Rejection
from actors.core.transact import KEY_REUSED, Decider, refused_by, transact as transact_by
from actors.orders import commands as cm, events as ev
from actors.orders.commands import content_of, key_of
from actors.orders.decide import decide
from actors.orders.evolve import evolve
from actors.orders.state import CERTAIN, Order, OrderLedger, due_at_ms
from actors.shop import commands as shop

# None where there is no such order (any more). An order with an open attempt is undecided: the caller has to continue
# with it.
Answer = Recorded[Order | Rejection | shop.Grant] | None


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


def standing(ledger: OrderLedger, command: cm.Command, events: tuple[ev.Event, ...]) -> Answer:
    """The order concerned, as the events left it: an Open makes a new one, or changes its basket's."""
    assert not isinstance(command, cm.Refuse), "it is refused"
    if isinstance(command, cm.ReportGrant | cm.NoteApplied | cm.BarClaim):
        return None
    if isinstance(command, cm.RequestGrant | cm.CountHold):
        if isinstance(command, cm.RequestGrant):
            grant = ledger.grants.of_call(command)
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
        number = opened.number if isinstance(opened, ev.AmendOpened) else ledger.version
    elif isinstance(command, cm.Bar) and command.number in ledger.barred:
        return Recorded("", ledger.version, Rejection(Reason.CLAIM_ABANDONED))
    else:
        number = command.number
    order = ledger.orders.get(number)
    if order is None:  # an event that is the last about its order also forgets it, and leaves the answer
        return recall(ledger, command)
    return Recorded("", order.version, order)


def said_by(event: ev.Event, version: int, _at_ms: int) -> Said:
    """The key that the event of this version refused, and its answer."""
    if isinstance(event, ev.Abandoned) and event.rejection is not None:
        return event.call_key, Recorded(event.content, version, event.rejection)
    return refused_by(event, version)


DECIDER: Final = Decider(key_of, content_of, recall, decide, evolve, standing)

transact: Final = partial(transact_by, DECIDER)


def expire(ledger: OrderLedger, now_ms: int, events_max: int | None = None) -> list[ev.Event]:
    """Expire the orders and abandon the attempts that are due at `now_ms`; returns the events, already applied."""
    events: list[ev.Event] = []
    heap = ledger.deadlines
    while heap and heap[0][0] <= now_ms and (events_max is None or len(events) < events_max):
        instant_ms, number = heappop(heap)
        order = ledger.orders.get(number)
        if order is None or due_at_ms(order) != instant_ms:
            continue
        is_over = order.standing in CERTAIN and order.expires_at_ms <= now_ms
        event: ev.Event = ev.Expired(number) if is_over else ev.Abandoned(number, None)
        evolve(ledger, event, now_ms)
        events.append(event)
    return events
