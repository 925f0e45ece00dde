"""Picking as callers meet it: the queue, who has a task, what is ticked, and what the feed and the audit say."""

import asyncio
from typing import Any, Final

import grpc
import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    pick_pb2,
    pick_service_pb2 as ps,
    reservation_pb2,
    reservation_service_pb2 as rs,
    store_pb2,
)
from serve.products.table import read_products
from tests.gateway.front import Front
from tests.gateway.streams import events_of

TO_PICK: Final = pick_pb2.PICK_STATUS_TO_PICK
PICKING: Final = pick_pb2.PICK_STATUS_PICKING
NO_SHOW: Final = reservation_pb2.RELEASE_REASON_NO_SHOW
READY: Final = pick_pb2.PICK_STATUS_READY


def set_policy(front: Front, version: int, **rules: Any) -> store_pb2.Policy:
    times: dict[str, Any] = {name: {"seconds": 7_200} for name in ("ttl_default", "ttl_max", "collect_within")}
    policy = store_pb2.Policy(version=version, **times, **rules)
    told: store_pb2.Policy = front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy)).policy
    return told


@pytest.fixture
def picks(front: Front) -> Front:
    """Shops pick, but for S2; ann and bob have confirmed two units each in S1."""
    set_policy(front, 1, picks=True, pick_rules=[{"store_id": "S2", "picks": False}])
    for customer in ("ann", "bob"):
        front.reserve(customer, units=2)
    for number in numbers(front):
        confirm(front, number)
    return front


def numbers(front: Front) -> list[str]:
    listed = front.accept("ListReservations", rs.ListReservationsRequest(store_id="S1")).reservations
    return [each.reservation_id for each in listed]


def confirm(front: Front, reservation_id: str) -> None:
    asked = rs.ConfirmReservationRequest(idempotency_key=f"confirm {reservation_id}", reservation_id=reservation_id)
    assert front.accept("ConfirmReservation", asked).HasField("reservation")


def tasks(front: Front, store_id: str = "S1", **of: Any) -> list[pick_pb2.PickTask]:
    return list(front.accept("ListPickTasks", ps.ListPickTasksRequest(store_id=store_id, **of)).tasks)


def load(front: Front, table: str) -> None:
    """Have the gateway go by this table of products."""
    front.products._products = read_products(table.splitlines())


def step(front: Front, method: str, key: str, **of: Any) -> Any:
    kind = getattr(ps, f"{method}Request")
    return front.accept(method, kind(idempotency_key=key, **of))


def test_a_task_goes_through_the_calls(picks: Front) -> None:
    version = picks.version() - 1
    ann, bob = tasks(picks)
    assert (ann.status, ann.reservation.customer_id, ann.HasField("promised_at")) == (TO_PICK, "customer of ann", True)
    assert [(line.sku, line.ordered, line.picked) for line in ann.lines] == [("A", 2, 0)]
    first = step(picks, "ClaimPickTask", "c1", store_id="S1", picker_id="eva").pick_task
    assert (first.reservation_id, first.status, first.picker_id) == (ann.reservation_id, PICKING, "eva")
    assert first.lease_expires_at.seconds - first.created_at.seconds >= 600
    of = {"reservation_id": ann.reservation_id, "picker_id": "eva"}
    wrong = step(picks, "ScanPickTask", "s1", sku="B", **of).rejection
    assert (wrong.reason, wrong.sku, wrong.pick_status) == (error_pb2.REASON_ARTICLE_NOT_ORDERED, "B", PICKING)
    assert "B is not on the pick task of S1:" in wrong.message
    ticked = [step(picks, "ScanPickTask", key, sku="A", **of).pick_task for key in ("s2", "s3", "s3")]
    assert [task.lines[0].picked for task in ticked] == [1, 2, 2], "a double tap is one tick"
    ready = step(picks, "FinishPickTask", "f1", bay="B7", is_ready=True, **of).pick_task
    assert (ready.status, ready.bay) == (READY, "B7")
    asked = rs.CollectReservationRequest(
        idempotency_key="p1", reservation_id=ann.reservation_id, payment_reference="paid"
    )
    picks.accept("CollectReservation", asked)
    over = picks.accept("GetPickTask", ps.GetPickTaskRequest(reservation_id=ann.reservation_id)).pick_task
    assert over.status == pick_pb2.PICK_STATUS_HANDED_OVER
    assert [task.reservation_id for task in tasks(picks)] == [bob.reservation_id]
    told = [event.WhichOneof("change") for event in picks.run(lambda: events_of(picks, 8, S1=version))]
    steps = ["pick_claimed", "refused", "pick_scanned", "pick_scanned", "ready_marked", "pick_finished", "collected"]
    assert told == ["confirmed", *steps]
    verified = picks.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1"))
    assert verified.holds, verified.discrepancies


