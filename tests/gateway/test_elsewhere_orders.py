"""A short pick of an order's part whose customer is to have the units in another shop, and those that are given up."""

from typing import Any, Final

import pytest

from actors.core.ids import format_order_id
from actors.orders import commands as cm
from holdfast.v1 import (
    admin_service_pb2 as ad,
    order_pb2,
    order_service_pb2 as os_,
    reservation_pb2,
    reservation_service_pb2 as rs,
    shortfall_service_pb2 as sf,
)
from serve.routing.batcher import DeadlinePassed
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, HERS, settle
from tests.gateway.test_elsewhere import CONFIRMED, ELSEWHERE, MOVED, TOLD, WITHOUT, asked, lost, missing, there, verify
from tests.gateway.test_picking import set_policy, step, tasks
from tests.runtime.runtime_fixture import WAIT_S, ManualClock

__all__ = ["missing"]

CANCELLED: Final = reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED
RELEASED: Final = reservation_pb2.RESERVATION_STATUS_RELEASED


def ordered(front: Front, key: str, **units: int) -> tuple[str, str]:
    """A confirmed order of ann's by shop, and its reservation in S1, which a picker is at."""
    plans = tuple(cm.Plan(store_id, (("A", count),), 0) for store_id, count in units.items())

    async def main() -> Any:
        coordinator, deadline = front.gateway._reconciler._coordinator, _end(front)
        held: Any = await coordinator.open(cm.Open(key, "x", BUYER, "web", 0, plans, (), ""), deadline)
        confirm = cm.Confirm(f"{key} c", held.number, 0, cm.NO_HOURS)
        return await coordinator.step(HERS, confirm, deadline)

    order = front.run(main)
    front.settle_orders()
    here = f"S1:{order.parts[0].reservation}"
    step(front, "ClaimPickTask", f"claim {key}", store_id="S1", picker_id="eva", reservation_id=here)
    return format_order_id(HERS, order.number), here


def order_of(front: Front, order_id: str) -> order_pb2.Order:
    found: order_pb2.Order = front.accept("GetOrder", os_.GetOrderRequest(order_id=order_id)).order
    return found


def parts_of(front: Front, order_id: str) -> dict[str, int]:
    """What shops have of an order."""
    parts = order_of(front, order_id).parts
    return {part.store_id: sum(line.quantity - line.released for line in part.lines) for part in parts}


@pytest.mark.parametrize("there_already", [0, 1])
def test_a_part_of_an_order_moves_as_another_part_of_it(missing: Front, there_already: int) -> None:
    """Also where the order has units in that shop already, and a limit of the chain counts both."""
    missing.receive("A", 5, "S2")
    missing.receive("A", 1, "S3")
    order_id, here = ordered(missing, "o1", S1=2, **({"S2": 1} if there_already else {"S3": 1}))
    until = order_of(missing, order_id).expires_at
    set_policy(missing, 2, picks=True, chain_limit_rules=[{"sku": "A", "units_max": 3}])
    short = asked(missing, "s1", reservation_id=here)
    told = missing.accept("ShortPickTask", short)
    where = told.pick_task.elsewhere
    assert (where.store_id, where.applied, where.expires_at) == ("S2", ELSEWHERE, until)
    its = there(missing, where.reservation_id)
    assert (its.status, its.order_id, [line.quantity for line in its.lines]) == (CONFIRMED, order_id, [2])
    (task,) = lost(missing)
    assert (task.order_id, task.resolution, task.moved_to_reservation_id) == (order_id, MOVED, where.reservation_id)
    in_all = [sum(line.quantity - line.released for line in part.lines) for part in order_of(missing, order_id).parts]
    assert sum(in_all) == 3
    versions = [missing.version(each) for each in ("S1", "S2")]
    assert missing.accept("ShortPickTask", short) == told, "the same answer"
    assert [missing.version(each) for each in ("S1", "S2")] == versions, "and nothing twice"
    settle(missing)
    verify(missing, "S1", "S2", "S3")
    verified = missing.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert not verified.discrepancies


def test_of_an_order_of_which_nothing_else_is_left_it_is_a_reservation_of_its_own(missing: Front) -> None:
    missing.receive("A", 5, "S2")
    order_id, here = ordered(missing, "o1", S1=2)
    where = missing.accept("ShortPickTask", asked(missing, "s1", reservation_id=here)).pick_task.elsewhere
    its = there(missing, where.reservation_id)
    assert (where.applied, its.status, its.order_id, its.external_reference) == (ELSEWHERE, CONFIRMED, "", here)
    assert order_of(missing, order_id).status == order_pb2.ORDER_STATUS_RELEASED
    verify(missing, "S1", "S2")


