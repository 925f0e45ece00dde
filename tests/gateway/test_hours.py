"""Hours on the wire: told as they were put, every fault by its field, and the pickups that a change of them broke."""

from collections.abc import Callable
from typing import Any

import grpc
import msgspec
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from actors.calendar.hours import ALL_DAY, Calendar
from actors.core.chain import Store
from actors.core.message import to_json
from actors.journal.codec import chained
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_service_pb2 as os_,
    reservation_service_pb2 as rs,
    store_pb2,
)
from serve.services.admin import AFFECTED_RESERVATIONS_MAX, AFFECTED_SLOTS_MAX
from tests.gateway.front import Front, reserve_request
from tests.gateway.requests import HOURS, good

CODE = grpc.StatusCode
NOBODY: list[dict[str, Any]] = [{}] * 7
NIGHT = [{"to_minute": 240, "staff": 1}]


def put(front: Front, hours: dict[str, Any] | None = None, store_id: str = "S1", **fields: Any) -> ad.PutStoresResponse:
    """Give a shop hours, or none."""
    store = store_pb2.Store(store_id=store_id, latitude=0.0, longitude=0.0, hours=hours, **fields)
    return front.accept("PutStores", ad.PutStoresRequest(stores=[store]))  # type: ignore[no-any-return]


def listed(front: Front, store_id: str = "S1") -> store_pb2.Store:
    """What the chain knows of a shop."""
    stores = front.accept("ListStores", ad.ListStoresRequest()).stores
    found: store_pb2.Store = next(store for store in stores if store.store_id == store_id)
    return found


def around_the_clock(slot_minutes: int = 60, staff: int = 1, pickups_per_staff_hour: int = 2) -> dict[str, Any]:
    """Slots from midnight to midnight, UTC."""
    duties = [{"duties": [{"to_minute": 1_440, "staff": staff}]}] * 7
    rate = {"slot_minutes": slot_minutes, "pickups_per_staff_hour": pickups_per_staff_hour}
    return {"zone": "UTC", "staff": duties, **rate}


def slots(front: Front, store_id: str = "S1") -> list[os_.Slot]:
    """The slots of the next two days."""
    return list(front.accept("ListSlots", os_.ListSlotsRequest(store_id=store_id)).slots)


def book(front: Front, key: str, start: Timestamp, store_id: str = "S1") -> str:
    """Take a place; the reservation's id."""
    request = reserve_request(key, store_id=store_id)
    request.slot_start.CopyFrom(start)
    return str(front.accept("Reserve", request).reservation.reservation_id)


def test_hours_are_told_as_they_were_put(front: Front) -> None:
    (_, sent) = good("PutStores", "").stores  # type: ignore[attr-defined]
    assert not front.accept("PutStores", ad.PutStoresRequest(stores=[sent])).affected
    answered = listed(front, "S2")
    dates = list(answered.hours.holiday_dates)
    assert dates == sorted(dates)
    # Of the clock's year and the next two; 8 March is a holiday in Berlin alone.
    assert {day[:4] for day in dates} == {"2023", "2024", "2025"}
    assert {"2023-12-25", "2024-03-08", "2025-10-03"} <= set(dates)
    del answered.hours.holiday_dates[:]
    sent.channels.sort()
    assert answered == sent
    first = front.accept("PutStores", ad.PutStoresRequest(stores=[sent])).chain_version
    assert front.accept("PutStores", ad.PutStoresRequest(stores=[sent])).chain_version == first


def test_a_shop_without_hours_is_always_open(front: Front) -> None:
    put(front, HOURS)
    assert listed(front).HasField("hours")
    put(front)
    assert not listed(front).HasField("hours")
    assert not slots(front)
    put(front, {"zone": "Europe/Berlin"})
    assert listed(front).hours == store_pb2.Hours(zone="Europe/Berlin")


def test_a_special_day_has_its_own_staff_or_its_weekdays(front: Front) -> None:
    opening = [{"open_minute": 600, "close_minute": 660}]
    special = [
        {"date": "2023-12-10", "intervals": opening},
        {"date": "2023-12-11", "intervals": opening, "staff": {"duties": [{"to_minute": 1_440, "staff": 3}]}},
        {"date": "2023-12-12", "intervals": opening, "staff": {}},
        {"date": "2023-12-13"},
    ]
    hours = {**around_the_clock(), "weekly": NOBODY, "special_days": special}
    put(front, hours)
    assert listed(front).hours == store_pb2.Hours(**hours)
    request = os_.ListSlotsRequest(store_id="S1", window={"seconds": 7 * 86_400})
    assert [slot.capacity for slot in front.accept("ListSlots", request).slots] == [2, 6, 0]


