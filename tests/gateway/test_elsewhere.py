"""A short pick whose customer is to have the units in another shop, as callers meet it."""

from typing import Any, Final

import grpc
import pytest

from actors.protocol.messages import Answer, Entry
from actors.shop.shortfalls.shortfall import NoteMoveRefused, ResolveShortfall
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    pick_pb2,
    pick_service_pb2 as ps,
    reservation_pb2,
    reservation_service_pb2 as rs,
    shortfall_pb2,
    shortfall_service_pb2 as sf,
    store_pb2,
)
from serve.routing.batcher import DeadlinePassed
from tests.gateway.away import Away
from tests.gateway.front import Front
from tests.gateway.streams import events_of
from tests.gateway.test_picking import confirm, set_policy, step, tasks
from tests.runtime.runtime_fixture import ManualClock

ELSEWHERE: Final = pick_pb2.SHORT_CHOICE_ELSEWHERE
WITHOUT: Final = pick_pb2.SHORT_CHOICE_WITHOUT
CONFIRMED: Final = reservation_pb2.RESERVATION_STATUS_CONFIRMED
MOVED: Final = shortfall_pb2.SHORTFALL_RESOLUTION_MOVED
TOLD: Final = shortfall_pb2.SHORTFALL_RESOLUTION_RELEASED


@pytest.fixture
def missing(front: Front) -> Front:
    """Ann has two units in S1, which a picker is at; S3 is the nearest, and S2 beyond it has the SKU."""
    places = [("S1", 0.0), ("S2", 0.2), ("S3", 0.1)]
    stores = [store_pb2.Store(store_id=name, latitude=0.0, longitude=east) for name, east in places]
    front.accept("PutStores", ad.PutStoresRequest(stores=stores))
    set_policy(front, 1, picks=True)
    begin(front, "ann")
    return front


def begin(front: Front, who: str, sku: str = "A") -> str:
    """A reservation of two units in S1 that a picker is at."""
    reservation_id = str(front.reserve(who, sku, units=2).reservation.reservation_id)
    confirm(front, reservation_id)
    step(front, "ClaimPickTask", f"claim {who}", store_id="S1", picker_id="eva", reservation_id=reservation_id)
    return reservation_id


def asked(front: Front, key: str, units: int = 2, **of: Any) -> ps.ShortPickTaskRequest:
    (task, *_) = tasks(front)
    said: dict[str, Any] = {"reservation_id": task.reservation_id, "sku": "A", "choice": ELSEWHERE, **of}
    return ps.ShortPickTaskRequest(idempotency_key=key, picker_id="eva", quantity=units, **said)


def lost(front: Front) -> list[shortfall_pb2.ShortfallTask]:
    return list(front.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S1")).tasks)


def there(front: Front, reservation_id: str) -> reservation_pb2.Reservation:
    found: reservation_pb2.Reservation = front.accept(
        "GetReservation", rs.GetReservationRequest(reservation_id=reservation_id)
    ).reservation
    return found


def verify(front: Front, *store_ids: str) -> None:
    for store_id in store_ids:
        verified = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=store_id))
        assert verified.holds, verified.discrepancies


def test_the_nearest_that_has_the_units_holds_them_within_the_call(missing: Front) -> None:
    missing.receive("A", 5, "S2")
    before, short = missing.version(), asked(missing, "s1")
    told = missing.accept("ShortPickTask", short)
    assert told.pick_task.status == pick_pb2.PICK_STATUS_WITHDRAWN
    where = told.pick_task.elsewhere
    assert (where.store_id, where.reservation_id, where.applied) == ("S2", "S2:3", ELSEWHERE)
    its = there(missing, "S2:3")
    assert (its.status, its.customer_id, its.external_reference) == (CONFIRMED, "customer of ann", "S1:4")
    assert ([line.quantity for line in its.lines], its.expires_at) == ([2], where.expires_at)
    (task,) = lost(missing)
    assert (task.task_id, task.resolution, task.moved_to_reservation_id) == (where.task_id, MOVED, "S2:3")
    assert (task.cause, list(task.asked_store_ids)) == (shortfall_pb2.SHORTFALL_CAUSE_NOT_FOUND, [])
    version = missing.version("S2")
    assert missing.accept("ShortPickTask", short) == told, "the same answer"
    assert missing.version("S2") == version, "and nothing twice"
    kinds = [each.WhichOneof("change") for each in missing.run(lambda: events_of(missing, 3, S1=before))]
    assert kinds == ["released", "pick_shorted", "shortfall_resolved"]
    verify(missing, "S1", "S2")


