"""The invariants can fail: a sound ledger with one thing wrong, and the rule that says so."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.policy import ChainLimitRule, Policy
from actors.core.status import Status
from actors.orders.grants import Grant
from actors.orders.invariants import check
from actors.orders.state import OrderLedger, Standing
from tests.orders.scenario import play

ANN, BOB, CID, DAN = 2, 4, 6, 9  # held, refused and over, open, collected and over
PAGE: Final = """
    at   | said
    0:00 | open ann S1 A 2 / S2 B 1
    0:00 | commit #2.1 S1 11, S2 12
    0:00 | open bob S1 A 1
    0:00 | abandon #4.1 INSUFFICIENT_STOCK
    0:00 | open cid S1 A 1
    0:00 | report #4 S1.1 at 1 none
    0:00 | open dan S1 A 1
    0:00 | commit #9.1 S1 13
    0:00 | report #9 S1.1 at 1 v9 COLLECTED A 0 sold A 1
"""

LIMITED: Final = Policy(version=1, chain_limit_rules=(ChainLimitRule("", "", 9, 0, 0),))

Change = Callable[[OrderLedger], Any]


def order(number: int, /, **changes: Any) -> Change:
    def change(ledger: OrderLedger) -> None:
        ledger.orders[number] = replace(ledger.orders[number], **changes)

    return change


def part(number: int, /, **changes: Any) -> Change:
    def change(ledger: OrderLedger) -> None:
        first, *others = ledger.orders[number].parts
        ledger.orders[number] = replace(ledger.orders[number], parts=(replace(first, **changes), *others))

    return change


def doubled(ledger: OrderLedger) -> None:
    ledger.orders[ANN] = replace(ledger.orders[ANN], parts=ledger.orders[ANN].parts * 2)


def stays(ledger: OrderLedger) -> None:
    over = tuple(replace(part, status=Status.RELEASED) for part in ledger.orders[ANN].parts)
    ledger.orders[ANN] = replace(ledger.orders[ANN], standing=Standing.RELEASED, parts=over)


SETTLED = Grant(
    99, "eve", "web", "S1", "k", "", (("A", 1),), 1, 1, 0, ("A",), reservation=5, version=6, collected=(("A", 1),)
)

WRONG: Final[dict[str, tuple[str, str, Change]]] = {
    "an order under another's number": ("I8", "2", order(ANN, number=3)),
    "an order newer than its ledger": ("I8", "2", order(ANN, version=99)),
    "open, and no attempt is": ("I7", "6", order(CID, open_attempt=0, decide_by_ms=0)),
    "certain of nothing": ("I7", "2", order(ANN, parts=())),
    "an attempt that was never begun": ("I7", "6", order(CID, open_attempt=2)),
    "an attempt without an instant": ("I7", "6", order(CID, decide_by_ms=0)),
    "over, with an attempt open": ("I7", "6", order(CID, standing=Standing.ABANDONED)),
    "the same part twice": ("I7", "2", doubled),
    "applied what was never said": ("I7", "2 in S1", part(ANN, applied_revision=9)),
    "a part of an attempt to come": ("I7", "2 in S1", part(ANN, attempt=9)),
    "certain before it is committed": ("I7", "6 in S1", part(CID, reservation=7)),
    "a part that nobody answers for": ("I7", "2 in S1", part(ANN, reservation=0)),
    "a part without its lines": ("I7", "2 in S1", part(ANN, held=())),
    "more held than was asked": ("I7", "2 in S1", part(ANN, held=(3,))),
    "held and collected at once": ("I7", "2 in S1", part(ANN, collected=(1,))),
    "less than nothing": ("I7", "2 in S1", part(ANN, held=(-1,))),
    "a live order that does not count": ("I15", "2", lambda ledger: ledger.customers.pop("ann")),
    "one that is over, and stays": ("I7", "2", stays),
    "what was collected, of nobody": ("I15", "customers/0007", lambda ledger: ledger.collected_of.clear()),
    "a count of no order": ("I15", "bob", lambda ledger: ledger.customers.update({"bob": {99: None}})),
    "a customer of nothing": ("I15", "eve", lambda ledger: ledger.customers.update({"eve": {}})),
    "a basket whose order is not found": ("I7", "2", order(ANN, basket_id="b1")),
    "a basket of no order": ("I7", "b1", lambda ledger: ledger.baskets.update({("ann", "b1"): ANN})),
    "shops that nobody tells": ("I7", "2", lambda ledger: ledger.outbox.pop(ANN)),
    "shops of no order": ("I7", "99", lambda ledger: ledger.outbox.update({99: None})),
    "a deadline that nobody noted": ("I11", "2", lambda ledger: ledger.deadlines.heap.clear()),
    "deadlines in no sequence": ("I11", "customers/0007", lambda ledger: ledger.deadlines.heap.insert(0, 1 << 125)),
    "a grant that ended, and nobody noted": ("I7", "99", lambda ledger: ledger.grants.put(SETTLED)),
    "answers that are not counted": ("I5", "customers/0007", lambda ledger: setattr(ledger.answers.over, "count", 0)),
    "answers about an order, not counted": (
        "I5",
        "customers/0007",
        lambda ledger: setattr(ledger.answers, "told_count", 0),
    ),
    "a key whose order is not found": ("I5", "customers/0007", lambda ledger: ledger.answers.by_key.clear()),
    "an answer that never comes": ("I5", "'k'", lambda ledger: ledger.answers.pending.update(k=ANN)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(wrong: str) -> None:
    ledger = play(PAGE, LIMITED).ledger
    assert [ledger.orders[number].standing.name for number in (ANN, CID)] == ["HELD", "OPEN"]
    assert [len(ledger.answers.where(number)) for number in (BOB, DAN)] == [1, 1]
    assert check(ledger) == []
    invariant, subject, change = WRONG[wrong]
    change(ledger)
    assert (invariant, subject) in {(violation.invariant, violation.subject) for violation in check(ledger)}