def test_two_tablets_never_own_one_task(picks: Front) -> None:
    async def both() -> list[Any]:
        asked = [
            ps.ClaimPickTaskRequest(idempotency_key=who, store_id="S1", picker_id=who) for who in ("t1", "t2", "t3")
        ]
        return [each.reply for each in await asyncio.gather(*(picks.asked("ClaimPickTask", each) for each in asked))]

    told = picks.run(both)
    won = [each.pick_task.reservation_id for each in told if each.HasField("pick_task")]
    assert sorted(won) == sorted(task.reservation_id for task in tasks(picks))
    (none,) = [each.rejection for each in told if each.HasField("rejection")]
    assert (none.reason, none.version) == (error_pb2.REASON_PICK_QUEUE_EMPTY, 0)
    owner = told[0].pick_task
    of = {"store_id": "S1", "reservation_id": owner.reservation_id}
    refused = step(picks, "ClaimPickTask", "c9", picker_id="t9", **of).rejection
    assert (refused.reason, refused.picker_id) == (error_pb2.REASON_PICK_TASK_CLAIMED, "t1")
    lost = step(picks, "ScanPickTask", "s9", reservation_id=owner.reservation_id, picker_id="t9", sku="A").rejection
    assert (lost.reason, lost.picker_id) == (error_pb2.REASON_PICK_CLAIM_LOST, "t1")
    step(picks, "ReleasePickTask", "l1", reservation_id=owner.reservation_id, picker_id="t1")
    assert step(picks, "ClaimPickTask", "c10", picker_id="t9", **of).pick_task.picker_id == "t9"


def test_pages_of_the_queue_go_on_where_they_ended(picks: Front) -> None:
    ann, bob = tasks(picks)
    step(picks, "NoteArrival", "a1", reservation_id=bob.reservation_id, waits_at="P4")
    first = picks.accept("ListPickTasks", ps.ListPickTasksRequest(store_id="S1", page_size=1))
    assert [(task.reservation_id, task.waits_at) for task in first.tasks] == [(bob.reservation_id, "P4")]
    (rest,) = tasks(picks, page_token=first.next_page_token)
    assert rest.reservation_id == ann.reservation_id
    assert tasks(picks, statuses=[READY]) == []
    asked = ps.ListPickTasksRequest(store_id="S1", statuses=[READY], page_token=first.next_page_token)
    assert picks.ask("ListPickTasks", asked).fields == ["page_token"]


def test_goods_of_who_does_not_come_are_put_back(picks: Front) -> None:
    ann, _ = tasks(picks)
    asked = rs.MarkReservationReadyRequest(idempotency_key="r1", reservation_id=ann.reservation_id)
    picks.accept("MarkReservationReady", asked)
    gone = rs.ReleaseReservationRequest(idempotency_key="n1", reservation_id=ann.reservation_id, reason=NO_SHOW)
    picks.accept("ReleaseReservation", gone)
    (back,) = tasks(picks, statuses=[pick_pb2.PICK_STATUS_TO_PUT_BACK])
    assert [(line.ordered, line.to_put_back) for line in back.lines] == [(0, 2)]
    assert not back.HasField("reservation")
    of: dict[str, Any] = {"reservation_id": ann.reservation_id, "picker_id": "eva"}
    carried = [reservation_pb2.LineQuantity(sku="A", quantity=units) for units in (3, 2)]
    more = step(picks, "PutBackPickTask", "b0", **of, lines=carried[:1]).rejection
    assert (more.reason, more.available) == (error_pb2.REASON_PICK_STEP_NOT_ALLOWED, 2)
    done = step(picks, "PutBackPickTask", "b1", **of, lines=carried[1:]).pick_task
    assert done.status == pick_pb2.PICK_STATUS_PUT_BACK
    missing = picks.ask("GetPickTask", ps.GetPickTaskRequest(reservation_id=ann.reservation_id))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "PICK_TASK_NOT_FOUND")


