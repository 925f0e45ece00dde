"""A shop that is paused sells none of its units that ledgers of hot SKUs have, from the answer of PutStores on: also
through a gateway that has not heard of it. Where such a ledger does not answer, the shop is named.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.core.ids import ledger_of_hot
from actors.protocol.placement import Placement
from holdfast.v1 import admin_service_pb2 as ad, error_pb2
from tests.gateway.away import Away
from tests.gateway.front import Front
from tests.gateway.hot import OtherGateway, again, first, promote
from tests.runtime.runtime_fixture import ManualClock

PAUSED = error_pb2.REASON_STORE_NOT_ACCEPTING
HOT = Placement(0).actor_of(ledger_of_hot("H"))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        for sku in ("H", "N"):
            front.receive(sku, 10)
        promote(front)
        yield front


@pytest.fixture
def old(front: Front) -> Iterator[OtherGateway]:
    """Another gateway, which hears of nothing that comes now."""
    other = OtherGateway(front)
    assert other.gateway._router._poller is not None
    other.gateway._router._poller.cancel()
    yield other
    other.close()


def put(*, paused: bool) -> ad.PutStoresRequest:
    return ad.PutStoresRequest(stores=[{"store_id": "S1", "paused": paused}, {"store_id": "S2", "paused": paused}])


@pytest.mark.parametrize("restarted", [False, True])
def test_a_paused_shop_sells_no_hot_sku_through_any_gateway(
    front: Front, old: OtherGateway, *, restarted: bool
) -> None:
    answer = old.accept("Reserve", first("a"))
    assert answer.reservation.reservation_id.startswith("hot/H:")
    assert front.accept("PutStores", put(paused=True)).pending_count == 0
    if restarted:
        front.actors.kill(HOT)
    for request in (first("b" + answer.key_stamp), again(first("c" + answer.key_stamp)), first("n", sku="N")):
        assert old.accept("Reserve", request).rejection.reason == PAUSED
    assert front.accept("PutStores", put(paused=False)).pending_count == 0
    assert front.accept("Reserve", first("d" + answer.key_stamp)).HasField("reservation")


def test_a_shop_is_named_while_a_hot_skus_ledger_cannot_hear_of_its_pause(front: Front) -> None:
    away = Away(front, HOT)
    told = away.ask("PutStores", put(paused=True)).reply
    assert (list(told.pending), told.pending_count) == (["S1"], 1), "S2 has handed nothing: it has no actor"
    assert away.ask("PutStores", put(paused=False)).reply.pending_count == 0, "hours and names are nothing to it"
    away.back()
    assert front.accept("PutStores", put(paused=True)).pending_count == 0