def test_a_shops_row_keeps_everything(front: Front) -> None:
    put(front, HOURS, channels=["web"])
    stored = front.gateway._router.chain.stores["S1"]
    assert (stored.holiday_region, stored.calendar.zone, stored.channels) == ("DE-BE", "Europe/Berlin", ("web",))
    assert msgspec.json.decode(to_json(stored), type=Store) == stored


def changed(**fields: Any) -> dict[str, Any]:
    """Good hours but for some fields."""
    return {**HOURS, **fields}


def week(*intervals: tuple[int, int]) -> list[dict[str, Any]]:
    """Intervals on a Monday."""
    return [{"intervals": [{"open_minute": a, "close_minute": b} for a, b in intervals]}, *NOBODY[1:]]


def duty(**fields: int) -> list[dict[str, Any]]:
    """One duty on a Monday."""
    return [{"duties": [fields]}, *NOBODY[1:]]


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    (changed(weekly=week((-1, 60))), ["weekly[0].intervals[0]"]),
    (changed(weekly=week((0, 1_441))), ["weekly[0].intervals[0]"]),
    (changed(weekly=week((60, 60))), ["weekly[0].intervals[0]"]),
    (changed(weekly=week((1_320, 120))), ["weekly[0].intervals[0]"]),
    (changed(weekly=week((0, 60), (59, 120))), ["weekly[0].intervals[1]"]),
    (changed(weekly=week(*((n, n + 1) for n in range(13)))), ["weekly[0].intervals"]),
    (changed(weekly=NOBODY[:6]), ["weekly"]),
    (changed(staff=NOBODY[:6]), ["staff"]),
    (changed(staff=duty(from_minute=60, to_minute=60)), ["staff[0].duties[0]"]),
    (changed(staff=duty(to_minute=60, staff=1_001)), ["staff[0].duties[0].staff"]),
    (changed(staff=duty(to_minute=60, staff=-1)), ["staff[0].duties[0].staff"]),
    (changed(staff=[{"duties": [{"to_minute": 1}] * 49}, *NOBODY[1:]]), ["staff[0].duties"]),
    (changed(staff=[]), ["staff"]),
    (changed(pickups_per_staff_hour=0), ["pickups_per_staff_hour"]),
    (changed(special_days=[{"date": "2026-12-24"}] * 2), ["special_days[1].date"]),
    (changed(special_days=[{"date": "x"}, {"date": "y"}]), ["special_days[0].date", "special_days[1].date"]),
    (
        changed(special_days=[{"date": "2026-12-24", "intervals": [{}], "staff": {"duties": [{}]}}]),
        ["special_days[0].intervals[0]", "special_days[0].staff.duties[0]"],
    ),
    (changed(zone="", holidays="DE-XX", lead={"seconds": -1}), ["zone", "holidays", "lead"]),
    (changed(lead={"seconds": 15 * 86_400}), ["lead"]),
]


@pytest.mark.parametrize(("hours", "fields"), FAULTS)
def test_a_fault_is_told_with_its_field(shared: Front, hours: dict[str, Any], fields: list[str]) -> None:
    before = shared.gateway._router.chain.revision
    stores: list[Any] = [{"store_id": "S1"}, {"store_id": "S2"}, {"store_id": "S3", "hours": hours}]
    found = shared.ask("PutStores", ad.PutStoresRequest(stores=stores))
    assert found.code is CODE.INVALID_ARGUMENT
    assert found.fields == [f"stores[2].hours.{field}" for field in fields]
    assert shared.gateway._router.chain.revision == before


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (changed(zone="Mars/Base"), "zone: 'Mars/Base' is unknown; give an IANA name such as Europe/Berlin"),
        (changed(holidays="Germany"), "holidays: 'Germany' is not a known region; send an ISO 3166 code such as DE"),
        (changed(weekly=week((60, 60))), "weekly[0].intervals[0]: is no span of a day; send minutes from 0 to"),
        (changed(cutoff_minute=-1), "cutoff_minute: is -1; send 0 to 1440"),
    ],
)
def test_a_fault_says_what_mends_it(shared: Front, hours: dict[str, Any], sentence: str) -> None:
    found = shared.ask("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1", "hours": hours}]))
    assert f"stores[0].hours.{sentence}" in found.message


BREAKS: list[tuple[str, Callable[[], dict[str, Any] | None], list[tuple[int, int]]]] = [
    ("closed", lambda: {**around_the_clock(), "weekly": NOBODY}, [(2, 0), (1, 0)]),
    ("no staff at noon", lambda: {**around_the_clock(), "staff": [{"duties": NIGHT}] * 7}, [(2, 0), (1, 0)]),
    ("one at a time", lambda: around_the_clock(pickups_per_staff_hour=1), [(2, 1)]),
    ("longer slots", lambda: around_the_clock(slot_minutes=120), [(1, 0)]),
    ("more staff", lambda: around_the_clock(staff=5), []),
    ("no slots", lambda: None, []),
    ("as it was", around_the_clock, []),
]


