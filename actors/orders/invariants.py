"""What holds in a customers' ledger after every batch."""

from actors.ledger.invariants import Violation
from actors.orders.state import CERTAIN, Order, OrderLedger, Standing


def check(ledger: OrderLedger) -> list[Violation]:
    """All violations; empty where the ledger is sound. One pass over its state."""
    found: list[Violation] = []
    for order in ledger.orders.values():
        found.extend(_check_order(order))
        if not order.is_settled() and order.number not in ledger.customers.get(order.customer_id, ()):
            found.append(Violation("I15", str(order.number), "counts for its customer", "does not"))
        if bool(order.untold_parts()) != (order.number in ledger.untold):
            found.append(
                Violation("I7", str(order.number), "its shops are told what is new", "the index says otherwise")
            )
    for customer_id, numbers in ledger.customers.items():
        for number in numbers:
            order_of = ledger.orders.get(number)
            if order_of is None or order_of.customer_id != customer_id:
                found.append(Violation("I15", customer_id, f"order {number} of this customer", "none"))
    return found


def _check_order(order: Order) -> list[Violation]:
    found = []
    subject = str(order.number)
    if order.standing is Standing.OPEN and (not order.open_attempt or order.certain_parts()):
        found.append(Violation("I7", subject, "open: an open attempt, and nothing certain", "it is not so"))
    if order.standing in CERTAIN and not order.certain_parts():
        found.append(Violation("I7", subject, "a certain order has certain parts", "none"))
    for part in order.parts:
        who = f"{subject} in {part.store_id}"
        if part.heeded > order.revision:
            found.append(Violation("I7", who, f"heeded at most {order.revision}", str(part.heeded)))
        if part.reservation and len(part.held) != len(part.lines):
            found.append(Violation("I7", who, f"{len(part.lines)} lines", f"{len(part.held)} held"))
        open_now = order.open_attempt and part.attempt == order.open_attempt
        if not part.reservation and not part.dropped and not open_now:
            found.append(Violation("I7", who, "certain, or let go", "neither: a part that nobody answers for"))
    return found
