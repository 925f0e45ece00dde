"""PickupService as callers meet it."""

import asyncio
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.core.ids import format_order_id
from actors.core.pickup_keys import FORMER_KEY_MS, PICKUP_KEYS_MAX
from actors.protocol.formats import FIRST, Writing
from holdfast.v1 import (
    order_service_pb2 as os_,
    pickup_service_pb2 as ps,
    reservation_pb2,
    reservation_service_pb2 as rs,
)
from tests.gateway.front import Answer, Front
from tests.gateway.hot import OtherGateway, promote
from tests.gateway.orders import HERS, ordered
from tests.runtime.runtime_fixture import ManualClock

READY: Final = reservation_pb2.RESERVATION_STATUS_READY
COLLECTED: Final = reservation_pb2.RESERVATION_STATUS_COLLECTED


def confirmed(front: Front, key: str = "ann", store_id: str = "S1", sku: str = "A") -> str:
    """The id of a reservation that is CONFIRMED."""
    held = front.reserve(key, sku, store_id=store_id).reservation
    request = rs.ConfirmReservationRequest(idempotency_key=f"{key} confirms", reservation_id=held.reservation_id)
    return str(front.accept("ConfirmReservation", request).reservation.reservation_id)


def code_of(front: Front, reservation_id: str) -> Any:
    """Its codes."""
    return front.accept("GetPickupCode", ps.GetPickupCodeRequest(reservation_id=reservation_id)).pickup_code


def lookup(front: Front, store_id: str = "S1", **by: Any) -> Answer:
    """What the till of a shop finds."""
    return front.ask("LookupPickup", ps.LookupPickupRequest(store_id=store_id, **by))


def found(front: Front, store_id: str = "S1", **by: str) -> list[tuple[str, int]]:
    """The ids and statuses of what it finds."""
    return [(each.reservation_id, each.status) for each in lookup(front, store_id, **by).reply.reservations]


def keys(front: Front) -> list[Any]:
    """The keys that are good."""
    return list(front.accept("ListPickupKeys", ps.ListPickupKeysRequest()).keys)


def rotate(front: Front, key_id: int, *, revoke: bool = False) -> Answer:
    """Ask for a new key."""
    return front.ask("RotatePickupKey", ps.RotatePickupKeyRequest(key_id=key_id, revoke=revoke))


@pytest.fixture
def shop(front: Front) -> Front:
    """Units of A in S1 and S2."""
    for store_id in ("S1", "S2"):
        front.receive("A", 9, store_id)
    return front


def test_a_code_is_looked_up_in_its_shop_whatever_became_of_it(shop: Front) -> None:
    mine = confirmed(shop)
    assert not keys(shop), "none is made before the first code"
    code = code_of(shop, mine)
    assert (code.reservation_id, code.store_id, code.order_id) == (mine, "S1", "")
    for by in ({"code": code.code}, {"short_code": code.short_code}, {"reservation_id": mine}):
        assert found(shop, **by) == [(mine, reservation_pb2.RESERVATION_STATUS_CONFIRMED)]
    collect = rs.CollectReservationRequest(idempotency_key="c", reservation_id=mine, payment_reference="p")
    assert shop.accept("CollectReservation", collect).reservation.status == COLLECTED
    assert found(shop, code=code.code) == [(mine, COLLECTED)]
    refused = shop.ask("GetPickupCode", ps.GetPickupCodeRequest(reservation_id=mine))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_PICKUP_CODE")


def test_what_is_only_held_has_none(shop: Front) -> None:
    held = shop.reserve("ann").reservation.reservation_id
    refused = shop.ask("GetPickupCode", ps.GetPickupCodeRequest(reservation_id=held))
    assert (refused.code, refused.metadata["status"]) == (grpc.StatusCode.FAILED_PRECONDITION, "HELD")
    unknown = shop.ask("GetPickupCode", ps.GetPickupCodeRequest(reservation_id="S1:99"))
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "RESERVATION_NOT_FOUND")


@pytest.mark.parametrize("by", ["code", "short_code", "reservation_id"])
def test_a_code_of_another_shop_is_refused_by_name(shop: Front, by: str) -> None:
    mine = confirmed(shop)
    code = code_of(shop, mine)
    shown = {"code": code.code, "short_code": code.short_code, "reservation_id": mine}[by]
    refused = lookup(shop, "S2", **{by: shown})
    reason = "PICKUP_CODE_FORGED" if by == "short_code" else "PICKUP_CODE_ELSEWHERE"
    assert (refused.code, refused.reason, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [by])
    assert refused.metadata == ({} if by == "short_code" else {"store_id": "S1"})


def test_nothing_shown_is_refused_by_name(shop: Front) -> None:
    refused = lookup(shop)
    assert (refused.code, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["code"])


