"""What a count, a till or a safety stock says of a hot SKU whose ledger does not answer: its shop has decided, and that
is the answer, whatever becomes of what is done behind it.
"""

from typing import Any

import grpc
import pytest

from actors.core.ids import ledger_of_hot
from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import LedgerStopped
from actors.protocol.placement import Placement
from holdfast.v1 import stock_pb2, stock_service_pb2 as ss
from serve.coordination import hot_home
from serve.routing.batcher import DeadlinePassed, Overloaded
from tests.gateway.away import Away
from tests.gateway.front import Answer, Front
from tests.gateway.hot import available, first, got, promote, tidy
from tests.gateway.test_hot_counts import RELEASED, SOLD_OUT, check, held
from tests.runtime.runtime_fixture import ManualClock

UNITS = 5
NOT_ITS_OWN = (Overloaded(), DeadlinePassed(sent=False), DeadlinePassed(sent=True), LedgerStopped("damaged"))


@pytest.fixture
def front(tmp_path: Any) -> Any:
    """Two hot SKUs, whose ledgers have all units of S1. A keeper has its turns when tests say so."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        for sku in (SKU, OTHER):
            front.receive(sku, UNITS)
            promote(front, sku)
        yield front


def actor_of(sku: str) -> str:
    return Placement(0).actor_of(ledger_of_hot(sku))


SKU = "H"
OTHER = next(sku for sku in ("I", "J", "K", "L", "M") if actor_of(sku) != actor_of(SKU))


def changes(key: str, *skus: str) -> dict[str, Any]:
    """All that says something of what is there, by method."""
    of: dict[str, Any] = {"idempotency_key": key, "store_id": "S1"}
    rows: list[Any] = [{"sku": sku, "delta": -4, "kind": stock_pb2.ADJUSTMENT_KIND_SALE} for sku in skus]
    counts: list[Any] = [{"sku": sku, "quantity": 1} for sku in skus]
    kept: list[Any] = [{"sku": sku, "quantity": 4} for sku in skus]
    included = stock_pb2.HOLDS_COUNTED_INCLUDED
    return {
        "AdjustStock": ss.AdjustStockRequest(source="pos", adjustments=rows, **of),
        "CountStock": ss.CountStockRequest(counts=counts, holds=included, **of),
        "SetSafetyStock": ss.SetSafetyStockRequest(safety_stocks=kept, **of),
    }


def done(found: Answer) -> int:
    """The version at which a change was decided."""
    assert found.code is grpc.StatusCode.OK, found
    assert found.reply.HasField("change")
    return int(found.reply.change.version)


@pytest.mark.parametrize("timeout_ms", ["", "400"])
@pytest.mark.parametrize("method", ["AdjustStock", "CountStock", "SetSafetyStock"])
def test_a_change_is_answered_while_the_skus_ledger_is_away(front: Front, method: str, timeout_ms: str) -> None:
    away, before = Away(front, actor_of(SKU)), front.version()
    request = changes("k", SKU)[method]
    assert done(away.ask(method, request, timeout_ms=timeout_ms)) == before + 1
    assert done(away.ask(method, request, timeout_ms=timeout_ms)) == before + 1, "likewise its repeat"
    away.back()
    tidy(front)
    assert available(front) == 1, "the keeper has brought it home"
    front.accept("Reserve", first("one"))
    assert front.accept("Reserve", first("two")).rejection.reason == SOLD_OUT
    check(front)


def test_who_was_promised_it_has_lost_it_once_the_keeper_has_come_by(front: Front) -> None:
    one, two = held(front, "one", "two")
    away = Away(front, actor_of(SKU))
    done(away.ask("CountStock", changes("k", SKU)["CountStock"]))
    away.back()
    tidy(front)
    assert sorted([got(front, one).status, got(front, two).status])[1] == RELEASED
    check(front)


def test_another_sku_of_the_same_change_is_home_with_its_answer(front: Front) -> None:
    away = Away(front, actor_of(SKU))
    done(away.ask("CountStock", changes("k", SKU, OTHER)["CountStock"]))
    assert available(front, sku=OTHER) == 1


def test_a_shop_that_is_stopped_behind_its_decision_takes_nothing_back(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = front.gateway._router.send

    async def stop_behind(*args: Any, **how: Any) -> Any:
        answer = await decided(*args, **how)
        front.actors.lose_calls("store-S1", 1_000)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(front.gateway._router, "send", stop_behind)
        done(front.ask("AdjustStock", changes("k", SKU)["AdjustStock"], timeout_ms="300"))


@pytest.mark.parametrize("error", [*NOT_ITS_OWN, BeyondFormat("it", 2, 1)], ids=repr)
@pytest.mark.parametrize("method", ["AdjustStock", "CountStock", "SetSafetyStock"])
def test_nothing_that_goes_wrong_behind_a_decision_is_its_answer(
    front: Front, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
) -> None:
    async def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(hot_home, "bring_sku_home", fail)
    before = front.version()
    assert done(front.ask(method, changes("k", SKU)[method])) == before + 1
