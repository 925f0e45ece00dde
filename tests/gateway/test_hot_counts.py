"""What a count, a till, a safety stock or a receipt says of a hot SKU: from its answer on nothing is promised beyond
it, or somebody has lost it by name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from actors.shop.hot.units import MoveOut
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    reservation_pb2,
    shortfall_service_pb2 as sf,
    stock_pb2,
    stock_service_pb2 as ss,
    store_pb2,
)
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import available, confirm, demote, first, got, promote, release, sold
from tests.gateway.test_shortfalls import set_policy
from tests.gateway.test_transfers import receipt, sent
from tests.runtime.runtime_fixture import ManualClock

UNITS: Final = 5
HELD: Final = reservation_pb2.RESERVATION_STATUS_HELD
QUEUED: Final = reservation_pb2.RESERVATION_STATUS_QUEUED
RELEASED: Final = reservation_pb2.RESERVATION_STATUS_RELEASED
LOSER: Final = reservation_pb2.RELEASE_REASON_SHORTFALL
SOLD_OUT: Final = error_pb2.REASON_INSUFFICIENT_STOCK


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """A hot SKU, of which its ledger has all units of S1. What a keeper does by itself comes too late here."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        front.receive("H", UNITS)
        promote(front)
        yield front


def count(front: Front, units: int, key: str = "count") -> stock_pb2.StockChange:
    counted = stock_pb2.Count(sku="H", quantity=units)
    of: dict[str, Any] = {"store_id": "S1", "holds": stock_pb2.HOLDS_COUNTED_INCLUDED}
    asked = ss.CountStockRequest(idempotency_key=key, counts=[counted], **of)
    change: stock_pb2.StockChange = front.accept("CountStock", asked).change
    return change


def sell_at_the_till(front: Front, units: int) -> None:
    row = stock_pb2.Adjustment(sku="H", delta=-units, kind=stock_pb2.ADJUSTMENT_KIND_SALE)
    asked = ss.AdjustStockRequest(idempotency_key="sale", store_id="S1", source="pos", adjustments=[row])
    front.accept("AdjustStock", asked)


def keep(front: Front, units: int) -> None:
    rows: list[Any] = [{"sku": "H", "quantity": units}]
    front.accept("SetSafetyStock", ss.SetSafetyStockRequest(idempotency_key="s", store_id="S1", safety_stocks=rows))


def held(front: Front, *keys: str) -> list[str]:
    return [front.accept("Reserve", first(key)).reservation.reservation_id for key in keys]


def lost(front: Front) -> list[int]:
    """Units by task."""
    tasks = front.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S1")).tasks
    return [line.lost for task in tasks for line in task.lines]


def check(front: Front) -> None:
    for ledger_id in ("S1", "hot/H"):
        told = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=ledger_id))
        assert told.holds, told


@pytest.mark.parametrize("gone", [lambda front: count(front, 0), lambda front: sell_at_the_till(front, 5)])
def test_what_is_gone_is_not_sold(front: Front, gone: Any) -> None:
    gone(front)
    assert available(front) == 0
    assert front.accept("Reserve", first("k1")).rejection.reason == SOLD_OUT
    check(front)


def test_what_is_kept_back_is_not_sold(front: Front) -> None:
    keep(front, 4)
    assert available(front) == 1
    assert front.accept("Reserve", first("k1")).HasField("reservation")
    assert front.accept("Reserve", first("k2")).rejection.reason == SOLD_OUT
    check(front)


def test_who_is_promised_what_is_gone_has_lost_it_by_name(front: Front) -> None:
    one, two, three = held(front, "one", "two", "three")
    count(front, 2)
    assert [got(front, each).status for each in (one, two, three)] == [HELD, HELD, RELEASED]
    assert got(front, three).release_reason == LOSER
    assert lost(front) == [1]
    check(front)
    confirm(front, one, "c1")
    confirm(front, two, "c2")
    assert front.accept("Reserve", first("k")).rejection.reason == SOLD_OUT


