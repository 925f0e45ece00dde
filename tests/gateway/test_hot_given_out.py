"""Units of a hot SKU for tills, channels and other shops: its ledger gives them back before anybody is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.v1 import allotment_pb2, allotment_service_pb2 as als, error_pb2, transfer_service_pb2 as ts
from tests.gateway.front import Front
from tests.gateway.hot import available, demote, first, promote, tidy
from tests.runtime.runtime_fixture import ManualClock

SOLD_OUT = error_pb2.REASON_INSUFFICIENT_STOCK
TILL, CHANNEL = allotment_pb2.HOLDER_KIND_TILL, allotment_pb2.HOLDER_KIND_CHANNEL


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Ten of H in S1, nine of them free, with the ledger of H."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        front.receive("H", 10)
        promote(front)
        assert front.accept("Reserve", first("held")).reservation.reservation_id.startswith("hot/H:")
        yield front


def allot(front: Front, units: int = 0, share: int = 0) -> Any:
    of: dict[str, Any] = {"store_id": "S1", "holder_kind": CHANNEL if share else TILL, "holder": "one"}
    request = als.AllotStockRequest(idempotency_key=f"{units} {share}", **of)
    if share:
        request.shares.add(sku="H", thousandths=share)
    else:
        request.lines.add(sku="H", quantity=units)
    request.ttl.FromSeconds(3_600)
    return front.accept("AllotStock", request)


def propose(front: Front, units: int) -> Any:
    to: dict[str, Any] = {"source_store_id": "S1", "destination_store_id": "S2"}
    lines: Any = [{"sku": "H", "quantity": units}]
    return front.accept("ProposeTransfer", ts.ProposeTransferRequest(idempotency_key=f"t{units}", **to, lines=lines))


def test_a_till_gets_what_is_free_there_and_no_more(front: Front) -> None:
    assert allot(front, 10).rejection.reason == SOLD_OUT
    assert allot(front, 9).HasField("allotment")
    assert available(front) == 0
    demote(front)
    tidy(front)
    assert available(front) == 0


def test_a_share_is_of_all_that_is_free(front: Front) -> None:
    assert [line.given for line in allot(front, share=500).allotment.lines] == [4]
    assert available(front) == 5
    assert front.accept("Reserve", first("k", units=5)).HasField("reservation")


def test_another_shop_gets_what_is_free_there_and_no_more(front: Front) -> None:
    assert propose(front, 10).rejection.reason == SOLD_OUT
    assert propose(front, 9).HasField("transfer")
    assert available(front) == 0
