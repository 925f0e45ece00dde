"""The clients' values against the protos: enums, methods, kinds of events, and bytes put together by hand."""

from dataclasses import replace
from enum import IntEnum
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from actors.core.ids import SLOTS, ledger_of_slot
from holdfast.client import CUSTOMERS_LEDGERS, HoldfastError, NotFound, OutcomeUnknown, ServiceFault
from holdfast.client.calls.orders import part_outcome_from
from holdfast.client.connection import CHECK_HEALTH, METHODS
from holdfast.client.internals import batch_bytes
from holdfast.client.models.administration import (
    ChainLimitRule,
    LimitRule,
    LineRule,
    Policy,
    Store,
    TtlRule,
    health_from,
    policy_from,
    store_from,
    to_policy,
    to_store,
)
from holdfast.client.models.events import (
    CHANGES,
    Acknowledged,
    Amended,
    OutcomeApplied,
    Reserved,
    UnknownChange,
    event_from,
)
from holdfast.client.models.orders import (
    Candidate,
    ExcludedCount,
    Exclusion,
    OrderStatus,
    PartOutcome,
    Place,
    SourcingPolicy,
    StorePlan,
    found_stores_from,
    order_from,
    to_sourcing,
)
from holdfast.client.models.reservations import (
    Line,
    NearStore,
    Reason,
    ReleaseReason,
    Status,
    rejection_from,
    reservation_from,
)
from holdfast.client.models.stock import AdjustmentKind, HoldsCounted
from holdfast.client.wire_types import enum_reader, milliseconds, to_message
from holdfast.v1 import (
    admin_service_pb2,
    allotment_service_pb2,
    contact_service_pb2,
    device_service_pb2,
    error_pb2,
    event_pb2,
    event_service_pb2,
    notice_service_pb2,
    order_pb2,
    order_service_pb2,
    pick_service_pb2,
    pickup_service_pb2,
    reservation_pb2,
    reservation_service_pb2,
    shortfall_service_pb2,
    stock_pb2,
    stock_service_pb2,
    transfer_service_pb2,
)


def to_timestamp(at_ms: int) -> Timestamp:
    return Timestamp(seconds=at_ms // 1000, nanos=at_ms % 1000 * 1_000_000)


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Status, reservation_pb2.ReservationStatus, "RESERVATION_STATUS_"),
        (ReleaseReason, reservation_pb2.ReleaseReason, "RELEASE_REASON_"),
        (Reason, error_pb2.Reason, "REASON_"),
        (OrderStatus, order_pb2.OrderStatus, "ORDER_STATUS_"),
        (SourcingPolicy, order_pb2.SourcingPolicy, "SOURCING_POLICY_"),
        (Exclusion, order_pb2.Exclusion, "EXCLUSION_"),
        (AdjustmentKind, stock_pb2.AdjustmentKind, "ADJUSTMENT_KIND_"),
        (HoldsCounted, stock_pb2.HoldsCounted, "HOLDS_COUNTED_"),
    ],
)
def test_enums_match_the_wire(ours: type[IntEnum], theirs: Any, prefix: str) -> None:
    assert {f"{prefix}{member.name}": member.value for member in ours} == dict(theirs.items())


def test_a_number_newer_than_this_client_is_unspecified() -> None:
    assert enum_reader(Status)(99) is Status.UNSPECIFIED