def test_a_count_that_is_repeated_is_done_with_in_the_same_way(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gateway was gone, or the ledger of the SKU was away, before the units were home."""
    held(front, "one")
    with monkeypatch.context() as patch:
        patch.setattr("serve.services.stock.bring_home", _nothing)
        count(front, 0)
    assert lost(front) == []
    count(front, 0)
    assert lost(front) == [1]
    check(front)


async def _nothing(*_: Any) -> None:
    """As if the gateway was gone."""


def test_the_checker_sees_what_is_promised_beyond(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    held(front, "one", "two")
    with monkeypatch.context() as patch:
        patch.setattr("serve.services.stock.bring_home", _nothing)
        count(front, 1)
    told = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="hot/H"))
    assert [each.invariant for each in told.discrepancies] == ["I2"]
    count(front, 1)
    check(front)


def test_the_youngest_hold_loses_wherever_it_is(front: Front) -> None:
    """A basket is held by the shop: what it lacked came back."""
    front.receive("A")
    basket = reserve_request("basket", "H", 1)
    basket.basket_id = "b"
    before = front.accept("Reserve", basket).reservation.reservation_id
    front.clock.move(1)
    (middle,) = held(front, "middle")
    front.clock.move(1)
    basket.idempotency_key, basket.basket_id, basket.customer_id = "later", "c", "other"
    after = front.accept("Reserve", basket).reservation.reservation_id
    count(front, 2)
    assert [got(front, each).status for each in (before, middle, after)] == [HELD, HELD, RELEASED]
    count(front, 1, "again")
    assert [got(front, each).status for each in (before, middle)] == [HELD, RELEASED]
    check(front)


@pytest.mark.parametrize("youngest", [False, True])
def test_what_is_confirmed_loses_by_the_rule(front: Front, *, youngest: bool) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.loses_first = store_pb2.LOSES_FIRST_YOUNGEST if youngest else store_pb2.LOSES_FIRST_LOWEST_STATUS
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    (one,) = held(front, "one")
    front.clock.move(1)
    (two,) = held(front, "two")
    confirm(front, two)
    count(front, 1)
    loser, other = (two, one) if youngest else (one, two)
    assert got(front, loser).status == RELEASED
    assert got(front, other).status != RELEASED
    check(front)


def test_a_loser_waits_first_in_line_where_the_rule_says_so(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.losers_wait = True
    policy.line_wait_max.FromSeconds(3_600)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    one, two = held(front, "one", "two")
    count(front, 1)
    assert got(front, two).status == QUEUED
    release(front, one)
    assert got(front, two).status == HELD
    check(front)


def test_the_same_of_one_that_was_closed(front: Front) -> None:
    one, two = held(front, "one", "two")
    demote(front)
    count(front, 1)
    assert [got(front, each).status for each in (one, two)] == [HELD, RELEASED]
    check(front)


def test_what_is_on_its_way_to_the_shop_is_waited_for(front: Front) -> None:
    one, two = held(front, "one", "two")
    number = int(one.partition(":")[2])
    units = front.gateway._keeper._units
    front.run(lambda: units._router.send(("hot/H", MoveOut(number)), front._runner.get_loop().time() + 5, promise=True))
    count(front, 1)
    assert sorted([got(front, one).status, got(front, two).status]) == sorted([HELD, RELEASED])
    check(front)


def test_what_comes_short_by_a_transfer_is_lost_beside_what_its_ledger_has_promised(tmp_path: Path) -> None:
    """It was promised while it was in transit, and before the SKU was hot."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        set_policy(front, 1, promise_in_transit=True)
        front.receive("A", 5)
        front.receive("A", 2, "S2")
        transfer_id = sent(front)
        assert front.accept("Reserve", reserve_request("ann", "A", 4, "S2")).reservation.awaits_transfer_id
        promote(front, "A")
        for key in ("one", "two"):
            answer = front.accept("Reserve", first(key, "S2", sku="A"))
            assert answer.reservation.reservation_id.startswith("hot/A:"), answer
        front.accept("ReceiveTransfer", receipt(transfer_id, A=1))
        assert sold(front, "A") == 3, "that is what is there"
        tasks = front.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S2")).tasks
        assert sum(line.lost for task in tasks for line in task.lines) == 3
        for ledger_id in ("S2", "hot/A"):
            assert front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=ledger_id)).holds
