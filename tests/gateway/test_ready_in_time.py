"""By when a customer can have it: hours, holidays, special days, lead times and cut-offs in what is found and reserved,
over changes of the clocks on both sides of an ocean.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message

from actors.core.policy import Policy
from actors.journal.port import JournalDamaged
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_pb2,
    order_service_pb2 as os_,
    reservation_service_pb2 as rs,
    store_pb2,
)
from serve.sourcing import search
from serve.sourcing.search import ASKED_FIRST
from tests.gateway.front import Answer, Front
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

DAY: Final = [{"intervals": [{"open_minute": 540, "close_minute": 1_200}]}]
CHRISTMAS_EVE: Final = {"date": "2026-12-24", "intervals": [{"open_minute": 540, "close_minute": 840}]}
HALF_DAY: Final = {"date": "2026-12-24", "intervals": [{"open_minute": 540, "close_minute": 720}]}
RULES: Final[dict[str, Any]] = {"weekly": DAY * 7, "lead": {"seconds": 7_200}, "cutoff_minute": 1_020}
BERLIN: Final[dict[str, Any]] = {
    "zone": "Europe/Berlin",
    "holidays": "DE-BE",
    "special_days": [CHRISTMAS_EVE],
    **RULES,
}
NEW_YORK: Final[dict[str, Any]] = {
    "zone": "America/New_York",
    "holidays": "US",
    "special_days": [HALF_DAY],
    **RULES,
}
CLOSED: Final[dict[str, Any]] = {"zone": "Europe/Berlin", "weekly": [{}] * 7}
SLOTS: Final[dict[str, Any]] = {
    **BERLIN,
    "slot_minutes": 60,
    "staff": [{"duties": [{"to_minute": 1_440, "staff": 1}]}] * 7,
    "pickups_per_staff_hour": 1,
}
POLICY: Final = Policy()

Open = Callable[[str], Front]


@pytest.fixture
def at(tmp_path: Path) -> Any:
    """A gateway at an instant, with S1 in Berlin, S2 in New York and S3 without hours, five of A in each."""
    with ExitStack() as stack:

        def opened(instant: str) -> Front:
            front: AbstractContextManager[Front] = Front(tmp_path, ManualClock(ms(instant)))
            found = stack.enter_context(front)
            put(found, S1=BERLIN, S2=NEW_YORK, S3=None)
            for store_id in ("S1", "S2", "S3"):
                found.receive("A", 5, store_id)
            return found

        yield opened


def ms(instant: str) -> int:
    """Milliseconds of an instant with its offset."""
    return int(datetime.fromisoformat(instant).timestamp() * 1_000)


def put(front: Front, /, east: dict[str, float] | None = None, **hours: dict[str, Any] | None) -> None:
    """Give shops hours, or none; `east` are their degrees, zero where nothing is said."""
    stores = [
        store_pb2.Store(store_id=store_id, latitude=0.0, longitude=(east or {}).get(store_id, 0.0), hours=own)
        for store_id, own in hours.items()
    ]
    front.accept("PutStores", ad.PutStoresRequest(stores=stores))


def sourcing(collect_by: str = "", **fields: Any) -> order_pb2.Sourcing:
    """Where the shops are; `collect_by` is an instant, or empty."""
    found = order_pb2.Sourcing(place={}, **fields)
    if collect_by:
        found.collect_by.FromMilliseconds(ms(collect_by))
    return found


def explained(front: Front, collect_by: str = "", slot: str = "", **fields: Any) -> os_.FindStoresResponse:
    """Every shop, by the rules of a search."""
    request = os_.FindStoresRequest(
        sourcing=sourcing(collect_by, **fields), lines=[{"sku": "A", "quantity": 1}], channel="web", explain=True
    )
    if slot:
        request.slot_start.FromMilliseconds(ms(slot))
    return front.accept("FindStores", request)  # type: ignore[no-any-return]


def out(found: os_.FindStoresResponse) -> dict[str, str]:
    """Why shops are out, by the rule's name; empty where they are in."""
    return {
        each.store_id: order_pb2.Exclusion.Name(each.exclusion).removeprefix("EXCLUSION_") if each.exclusion else ""
        for each in found.candidates
    }


def ready(found: os_.FindStoresResponse) -> dict[str, int]:
    """When an order is ready, by shop, for those that say so."""
    return {
        each.store_id: each.earliest_ready.ToMilliseconds()
        for each in found.candidates
        if each.HasField("earliest_ready")
    }


def reserve(front: Front, key: str, look: order_pb2.Sourcing, units: int = 1) -> rs.ReserveResponse:
    """Reserve where it is best served."""
    request = rs.ReserveRequest(
        idempotency_key=key,
        customer_id="ann",
        channel="web",
        lines=[{"sku": "A", "quantity": units}],
        sourcing=look,
    )
    return front.accept("Reserve", request)  # type: ignore[no-any-return]


