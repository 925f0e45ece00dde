"""A customers' ledger as a decider, and the two things that happen to it: commands, and the passing of time."""

from functools import partial
from heapq import heappop
from typing import Final

from actors.core.answers import Recorded
from actors.core.rejection import Rejection
from actors.core.transact import KEY_REUSED, Decider, transact as transact_by
from actors.orders import commands as cm, events as ev
from actors.orders.commands import content_of, key_of
from actors.orders.decide import decide
from actors.orders.evolve import evolve
from actors.orders.state import CERTAIN, Order, OrderLedger, due_at_ms

# Nothing where there is no such order (any more). An order whose attempt is open is not yet decided: whoever asked has
# to go on with it.
Answer = Recorded[Order | Rejection] | None


def recall(ledger: OrderLedger, command: cm.Command) -> Answer:
    """The answer given to this key before, the order that is being decided under it, or None where the key is new."""
    key = key_of(command)
    known = ledger.answers.get(key) if key else None
    if known is None:
        return None
    content = content_of(command)
    if isinstance(known, int):
        order = ledger.orders[known]
        return Recorded(content, order.version, order) if order.content == content else KEY_REUSED
    return known if known.fingerprint == content else KEY_REUSED


def standing(ledger: OrderLedger, command: cm.Command, events: tuple[ev.Event, ...]) -> Answer:
    """The order that was spoken of, as the events left it: an Open makes a new one, or changes its basket's."""
    assert not isinstance(command, cm.Refuse), "it is refused"
    if isinstance(command, cm.Open):
        opened = events[0]
        number = opened.number if isinstance(opened, ev.AmendOpened) else ledger.version
    else:
        number = command.number
    order = ledger.orders.get(number)
    return None if order is None else Recorded("", order.version, order)


DECIDER: Final = Decider(key_of, content_of, recall, decide, evolve, standing)

transact: Final = partial(transact_by, DECIDER)


def expire(ledger: OrderLedger, now_ms: int, events_max: int | None = None) -> list[ev.Event]:
    """Abandon what was not decided in time, expire what is over, and say so in events."""
    events: list[ev.Event] = []
    heap = ledger.deadlines
    while heap and heap[0][0] <= now_ms and (events_max is None or len(events) < events_max):
        instant_ms, number = heappop(heap)
        order = ledger.orders.get(number)
        if order is None or due_at_ms(order) != instant_ms:
            continue
        event: ev.Event
        if order.standing in CERTAIN and order.expires_at_ms <= now_ms:
            event = ev.Expired(number)
        else:
            event = ev.Abandoned(number, None)
        evolve(ledger, event, now_ms)
        events.append(event)
    return events
