"""What customers are told of what callers do: from the shops' feeds to the notifier, once, whatever is lost between."""

from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from actors.contacts.contact import MessageChannel
from actors.core.pickup_links import read_token
from actors.delivery.links import Links
from actors.delivery.round import Desk
from actors.notices.commands import SetRules
from actors.notifier_actor import NotifierActor
from actors.protocol.formats import BeyondFormat, Writing
from actors.protocol.placement import NOTIFIER_ACTOR
from holdfast.v1 import (
    admin_service_pb2 as ad,
    notice_pb2,
    notice_service_pb2 as ns,
    order_service_pb2 as os_,
    pickup_service_pb2 as ps,
    reservation_pb2,
    reservation_service_pb2 as rs,
)
from serve.services.notice_feed import NoticeFeed
from serve.services.notices import Notices
from serve.services.pickup_links import CustomersTold
from tests.gateway.front import Front, reserve_request
from tests.gateway.test_shortfalls import count, set_policy
from tests.notices.desk import RULES
from tests.runtime.post_office import PlainWords, Steered
from tests.runtime.runtime_fixture import ManualClock

Occasion = notice_pb2.NoticeOccasion


def notifier(front: Front) -> NotifierActor:
    found = front.actors._process(NOTIFIER_ACTOR)
    assert isinstance(found, NotifierActor)
    return found


@pytest.fixture
def telling(front: Front) -> Front:
    """A service that tells customers by all rules, and sends nothing by itself."""
    front.gateway._unary |= Notices(front.gateway._router, is_on=True).calls
    notifier(front)._decide([SetRules(RULES)])
    assert bring(front) == 0, "it begins where the shops stand"
    return front


def bring(front: Front, feed: NoticeFeed | None = None) -> int:
    feed = feed or front.gateway._notices
    feed._followed.close()  # what it has heard may be old, and nobody waits here
    brought = front.run(feed.turn)
    while feed._bringing:  # on a slow machine
        brought += front.run(feed.turn)
    return brought


def told(front: Front, **of: Any) -> list[notice_pb2.Notice]:
    bring(front)
    return list(reversed(front.accept("ListNotices", ns.ListNoticesRequest(**of)).notices))


def occasions(front: Front, **of: Any) -> list[str]:
    return [Occasion.Name(each.occasion).removeprefix("NOTICE_OCCASION_") for each in told(front, **of)]


def step(front: Front, method: str, request: Any) -> None:
    assert front.accept(method, request).WhichOneof("result") != "rejection"


def confirm(front: Front, key: str, reservation_id: str) -> None:
    step(front, "ConfirmReservation", rs.ConfirmReservationRequest(idempotency_key=key, reservation_id=reservation_id))


def test_a_purchase_is_told_step_by_step_and_once(telling: Front) -> None:
    held = telling.reserve("ann").reservation.reservation_id
    assert occasions(telling) == [], "a hold is no news"
    confirm(telling, "c1", held)
    step(telling, "MarkReservationReady", rs.MarkReservationReadyRequest(idempotency_key="r1", reservation_id=held))
    assert occasions(telling) == ["CONFIRMED", "READY", "REMINDER"]
    collect = rs.CollectReservationRequest(idempotency_key="p1", reservation_id=held, payment_reference="pay 7")
    step(telling, "CollectReservation", collect)
    step(telling, "CollectReservation", collect)
    assert occasions(telling) == ["CONFIRMED", "READY", "REMINDER", "RECEIPT"]
    back = rs.ReturnReservationRequest(idempotency_key="b1", reservation_id=held, refund_reference="r 9")
    for _ in range(2):
        step(telling, "ReturnReservation", back)
    assert occasions(telling) == ["CONFIRMED", "READY", "REMINDER", "RECEIPT", "REFUND"]
    confirmed, ready, reminder, receipt, _ = told(telling)
    assert (ready.dropped, reminder.dropped) == (notice_pb2.NOTICE_DROPPED_OVERTAKEN,) * 2
    assert (receipt.reservation_id, receipt.customer_id, receipt.status) == (
        *(held, "customer of ann", notice_pb2.NOTICE_STATUS_WAITING),
    )
    assert confirmed.version < ready.version < receipt.version


def test_what_ends_otherwise_is_told_to_who_knew_of_it(telling: Front) -> None:
    released, expired, held = (telling.reserve(key).reservation.reservation_id for key in ("rel", "exp", "held"))
    confirm(telling, "c1", released)
    confirm(telling, "c2", expired)
    for key, reservation_id in (("x1", released), ("x2", held)):
        reason = reservation_pb2.RELEASE_REASON_OTHER
        of: dict[str, Any] = {"idempotency_key": key, "reservation_id": reservation_id, "reason": reason}
        step(telling, "ReleaseReservation", rs.ReleaseReservationRequest(**of))
    assert occasions(telling) == ["CONFIRMED", "RELEASED"], "what is given back again is confirmed to nobody"
    telling.clock.move(90 * 86_400_000)
    telling.accept("GetReservation", rs.GetReservationRequest(reservation_id=expired))
    assert occasions(telling) == ["CONFIRMED", "RELEASED", "NO_SHOW"]