def test_every_method_of_the_services_is_called_by_the_clients() -> None:
    modules: tuple[ModuleType, ...] = (
        admin_service_pb2,
        allotment_service_pb2,
        contact_service_pb2,
        device_service_pb2,
        event_service_pb2,
        notice_service_pb2,
        order_service_pb2,
        pick_service_pb2,
        pickup_service_pb2,
        reservation_service_pb2,
        shortfall_service_pb2,
        stock_service_pb2,
        transfer_service_pb2,
    )
    offered = {
        f"/{service.full_name}/{method.name}": method.output_type.name
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    called = {method.path: type(method.decode(b"")).__name__ for method in METHODS.values()}
    assert called == offered


def test_the_ledgers_of_customers_are_those_of_the_service() -> None:
    assert list(CUSTOMERS_LEDGERS) == [ledger_of_slot(slot) for slot in range(SLOTS)]


def test_every_kind_of_event_is_known() -> None:
    offered = {field.name for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["change"].fields}
    assert set(CHANGES) == offered
    for name in offered:
        event = event_pb2.Event(store_id="s", version=7)
        getattr(event, name).SetInParent()
        assert not isinstance(event_from(event).change, UnknownChange)


def test_an_event_carries_its_place_and_its_change() -> None:
    message = event_pb2.Event(store_id="s", version=7, at=to_timestamp(1_234))
    message.reserved.reservation.reservation_id = "s:1"
    event = event_from(message)
    assert (event.store_id, event.version, event.at_ms) == ("s", 7, 1_234)
    assert isinstance(event.change, Reserved)
    assert event.change.reservation.reservation_id == "s:1"
    assert isinstance(event_from(event_pb2.Event(store_id="s", version=8)).change, UnknownChange)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 16_383, 16_384, 3_000_000])
def test_batches_are_encoded_like_protobuf_does(length: int) -> None:
    items = [
        reservation_service_pb2.ReserveRequest(idempotency_key="k" * length, store_id="s"),
        reservation_service_pb2.ReserveRequest(),
        reservation_service_pb2.ReserveRequest(store_id="t"),
    ]
    expected = reservation_service_pb2.ReserveBatchRequest(requests=items)
    joined = batch_bytes([item.SerializeToString() for item in items])
    assert reservation_service_pb2.ReserveBatchRequest.FromString(joined) == expected


@pytest.mark.parametrize(
    "name", ["ReserveBatchRequest", "ConfirmBatchRequest", "CollectBatchRequest", "ReleaseBatchRequest"]
)
def test_every_batch_is_one_repeated_message_in_field_one(name: str) -> None:
    fields = getattr(reservation_service_pb2, name).DESCRIPTOR.fields
    assert [(field.name, field.number, field.is_repeated) for field in fields] == [("requests", 1, True)]


@pytest.mark.parametrize("length_ms", [0, 1, 999, 1_000, 86_400_000, 1_700_000_000_123])
def test_times_survive_the_wire(length_ms: int) -> None:
    request = to_message(reservation_service_pb2.ReserveRequest, ttl_ms=length_ms, slot_start_ms=length_ms)
    assert (milliseconds(request.ttl), milliseconds(request.slot_start)) == (length_ms, length_ms)


def test_what_is_none_is_not_sent() -> None:
    request = to_message(reservation_service_pb2.ReserveRequest, ttl_ms=None, lines=[("a", 2)], store_id="s")
    assert request == reservation_service_pb2.ReserveRequest(store_id="s", lines=[{"sku": "a", "quantity": 2}])


def test_a_reservation_keeps_every_field() -> None:
    message = reservation_pb2.Reservation(
        reservation_id="s:1",
        store_id="s",
        status=reservation_pb2.RESERVATION_STATUS_READY,
        lines=[reservation_pb2.ReservationLine(sku="a", quantity=5, collected=2, released=1)],
        customer_id="c",
        channel="web",
        basket_id="b",
        created_at=to_timestamp(1),
        expires_at=to_timestamp(2),
        version=9,
        payment_reference="p",
        release_reason=reservation_pb2.RELEASE_REASON_FRAUD,
        order_id="0007/1907",
        slot_start=to_timestamp(3),
        external_reference="W-17",
    )
    found = reservation_from(message)
    assert [field.name for field in message.DESCRIPTOR.fields] == [name.removesuffix("_ms") for name in found.__slots__]
    assert (found.order_id, found.slot_start_ms, found.external_reference) == ("0007/1907", 3, "W-17")
    assert reservation_from(reservation_pb2.Reservation()).slot_start_ms is None
    assert (found.status, found.created_at_ms, found.expires_at_ms) == (Status.READY, 1, 2)
    assert (found.lines[0].sku, found.lines[0].held) == ("a", 2)
    assert (found.basket_id, found.payment_reference, found.release_reason) == ("b", "p", ReleaseReason.FRAUD)


