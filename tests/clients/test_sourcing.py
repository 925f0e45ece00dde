"""Before an order is placed, and after: shops found and explained, pickup slots, and reservations amended."""

import pytest

from holdfast.client import (
    ChannelClient,
    ExcludedCount,
    Exclusion,
    Order,
    Reason,
    Rejection,
    Reservation,
    Slot,
    StorePlan,
)
from holdfast.v1 import order_service_pb2
from tests.clients.faults import CODE, Answer, LoseAnswer, Refuse
from tests.clients.service import AROUND_THE_CLOCK, NOW_S, SLOT_MS, VIENNA, Service
from tests.clients.serving import against


@pytest.fixture
def service(three_shops: Service) -> Service:
    return three_shops


def test_shops_are_found_and_explained(service: Service) -> None:
    service.faults["FindStores"].append(Refuse(CODE.UNAVAILABLE))

    async def use(client: ChannelClient) -> None:
        lines = [("a", 1), ("b", 1)]
        found = await client.find_stores(lines, place=VIENNA, channel="web", slot_start_ms=SLOT_MS)
        assert [candidate.store_id for candidate in found.candidates] == ["s3"]
        assert found.candidates[0].available == (("a", 5), ("b", 5))
        assert found.candidates[0].capacity_left == 1
        assert found.plan == (StorePlan("s3", (("a", 1), ("b", 1))),)
        assert (found.left_off, found.missing) == (0, ())
        assert found.excluded == (ExcludedCount(Exclusion.NOT_ENOUGH_STOCK, 2),)
        assert found.candidates[0].earliest_ready_ms == NOW_S * 1000
        explained = await client.find_stores(
            lines, place=VIENNA, kilometres_max=8, channel="web", explain=True, candidates_max=7
        )
        assert [(one.store_id, one.exclusion) for one in explained.candidates] == [
            ("s1", Exclusion.NOT_ENOUGH_STOCK),
            ("s2", Exclusion.NOT_ENOUGH_STOCK),
            ("s3", Exclusion.TOO_FAR),
        ]
        assert explained.plan == ()

    against(service, use)
    first, again, explained = service.asked("FindStores")
    assert first == again
    assert (first.slot_start.seconds, first.explain) == (SLOT_MS // 1000, False)
    assert (explained.explain, explained.candidates_max, explained.HasField("slot_start")) == (True, 7, False)


def test_a_shop_that_is_ready_too_late_is_out_and_not_reserved_in(service: Service) -> None:
    later = {**AROUND_THE_CLOCK, "lead": {"seconds": 3_600}}
    service.shop("s1", latitude=VIENNA.latitude, longitude=VIENNA.longitude, hours=later)

    async def use(client: ChannelClient) -> None:
        by_ms = SLOT_MS - 1
        found = await client.find_stores([("a", 1)], place=VIENNA, channel="web", collect_by_ms=by_ms, explain=True)
        assert [(one.store_id, one.exclusion, one.earliest_ready_ms) for one in found.candidates] == [
            ("s3", Exclusion.UNSPECIFIED, NOW_S * 1000),
            ("s1", Exclusion.NOT_READY_IN_TIME, SLOT_MS),
            ("s2", Exclusion.NO_STOCK, NOW_S * 1000),
        ]
        held = [
            await client.reserve_near(
                [("a", 1)], place=VIENNA, customer_id="c", channel="web", collect_by_ms=collect_by_ms
            )
            for collect_by_ms in (by_ms, SLOT_MS)
        ]
        assert [one.part.store_id for one in held if isinstance(one, Order)] == ["s3", "s1"]

    against(service, use)
    assert service.asked("FindStores")[0].sourcing.collect_by.ToMilliseconds() == SLOT_MS - 1


def test_a_pickup_slot_is_taken_together_with_the_units(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        slots = await client.list_slots("s1", from_ms=NOW_S * 1000, window_ms=86_400_000)
        assert slots.slots[1] == Slot(SLOT_MS, SLOT_MS + 3_600_000, 1, 1)
        assert (slots.earliest_ready_ms, slots.zone) == (NOW_S * 1000, "Europe/Vienna")
        found = [
            await client.reserve("s1", [("a", 1)], customer_id="c", channel="web", slot_start_ms=start_ms)
            for start_ms in (SLOT_MS, SLOT_MS, SLOT_MS + 1_000)
        ]
        assert isinstance(found[0], Reservation)
        assert found[0].slot_start_ms == SLOT_MS
        assert [one.reason for one in found if isinstance(one, Rejection)] == [
            Reason.SLOT_FULL,
            Reason.SLOT_NOT_OFFERED,
        ]
        service.faults["ListSlots"].append(Answer([order_service_pb2.ListSlotsResponse()]))
        assert (await client.list_slots("s1")).earliest_ready_ms is None, "it stays closed"

    against(service, use)
    asked, default = service.asked("ListSlots")
    assert (asked.not_before.seconds, asked.window.seconds) == (NOW_S, 86_400)
    assert (default.HasField("not_before"), default.HasField("window")) == (False, False)


def test_a_reservation_is_amended_or_stays_as_it_was(service: Service) -> None:
    service.faults["AmendReservation"].append(LoseAnswer())

    async def use(client: ChannelClient) -> None:
        held = await client.reserve("s3", [("a", 1)], customer_id="c", channel="web")
        assert isinstance(held, Reservation)
        found = await client.amend(held.reservation_id, lines=[("a", 3), ("b", 1)], ttl_ms=5_000, slot_start_ms=SLOT_MS)
        assert isinstance(found, Reservation)
        assert [(line.sku, line.held) for line in found.lines] == [("a", 3), ("b", 1)]
        assert (found.slot_start_ms, found.expires_at_ms // 1000) == (SLOT_MS, NOW_S + 5)
        refused = await client.amend(held.reservation_id, lines=[("a", 99)])
        assert isinstance(refused, Rejection)
        assert refused.reason is Reason.INSUFFICIENT_STOCK
        assert await client.get_reservation(held.reservation_id) == found

    against(service, use)
    first, second, third = service.asked("AmendReservation")
    assert first == second
    assert (third.HasField("ttl"), third.HasField("slot_start")) == (False, False)