def test_a_part_of_it_goes_on_here(missing: Front) -> None:
    missing.receive("A", 5, "S2")
    told = missing.accept("ShortPickTask", asked(missing, "s1", 1))
    assert [(line.sku, line.ordered) for line in told.pick_task.lines] == [("A", 1)]
    assert [line.quantity for line in there(missing, told.pick_task.elsewhere.reservation_id).lines] == [1]


def test_where_no_shop_has_them_the_customer_goes_without(missing: Front) -> None:
    missing.receive("A", 1, "S3")
    told = missing.accept("ShortPickTask", asked(missing, "s1"))
    assert (told.pick_task.elsewhere.applied, told.pick_task.elsewhere.store_id) == (WITHOUT, "")
    assert [task.resolution for task in lost(missing)] == [TOLD]
    again = missing.accept("ShortPickTask", asked(missing, "s2", reservation_id=begin(missing, "bob")))
    assert again.pick_task.elsewhere.applied == WITHOUT


def test_a_shop_that_is_away_is_asked_once_it_is_back(missing: Front, clock: ManualClock) -> None:
    missing.receive("A", 5, "S2")
    away = Away(missing, "store-S2")
    told = away.ask("ShortPickTask", asked(missing, "s1"), timeout_ms="4000").replies[0].pick_task.elsewhere
    assert (told.store_id, told.applied) == ("S2", 0), "nobody else has them, and it may"
    away.back()
    clock.move(3_000)
    for _ in range(20):  # a round does not wait for what was away until just now
        missing.run(missing.gateway._reconciler.collect_reports)
        if (ended := [task.resolution for task in lost(missing)]) == [MOVED]:
            break
    assert ended == [MOVED]
    verify(missing, "S1", "S2")


def test_the_shop_that_the_customer_names_is_asked_alone(missing: Front) -> None:
    missing.receive("A", 5, "S2")
    missing.receive("A", 5, "S3")
    named = missing.accept("ShortPickTask", asked(missing, "s1", 1, to_store_id="S2")).pick_task.elsewhere
    assert named.store_id == "S2"
    nearest = missing.accept("ShortPickTask", asked(missing, "s2", 1)).pick_task.elsewhere
    assert nearest.store_id == "S3"
    bob = begin(missing, "bob")
    for choice, to_store_id in ((ELSEWHERE, "S1"), (WITHOUT, "S2")):
        wrong = asked(missing, "s3", choice=choice, to_store_id=to_store_id, reservation_id=bob)
        assert missing.ask("ShortPickTask", wrong).fields == ["to_store_id"]


