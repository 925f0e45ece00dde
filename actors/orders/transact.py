"""One command against one customers' ledger: recall, decide, evolve. The counterpart of `ledger.transact`."""

from heapq import heappop
from typing import NamedTuple

from actors.core.rejection import UNRECORDED, Reason, Rejection
from actors.orders import commands as cm, events as ev
from actors.orders.decide import content_of, decide, key_of
from actors.orders.evolve import evolve
from actors.orders.state import CERTAIN, REMEMBERED_ANSWERS_MAX, Order, OrderLedger, Recorded, due_at_ms

Answer = Order | Rejection | None

KEY_REUSED = Rejection(Reason.IDEMPOTENCY_KEY_REUSED)


class Transacted(NamedTuple):
    """The answer, which may leave once the events are durable. An order whose attempt is open is not yet decided: the
    one who asked has to go on with it. None: there is no such order (any more).
    """

    answer: Answer
    events: tuple[ev.Event, ...]
    repeated: bool = False


def transact(ledger: OrderLedger, command: cm.Command, now_ms: int) -> Transacted:
    """Answer one command at a ledger time. The ledger has moved on by the events that are returned."""
    key = key_of(command)
    if key:
        content = content_of(command)
        known = ledger.recall(key)
        if isinstance(known, Recorded):
            return Transacted(known.answer if known.content == content else KEY_REUSED, (), repeated=True)
        if known is not None:
            order = ledger.orders[known]
            return Transacted(order if order.content == content else KEY_REUSED, (), repeated=True)
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, Rejection):
        if decision.reason in UNRECORDED or ledger.remembered >= REMEMBERED_ANSWERS_MAX:
            return Transacted(decision, ())
        assert key, "only callers are refused"
        refused = ev.Refused(key, content_of(command), decision)
        evolve(ledger, refused, now_ms)
        return Transacted(decision, (refused,))
    for event in decision:
        evolve(ledger, event, now_ms)
    return Transacted(ledger.orders.get(_number_of(ledger, command, decision)), decision)


def _number_of(ledger: OrderLedger, command: cm.Command, events: tuple[ev.Event, ...]) -> int:
    """Which order was spoken of: an Open makes a new one, or changes the one that its basket has."""
    if not isinstance(command, cm.Open):
        assert not isinstance(command, cm.Refuse), "it is refused"
        return command.number
    opened = events[0]
    return opened.number if isinstance(opened, ev.AmendOpened) else ledger.version


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
