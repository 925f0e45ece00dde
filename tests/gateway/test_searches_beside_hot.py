"""Searches beside the ledger of a hot SKU that hangs: it is asked only where shops say that it has units of theirs, and
by one search at a time until it answers again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.core.ids import ledger_of_hot
from actors.protocol.placement import Placement
from holdfast.v1 import admin_service_pb2 as ad, reservation_service_pb2 as rs
from tests.gateway.away import Away
from tests.gateway.front import Front
from tests.gateway.hot import demote, promote, tidy
from tests.runtime.runtime_fixture import ManualClock

HOT = Placement(0).actor_of(ledger_of_hot("H"))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1", "latitude": 0.0, "longitude": 0.0}]))
        for sku in ("H", "A"):
            front.receive(sku, 50)
        promote(front)
        yield front


def order(key: str, *skus: str) -> rs.ReserveRequest:
    of: dict[str, Any] = {"lines": [{"sku": sku, "quantity": 1} for sku in skus]}
    asked = rs.ReserveRequest(idempotency_key=key, customer_id=f"c {key}", channel="web", **of)
    asked.sourcing.place.SetInParent()
    return asked


def asked_of_it(front: Front, since: int) -> int:
    return sum(actor == HOT and method == "positions" for actor, method, _ in front.actors.calls[since:])


def test_a_ledger_without_units_is_not_asked(front: Front) -> None:
    demote(front)
    tidy(front)
    tidy(front)
    away, since = Away(front, HOT), len(front.actors.calls)
    for number, skus in enumerate((["H"], ["A", "H"])):
        assert away.ask("Reserve", order(f"k{number}", *skus)).reply.HasField("order")
    assert asked_of_it(front, since) == 0


def test_one_that_is_away_is_waited_for_once(front: Front) -> None:
    away, since = Away(front, HOT), len(front.actors.calls)
    for number in range(6):
        reply = away.ask("Reserve", order(f"k{number}", "H")).reply
        assert reply.HasField("rejection"), "its units are not known"
    assert asked_of_it(front, since) <= 2, "the first waits, the next leaves its question behind"
    away.back()
    front.accept("Reserve", order("a", "A"))
    tidy(front)
    assert front.accept("Reserve", order("again", "H")).HasField("order")