def test_a_shop_that_does_not_pick_has_no_tasks(picks: Front) -> None:
    picks.receive("A", 5, "S2")
    picks.reserve("cy", store_id="S2")
    asked = rs.ConfirmReservationRequest(idempotency_key="c", reservation_id="S2:3")
    assert picks.accept("ConfirmReservation", asked).HasField("reservation")
    assert tasks(picks, "S2") == []
    refused = step(picks, "ClaimPickTask", "k", store_id="S2", reservation_id="S2:3", picker_id="eva").rejection
    assert refused.reason == error_pb2.REASON_PICK_TASK_NOT_FOUND


def test_faults_are_named(picks: Front) -> None:
    of: dict[str, Any] = {"idempotency_key": "k", "picker_id": "eva"}
    elsewhere = ps.ClaimPickTaskRequest(store_id="S1", reservation_id="S2:3", **of)
    assert picks.ask("ClaimPickTask", elsewhere).fields == ["reservation_id"]
    hot = ps.ScanPickTaskRequest(reservation_id="hot/A:3", sku="A", **of)
    assert picks.ask("ScanPickTask", hot).fields == ["reservation_id"]
    nothing = picks.ask("ScanPickTask", ps.ScanPickTaskRequest())
    assert nothing.fields == ["idempotency_key", "reservation_id", "picker_id", "code"]
    rules = [{"store_id": "S1"}, {"store_id": "S1"}]
    times: dict[str, Any] = {name: {"seconds": 7_200} for name in ("ttl_default", "ttl_max", "collect_within")}
    twice = ad.SetPolicyRequest(policy=store_pb2.Policy(version=2, pick_rules=rules, **times))
    assert picks.ask("SetPolicy", twice).fields == ["policy.pick_rules[1].store_id"]


def test_what_is_scanned_is_an_article_by_the_table(picks: Front) -> None:
    load(picks, "sku,gtin,aisle,bay,photo_url,substitutes\nA,4006381333931,3,12,,B\nB,96385074,,,,")
    ann, _ = tasks(picks)
    assert (ann.lines[0].place.aisle, ann.lines[0].place.bay) == ("3", "12")
    step(picks, "ClaimPickTask", "c1", store_id="S1", picker_id="eva", reservation_id=ann.reservation_id)
    of: dict[str, Any] = {"reservation_id": ann.reservation_id, "picker_id": "eva"}
    wrong = step(picks, "ScanPickTask", "s1", code="96385074", **of).rejection
    assert (wrong.reason, wrong.sku) == (error_pb2.REASON_ARTICLE_NOT_ORDERED, "B")
    unknown = step(picks, "ScanPickTask", "s2", code="036000291452", **of).rejection
    assert (unknown.reason, unknown.sku) == (error_pb2.REASON_ARTICLE_NOT_ORDERED, "036000291452")
    misread = picks.ask("ScanPickTask", ps.ScanPickTaskRequest(idempotency_key="s3", code="4006381333932", **of))
    assert (misread.fields, "1 would be right" in misread.message) == (["code"], True)
    assert step(picks, "ScanPickTask", "s4", code="4006381333931", **of).pick_task.lines[0].picked == 1
    load(picks, "sku\nA\n")
    assert step(picks, "ScanPickTask", "s4", code="4006381333931", **of).pick_task.lines[0].picked == 1, "once"
    assert step(picks, "ScanPickTask", "s5", code="A", **of).pick_task.lines[0].picked == 2
    both = ps.ScanPickTaskRequest(idempotency_key="s6", code="A", sku="A", **of)
    assert picks.ask("ScanPickTask", both).fields == ["code"]


