"""What follows from a changed order: its places in the ledger's indexes, and what is left of it when it is over."""

from heapq import heappush
from typing import Final

from msgspec.structs import replace

from actors.core.answers import FORGET_A_STEP_MAX, forgotten
from actors.orders.grants import Grant
from actors.orders.limits import share_of
from actors.orders.state import (
    DEADLINE_SHIFT,
    ORDER_MASK,
    OVER,
    Collected,
    Counted,
    Order,
    OrderLedger,
    Standing,
    due_at_ms,
)

DROPPED_BY_A_MOVE: Final = 8  # stale deadlines, and others that are looked at for them


def put(ledger: OrderLedger, order: Order) -> None:
    """Store a changed order, with all that is derived from it."""
    before = ledger.orders.get(order.number)
    order = replace(order, version=ledger.version)
    ledger.orders[order.number] = order
    if before is None:
        index_customer(ledger, order)
    _recount(ledger, order.customer_id, before, order)
    if before is None or due_at_ms(before) != due_at_ms(order):
        index_deadline(ledger, order)
    index_basket(ledger, order)
    index_outbox(ledger, order)
    if order.is_settled():
        ledger.settled[order.number] = None


def put_placed(ledger: OrderLedger, order: Order) -> None:
    """Store an order that no shop has heard of: as `put`, for every new order."""
    ledger.orders[order.number] = order
    index_customer(ledger, order)
    _recount(ledger, order.customer_id, None, order)
    heappush(ledger.deadlines.heap, order.expires_at_ms << DEADLINE_SHIFT | order.number)
    index_basket(ledger, order)
    ledger.outbox[order.number] = None


def settle(ledger: OrderLedger, order: Order, at_ms: int) -> None:
    """Let an order leave memory that is over in all shops; what counts on of it stays."""
    number, customer_id, policy = order.number, order.customer_id, ledger.policy
    del ledger.orders[number]
    ledger.settled.pop(number)
    numbers = ledger.customers[customer_id]
    del numbers[number]
    if not numbers:
        del ledger.customers[customer_id]
    _recount(ledger, customer_id, order, None)
    is_refused = order.standing is Standing.ABANDONED
    ledger.answers.end(number, customer_id, ledger.version, at_ms, refused=is_refused)
    if not policy.chain_limit_rules:
        return  # what is over before the first limit does not count for it
    for part in order.parts:  # of any SKU, as other limits may come
        for (sku, _), units in zip(part.lines, part.collected, strict=False):
            if units:
                row = Collected(at_ms, customer_id, order.channel, sku, units, part.collected_at_ms)
                ledger.collect(row)
                _recount(ledger, customer_id, None, row)


def put_grant(ledger: OrderLedger, grant: Grant) -> None:
    """Store a new or changed grant."""
    _recount(ledger, grant.customer_id, ledger.grants.put(grant), grant)


def drop_grant(ledger: OrderLedger, number: int) -> None:
    """Forget a grant by which nothing is held any more."""
    grant = ledger.grants.get(number)
    assert grant is not None, "nobody has dropped it"
    ledger.grants.drop(number)
    _recount(ledger, grant.customer_id, grant, None)


def _recount(ledger: OrderLedger, customer_id: str, before: Counted | None, now: Counted | None) -> None:
    """Correct the customer's totals, if they are kept."""
    totals = ledger.totals.get(customer_id)
    if totals is None:
        return
    if before is not None:
        totals.add(share_of(before), -1)
    if now is not None:
        totals.add(share_of(now))
    elif customer_id not in ledger.customers and customer_id not in ledger.grants.customers():
        del ledger.totals[customer_id]


def index_customer(ledger: OrderLedger, order: Order) -> None:
    """Enter the order among its customer's."""
    ledger.customers.setdefault(order.customer_id, {})[order.number] = None


def index_basket(ledger: OrderLedger, order: Order) -> None:
    """Index the order by its customer's basket, as long as it is not over."""
    if order.basket_id:
        basket = (order.customer_id, order.basket_id)
        if order.standing not in OVER:
            ledger.baskets[basket] = order.number
        elif ledger.baskets.get(basket) == order.number:
            del ledger.baskets[basket]


def index_outbox(ledger: OrderLedger, order: Order) -> None:
    """Enter the order in the outbox, or remove it, by whether it has undelivered parts."""
    if order.undelivered_parts():
        ledger.outbox[order.number] = None
    else:
        ledger.outbox.discard(order.number)


def index_deadline(ledger: OrderLedger, order: Order) -> None:
    """Enter the order's next deadline, if it has one. Drops some stale entries where they outnumber the others."""
    instant_ms, deadlines = due_at_ms(order), ledger.deadlines
    if instant_ms:
        heappush(deadlines.heap, instant_ms << DEADLINE_SHIFT | order.number)
    deadlines.put_aside(len(ledger.orders))
    for _ in range(min(DROPPED_BY_A_MOVE, len(deadlines.aside))):
        entry = deadlines.aside.pop()
        found = ledger.orders.get(entry & ORDER_MASK)
        if found is not None and due_at_ms(found) == entry >> DEADLINE_SHIFT:
            heappush(deadlines.heap, entry)


def forget(ledger: OrderLedger) -> None:
    """Drop answers that are out of date, and what was collected and does not count any more, a little at a time."""
    policy, time_ms = ledger.policy, ledger.time_ms
    if time_ms >= ledger.answers.forget_at_ms:
        ledger.answers.forget(time_ms, policy.answer_memory_ms)
    if not ledger.ended.lists and not ledger.collected.lists:
        return
    kept_ms = max(policy.answer_memory_ms, *(rule.collected_for_ms for rule in policy.chain_limit_rules), 0)
    for at_ms, number in forgotten(ledger.ended, time_ms, kept_ms):
        grant = ledger.grants.get(number)
        # Or it was dropped since, or a shop that was restored from a copy holds by it again, or has handed over more.
        if grant is not None and grant.is_settled() and grant.collected_at_ms <= at_ms:
            drop_grant(ledger, number)
    for _ in range(FORGET_A_STEP_MAX):
        if not ledger.collected.lists or ledger.collected.first().noted_at_ms + kept_ms > time_ms:
            return
        customer_id = ledger.collected.popleft().customer_id
        rows = ledger.collected_of[customer_id]
        rows.popleft()
        if not rows:
            del ledger.collected_of[customer_id]