LATE: Final = "NOT_READY_IN_TIME"

# The name, now, the shop, and when an order is ready there.
READY: Final = [
    ("an open day", "2026-11-24T10:00+01:00", "S1", "2026-11-24T12:00+01:00"),
    ("an open day, New York", "2026-11-24T10:00-05:00", "S2", "2026-11-24T12:00-05:00"),
    ("before it opens", "2026-11-24T07:30+01:00", "S1", "2026-11-24T11:00+01:00"),
    ("past the cut-off", "2026-11-24T17:00:00.001+01:00", "S1", "2026-11-25T11:00+01:00"),
    ("past the cut-off, New York", "2026-11-24T17:30-05:00", "S2", "2026-11-25T11:00-05:00"),
    ("the clock goes back", "2026-10-25T00:30+02:00", "S1", "2026-10-25T11:00+01:00"),
    ("the clock goes back, New York", "2026-11-01T00:30-04:00", "S2", "2026-11-01T11:00-05:00"),
    ("the clock goes forward", "2026-03-29T00:30+01:00", "S1", "2026-03-29T11:00+02:00"),
    ("the clock goes forward, New York", "2026-03-08T00:30-05:00", "S2", "2026-03-08T11:00-04:00"),
    ("a holiday", "2026-10-02T18:00+02:00", "S1", "2026-10-04T11:00+02:00"),
    ("Thanksgiving", "2026-11-25T18:00-05:00", "S2", "2026-11-27T11:00-05:00"),
    ("a special day is short", "2026-12-24T11:30+01:00", "S1", "2026-12-24T13:30+01:00"),
    ("and what it leaves waits", "2026-12-24T12:30+01:00", "S1", "2026-12-27T09:30+01:00"),
    ("a special day, New York", "2026-12-24T11:00-05:00", "S2", "2026-12-26T10:00-05:00"),
]


@pytest.mark.parametrize(("now", "shop", "ready_at"), [row[1:] for row in READY], ids=[row[0] for row in READY])
def test_a_shop_is_in_from_the_instant_on_at_which_it_is_ready(at: Open, now: str, shop: str, ready_at: str) -> None:
    front = at(now)
    by = datetime.fromisoformat(ready_at)
    found = explained(front, by.isoformat())
    assert ready(found)[shop] == ms(ready_at)
    assert out(found)[shop] == ""
    slots = front.accept("ListSlots", os_.ListSlotsRequest(store_id=shop))
    assert slots.earliest_ready.ToMilliseconds() == ms(ready_at)
    before = datetime.fromtimestamp((ms(ready_at) - 1) / 1_000, by.tzinfo).isoformat()
    assert out(explained(front, before))[shop] == LATE
    # The same where it is reserved: nobody but this shop has all five and one more.
    front.receive("A", 5, shop)
    refused = reserve(front, "late", sourcing(before), 10).rejection
    assert refused.reason == error_pb2.REASON_NO_STORE_IN_REACH
    assert shop not in {near.store_id for near in refused.near_stores}
    assert "cannot have it ready in time" in refused.message
    (part,) = reserve(front, "in time", sourcing(by.isoformat()), 10).order.parts
    assert part.store_id == shop


def test_without_a_time_closed_days_do_no_harm(at: Open) -> None:
    """Over Christmas Berlin is closed for three days, and a confirmed order waits until it opens."""
    front = at("2026-12-24T15:00+01:00")
    assert ready(explained(front))["S1"] == ms("2026-12-27T11:00+01:00")
    assert out(explained(front)) == {"S1": "", "S2": "", "S3": ""}
    assert out(explained(front, "2026-12-27T10:00+01:00")) == {"S1": LATE, "S2": "", "S3": ""}
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.ttl_max.FromSeconds(2 * 86_400)
    policy.collect_within.FromSeconds(86_400)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert out(explained(front)) == {"S1": LATE, "S2": "", "S3": ""}
    refused = reserve(front, "k1", sourcing(), 6).rejection
    assert {near.store_id for near in refused.near_stores} == {"S2", "S3"}


