"""The clients' values against the protos: enums, methods, kinds of events, and bytes put together by hand."""

from enum import IntEnum
from types import ModuleType
from typing import Any

import pytest

from clients import methods
from clients.methods import Method
from clients.values.administration import LimitRule, Policy, Store, TtlRule
from clients.values.events import Reserved, UnknownChange
from clients.values.reservations import Reason, ReleaseReason, Status
from clients.values.stock import AdjustmentKind, HoldsCounted
from clients.wire.administration import health_from, health_request, policy_from, store_from, to_policy, to_store
from clients.wire.batches import batch_bytes
from clients.wire.events import CHANGES, event_from
from clients.wire.reservations import reservation_from, status_from
from clients.wire.times import instant_ms, interval_ms, to_duration, to_timestamp
from holdfast.v1 import (
    admin_service_pb2,
    error_pb2,
    event_pb2,
    event_service_pb2,
    reservation_pb2,
    reservation_service_pb2,
    stock_pb2,
    stock_service_pb2,
)


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Status, reservation_pb2.ReservationStatus, "RESERVATION_STATUS_"),
        (ReleaseReason, reservation_pb2.ReleaseReason, "RELEASE_REASON_"),
        (Reason, error_pb2.Reason, "REASON_"),
        (AdjustmentKind, stock_pb2.AdjustmentKind, "ADJUSTMENT_KIND_"),
        (HoldsCounted, stock_pb2.HoldsCounted, "HOLDS_COUNTED_"),
    ],
)
def test_enums_match_the_wire(ours: type[IntEnum], theirs: Any, prefix: str) -> None:
    assert {f"{prefix}{member.name}": member.value for member in ours} == dict(theirs.items())


def test_a_number_newer_than_this_client_is_unspecified() -> None:
    assert status_from(99) is Status.UNSPECIFIED


def test_every_method_of_the_services_is_called_by_the_clients() -> None:
    modules: tuple[ModuleType, ...] = (
        admin_service_pb2,
        event_service_pb2,
        reservation_service_pb2,
        stock_service_pb2,
    )
    offered = {
        f"/{service.full_name}/{method.name}": method.output_type.name
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    called = {
        found.path: type(found.decode(b"")).__name__
        for found in vars(methods).values()
        if isinstance(found, Method) and found.service.startswith("holdfast.")
    }
    assert called == offered


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
    assert interval_ms(to_duration(length_ms)) == length_ms
    assert instant_ms(to_timestamp(length_ms)) == length_ms


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
    )
    found = reservation_from(message)
    assert [field.name for field in message.DESCRIPTOR.fields] == [
        {"created_at_ms": "created_at", "expires_at_ms": "expires_at"}.get(name, name) for name in found.__slots__
    ]
    assert (found.status, found.created_at_ms, found.expires_at_ms) == (Status.READY, 1, 2)
    assert (found.lines[0].sku, found.lines[0].held) == ("a", 2)
    assert (found.basket_id, found.payment_reference, found.release_reason) == ("b", "p", ReleaseReason.FRAUD)


def test_policy_and_shop_survive_the_wire() -> None:
    policy = Policy(
        ttl_default_ms=7_200_000,
        ttl_max_ms=86_400_000,
        collect_within_ms=3_600_000,
        ttl_rules=(TtlRule(60_000, "web", "a", "s"),),
        limit_rules=(LimitRule("web", "a", 3, 4),),
        version=5,
    )
    assert policy_from(to_policy(policy)) == policy
    store = Store("s", "The shop", 48.2, 16.4, paused=True)
    assert store_from(to_store(store)) == store


def test_the_health_check_is_spoken_by_hand() -> None:
    assert health_request("") == b""
    assert health_request("abc") == b"\x0a\x03abc"
    assert [health_from(bytes((8, number))).value for number in range(4)] == [0, 1, 2, 3]
    assert health_from(b"").name == "UNKNOWN"
    with pytest.raises(ValueError, match="at most 127"):
        health_request("x" * 128)