def test_a_refusal_names_the_order_and_the_shops_nearby() -> None:
    message = error_pb2.Rejection(reason=error_pb2.REASON_NO_STORE_IN_REACH, order_id="0007/1907")
    message.near_stores.add(store_id="s2", kilometres=1.5, has_everything=True)
    found = rejection_from(message)
    assert [field.name for field in message.DESCRIPTOR.fields] == list(found.__slots__)
    assert (found.reason, found.order_id) == (Reason.NO_STORE_IN_REACH, "0007/1907")
    assert found.near_stores == (NearStore("s2", 1.5, has_everything=True),)


def test_an_order_keeps_every_field() -> None:
    message = order_pb2.Order(
        order_id="0007/1907",
        status=order_pb2.ORDER_STATUS_CONFIRMED,
        customer_id="c",
        channel="web",
        created_at=to_timestamp(1),
        expires_at=to_timestamp(2),
        version=1907,
        missing=[reservation_pb2.LineQuantity(sku="b", quantity=4)],
        release_reason=reservation_pb2.RELEASE_REASON_OTHER,
        external_reference="W-17",
    )
    part = message.parts.add(store_id="s", reservation_id="s:1", status=reservation_pb2.RESERVATION_STATUS_READY)
    part.lines.add(sku="a", quantity=5, collected=2, released=1)
    part.slot_start.CopyFrom(to_timestamp(3))
    found = order_from(message)
    assert [field.name for field in message.DESCRIPTOR.fields] == [name.removesuffix("_ms") for name in found.__slots__]
    assert (found.status, found.created_at_ms, found.expires_at_ms) == (OrderStatus.CONFIRMED, 1, 2)
    assert (found.version, found.missing, found.release_reason) == (1907, (("b", 4),), ReleaseReason.OTHER)
    assert (found.external_reference, found.part) == ("W-17", found.parts[0])
    assert [field.name for field in part.DESCRIPTOR.fields] == [
        name.removesuffix("_ms") for name in found.part.__slots__
    ]
    assert (found.part.status, found.part.lines, found.part.slot_start_ms) == (Status.READY, (Line("a", 5, 2, 1),), 3)
    part.ClearField("slot_start")
    message.parts.add(store_id="t")
    found = order_from(message)
    assert found.parts[0].slot_start_ms is None
    with pytest.raises(ValueError, match="has 2 parts"):
        _ = found.part


def test_where_to_look_is_told_in_full_and_no_place_is_no_place() -> None:
    asked = to_sourcing(Place(48.2, 16.4), SourcingPolicy.SPLIT, 2, 7.5)
    assert (asked.place.latitude, asked.place.longitude, asked.policy) == (48.2, 16.4, 2)
    assert (asked.stores_max, asked.kilometres_max, asked.HasField("collect_by")) == (2, 7.5, False)
    assert to_sourcing(Place(1, 1), collect_by_ms=7_000).collect_by.seconds == 7
    assert to_sourcing(Place(postcode="1010")).place.postcode == "1010"
    assert not to_sourcing(Place()).HasField("place")