@pytest.mark.parametrize(("hours", "broken"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS])
def test_a_change_names_the_pickups_that_it_broke(
    front: Front, hours: Callable[[], dict[str, Any] | None], broken: list[tuple[int, int]]
) -> None:
    put(front, around_the_clock())
    noon, later = [slot.start for slot in slots(front) if slot.start.seconds % 86_400 in {43_200, 46_800}][:2]
    first, second = book(front, "k1", noon), book(front, "k2", noon)
    third = book(front, "k3", later)
    held = {2: (noon.seconds, [first, second]), 1: (later.seconds, [third])}
    version = front.version()
    reply = put(front, hours())
    assert [(row.taken, row.capacity) for row in reply.affected] == broken
    assert reply.affected_slots == len(broken)
    told = [(row.slot_start.seconds, list(row.reservation_ids)) for row in reply.affected]
    assert told == [held[taken] for taken, _ in broken]
    assert all(row.store_id == "S1" for row in reply.affected)
    is_new = hours() != around_the_clock()
    assert front.version() == version + is_new, (
        "nothing was done to them, but for the rules that their shop has adopted"
    )
    assert put(front, hours()) == reply  # whose answer may have been lost


def test_places_that_are_free_again_are_not_named(front: Front) -> None:
    put(front, around_the_clock())
    start = slots(front)[3].start
    held = book(front, "k1", start)
    release = rs.ReleaseReservationRequest(idempotency_key="r", reservation_id=held, reason="RELEASE_REASON_OTHER")
    front.accept("ReleaseReservation", release)
    assert not put(front, {**around_the_clock(), "weekly": NOBODY}).affected


def test_a_part_of_an_order_is_named_too(front: Front) -> None:
    put(front, around_the_clock())
    request = reserve_request("k1", store_id="")
    request.sourcing.place.SetInParent()
    request.slot_start.CopyFrom(slots(front)[3].start)
    (part,) = front.accept("Reserve", request).order.parts
    (affected,) = put(front, {**around_the_clock(), "weekly": NOBODY}).affected
    assert affected.reservation_ids == [part.reservation_id]
    assert affected.slot_start == part.slot_start == request.slot_start


def test_only_shops_that_can_have_pickups_are_asked(front: Front) -> None:
    before = 0
    for staff in (1, 2):
        before = len(front.actors.calls)
        hours = store_pb2.Hours(**around_the_clock(staff=staff))
        stores: list[Any] = [store_pb2.Store(store_id=store_id, hours=hours) for store_id in ("S1", "S2", "T9")]
        front.accept("PutStores", ad.PutStoresRequest(stores=stores))
    asked = {actor for actor, method, _ in front.actors.calls[before:] if method == "slots_taken"}
    assert asked == {"store-S1"}
    assert front.actors.made.keys().isdisjoint({"store-S2", "store-T9"})


def test_no_place_is_taken_by_the_old_hours_once_the_change_is_answered(front: Front) -> None:
    put(front, around_the_clock())
    start = slots(front)[3].start
    put(front, {**around_the_clock(), "weekly": NOBODY})
    policy = front.actors.store_actor("store-S1").chain.policy_of("S1")
    assert policy.calendar.weekly == ((),) * 7
    request = reserve_request("k1")
    request.slot_start.CopyFrom(start)
    assert "does not offer this pickup slot" in front.accept("Reserve", request).rejection.message


def test_an_actor_that_started_anew_learns_the_hours_before_it_is_asked_for_slots(front: Front) -> None:
    put(front, around_the_clock())
    offered = slots(front)
    assert len(offered) == 48
    book(front, "k1", offered[3].start)
    find = os_.FindStoresRequest(
        sourcing={"place": {}},
        lines=[{"sku": "A", "quantity": 1}],
        channel="web",
        slot_start=offered[3].start,
    )
    before = {row.store_id: row.capacity_left for row in front.accept("FindStores", find).candidates}
    assert before["S1"] == 1
    front.actors.kill("store-S1")
    assert {row.store_id: row.capacity_left for row in front.accept("FindStores", find).candidates} == before
    front.actors.kill("store-S1")
    assert [slot.left for slot in slots(front)][:5] == [2, 2, 2, 1, 2]


