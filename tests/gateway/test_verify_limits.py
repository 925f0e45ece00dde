"""VerifyOrders sums what each customer has over all shops: what is counted and not held, held and not counted, or more
than the chain allows is named.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core import ids
from actors.core.totals import Totals
from actors.orders import limits, snapshot
from actors.orders.state import OrderLedger, Since
from actors.shop.state import Ledger
from holdfast.v1 import admin_service_pb2 as ad, order_pb2, order_service_pb2 as os_
from serve.services import verification
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, HERS, customers, hosted, settle
from tests.gateway.test_limits import amend, asked, limit, reserve
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
    assert named(compared(held)) == {"I22"}


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


def _placed(front: Front, key: str, units: int) -> None:
    """An order of A and of B, which no one shop has."""
    request = asked(key, units)
    request.ClearField("store_id")
    request.lines.add(sku="B", quantity=1)
    request.sourcing.CopyFrom(order_pb2.Sourcing(place={}, policy=order_pb2.SOURCING_POLICY_SPLIT))
    assert front.accept("Reserve", request).order.order_id
    front.settle_orders()


@pytest.fixture
def ordering(front: Front) -> Front:
    front.receive("A", store_id="S1")
    front.receive("B", store_id="S2")
    return front


def _unlimited(front: Front, monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    front.clock.move(1)
    with monkeypatch.context() as patch:
        patch.setattr("actors.orders.decide.over_limit", lambda *_, **__: None)
        for key in keys:
            _placed(front, key, 3)
    settle(front)


def test_orders_of_more_than_the_chain_allows_are_named(ordering: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(ordering, 4)
    _unlimited(ordering, monkeypatch, "k1")
    assert named(compared(ordering)) == set()
    _unlimited(ordering, monkeypatch, "k2", "k3")
    (row,) = compared(ordering).discrepancies
    assert (row.subject, row.expected, row.found) == (f"A for {BUYER} over all shops", "at most 4", "9")


def test_more_orders_than_may_be_open_are_named(ordering: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = ordering.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(open_reservations_max=1)
    ordering.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    _unlimited(ordering, monkeypatch, "k1", "k2")
    (row,) = compared(ordering).discrepancies
    assert (row.subject, row.expected, row.found) == (f"reservations for {BUYER} over all shops", "open at most 1", "2")


def test_more_than_the_chain_allows_is_named_also_once_another_rule_was_set(
    held: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.clock.move(1)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "totals_of", lambda *_: Totals(()))
        reserve(held, "k S3", 3, "S3")
    settle(held)
    policy = held.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.ttl_default.seconds = 4_000
    held.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    settle(held)
    assert named(compared(held)) == {"I15"}


def test_orders_from_before_a_limit_are_no_fault_however_many(ordering: Front) -> None:
    for key in ("k1", "k2"):
        _placed(ordering, key, 3)
    ordering.clock.move(1)
    limit(ordering, 4)
    settle(ordering)
    assert named(compared(ordering)) == set()


def test_an_order_that_is_amended_under_a_limit_is_no_fault(ordering: Front) -> None:
    limit(ordering, 4)
    ordering.clock.move(1)
    _placed(ordering, "k1", 3)
    settle(ordering)
    ordering.receive("A", store_id="S3")
    reserve(ordering, "k2", 1, "S3")
    (order,) = customers(ordering).orders.values()
    for key, units in (("a1", 2), ("a2", 3)):
        request = os_.AmendOrderRequest(idempotency_key=key, order_id=ids.format_order_id(HERS, order.number))
        for store_id, sku, count in (("S1", "A", units), ("S2", "B", 1)):
            request.stores.add(store_id=store_id).lines.add(sku=sku, quantity=count)
        assert ordering.accept("AmendOrder", request).order.order_id
        assert named(compared(ordering)) == set(), "also while its shops have not heard of it"
    settle(ordering)
    assert named(compared(ordering)) == set()


def test_a_snapshot_tells_since_when_its_limits_are_in_force(ordering: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(ordering, 4)
    _unlimited(ordering, monkeypatch, "k1", "k2")
    restored = snapshot.restore(snapshot.Capture(customers(ordering)).rows())
    assert restored.limited_since == customers(ordering).limited_since
    head, *rows = snapshot.Capture(customers(ordering)).rows()
    older = snapshot.restore([replace(head, limited_since=None), *rows])
    assert older.limited_since == Since(older.time_ms, older.policy.version), "nothing before is taken for its doing"
    assert snapshot.Capture(older).state_hash() == snapshot.Capture(restored).state_hash()