def test_a_shop_that_does_not_open_is_closed_and_has_no_time(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    put(front, S1=CLOSED)
    found = explained(front, "2026-12-24T10:00+01:00")
    assert out(found) == {"S2": "", "S3": "", "S1": "CLOSED"}
    assert ready(found).keys() == {"S2", "S3"}
    assert found.candidates[2].available[0].quantity == 5


def test_no_order_waits_for_longer_than_the_policys_longest_time(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    put(front, S1={**BERLIN, "lead": {"seconds": 6_000 * 60}}, S2={**BERLIN, "lead": {"seconds": 4_000 * 60}})
    found = explained(front, "2027-11-24T10:00+01:00")
    longest_ms = ms("2026-11-24T10:00+01:00") + POLICY.ttl_ms_max
    assert ready(found)["S2"] < longest_ms < ready(found)["S1"]
    assert out(found) == {"S2": "", "S3": "", "S1": LATE}


def test_in_the_past_nothing_is_ready_and_a_repeat_is_answered_as_at_first(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    by = "2026-11-24T10:05+01:00"
    first = reserve(front, "k1", sourcing(by))
    assert [part.store_id for part in first.order.parts] == ["S3"]
    front.clock.move(600_000)
    assert reserve(front, "k1", sourcing(by)) == first
    refused = reserve(front, "k2", sourcing(by)).rejection
    assert refused.reason == error_pb2.REASON_NO_STORE_IN_REACH
    assert refused.message.endswith("cannot have it ready in time; ask for a later time")
    assert reserve(front, "k2", sourcing(by)).rejection == refused
    too_much = reserve(front, "k3", sourcing(by), 9).rejection
    assert too_much.message == "no shops in reach have what was asked for; widen the limits, or ask for less"
    assert set(out(explained(front, by)).values()) == {LATE}


def test_a_slot_has_to_be_offered_and_ready_and_free(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    put(front, S1=SLOTS, S2=SLOTS)
    free = "2026-11-24T12:00+01:00"
    assert out(explained(front, slot="2026-11-24T11:00+01:00")) == {"S1": LATE, "S2": LATE, "S3": "CLOSED"}
    assert out(explained(front, slot="2026-11-24T12:30+01:00")) == dict.fromkeys(("S1", "S2", "S3"), "CLOSED")
    assert out(explained(front, slot=free)) == {"S1": "", "S2": "", "S3": "CLOSED"}
    # A slot may be far off: its order waits for it.
    assert out(explained(front, slot="2027-04-06T12:00+02:00"))["S1"] == ""
    request = rs.ReserveRequest(
        idempotency_key="k1", customer_id="ann", channel="web", lines=[{"sku": "A", "quantity": 1}], sourcing=sourcing()
    )
    request.slot_start.FromMilliseconds(ms("2026-11-24T11:00+01:00"))
    assert "cannot have it ready in time" in front.accept("Reserve", request).rejection.message
    request.idempotency_key = "k2"
    request.slot_start.FromMilliseconds(ms(free))
    assert [part.store_id for part in front.accept("Reserve", request).order.parts] == ["S1"]
    assert out(explained(front, slot=free)) == {"S2": "", "S1": "NO_CAPACITY", "S3": "CLOSED"}


def test_new_hours_count_at_once(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    by = "2026-11-24T12:00+01:00"
    assert out(explained(front, by))["S1"] == ""
    put(front, S1={**BERLIN, "lead": {"seconds": 7_260}})
    assert out(explained(front, by))["S1"] == LATE
    front.clock.move(-60_000)
    assert out(explained(front, by))["S1"] == ""


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("most", [1, 2, 100])
def test_every_shop_is_counted_once(at: Open, most: int, explain: bool) -> None:
    front = at("2026-12-24T15:00+01:00")
    put(front, S4=CLOSED, S5=None, S6=None, S7=BERLIN)
    request = os_.FindStoresRequest(
        sourcing=sourcing("2026-12-26T15:00+01:00"),
        lines=[{"sku": "A", "quantity": 1}],
        channel="web",
        explain=explain,
        candidates_max=most,
    )
    found = front.accept("FindStores", request)
    told = [each for each in found.candidates if not each.exclusion]
    assert len(found.candidates) == (min(most, 7) if explain else min(most, 2))
    assert [(order_pb2.Exclusion.Name(row.exclusion), row.stores) for row in found.excluded] == [
        ("EXCLUSION_CLOSED", 1),
        ("EXCLUSION_NOT_READY_IN_TIME", 2),
        ("EXCLUSION_NO_STOCK", 2),
    ]
    assert len(told) + found.left_off + sum(row.stores for row in found.excluded) == 7


def test_what_shops_have_that_are_out_is_told_too(at: Open) -> None:
    front = at("2026-12-24T15:00+01:00")
    put(front, {"S2": 1.0}, S2=NEW_YORK)
    found = explained(front, "2026-12-26T15:00+01:00", kilometres_max=50.0)
    assert out(found) == {"S3": "", "S1": LATE, "S2": "TOO_FAR"}
    assert {each.store_id: each.available[0].quantity for each in found.candidates} == dict.fromkeys(out(found), 5)


def test_so_many_are_asked_and_the_others_are_left_off(at: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "QUESTION_S", WAIT_S)  # none is left out because the machine is slow
    front = at("2026-11-24T10:00+01:00")
    others = {f"T{number:03d}": None for number in range(ASKED_FIRST)}
    put(front, dict.fromkeys(others, 1.0), **others)
    found = explained(front)
    assert out(found) == {"S1": "", "S2": "", "S3": "", **dict.fromkeys(sorted(others)[:7], "NO_STOCK")}
    assert (found.left_off, [row.stores for row in found.excluded]) == (3, [ASKED_FIRST - 3])
    # Where that does not do, all are asked.
    front.receive("A", 9, "T511")
    (part,) = reserve(front, "k1", sourcing(), 9).order.parts
    assert part.store_id == "T511"


async def while_away(front: Front, method: str, request: Message) -> Answer:
    """Call while an actor hangs; time goes by."""
    asking = asyncio.ensure_future(front.asked(method, request, timeout_ms="4000"))

    async def is_over() -> bool:
        skip(0.05)
        return asking.done()

    await until_async(is_over, within_s=WAIT_S, what="an answer")
    return await asking


def test_a_shop_that_is_away_keeps_nobody_from_the_others(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")

    async def main() -> None:
        gate = front.actors.hold("store-S1")
        one = rs.ReserveRequest(
            idempotency_key="k1",
            customer_id="ann",
            channel="web",
            lines=[{"sku": "A", "quantity": 1}],
            sourcing=sourcing(),
        )
        order = (await while_away(front, "Reserve", one)).reply.order
        assert [part.store_id for part in order.parts] == ["S2"]
        find = os_.FindStoresRequest(sourcing=sourcing(), lines=one.lines, channel="web", explain=True)
        found = (await while_away(front, "FindStores", find)).reply
        assert (out(found), found.left_off) == ({"S2": "", "S3": ""}, 1)
        front.actors.calls.clear()
        for _ in range(3):  # nobody moves the clock: they do not wait for it, and one question to it is out
            assert (await front.asked("FindStores", find)).reply.left_off == 1
        asked = [actor for actor, method, _ in front.actors.calls if method == "stock"]
        assert asked.count("store-S1") <= 1
        assert asked.count("store-S2") == 3
        one.idempotency_key = "k2"
        one.lines[0].quantity = 11
        one.sourcing.policy = order_pb2.SOURCING_POLICY_SPLIT
        one.sourcing.stores_max = 3
        assert (await while_away(front, "Reserve", one)).code is grpc.StatusCode.UNAVAILABLE, (
            "what S1 has is not known to be none"
        )
        gate.set()

        async def is_back() -> bool:
            return not (await front.asked("FindStores", find)).reply.left_off

        await until_async(is_back, within_s=WAIT_S, what="the shop that is back")
        assert len((await front.asked("Reserve", one)).reply.order.parts) == 3

    front.run(main)


def test_what_a_stopped_shop_has_is_not_known_to_be_none(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    host = front.actors.store_actor("store-S1").host
    host._damaged["S1"] = JournalDamaged("S1", "seq 1", "by a test")
    del host._hosted["S1"]
    assert [part.store_id for part in reserve(front, "k1", sourcing(), 1).order.parts] == ["S2"]
    request = rs.ReserveRequest(
        idempotency_key="k2",
        customer_id="ann",
        channel="web",
        lines=[{"sku": "A", "quantity": 11}],
        sourcing=sourcing(),
    )
    assert front.ask("Reserve", request).code is grpc.StatusCode.DATA_LOSS


def test_a_shop_that_is_away_and_would_be_late_keeps_nobody_from_a_refusal(at: Open) -> None:
    front = at("2026-11-24T10:00+01:00")
    late = rs.ReserveRequest(
        idempotency_key="k1",
        customer_id="ann",
        channel="web",
        lines=[{"sku": "A", "quantity": 9}],
        sourcing=sourcing("2026-11-24T10:05+01:00"),
    )

    async def main() -> None:
        gate = front.actors.hold("store-S1")
        said = await while_away(front, "Reserve", late)
        gate.set()
        assert said.reply.rejection.reason == error_pb2.REASON_NO_STORE_IN_REACH

    front.run(main)


def test_a_refusal_names_those_beyond_the_limits_that_could_serve(at: Open) -> None:
    front = at("2026-12-24T15:00+01:00")
    put(front, {"S1": 1.0, "S2": 2.0, "S3": 0.5}, S1=BERLIN, S2=NEW_YORK, S3=None)
    refused = reserve(front, "k1", sourcing("2026-12-26T15:00+01:00", kilometres_max=10.0), 5).rejection
    assert [(near.store_id, near.has_everything) for near in refused.near_stores] == [("S3", True), ("S2", True)]
    assert [(row.asked, row.available) for row in refused.short_lines] == [(5, 0)]
