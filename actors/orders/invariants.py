"""Invariants of a customers' ledger, checked after each batch in tests, at every recovery, and on demand."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from actors.core.packed import ENTRY_BYTES
from actors.core.rejection import Violation
from actors.core.status import LIVE
from actors.core.totals import Totals
from actors.orders.limits import share_of
from actors.orders.state import (
    ATTEMPTS_MAX,
    CERTAIN,
    DEADLINE_SHIFT,
    OVER,
    Order,
    OrderLedger,
    Part,
    Standing,
    due_at_ms,
)

NOT_SO: Final = "it is not so"


def check(ledger: OrderLedger) -> list[Violation]:
    """All violations, empty where the ledger is sound. One pass over its state."""
    found: list[Violation] = []
    deadlines = set(ledger.deadlines.entries())
    for number, order in ledger.orders.items():
        if number != order.number or order.version > ledger.version:
            found.append(Violation("I8", str(number), f"number, version up to {ledger.version}", str(order.number)))
        found.extend(_check_order(order))
        found.extend(_check_indexed(ledger, order, deadlines))
    found.extend(_check_indexes(ledger))
    found.extend(_check_grants(ledger))
    found.extend(_check_totals(ledger))
    found.extend(_check_answers(ledger))
    return found


def _check_order(order: Order) -> Iterator[Violation]:
    subject = str(order.number)
    if order.standing is Standing.OPEN and (not order.open_attempt or order.certain_parts()):
        yield Violation("I7", subject, "open: an open attempt, and nothing certain", NOT_SO)
    if order.standing in CERTAIN and not order.certain_parts() and not order.open_attempt:
        yield Violation("I7", subject, "a certain order has certain parts, or an attempt open", "none")
    if order.open_attempt not in (0, order.attempts):
        yield Violation("I7", subject, f"attempt {order.attempts} open, or none", str(order.open_attempt))
    if (attempts := len({part.attempt for part in order.parts})) > ATTEMPTS_MAX:
        yield Violation("I7", subject, f"parts of at most {ATTEMPTS_MAX} attempts", str(attempts))
    if bool(order.open_attempt) != bool(order.decide_by_ms) or (order.targets and not order.open_attempt):
        yield Violation("I7", subject, "targets, and an instant to decide by, while an attempt is open", NOT_SO)
    if order.open_attempt and order.standing in OVER:
        yield Violation("I7", subject, f"nothing open: it is {order.standing.name}", f"attempt {order.open_attempt}")
    if len({(part.store_id, part.attempt) for part in order.parts}) != len(order.parts):
        yield Violation("I7", subject, "one part for a shop and an attempt", "several")
    for part in order.parts:
        for expected, found in _faults_of_part(order, part):
            yield Violation("I7", f"{subject} in {part.store_id}", expected, found)


def _faults_of_part(order: Order, part: Part) -> Iterator[tuple[str, str]]:
    """Yield (expected, found) for each violation."""
    if part.applied_revision > order.revision:
        yield f"applied at most {order.revision}", str(part.applied_revision)
    if not 1 <= part.attempt <= order.attempts:
        yield f"an attempt up to {order.attempts}", str(part.attempt)
    open_now = bool(order.open_attempt) and part.attempt == order.open_attempt
    if open_now and part.reservation:
        yield "nothing certain in an attempt that is open", f"reservation {part.reservation}"
    if not part.reservation and not part.dropped and not open_now:
        yield "certain, or let go", "neither: a part that nobody answers for"
    if part.reservation and len(part.held) != len(part.lines):
        yield f"{len(part.lines)} lines", f"{len(part.held)} held"
    asked = [quantity for _, quantity in part.lines]
    collected = part.collected or (0,) * len(asked)
    held = part.held if part.held and part.status in LIVE else (0,) * len(asked)
    if min(asked, default=1) < 1:  # one without lines asked for a channel alone
        yield "lines with units", str(part.lines)
    elif len(held) != len(asked) or len(collected) != len(asked):
        yield f"{len(asked)} lines", f"{len(held)} held, {len(collected)} collected"
    elif any(h < 0 or c < 0 or h + c > q for h, c, q in zip(held, collected, asked, strict=True)):
        yield f"held and collected within {asked}", f"{held} and {collected}"


def _check_indexed(ledger: OrderLedger, order: Order, deadlines: set[int]) -> Iterator[Violation]:
    """Check that the indexes have the order's entries."""
    subject = str(order.number)
    if order.number not in ledger.customers.get(order.customer_id, ()):
        yield Violation("I15", subject, "counts for its customer", NOT_SO)
    if order.is_settled() and order.number not in ledger.settled:
        yield Violation("I7", subject, "an order that is over leaves memory", NOT_SO)
    if bool(order.undelivered_parts()) != (order.number in ledger.outbox):
        yield Violation("I7", subject, "its shops are told what is new", "the index says otherwise")
    basket = (order.customer_id, order.basket_id)
    if order.basket_id and order.standing not in OVER and basket not in ledger.baskets:
        yield Violation("I7", subject, f"the order of basket {order.basket_id}", "no order is")
    due_ms = due_at_ms(order)
    if due_ms and due_ms << DEADLINE_SHIFT | order.number not in deadlines:
        yield Violation("I11", subject, f"comes up at {due_ms}", "never")


