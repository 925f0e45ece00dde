"""VerifyOrders sums what each customer has over all shops: what is counted and not held, held and not counted, or more
than the chain allows is named.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.orders import limits
from actors.orders.state import OrderLedger
from actors.orders.totals import Totals
from actors.shop.state import Ledger
from serve.services import verification
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, customers, hosted, settle
from tests.gateway.test_limits import amend, limit, reserve
from tests.gateway.test_verify_orders import compared, named


@pytest.fixture
def held(front: Front) -> Front:
    """Two of A in each of two shops, which is what the chain allows."""
    for store_id in ("S1", "S2", "S3"):
        front.receive("A", store_id=store_id)
    limit(front, 4)
    for store_id in ("S1", "S2"):
        reserve(front, f"k {store_id}", 2, store_id)
    settle(front)
    return front


def test_what_is_held_counted_and_allowed_is_no_fault(held: Front) -> None:
    reply = compared(held)
    assert (named(reply), reply.on_the_way) == (set(), 0)


def test_a_lower_limit_takes_nothing_away_and_is_no_fault(held: Front) -> None:
    limit(held, 1)
    less = next(iter(hosted(held, "store-S1", "S1").reservations))
    assert amend(held, "less", f"S1:{less}", 1).reservation.reservation_id
    settle(held)
    assert named(compared(held)) == set()


def test_what_was_held_before_a_limit_is_no_fault_however_much(front: Front) -> None:
    for store_id in ("S1", "S2", "S3"):
        front.receive("A", store_id=store_id)
    for store_id in ("S1", "S2"):
        reserve(front, f"k {store_id}", 3, store_id)
    limit(front, 4)
    settle(front)
    assert sum(units for grant in customers(front).grants for _, units in grant.held) == 6
    assert named(compared(front)) == set()


@pytest.mark.parametrize("counted", [3, 2])
def test_a_hold_that_was_counted_and_whose_shop_has_not_heard_of_it_is_on_its_way(front: Front, counted: int) -> None:
    front.receive("A")
    reserve(front, "k1", 3)
    limit(front, 4)
    settle(front)
    front.gateway._reconciler.close()
    (grant,), shop = customers(front).grants, hosted(front, "store-S1", "S1")
    customers(front).grants.put(replace(grant, held=(("A", counted),)))
    number = grant.reservation
    shop.reservations[number] = shop.reservations[number].changed(grant=0)
    shop.outbox[number] = None
    reply = compared(front)
    assert (bool(named(reply)), reply.on_the_way) == (counted != 3, 1 + (counted == 3))


def _a_grant_is_free_early(ledger: OrderLedger, _: Ledger) -> None:
    ledger.grants.drop(next(iter(ledger.grants)).number)


def _a_count_is_dropped(ledger: OrderLedger, _: Ledger) -> None:
    ledger.grants.put(replace(next(iter(ledger.grants)), held=()))


def _a_hold_is_lost(_: OrderLedger, shop_: Ledger) -> None:
    shop_.reservations.clear()


def _a_hold_is_another_grants(ledger: OrderLedger, shop_: Ledger) -> None:
    (number,) = shop_.reservations
    other = max(each.number for each in ledger.grants)
    shop_.reservations[number] = replace(shop_.reservations[number], grant=other)


def _the_shop_is_older(ledger: OrderLedger, _: Ledger) -> None:
    grant = next(iter(ledger.grants))
    ledger.grants.put(replace(grant, version=grant.version + 100))


WRONG: Final[dict[str, Callable[[OrderLedger, Ledger], None]]] = {
    "a grant is free before its shop has reported": _a_grant_is_free_early,
    "a count is dropped": _a_count_is_dropped,
    "a hold that counts is lost": _a_hold_is_lost,
    "one hold counts twice": _a_hold_is_another_grants,
    "a shop that is older than what was heard of it": _the_shop_is_older,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_grants_and_holds_that_contradict_are_named(held: Front, wrong: str) -> None:
    WRONG[wrong](customers(held), hosted(held, "store-S1", "S1"))
    assert named(compared(held)) == {"I16"}


@pytest.mark.parametrize("page", [1, 100])
def test_more_than_the_chain_allows_is_named(held: Front, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(verification, "CUSTOMERS_COMPARED_MAX", page)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "totals_of", lambda *_: Totals(()))
        reserve(held, "k S3", 3, "S3")
    settle(held)
    reply = compared(held)
    assert named(reply) == {"I15"}
    (row,) = reply.discrepancies
    assert (row.subject, row.expected, row.found) == (f"A for {BUYER} over all shops", "at most 4", "7")


def test_a_grant_that_no_shop_has_used_yet_is_on_its_way(held: Front) -> None:
    ledger: Any = customers(held)
    grant = next(iter(ledger.grants))
    ledger.grants.put(replace(grant, number=99, call_key="lost", reservation=0, version=0, held=(), lines=()))
    reply = compared(held)
    assert (named(reply), reply.on_the_way) == (set(), 1)
