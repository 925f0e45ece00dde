"""What a gateway counts, and what it tells of what stands now."""

import pytest

from actors.telemetry.metrics import CALL_SECONDS, CALLS, CALLS_INSIDE, HOT_SKUS, ORDERS_STUCK, QUEUE_AGE_SECONDS
from holdfast.v1 import admin_service_pb2 as ad, reservation_service_pb2 as rs
from serve.coordination.reconciler import LONG_S, LOOK_EVERY_S, StuckTracker
from tests.gateway.front import Front, reserve_request


def test_calls_are_counted_by_method_and_code_and_timed(front: Front) -> None:
    front.receive("A")
    front.reserve("key-1")
    front.reserve("key-2", units=10_000)  # refused, and answered
    front.ask("GetReservation", rs.GetReservationRequest(reservation_id="S1:99"))
    front.ask("GetReservation", b"\xff")
    figures = front.gateway._figures
    counted = {labels: count for labels, count in figures.counts[CALLS].items() if labels[0] != "AdjustStock"}
    assert counted == {
        ("Reserve", "OK"): 2,
        ("GetReservation", "NOT_FOUND"): 1,
        ("GetReservation", "INVALID_ARGUMENT"): 1,
    }
    assert sum(figures.times[CALL_SECONDS].rows["Reserve",]) == 2


def test_a_fault_is_counted_too(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(front.gateway._router, "submit", failing)
    with pytest.raises(TypeError):
        front.ask("Reserve", reserve_request("key-1"))
    assert front.gateway._figures.counts[CALLS]["Reserve", "INTERNAL"] == 1


def test_gauges_tell_what_stands(front: Front) -> None:
    front.receive("A")
    front.reserve("key-1")
    gauges = front.gateway._figures.gauges
    assert gauges[CALLS_INSIDE]() == {(): 0}
    assert gauges[HOT_SKUS]() == {(): 0}
    front.accept("PromoteSku", ad.PromoteSkuRequest(sku="A"))
    assert gauges[HOT_SKUS]() == {(): 1}
    assert gauges[ORDERS_STUCK]() == dict.fromkeys(
        [("orders",), ("parts",), ("claims",), ("transfers",), ("elsewhere",)], 0
    )
    assert gauges[QUEUE_AGE_SECONDS]()[()] >= 0


def test_what_is_stuck_is_counted_at_each_look_and_not_once_a_minute_alone() -> None:
    stuck = StuckTracker("orders")
    stuck.saw("one", "S1", 0.0)
    stuck.saw("two", "S1", LONG_S - LOOK_EVERY_S)
    assert stuck.line(LONG_S + 1)
    assert stuck.count == 1
    assert not stuck.line(2 * LONG_S)
    assert stuck.count == 2