def _check_indexes(ledger: OrderLedger) -> Iterator[Violation]:
    """Check that the indexes have no other entries."""
    for number in ledger.outbox.keys() - ledger.orders.keys():
        yield Violation("I7", str(number), "an order", "none: its shops cannot be told")
    for customer_id, numbers in ledger.customers.items():
        if not numbers:
            yield Violation("I15", customer_id, "an order", "none")
        for number in numbers:
            order = ledger.orders.get(number)
            if order is None or order.customer_id != customer_id:
                yield Violation("I15", customer_id, f"order {number} of this customer", "none")
    for (customer_id, basket_id), number in ledger.baskets.items():
        order = ledger.orders.get(number)
        if order is None or order.standing in OVER or (order.customer_id, order.basket_id) != (customer_id, basket_id):
            yield Violation("I7", basket_id, f"order {number} of this basket, not over", NOT_SO)
    heaps = ledger.deadlines.heap, ledger.deadlines.aside
    if any(heap[place] < heap[(place - 1) // 2] for heap in heaps for place in range(1, len(heap))):
        yield Violation("I11", ledger.ledger_id, "deadlines, the earliest first", "another sequence")
    ended = dict(sorted((number, at_ms) for at_ms, number in ledger.ended))  # when each ended last
    for grant in ledger.grants:
        if grant.is_settled() and ended.get(grant.number, -1) < grant.collected_at_ms:
            yield Violation("I7", str(grant.number), "a grant among what ended", NOT_SO)
    rows = sum(map(len, ledger.collected_of.values()))
    if rows != len(ledger.collected) or not all(ledger.collected_of.values()):
        yield Violation("I15", ledger.ledger_id, f"{len(ledger.collected)} collected by customer", str(rows))


def _check_grants(ledger: OrderLedger) -> Iterator[Violation]:
    """Check that each grant is indexed, and that a reservation holds by one."""
    if ledger.grants.indexes() != ledger.grants.copied().indexes():
        yield Violation("I15", ledger.ledger_id, "every grant indexed", NOT_SO)
    holding = (grant for grant in ledger.grants if grant.reservation and grant.holds())
    held = Counter((grant.held_at, grant.reservation) for grant in holding)
    for (store_id, reservation), count in held.items():
        if count > 1:
            yield Violation("I15", f"reservation {reservation} in {store_id}", "one grant", str(count))


def _check_totals(ledger: OrderLedger) -> Iterator[Violation]:
    """Check that the totals that are kept are what counts."""
    for customer_id, totals in ledger.totals.items():
        counted = Totals(ledger.policy.chain_limit_rules)
        for each in ledger.counted_of(customer_id):
            counted.add(share_of(each))
        sums, found = counted.sums(ledger.time_ms), totals.sums(ledger.time_ms)
        if sums != found or counted.unsettled != totals.unsettled:
            yield Violation("I15", customer_id, f"{sums} in all", str(found))


def _check_answers(ledger: OrderLedger) -> Iterator[Violation]:
    answers = ledger.answers
    told = sum(len(answers.all_told(number, ledger.version).entries) for number in answers.told) // ENTRY_BYTES
    for kept, count in (
        (told, answers.told_count),
        (answers.over.entries_kept(ledger.version), answers.over.count),
        (answers.refused.entries_kept(ledger.version), answers.refused.count),
    ):
        if kept != count:
            yield Violation("I5", ledger.ledger_id, f"{kept} answers remembered", str(count))
    keys = {key: number for number, told in answers.told.items() for key in told.keys}
    if keys != answers.by_key or not answers.later.keys() <= answers.told.keys() <= ledger.orders.keys():
        yield Violation("I5", ledger.ledger_id, "each key by its order, and that is here", NOT_SO)
    for key, number in answers.pending.items():
        order = ledger.orders.get(number)
        if order is None or not order.open_attempt or order.key != key:
            yield Violation("I5", repr(key), f"order {number} is being decided under it", NOT_SO)
