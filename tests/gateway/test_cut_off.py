"""A gateway that cannot reach the chain, or has not heard of a change yet, brings no older rules to a shop that has
none, and goes on serving those that have theirs.
"""

from typing import Any

import grpc
import pytest

from holdfast.v1 import admin_service_pb2 as ad, error_pb2
from serve.gateway import Gateway
from serve.routing import router
from tests.gateway.front import SHOPS, Front
from tests.gateway.test_limits import asked, limit, reserve
from tests.gateway.test_new_limits import CutOff, beside, held, refused


@pytest.fixture
def old(front: Front, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another gateway, which hears of nothing from now on."""
    monkeypatch.setattr(router, "CHAIN_LOOK_S", 0.05)
    gateway, line = beside(front)
    assert gateway._router._poller is not None
    gateway._router._poller.cancel()
    yield gateway, line
    gateway._router.close()


def put(front: Front, store_id: str, *, paused: bool) -> None:
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": store_id, "name": store_id, "paused": paused}]))


def test_old_rules_are_not_brought_to_a_shop_that_nobody_has_called(front: Front, old: tuple[Gateway, CutOff]) -> None:
    new, (gateway, line) = front.gateway, old
    limit(front, 2)
    new._reconciler.close()
    line.cut = True
    front.gateway = gateway
    assert front.ask("Reserve", asked("k1", 3, "S3")).code is grpc.StatusCode.UNAVAILABLE
    front.gateway = new
    for store_id in SHOPS:
        front.receive("A", store_id=store_id)
    front.gateway = gateway
    assert refused(reserve(front, "k1", 3, "S3")), "as by any other gateway"
    assert reserve(front, "k2", 2, "S3").reservation.reservation_id
    assert held(front) == 2


def test_what_a_gateway_has_not_heard_of_yet_it_asks_for_before_it_brings_rules(
    front: Front, old: tuple[Gateway, CutOff]
) -> None:
    front.gateway._reconciler.close()
    limit(front, 2)
    front.gateway = old[0]
    front.receive("A", store_id="S3")
    assert refused(reserve(front, "k1", 3, "S3"))


@pytest.mark.parametrize("called_before", [False, True])
def test_a_pause_is_not_undone_by_who_has_not_heard_of_it(
    front: Front, old: tuple[Gateway, CutOff], *, called_before: bool
) -> None:
    """Whoever calls first after a restart."""
    front.gateway._reconciler.close()
    if called_before:
        front.receive("A")
    put(front, "S1", paused=True)
    front.actors.kill("store-S1")
    old[1].cut = called_before
    front.gateway = old[0]
    said = reserve(front, "k1")
    assert said.rejection.reason == error_pb2.REASON_STORE_NOT_ACCEPTING


def test_a_shop_that_has_rules_is_served_without_the_chain(front: Front, old: tuple[Gateway, CutOff]) -> None:
    front.receive("A")
    put(front, "S2", paused=True)
    front.gateway, old[1].cut = old[0], True
    for restart in range(3):
        front.actors.kill("store-S1")
        assert reserve(front, f"k{restart}").reservation.reservation_id


def test_a_policy_binds_the_shops_of_an_actor_that_have_not_begun(front: Front, old: tuple[Gateway, CutOff]) -> None:
    front.actors.store_actor("store-S3")
    limit(front, 2)
    front.gateway._reconciler.close()
    front.actors.kill("store-S3")
    front.gateway, old[1].cut = old[0], True
    front.receive("A", store_id="S3")
    assert refused(reserve(front, "k1", 3, "S3"))


def test_nor_does_a_shop_that_was_only_read_take_them_by_itself(front: Front, old: tuple[Gateway, CutOff]) -> None:
    limit(front, 5)
    front.run(lambda: old[0]._router.refresh_chain(2**40))
    limit(front, 2)
    front.gateway._reconciler.close()
    front.gateway, old[1].cut = old[0], True
    assert front.version("S3") == 0
    assert front.ask("Reserve", asked("k1", 3, "S3")).code is grpc.StatusCode.UNAVAILABLE
    front.actors.store_actor("store-S3")._bind_the_quiet()
    assert front.ask("Reserve", asked("k1", 3, "S3")).code is grpc.StatusCode.UNAVAILABLE
    assert front.version("S3") == 0


def test_a_shop_that_begins_waits_no_longer_than_until_reconcilers_come(
    front: Front, old: tuple[Gateway, CutOff]
) -> None:
    """Of a gateway that can reach the chain, though nothing has changed there."""
    new, (gateway, line) = front.gateway, old
    new._reconciler.close()
    line.cut = True
    front.gateway = gateway
    assert front.ask("Reserve", asked("k1", 3, "S3")).code is grpc.StatusCode.UNAVAILABLE
    front.run(gateway._reconciler.collect_reports)
    assert front.ask("Reserve", asked("k1", 3, "S3")).code is grpc.StatusCode.UNAVAILABLE
    front.run(new._reconciler.collect_reports)
    front.receive("A", store_id="S3")
    assert reserve(front, "k1", 3, "S3").reservation.reservation_id