def test_shops_found_keep_what_is_not_limited_apart_from_what_is_full() -> None:
    message = order_service_pb2.FindStoresResponse(age={"nanos": 7_000_000}, left_off=3)
    plan = StorePlan("s1", (("a", 1),), 5)
    amendment = to_message(order_service_pb2.AmendOrderRequest, stores=[plan, StorePlan("s2")])
    message.plan.extend(amendment.stores)
    message.candidates.add(store_id="s1", kilometres=0.5, capacity_left=-1, earliest_ready=to_timestamp(7_000))
    message.excluded.add(exclusion=order_pb2.EXCLUSION_NOT_READY_IN_TIME, stores=4)
    message.excluded.add(exclusion=99, stores=1)  # of a newer service
    full = message.candidates.add(store_id="s2", capacity_left=0, exclusion=order_pb2.EXCLUSION_NO_CAPACITY)
    full.available.add(sku="a", quantity=2)
    found = found_stores_from(message)
    assert found.plan == (plan, StorePlan("s2", (), None))
    assert found.candidates == (
        Candidate("s1", 0.5, (), None, Exclusion.UNSPECIFIED, 7_000),
        Candidate("s2", 0.0, (("a", 2),), 0, Exclusion.NO_CAPACITY, None),
    )
    assert (found.missing, found.age_ms, found.left_off) == ((), 7, 3)
    assert found.excluded == (
        ExcludedCount(Exclusion.NOT_READY_IN_TIME, 4),
        ExcludedCount(Exclusion.UNSPECIFIED, 1),
    )


@pytest.mark.parametrize(
    ("code", "kind"), [(14, OutcomeUnknown), (8, OutcomeUnknown), (5, NotFound), (15, ServiceFault)]
)
def test_a_shop_that_did_not_decide_is_told_as_an_error(code: int, kind: type[HoldfastError]) -> None:
    message = order_service_pb2.PartOutcome(store_id="s1", error=error_pb2.ItemError(code=code, message="no"))
    found = part_outcome_from(message, what="CollectOrder", key="k1")
    assert isinstance(found, PartOutcome)
    assert type(found.answer) is kind
    assert "CollectOrder at shop s1" in str(found.answer)
    if isinstance(found.answer, OutcomeUnknown):
        assert found.answer.idempotency_key == "k1"


def test_events_of_orders_carry_what_they_say() -> None:
    message = event_pb2.Event(store_id="s", version=1)
    message.amended.reservation_id = "s:1"
    message.amended.lines.add(sku="a", quantity=2)
    message.amended.expires_at.CopyFrom(to_timestamp(9))
    assert event_from(message).change == Amended("s:1", (("a", 2),), 9, None)
    message.outcome_applied.order_id = "0007/1907"
    message.outcome_applied.status = reservation_pb2.RESERVATION_STATUS_HELD
    assert event_from(message).change == OutcomeApplied("0007/1907", "", Status.HELD, 0, ())
    message.acknowledged.reservation_ids.extend(["s:1", "s:2"])
    assert event_from(message).change == Acknowledged(("s:1", "s:2"))


def test_policy_and_shop_survive_the_wire() -> None:
    policy = Policy(
        ttl_default_ms=7_200_000,
        ttl_max_ms=86_400_000,
        collect_within_ms=3_600_000,
        ttl_rules=(TtlRule(60_000, "web", "a", "s"),),
        limit_rules=(LimitRule("web", "a", 3, 4),),
        version=5,
        chain_limit_rules=(ChainLimitRule("app", "a", 2, 3, 60_000), ChainLimitRule("web", "", 5)),
        line_take_up_ms=600_000,
        line_rules=(LineRule("s", may_pass=True), LineRule("t", take_up_ms=60_000)),
        returns_within_ms=2_592_000_000,
    )
    assert policy_from(to_policy(policy)) == policy
    store = Store("s", "The shop", 48.2, 16.4, paused=True)
    assert store_from(to_store(store)) == store
    hours = {"zone": "Europe/Berlin", "slot_minutes": 30, "lead": "7200s"}
    open_store = replace(store, channels=("app", "web"), hours=hours)
    assert store_from(to_store(open_store)) == open_store
    with pytest.raises(ValueError, match="hours of shop s"):
        to_store(replace(store, hours={"zones": "Europe/Berlin"}))


def test_the_health_check_is_encoded_as_its_own_messages_are() -> None:
    assert StringValue(value="abc").SerializeToString() == HealthCheckRequest(service="abc").SerializeToString()
    for status in (0, 1, 2, 3):
        answer = CHECK_HEALTH.decode(HealthCheckResponse(status=status).SerializeToString())
        assert health_from(answer.value).value == status