def test_what_staff_say_was_not_collected_was_not_cancelled(telling: Front) -> None:
    held = telling.reserve("ann").reservation.reservation_id
    confirm(telling, "c1", held)
    assert occasions(telling) == ["CONFIRMED"]
    of: dict[str, Any] = {"reservation_id": held, "reason": reservation_pb2.RELEASE_REASON_NO_SHOW}
    step(telling, "ReleaseReservation", rs.ReleaseReservationRequest(idempotency_key="x1", **of))
    assert occasions(telling) == ["CONFIRMED", "NO_SHOW"]


def test_a_shortfall_and_a_turn_in_line_are_told(telling: Front) -> None:
    set_policy(telling, 0, line_rules=[{"store_id": "S1"}])
    telling.reserve("lost")
    count(telling, "k1", 0)
    assert occasions(telling) == ["SHORTFALL"]
    request = reserve_request("waits")
    request.wait.seconds = 3_600
    assert telling.accept("Reserve", request).reservation.status == reservation_pb2.RESERVATION_STATUS_QUEUED
    telling.receive("A", 5)
    assert occasions(telling) == ["SHORTFALL", "TURN"]


ORDER: Final = rs.ReserveRequest(
    idempotency_key="o1",
    customer_id="ann",
    channel="web",
    lines=[{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 1}],
    sourcing={"place": {}, "policy": 2, "stores_max": 5},
)