def test_so_many_are_told_and_all_are_counted(front: Front) -> None:
    by_the_minute = around_the_clock(slot_minutes=1, staff=1_000, pickups_per_staff_hour=60)
    put(front, by_the_minute)
    starts = [slot.start for slot in slots(front)][: AFFECTED_SLOTS_MAX + 5]
    front.receive("A", 10_000)
    wanted = [starts[0]] * (AFFECTED_RESERVATIONS_MAX + 5) + starts[1:]
    oldest = front.version() + 1
    requests = []
    for number, start in enumerate(wanted):
        request = reserve_request(f"k{number}")
        request.slot_start.CopyFrom(start)
        requests.append(request)
    for at in range(0, len(requests), 1_000):
        batch = rs.ReserveBatchRequest(requests=requests[at : at + 1_000])
        assert all(row.WhichOneof("result") == "reservation" for row in front.accept("ReserveBatch", batch).outcomes)
    reply = put(front, {**by_the_minute, "weekly": NOBODY})
    assert (len(reply.affected), reply.affected_slots) == (AFFECTED_SLOTS_MAX, AFFECTED_SLOTS_MAX + 5)
    assert [row.slot_start for row in reply.affected] == starts[:AFFECTED_SLOTS_MAX]
    assert reply.affected[0].taken == AFFECTED_RESERVATIONS_MAX + 5
    assert len(reply.affected[0].reservation_ids) == AFFECTED_RESERVATIONS_MAX
    assert list(reply.affected[0].reservation_ids[:2]) == [f"S1:{oldest}", f"S1:{oldest + 1}"]


def test_a_stopped_ledger_does_not_keep_others_from_their_hours(front: Front) -> None:
    put(front, around_the_clock())
    disk = front.actors.disks["store-S1"]
    epoch, seq = disk.heads["S1"]
    checksum = chained(disk.checksums["S1"], "S1", epoch, seq + 1, 1, 0, b"[")
    disk.write("records", [["S1", epoch, seq + 1, 1, 0, "[", checksum]])
    front.actors.kill("store-S1")
    assert not put(front, HOURS).affected
    assert front.ask("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).code is CODE.DATA_LOSS


def test_limits_over_the_chain_are_told_as_they_were_set(front: Front) -> None:
    rules: list[dict[str, Any]] = [
        {"channel": "web", "sku": "A", "open_reservations_max": 2, "units_max": 3, "collected_for": {"seconds": 60}},
        {"units_max": 9},
    ]
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.extend([store_pb2.ChainLimitRule(**rule) for rule in rules])
    told = front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy)).policy
    assert told.chain_limit_rules == policy.chain_limit_rules
    assert front.accept("GetPolicy", ad.GetPolicyRequest()).policy == told
    assert not told.chain_limit_rules[1].HasField("collected_for")
    held = front.reserve("k1", units=3)
    assert held.WhichOneof("result") == "reservation"
    request = reserve_request("k2", units=1)
    request.customer_id = held.reservation.customer_id
    assert "may reserve 0 more of A" in front.accept("Reserve", request).rejection.message


def test_all_day_is_written_as_no_days_at_all(front: Front) -> None:
    whole = [{"intervals": [{"open_minute": 0, "close_minute": 1_440}]}] * 7
    put(front, {"zone": "Europe/Berlin", "weekly": whole, "cutoff_minute": 1_440, "staff": NOBODY})
    assert listed(front).hours == store_pb2.Hours(zone="Europe/Berlin")
    assert front.gateway._router.chain.stores["S1"].calendar == Calendar("Europe/Berlin", (ALL_DAY,) * 7)


def test_an_order_moves_to_another_slot_of_its_shop_within_the_shops_limit(front: Front) -> None:
    """What it holds at the old time is what it will hold at the new one, and not beside it; others count as before."""
    put(front, around_the_clock())
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.limit_rules.add(sku="A", units_max=2)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    request = reserve_request("k1", "A", 2, store_id="")
    request.sourcing.place.SetInParent()
    early, late = (slot.start for slot in slots(front)[3:5])
    request.slot_start.CopyFrom(early)
    order = front.accept("Reserve", request).order

    def amend(key: str, units: int) -> os_.AmendOrderResponse:
        wanted: list[Any] = [{"store_id": "S1", "lines": [{"sku": "A", "quantity": units}], "slot_start": late}]
        call = os_.AmendOrderRequest(idempotency_key=key, order_id=order.order_id, stores=wanted)
        reply: os_.AmendOrderResponse = front.accept("AmendOrder", call)
        return reply

    assert amend("a1", 3).rejection.reason == error_pb2.REASON_UNITS_LIMIT, "more than there may be, wherever it is"
    assert [part.slot_start for part in amend("a2", 2).order.parts] == [late]
    again = reserve_request("k2", "A", 1, "S1")
    again.customer_id = request.customer_id
    assert front.accept("Reserve", again).rejection.reason == error_pb2.REASON_UNITS_LIMIT