def test_each_shop_of_an_order_finds_its_own_part(shop: Front) -> None:
    order_id = format_order_id(HERS, ordered(shop).number)
    order = shop.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="c", order_id=order_id)).order
    shop.settle_orders()
    for part in order.parts:
        code = code_of(shop, part.reservation_id)
        assert (code.order_id, code.store_id) == (order.order_id, part.store_id)
        of_order = found(shop, part.store_id, order_id=order.order_id)
        assert of_order == found(shop, part.store_id, code=code.code)
        assert [each for each, _ in of_order] == [part.reservation_id]
    assert found(shop, "S3", order_id=order.order_id) == []
    assert lookup(shop, order_id="0007/99").code is grpc.StatusCode.NOT_FOUND


def test_a_hot_sku_has_a_code_once_it_is_confirmed_in_its_shop(shop: Front) -> None:
    promote(shop, "A")
    mine = confirmed(shop)
    assert found(shop, code=code_of(shop, mine).code) == [(mine, reservation_pb2.RESERVATION_STATUS_CONFIRMED)]


def test_wrong_short_codes_are_bounded_and_right_ones_are_not(shop: Front) -> None:
    mine = confirmed(shop)
    code = code_of(shop, mine)
    wrong = code.short_code[:-1] + ("0" if code.short_code[-1] != "0" else "1")
    for _ in range(10):
        assert lookup(shop, short_code=code.short_code).code is grpc.StatusCode.OK
        assert lookup(shop, short_code=wrong).reason == "PICKUP_CODE_FORGED"
    refused = lookup(shop, short_code=code.short_code)
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "PICKUP_CODE_GUESSED")
    assert 0 < refused.retry_after_ms <= 6_000
    assert lookup(shop, code=code.code).code is grpc.StatusCode.OK
    assert lookup(shop, "S2", short_code=wrong).reason == "PICKUP_CODE_FORGED"


def test_wrong_short_codes_are_bounded_also_where_they_come_at_once(shop: Front) -> None:
    code = code_of(shop, confirmed(shop))
    wrong = code.short_code[:-1] + ("0" if code.short_code[-1] != "0" else "1")
    asked = ps.LookupPickupRequest(store_id="S1", short_code=wrong)

    async def at_once() -> list[Answer]:
        return list(await asyncio.gather(*(shop.asked("LookupPickup", asked) for _ in range(50))))

    reasons = Counter(answer.reason for answer in shop.run(at_once))
    assert reasons == {"PICKUP_CODE_FORGED": 10, "PICKUP_CODE_GUESSED": 40}
    refused = lookup(shop, short_code=code.short_code)
    assert 0 < refused.retry_after_ms <= 6_000, "and whoever comes later waits no longer for it"


def test_a_new_key_leaves_the_codes_of_the_former_for_their_time(shop: Front) -> None:
    mine = confirmed(shop)
    before = code_of(shop, mine)
    fresh = rotate(shop, before.key_id).reply.key
    assert fresh.key_id > before.key_id
    assert [key.key_id for key in keys(shop)] == [before.key_id, fresh.key_id]
    after = code_of(shop, mine)
    assert (after.key_id, after.code != before.code) == (fresh.key_id, True)
    for code in (before, after):
        assert found(shop, code=code.code) == found(shop, short_code=code.short_code) != []
    shop.clock.move(FORMER_KEY_MS)
    assert lookup(shop, code=before.code).reason == "PICKUP_CODE_REVOKED"
    assert lookup(shop, short_code=before.short_code).reason == "PICKUP_CODE_FORGED"


def test_revoked_codes_are_no_good_at_once_in_any_gateway(shop: Front) -> None:
    mine = confirmed(shop)
    stolen = code_of(shop, mine)
    with closing(OtherGateway(shop)) as other:

        def looked_up(code: str) -> Any:
            return other.accept("LookupPickup", ps.LookupPickupRequest(store_id="S1", code=code)).reservations

        assert looked_up(stolen.code)
        rotate(shop, stolen.key_id, revoke=True)
        assert lookup(shop, code=stolen.code).reason == "PICKUP_CODE_REVOKED"
        fresh = code_of(shop, mine)
        assert looked_up(fresh.code), "by a key that this gateway had not heard of"
        with pytest.raises(AssertionError, match="PICKUP_CODE_REVOKED"):
            looked_up(stolen.code)


def test_a_key_is_replaced_by_its_id_and_at_most_so_many_are_good(shop: Front) -> None:
    assert rotate(shop, 4).reason == "PICKUP_KEYS_CHANGED"
    newest = rotate(shop, 0).reply.key.key_id
    assert rotate(shop, 0).metadata == {"key_id": str(newest)}
    for _ in range(PICKUP_KEYS_MAX - 1):
        newest = rotate(shop, newest).reply.key.key_id
    refused = rotate(shop, newest)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TOO_MANY_PICKUP_KEYS")
    only = rotate(shop, newest, revoke=True).reply.key.key_id
    assert [key.key_id for key in keys(shop)] == [only]


def test_a_service_of_the_first_format_says_what_it_needs(tmp_path: Path) -> None:
    with Front(tmp_path, ManualClock(), writing=Writing(FIRST)) as front:
        front.receive("A")
        refused = front.ask("GetPickupCode", ps.GetPickupCodeRequest(reservation_id=confirmed(front)))
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")