def test_one_that_refuses_makes_way_for_the_next(missing: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """What sourcing knew is not true any more: the nearest has sold its last, before it is asked."""
    missing.receive("A", 2, "S3")
    missing.receive("A", 5, "S2")
    hot, reserve = missing.gateway._reconciler._hot, missing.gateway._reconciler._hot.reserve

    async def late(entry: Entry, deadline: float, *, is_first: bool) -> tuple[str, Answer]:
        monkeypatch.setattr(hot, "reserve", reserve)
        reply = (
            await missing.asked(
                "Reserve",
                rs.ReserveRequest(
                    idempotency_key="last",
                    store_id="S3",
                    customer_id="kim",
                    channel="web",
                    lines=[{"sku": "A", "quantity": 1}],
                ),
            )
        ).reply
        assert reply.HasField("reservation")
        return await reserve(entry, deadline, is_first=is_first)

    monkeypatch.setattr(hot, "reserve", late)
    before = missing.version()
    told = missing.accept("ShortPickTask", asked(missing, "s1"))
    assert (told.pick_task.elsewhere.store_id, told.pick_task.elsewhere.applied) == ("S2", ELSEWHERE)
    events = missing.run(lambda: events_of(missing, 4, S1=before))
    assert [each.WhichOneof("change") for each in events][-2:] == ["move_refused", "shortfall_resolved"]
    assert list(events[1].pick_shorted.asked_store_ids) == ["S3", "S2"]
    assert events[2].move_refused.to_store_id == "S3"
    verify(missing, "S1", "S2", "S3")


@pytest.mark.parametrize("lost_at", ["before", "after"])
def test_what_was_cut_off_is_a_task_and_a_reconciler_goes_on(
    missing: Front, monkeypatch: pytest.MonkeyPatch, clock: ManualClock, lost_at: str
) -> None:
    missing.receive("A", 5, "S2")
    router, send = missing.gateway._router, missing.gateway._router.send

    async def cut(entry: Entry, deadline: float, *, promise: bool) -> Answer:
        if isinstance(entry[1], ResolveShortfall | NoteMoveRefused):
            if lost_at == "after":
                await send(entry, deadline, promise=promise)
            raise DeadlinePassed(sent=True)
        return await send(entry, deadline, promise=promise)

    monkeypatch.setattr(router, "send", cut)
    short = asked(missing, "s1")
    told = missing.accept("ShortPickTask", short).pick_task.elsewhere
    assert (told.applied, told.store_id) == (0, "S2"), "it is under way"
    monkeypatch.setattr(router, "send", send)
    (task,) = lost(missing)
    if lost_at == "before":
        assert (task.resolution, list(task.asked_store_ids)) == (0, ["S2"])
        of: dict[str, Any] = {"resolution": MOVED, "to_store_id": "S3"}
        close = sf.ResolveShortfallRequest(idempotency_key="r", task_id=task.task_id, **of)
        early = missing.ask("ResolveShortfall", close)
        assert (early.code, early.reason) == (grpc.StatusCode.UNAVAILABLE, "SHORTFALL_MOVING")
        clock.move(3_000)
        missing.run(missing.gateway._reconciler.collect_reports)
    assert [each.resolution for each in lost(missing)] == [MOVED]
    assert missing.accept("ShortPickTask", short).pick_task.elsewhere.reservation_id == "S2:3"
    assert missing.version("S2") == 4, "one hold, confirmed once"
    verify(missing, "S1", "S2")


def test_a_hold_that_is_over_before_it_was_confirmed_is_none(
    missing: Front, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """The service was away for longer than a hold lives: the next shop is asked."""
    missing.receive("A", 5, "S3")
    missing.receive("A", 5, "S2")
    elsewhere = missing.gateway._reconciler.elsewhere

    async def cut(*_: Any) -> Answer:
        raise DeadlinePassed(sent=True)

    monkeypatch.setattr(elsewhere, "_step", cut)
    missing.accept("ShortPickTask", asked(missing, "s1"))
    monkeypatch.undo()
    clock.move(3 * 3_600_000)
    missing.run(missing.gateway._reconciler.collect_reports)
    (task,) = lost(missing)
    assert (task.resolution, task.moved_to_reservation_id) == (MOVED, "S2:3")
    assert there(missing, "S3:3").status == reservation_pb2.RESERVATION_STATUS_EXPIRED


def test_units_that_are_hot_there_are_had_as_well(missing: Front) -> None:
    missing.receive("A", 5, "S2")
    missing.accept("PromoteSku", ad.PromoteSkuRequest(sku="A"))
    assert missing.reserve("warm", store_id="S2").HasField("reservation")
    told = missing.accept("ShortPickTask", asked(missing, "s1")).pick_task.elsewhere
    assert (told.store_id, told.applied, there(missing, told.reservation_id).status) == ("S2", ELSEWHERE, CONFIRMED)


def test_a_limit_of_the_chain_counts_what_moves_once(missing: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ann may have two of it in all: what the first shop has let go of counts no more, though the report is late."""

    async def late(*_: Any) -> None:
        pass

    monkeypatch.setattr(missing.gateway._reconciler, "report_answers", late)
    missing.receive("A", 5, "S2")
    set_policy(missing, 2, picks=True, chain_limit_rules=[{"sku": "A", "units_max": 2}])
    missing.run(missing.gateway._reconciler.collect_reports)
    told = missing.accept("ShortPickTask", asked(missing, "s1")).pick_task.elsewhere
    assert (told.store_id, told.applied) == ("S2", ELSEWHERE)
    missing.settle_orders()
    of: dict[str, Any] = {"store_id": "S2", "customer_id": "customer of ann", "channel": "web"}
    more = rs.ReserveRequest(idempotency_key="m", lines=[{"sku": "A", "quantity": 1}], **of)
    assert missing.accept("Reserve", more).rejection.reason == error_pb2.REASON_UNITS_LIMIT