def test_each_shop_of_an_order_tells_of_its_part(telling: Front) -> None:
    telling.receive("B", 5, "S2")
    stores = [{"store_id": name, "latitude": 0.0, "longitude": 0.0} for name in ("S1", "S2")]
    telling.accept("PutStores", ad.PutStoresRequest(stores=stores))
    order = telling.accept("Reserve", ORDER).order
    assert len(order.parts) == 2
    step(telling, "ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="o2", order_id=order.order_id))
    telling.settle_orders()
    found = told(telling)
    assert sorted(each.store_id for each in found) == ["S1", "S2"]
    assert {each.order_id for each in found} == {order.order_id}
    assert {each.occasion for each in found} == {notice_pb2.NOTICE_OCCASION_CONFIRMED}


def test_a_longer_order_moves_the_reminders_of_its_parts_that_are_ready(telling: Front) -> None:
    telling.receive("B", 5, "S2")
    stores = [{"store_id": name, "latitude": 0.0, "longitude": 0.0} for name in ("S1", "S2")]
    telling.accept("PutStores", ad.PutStoresRequest(stores=stores))
    order = telling.accept("Reserve", ORDER).order
    step(telling, "ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="o2", order_id=order.order_id))
    telling.settle_orders()
    for each in order.parts:
        ready = rs.MarkReservationReadyRequest(idempotency_key=each.reservation_id, reservation_id=each.reservation_id)
        step(telling, "MarkReservationReady", ready)
    telling.settle_orders()

    def reminders() -> list[notice_pb2.Notice]:
        occasion, waiting = notice_pb2.NOTICE_OCCASION_REMINDER, notice_pb2.NOTICE_STATUS_WAITING
        return [each for each in told(telling) if (each.occasion, each.status) == (occasion, waiting)]

    before = reminders()
    ttl = {"seconds": 6 * 86_400}
    step(telling, "ExtendOrder", os_.ExtendOrderRequest(idempotency_key="o3", order_id=order.order_id, ttl=ttl))
    telling.settle_orders()
    after = reminders()
    assert len(before) == len(after) == 2
    assert {each.number for each in before}.isdisjoint(each.number for each in after)
    of_part = rs.GetReservationRequest(reservation_id=order.parts[0].reservation_id)
    ends_at = telling.accept("GetReservation", of_part).reservation.expires_at
    found = {each.next_at.ToMilliseconds() for each in after}
    assert found == {ends_at.ToMilliseconds() - RULES.reminder_before_ms}


def test_what_was_before_it_began_is_told_nobody_and_new_shops_from_their_first_event(telling: Front) -> None:
    telling.receive("C", 5, "S3")
    new = telling.reserve("new", "C", store_id="S3").reservation.reservation_id
    confirm(telling, "c1", new)
    assert occasions(telling) == ["CONFIRMED"]


def test_lost_calls_and_answers_and_a_kill_change_nothing(telling: Front) -> None:
    held = telling.reserve("ann").reservation.reservation_id
    confirm(telling, "c1", held)
    telling.actors.lose_answers(NOTIFIER_ACTOR)
    telling.actors.lose_calls(NOTIFIER_ACTOR)
    bring(telling)
    telling.actors.kill(NOTIFIER_ACTOR)
    step(telling, "MarkReservationReady", rs.MarkReservationReadyRequest(idempotency_key="r1", reservation_id=held))
    telling.actors.lose_answers("store-S1")
    assert occasions(telling) == ["CONFIRMED", "READY", "REMINDER"]
    telling.actors.kill("store-S1")
    assert occasions(telling) == ["CONFIRMED", "READY", "REMINDER"]


def test_one_gateway_of_two_brings_the_feeds_and_the_other_where_it_stops(telling: Front, clock: ManualClock) -> None:
    other = NoticeFeed(telling.gateway._router)
    confirm(telling, "c1", telling.reserve("ann").reservation.reservation_id)
    assert bring(telling, other) == 0, "the first one does"
    clock.move(10_000)
    assert bring(telling, other) > 0
    assert bring(telling) == 0
    clock.move(10_000)
    assert occasions(telling) == ["CONFIRMED"]


def test_a_shop_that_was_restored_from_a_copy_is_joined_where_it_stands(telling: Front) -> None:
    confirm(telling, "c1", telling.reserve("ann").reservation.reservation_id)
    assert occasions(telling) == ["CONFIRMED"]
    telling.actors.kill("store-S1")
    del telling.actors.disks["store-S1"]
    telling.receive("A")
    bring(telling)
    confirm(telling, "c2", telling.reserve("bob").reservation.reservation_id)
    assert occasions(telling) == ["CONFIRMED", "CONFIRMED"]
    assert notifier(telling)._ledger.counts["histories_changed"] == 1


def test_notices_are_listed_repeated_and_counted(telling: Front) -> None:
    confirm(telling, "c1", telling.reserve("ann").reservation.reservation_id)
    assert len(told(telling, store_id="S1", customer_id="customer of ann")) == 1
    assert told(telling, store_id="S2") == told(telling, statuses=["NOTICE_STATUS_SENT"]) == []
    page = telling.accept("ListNotices", ns.ListNoticesRequest(page_size=1))
    assert page.next_page_token == ""
    unknown = telling.ask("RepeatNotice", ns.RepeatNoticeRequest(number=99, operator="eve"))
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "NOTICE_UNKNOWN")
    telling.clock.move(90 * 86_400_000)
    ledger = notifier(telling)._ledger
    assert ledger.notices[1].attempts == 0
    found = telling.accept("VerifyNotices", ns.VerifyNoticesRequest())
    assert (found.holds, found.notices, found.waiting, found.never_tried, found.twice) == (True, 1, 1, 0, 0)
    assert found.began_at != Timestamp()
    assert dict(found.counts) == {"notices": 1, "facts.CONFIRMED": 1}


def test_bad_fields_are_named_and_a_service_that_tells_nobody_says_so(front: Front) -> None:
    for method, request, fields in (
        ("ListNotices", ns.ListNoticesRequest(store_id="a b", page_size=-1), {"store_id", "page_size"}),
        ("ListNotices", ns.ListNoticesRequest.FromString(b"*\x01x"), {"page_token"}),
        ("RepeatNotice", ns.RepeatNoticeRequest(), {"number", "operator"}),
    ):
        found = front.ask(method, request)
        assert (found.code, set(found.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, fields)
    others: list[tuple[str, Any]] = [
        ("ListNotices", ns.ListNoticesRequest()),
        ("RepeatNotice", ns.RepeatNoticeRequest(number=1, operator="eve")),
        ("VerifyNotices", ns.VerifyNoticesRequest()),
    ]
    for method, asked in others:
        found = front.ask(method, asked)
        assert (found.code, found.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOTICES_OFF")


def test_a_service_of_an_earlier_format_has_no_notifier(tmp_path: Any, clock: ManualClock) -> None:
    with Front(tmp_path, clock, writing=Writing(1)) as front:
        with pytest.raises(BeyondFormat):
            bring(front)
        front.gateway._unary |= Notices(front.gateway._router, is_on=True).calls
        found = front.ask("ListNotices", ns.ListNoticesRequest())
        assert found.reason == "FORMAT_NOT_RAISED"
        assert NOTIFIER_ACTOR not in front.actors.made


def test_letters_wait_for_the_key_of_links_which_whoever_brings_the_feeds_brings(
    tmp_path: Path, clock: ManualClock
) -> None:
    with Front(tmp_path, clock, told=CustomersTold("https://shop.example")) as front:
        front.receive("A", 9)
        links, way = Links("https://shop.example", clock.now_ms), Steered()
        front.actors.desk = RULES, Desk({MessageChannel.EMAIL: way}, PlainWords(), front.open_book, links)
        bring(front)
        assert not links.is_awaited
        link = links.of("S1", 7, "ann")
        [key] = front.gateway._router.chain.link_keys
        found = read_token(link.removeprefix("https://shop.example/p/"), (key,), clock.now_ms())
        assert found is not None
        assert (found.store_id, found.number) == ("S1", 7)
        request = ps.RotatePickupKeyRequest(key_id=key.number, revoke=True, of_links=True)
        front.accept("RotatePickupKey", request)
        bring(front)
        assert links.of("S1", 7, "ann") != link, "by the key that signs now"
        notifier(front).close()
