"""LookupPickup of a customer who shows nothing: by name and last digits, from the contacts."""

from typing import Any, Final

import grpc
import pytest

from actors.core.ids import format_order_id
from holdfast.v1 import (
    contact_service_pb2 as cs,
    order_service_pb2 as os_,
    pickup_service_pb2 as ps,
    reservation_service_pb2 as rs,
)
from tests.gateway.front import Answer, Front
from tests.gateway.orders import BUYER, HERS, ordered, settle
from tests.gateway.test_hand_over import collect
from tests.gateway.test_pickups import confirmed, found

TELEPHONE: Final = "+4930987654321"


def put(front: Front, customer_id: str, name: str = "Ann Geheim", **more: Any) -> None:
    """Have a contact of a customer."""
    contact = {"customer_id": customer_id, "telephone": TELEPHONE, "display_name": name, **more}
    key = f"{customer_id} {name} {more}"[:128]
    front.accept("PutContact", cs.PutContactRequest(idempotency_key=key, contact=contact))


def lookup(front: Front, name: str, digits: str = "4321", store_id: str = "S1") -> Answer:
    said = {"display_name": name, "last_digits": digits}
    return front.ask("LookupPickup", ps.LookupPickupRequest(store_id=store_id, customer=said))


def ids(front: Front, name: str, store_id: str = "S1") -> list[str]:
    """What is found."""
    return [each.reservation_id for each in lookup(front, name, store_id=store_id).reply.reservations]


@pytest.fixture
def shop(front: Front) -> Front:
    front.receive("A", 9)
    return front


def test_what_waits_is_found_by_the_name_or_its_last_word(shop: Front) -> None:
    mine, held = confirmed(shop), shop.reserve("bob").reservation
    put(shop, "customer of ann")
    put(shop, held.customer_id, "Bob Offen")
    assert ids(shop, "ann geheim") == ids(shop, "  Geheim") == [mine]
    assert lookup(shop, "Bob Offen").reason == "PICKUP_NAME_UNKNOWN", "it is not confirmed"
    collect(shop, mine)
    assert lookup(shop, "Geheim").reason == "PICKUP_NAME_UNKNOWN", "nothing waits any more"


def test_a_contact_of_one_purchase_finds_that_alone(shop: Front) -> None:
    first, other = confirmed(shop), confirmed(shop, "ann 2")
    customer_id = shop.accept("GetReservation", rs.GetReservationRequest(reservation_id=first)).reservation.customer_id
    put(shop, customer_id, "Neighbour Nine", purchase_id=first)
    assert ids(shop, "Nine") == [first]
    assert other not in ids(shop, "Nine")


def test_a_part_of_an_order_is_found_in_its_shop_by_the_orders_contact(front: Front) -> None:
    order = ordered(front)
    order_id = format_order_id(HERS, order.number)
    front.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="c", order_id=order_id))
    settle(front)
    put(front, BUYER, purchase_id=order_id)
    for store_id in ("S1", "S2"):
        by_order = [each for each, _ in found(front, store_id, order_id=order_id)]
        assert ids(front, "Geheim", store_id) == by_order
        assert len(by_order) == 1


def test_wrong_names_are_bounded_and_right_ones_are_not(shop: Front) -> None:
    mine = confirmed(shop)
    put(shop, "customer of ann")
    for _ in range(10):
        assert ids(shop, "Geheim") == [mine]
        wrong = lookup(shop, "Geheim", "4322")
        assert (wrong.code, wrong.reason) == (grpc.StatusCode.NOT_FOUND, "PICKUP_NAME_UNKNOWN")
    refused = lookup(shop, "Geheim")
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "PICKUP_NAME_GUESSED")
    assert 0 < refused.retry_after_ms <= 6_000
    assert found(shop, reservation_id=mine), "what is shown is looked up"


def test_nobody_learns_whom_the_contacts_have(shop: Front) -> None:
    """One who is known and has nothing here, and one who is not known, are answered the same."""
    put(shop, "customer of eve", "Eve Weit")
    known, unknown = lookup(shop, "Eve Weit"), lookup(shop, "Eve Fern")
    assert known.reason == unknown.reason == "PICKUP_NAME_UNKNOWN"
    assert (known.message, known.metadata) == (unknown.message, unknown.metadata)
