"""Orders of which a shop's part cannot be claimed, as its ledger is stopped or keeps it back: that is no refusal.

Another shop serves where one can be found; else nothing is recorded, and the same call is decided once it is mended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.journal.port import LedgerBroken
from actors.shop import commands as shop
from holdfast.v1 import order_pb2, order_service_pb2 as os_, reservation_service_pb2 as rs
from tests.gateway.front import Answer, Front
from tests.gateway.orders import HERS, hosted, ordered
from tests.runtime.runtime_fixture import ManualClock

SPLIT: Final = order_pb2.Sourcing(place={}, policy=order_pb2.SOURCING_POLICY_SPLIT)


@pytest.fixture
def front(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """One shop has what is left, another what is right."""
    with Front(tmp_path, clock) as front:
        front.receive("left", 9, "S1")
        front.receive("right", 10, "S2")
        yield front


@contextmanager
def stopped(front: Front, store_id: str) -> Iterator[None]:
    """While its journal is damaged."""
    process: Any = front.actors._actors[f"store-{store_id}"]
    kept = process.host._hosted.pop(store_id)
    process.host._damaged[store_id] = LedgerBroken(store_id, "seq 1", "planted")
    yield
    del process.host._damaged[store_id]
    process.host._hosted[store_id] = kept


@contextmanager
def kept_back(front: Front, store_id: str, key: str) -> Iterator[None]:
    """While claims for a call have ended the actor twice; who looks for stock does not see that."""
    process: Any = front.actors._actors[f"store-{store_id}"]
    process.host._refusals.refuse(store_id, f"\ncall {key}", "planted", front.clock.at_ms)
    yield
    process.host._refusals.refused.clear()


def asked(front: Front, key: str, basket_id: str = "") -> Answer:
    """One of what is left and one of what is right."""
    lines = [{"sku": "left", "quantity": 1}, {"sku": "right", "quantity": 1}]
    request = rs.ReserveRequest(
        idempotency_key=key, customer_id="ann", channel="web", basket_id=basket_id, lines=lines, sourcing=SPLIT
    )
    return front.ask("Reserve", request)


def amended(front: Front, number: int, *store_ids: str) -> Answer:
    """To one of A from each of these shops."""
    stores = [{"store_id": store_id, "lines": [{"sku": "A", "quantity": 1}]} for store_id in store_ids]
    order_id = f"{HERS.removeprefix('customers/')}/{number}"
    return front.ask("AmendOrder", os_.AmendOrderRequest(idempotency_key="a1", order_id=order_id, stores=stores))


def stores_of(answer: Answer) -> list[str]:
    assert answer.code is grpc.StatusCode.OK
    return [part.store_id for part in answer.reply.order.parts if part.lines]


def reserved(front: Front, store_id: str, sku: str) -> int:
    return int(hosted(front, f"store-{store_id}", store_id).positions[sku].reserved)


def test_an_amendment_to_a_stopped_shop_is_decided_once_that_is_mended(front: Front) -> None:
    order = ordered(front)
    front.receive("A", 5, "S3")
    with stopped(front, "S3"):
        answer = amended(front, order.number, "S1", "S3")
        assert answer.code is grpc.StatusCode.DATA_LOSS
        assert "planted" in answer.message
    assert [reserved(front, store_id, "A") for store_id in ("S1", "S2", "S3")] == [1, 1, 0]
    assert "S3" in stores_of(amended(front, order.number, "S1", "S3"))


@pytest.mark.parametrize("basket_id", ["", "b1"])
def test_an_order_that_nothing_else_can_serve_is_decided_once_its_shop_is_mended(front: Front, basket_id: str) -> None:
    with kept_back(front, "S2", "k1"):
        answer = asked(front, "k1", basket_id)
        assert answer.code is grpc.StatusCode.DATA_LOSS
        assert "planted" in answer.message
    assert [reserved(front, "S1", "left"), reserved(front, "S2", "right")] == [0, 0]
    assert stores_of(asked(front, "k1", basket_id)) == ["S1", "S2"]


@pytest.mark.parametrize("basket_id", ["", "b1"])
def test_an_order_that_another_shop_can_serve_is_placed_there(front: Front, basket_id: str) -> None:
    front.receive("right", 10, "S3")
    with kept_back(front, "S2", "k1"):
        assert stores_of(asked(front, "k1", basket_id)) == ["S1", "S3"]


@pytest.mark.parametrize("basket_id", ["", "b1"])
def test_no_refusal_is_recorded_that_another_shop_gives_behind_a_claim_that_was_kept_back(
    front: Front, monkeypatch: pytest.MonkeyPatch, basket_id: str
) -> None:
    front.receive("right", 10, "S3")
    call = front.actors.call
    process: Any = front.actors._actors["store-S3"]
    others = [shop.Reserve("other", "bob", "web", "", (("right", 10),), 0)]

    async def called(actor: str, method: str, *args: Any) -> Any:
        if others and (actor, method) == ("store-S3", "step"):
            process.host.step([("S3", others.pop())])
        return await call(actor, method, *args)

    monkeypatch.setattr(front.actors, "call", called)
    with kept_back(front, "S2", "k1"):
        assert asked(front, "k1", basket_id).code is grpc.StatusCode.DATA_LOSS
    assert not others
    assert stores_of(asked(front, "k1", basket_id)) == ["S1", "S2"]