def test_a_product_is_found_by_a_scan(picks: Front) -> None:
    load(picks, "sku,gtin,store_id,aisle,bay,substitutes\nA,4006381333931,,3,12,B C\nA,,S2,1,,")
    found = picks.accept("FindProduct", ps.FindProductRequest(store_id="S1", code="4006381333931"))
    assert (found.sku, list(found.gtins), list(found.substitutes)) == ("A", ["04006381333931"], ["B", "C"])
    assert (found.place.aisle, found.place.bay) == ("3", "12")
    there = picks.accept("FindProduct", ps.FindProductRequest(store_id="S2", sku="A"))
    assert (there.place.aisle, there.place.bay) == ("1", "")
    nothing = picks.ask("FindProduct", ps.FindProductRequest(store_id="S1", sku="Z"))
    assert (nothing.code, nothing.reason) == (grpc.StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")


def test_a_short_pick_applies_the_customers_choice(picks: Front) -> None:
    load(picks, "sku,substitutes\nA,B\n")
    picks.receive("B", 5)
    picks.receive("C", 5)
    ann, bob = tasks(picks)
    step(picks, "ClaimPickTask", "c1", store_id="S1", picker_id="eva", reservation_id=ann.reservation_id)
    of = {"reservation_id": ann.reservation_id, "picker_id": "eva", "sku": "A", "quantity": 1}
    refused = step(picks, "ShortPickTask", "s1", choice=2, substitute_sku="C", **of).rejection
    assert (refused.reason, refused.sku) == (error_pb2.REASON_SUBSTITUTE_NOT_ALLOWED, "C")
    given = [step(picks, "ShortPickTask", "s2", choice=2, substitute_sku="B", **of).pick_task for _ in range(2)]
    assert [[(line.sku, line.ordered) for line in task.lines] for task in given] == [[("A", 1), ("B", 1)]] * 2
    gone = step(picks, "ShortPickTask", "s3", choice=1, **of).pick_task
    assert [(line.sku, line.ordered) for line in gone.lines] == [("B", 1)]
    step(picks, "ClaimPickTask", "c2", store_id="S1", picker_id="eva", reservation_id=bob.reservation_id)
    again: dict[str, Any] = of | {"reservation_id": bob.reservation_id}
    later = step(picks, "ShortPickTask", "s4", choice=3, wait={"seconds": 3_600}, **again).pick_task
    assert (later.status, later.promised_at.seconds > bob.promised_at.seconds) == (TO_PICK, True)
    faulty = ps.ShortPickTaskRequest(idempotency_key="s5", choice=pick_pb2.SHORT_CHOICE_LATER, **again)
    assert picks.ask("ShortPickTask", faulty).fields == ["wait"]
    faulty = ps.ShortPickTaskRequest(idempotency_key="s5", choice=pick_pb2.SHORT_CHOICE_SUBSTITUTE, **again)
    assert picks.ask("ShortPickTask", faulty).fields == ["substitute_sku"]
    verified = picks.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1"))
    assert verified.holds, verified.discrepancies


def test_a_substitute_that_is_hot_is_fetched(picks: Front) -> None:
    load(picks, "sku,substitutes\nA,H\n")
    picks.receive("H", 5)
    picks.accept("PromoteSku", ad.PromoteSkuRequest(sku="H"))
    held = picks.reserve("warm", "H")
    assert held.HasField("reservation")
    ann, _ = tasks(picks)
    step(picks, "ClaimPickTask", "c1", store_id="S1", picker_id="eva", reservation_id=ann.reservation_id)
    of = {"reservation_id": ann.reservation_id, "picker_id": "eva", "sku": "A", "quantity": 2}
    task = step(picks, "ShortPickTask", "s1", choice=2, substitute_sku="H", **of).pick_task
    assert [(line.sku, line.ordered) for line in task.lines] == [("H", 2)]