def test_of_an_order_that_its_customer_has_ended_nothing_moves(missing: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    missing.receive("A", 5, "S2")
    order_id, here = ordered(missing, "o1", S1=2)
    missing.run(lambda: _cut(missing, monkeypatch))
    short, before = asked(missing, "s1", 1, reservation_id=here), missing.version("S2")
    assert missing.accept("ShortPickTask", short).pick_task.elsewhere.applied == 0
    monkeypatch.undo()
    missing.accept("ReleaseOrder", os_.ReleaseOrderRequest(idempotency_key="r", order_id=order_id, reason=CANCELLED))
    again = missing.accept("ShortPickTask", short).pick_task.elsewhere
    assert (again.applied, again.reservation_id) == (WITHOUT, "")
    assert missing.version("S2") == before, "nobody asked there"


async def _cut(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on gateways ask no other shop, as if they were cut off."""

    async def away(*_: Any) -> Any:
        raise DeadlinePassed(sent=True)

    monkeypatch.setattr(front.gateway._reconciler.elsewhere, "_held", away)


@pytest.mark.parametrize("of_order", [False, True])
@pytest.mark.parametrize("taken", ["never", "late", "before"])
def test_staff_gives_up_what_a_shop_that_stays_away_is_asked_for(
    missing: Front, monkeypatch: pytest.MonkeyPatch, clock: ManualClock, taken: str, of_order: bool
) -> None:
    """What that shop has taken, or takes when it is back, as an answer comes late, it lets go of again."""
    missing.receive("A", 5, "S2")
    missing.receive("A", 1, "S3")
    here = ordered(missing, "o1", S1=2, S3=1)[1] if of_order else f"S1:{tasks(missing)[0].reservation_id[3:]}"
    elsewhere = missing.gateway._reconciler.elsewhere
    with monkeypatch.context() as patch:
        if taken == "before":
            patch.setattr(elsewhere, "_send", _lost)  # all was done there, and nobody heard
        else:
            patch.setattr(elsewhere, "_held", _lost)
        short = asked(missing, "s1", reservation_id=here)
        assert missing.accept("ShortPickTask", short).pick_task.elsewhere.applied == 0
        (task,) = lost(missing)
        asked_of = "S1", "shortfall", "S1", int(task.task_id[3:])
        stale = missing.run(lambda: missing.gateway._router.ask(*asked_of, deadline=_end(missing)))
        close = sf.ResolveShortfallRequest(idempotency_key="r", task_id=task.task_id, resolution=TOLD)
        closed = missing.accept("ResolveShortfall", close).task
        assert (closed.resolution, list(closed.asked_store_ids)) == (TOLD, ["S2"])
        assert missing.accept("ResolveShortfall", close).task == closed
        assert missing.accept("ShortPickTask", short).pick_task.elsewhere.applied == WITHOUT
    if taken == "late":
        missing.run(lambda: elsewhere.move("S1", stale, _end(missing)))
    clock.move(3_000)
    for _ in range(2):
        missing.run(missing.gateway._reconciler.collect_reports)
        settle(missing)
    (over,) = lost(missing)
    assert (over.resolution, list(over.asked_store_ids)) == (TOLD, [])
    assert not live_in(missing, "S2")
    missing.run(lambda: elsewhere.move("S1", stale, _end(missing)))
    assert not live_in(missing, "S2"), "a copy that comes later still finds its key used"
    verify(missing, "S1", "S2", "S3")


@pytest.mark.parametrize("ends", ["reservation", "part", "order"])
@pytest.mark.parametrize("taken", ["never", "before"])
def test_who_cancels_the_rest_is_promised_nothing_elsewhere_any_more(
    missing: Front, monkeypatch: pytest.MonkeyPatch, clock: ManualClock, taken: str, ends: str
) -> None:
    missing.receive("A", 5, "S2")
    missing.receive("A", 1, "S3")
    mine = tasks(missing)[0].reservation_id
    order_id, here = ("", mine) if ends == "reservation" else ordered(missing, "o1", S1=2, S3=1)
    with monkeypatch.context() as patch:
        patch.setattr(missing.gateway._reconciler.elsewhere, "_send" if taken == "before" else "_held", _lost)
        short = asked(missing, "s1", 1, reservation_id=here)
        assert missing.accept("ShortPickTask", short).pick_task.elsewhere.applied == 0
    of: dict[str, Any] = {"idempotency_key": "c", "reason": CANCELLED}
    if ends == "order":
        missing.accept("ReleaseOrder", os_.ReleaseOrderRequest(order_id=order_id, **of))
    else:
        missing.accept("ReleaseReservation", rs.ReleaseReservationRequest(reservation_id=here, **of))
    clock.move(3_000)
    for _ in range(2):
        missing.run(missing.gateway._reconciler.collect_reports)
        settle(missing)
    (task,) = lost(missing)
    assert (task.resolution, list(task.asked_store_ids)) == (TOLD, [])
    assert not live_in(missing, "S2")
    verify(missing, "S1", "S2", "S3")


def test_a_move_that_nobody_has_heard_of_is_found_again_though_its_order_was_changed_since(
    missing: Front, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    missing.receive("A", 5, "S2")
    missing.receive("A", 1, "S3")
    order_id, here = ordered(missing, "o1", S1=2, S3=1)
    with monkeypatch.context() as patch:
        patch.setattr(missing.gateway._reconciler.elsewhere, "_send", _lost)
        missing.accept("ShortPickTask", asked(missing, "s1", reservation_id=here))
    assert parts_of(missing, order_id)["S2"] == 2
    missing.receive("A", 5, "S3")
    plan = os_.StorePlan(store_id="S3", lines=[{"sku": "A", "quantity": 3}])
    missing.accept("AmendOrder", os_.AmendOrderRequest(idempotency_key="m", order_id=order_id, stores=[plan]))
    clock.move(3_000)
    for _ in range(2):
        missing.run(missing.gateway._reconciler.collect_reports)
        settle(missing)
    (task,) = lost(missing)
    assert task.resolution == MOVED
    assert sum(order_parts(missing, order_id)) == 5, "three and two"
    verify(missing, "S1", "S2", "S3")


def order_parts(front: Front, order_id: str) -> list[int]:
    parts = order_of(front, order_id).parts
    return [sum(line.quantity - line.released for line in part.lines) for part in parts]


def live_in(front: Front, store_id: str) -> list[reservation_pb2.Reservation]:
    listed = front.accept("ListReservations", rs.ListReservationsRequest(store_id=store_id)).reservations
    return [each for each in listed if each.status != RELEASED]


def _end(front: Front) -> float:
    return front._runner.get_loop().time() + WAIT_S


async def _lost(*_: Any) -> Any:
    raise DeadlinePassed(sent=True)
