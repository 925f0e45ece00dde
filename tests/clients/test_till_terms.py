"""Until when a till sells and hands out what it was given: by a clock that nobody sets, over restarts too."""

import asyncio
from pathlib import Path

import pytest

from actors.runtime.clock import SystemClock
from holdfast.client import (
    Allotment,
    ChannelClient,
    HoldsCounted,
    NotFound,
    Rejection,
    ReleaseReason,
    Reservation,
    RetryPolicy,
    TillClient,
    Unavailable,
)
from holdfast.client.till_allotments import FASTER_AT_MOST, Term
from holdfast.client.till_journal import TillJournal
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving
from tests.clients.till_machine import HOUR_MS, MINUTE_MS, Machine

TTL_MS = 2 * HOUR_MS
S_NS = 1_000_000_000
EARLIER_MS = TTL_MS - int(TTL_MS * (1 - FASTER_AT_MOST))  # than in the shop


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"a": 10, "b": 10})
    return service


@pytest.fixture
def machine(service: Service, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(service, monkeypatch)


def till(target: str, folder: Path, retry: RetryPolicy = QUICK) -> TillClient:
    return TillClient(target, store_id="s1", till="t", journal_path=folder / "till", may_exceed=False, retry=retry)


async def take(client: TillClient, units: int = 4) -> Allotment:
    taken = await client.take_allotment([("a", units)], ttl_ms=2 * HOUR_MS)
    assert isinstance(taken, Allotment)
    return taken


async def given(web: ChannelClient, client: TillClient) -> Reservation:
    made = await web.reserve("s1", [("b", 1)], customer_id="c", channel="web", ttl_ms=4 * HOUR_MS)
    assert isinstance(made, Reservation)
    taken = await client.take_reservation(made.reservation_id, ttl_ms=2 * HOUR_MS)
    assert isinstance(taken, Reservation)
    return taken


async def allotted(web: ChannelClient) -> int:
    (found,) = await web.get_availability(["s1"], ["a"])
    return found.positions[0].allotted


@pytest.mark.parametrize("set_by_ms", [-10 * HOUR_MS, -50 * MINUTE_MS, 0, 10 * HOUR_MS])
def test_a_restart_and_a_wall_clock_that_is_set_change_no_end(
    service: Service, machine: Machine, tmp_path: Path, set_by_ms: int
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            async with till(target, tmp_path) as client:
                await take(client)
                held = await given(web, client)
            machine.passes(HOUR_MS)
            machine.wall_ms += set_by_ms
            async with till(target, tmp_path) as client:
                machine.passes(HOUR_MS - EARLIER_MS - 1)
                assert client.allotted("a") == 4
                machine.passes(1)
                assert client.allotted("a") == 0
                with pytest.raises(NotFound, match="its time is over"):
                    client.journal.hand_out(held.reservation_id, "p")

    asyncio.run(main())


def test_nothing_is_sold_of_it_once_the_machine_was_started_anew(
    service: Service, machine: Machine, tmp_path: Path
) -> None:
    """For how long it was off, nobody knows: its wall clock may have stood meanwhile."""

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            async with till(target, tmp_path) as client:
                await take(client)
                held = await given(web, client)
            machine.start_anew()
            async with till(target, tmp_path) as client:
                assert client.allotted("a") == 0
                with pytest.raises(NotFound, match="its time is over"):
                    client.journal.hand_out(held.reservation_id, "p")
                assert [each.lines[0].left for each in await client.return_allotments()] == [0]
                assert await allotted(web) == 0
                await take(client)
                assert client.allotted("a") == 4
                assert isinstance(await given(web, client), Reservation)

    asyncio.run(main())


@pytest.mark.parametrize("anew", [False, True])
def test_a_term_begins_when_it_was_asked_for_first_also_before_a_restart(
    service: Service, machine: Machine, tmp_path: Path, anew: bool
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            service.faults["AllotStock"].append(LoseAnswer())
            async with till(target, tmp_path, RetryPolicy(attempts_max=1)) as client:
                with pytest.raises(Unavailable):
                    await take(client)
            machine.passes(HOUR_MS)
            machine.wall_ms -= 50 * MINUTE_MS
            if anew:
                machine.start_anew()
            async with till(target, tmp_path) as client:
                await take(client)
                assert (client.allotted("a"), await allotted(web)) == (4, 4)
                machine.passes(HOUR_MS)
                assert client.allotted("a") == (4 if anew else 0)  # given back and taken anew, or the same
                machine.passes(HOUR_MS)
                assert client.allotted("a") == 0

    asyncio.run(main())


def test_units_of_a_conflict_are_sold_as_of_when_they_were_handed_out(
    service: Service, machine: Machine, tmp_path: Path
) -> None:
    """By the clock that nobody sets: a count from before knows nothing of them."""

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            async with till(target, tmp_path) as client:
                held = await given(web, client)
                await web.release(held.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
                await web.count_stock("s1", [("b", 10)], holds=HoldsCounted.INCLUDED)
                machine.passes(MINUTE_MS)
                client.journal.hand_out(held.reservation_id, "p")
            machine.wall_ms += HOUR_MS
            machine.passes(MINUTE_MS)
            async with till(target, tmp_path) as client:
                report = await client.flush()
                assert (len(report.conflicts), report.applied) == (1, 1)
            (found,) = await web.get_availability(["s1"], ["b"])
            assert found.positions[0].on_hand == 9

    asyncio.run(main())


def test_a_file_whose_terms_have_no_clock_is_read_and_they_are_over(
    service: Service, machine: Machine, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            async with till(target, tmp_path) as client:
                await take(client)
                first, second = await given(web, client), await given(web, client)
                client.journal.hand_out(first.reservation_id, "p")
            with TillJournal(tmp_path / "till") as journal, journal._writing() as database:  # as the third format was
                for table in ("allotted", "asked", "given", "hand_outs"):
                    for column in ("boot", "clock_s"):
                        database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
                for table in ("given", "hand_outs"):
                    database.execute(f"ALTER TABLE {table} DROP COLUMN first_id")
                for column in ("recipient", "id_checked"):
                    database.execute(f"ALTER TABLE hand_outs DROP COLUMN {column}")
                for table in ("pickup_keys", "collects", "owner"):
                    database.execute(f"DROP TABLE {table}")
                database.execute("PRAGMA user_version = 3")
            async with till(target, tmp_path) as client:
                assert client.allotted("a") == 0
                with pytest.raises(NotFound, match="its time is over"):
                    client.journal.hand_out(second.reservation_id, "p")
                assert (await client.flush()).handed_out == 1
                assert len(await client.return_allotments()) == 1
                assert not isinstance(await client.take_allotment([("a", 10)], ttl_ms=HOUR_MS), Rejection)

    asyncio.run(main())


@pytest.mark.parametrize("set_by_s", [-3_600, 0, 300, 3_600, 86_400])
@pytest.mark.parametrize("hours", [1, 8])
def test_a_till_sells_nothing_of_what_has_ended_in_its_shop(set_by_s: int, hours: int) -> None:
    """The shop's machine has its wall clock set, and its ledger's time is drawn to it; the till's runs as before."""
    wall_ns, steady_ns = 1_800_000_000 * S_NS, 10**12
    clock = SystemClock(None, lambda: wall_ns, lambda: steady_ns, "b")
    clock.now_ms()
    wall_ns += set_by_s * S_NS
    ttl_ms = hours * HOUR_MS
    until_ms = clock.now_ms() + ttl_ms
    began_s = steady_ns / S_NS
    term = Term.beginning(0, began_s, ttl_ms)
    while clock.now_ms() < until_ms:
        wall_ns += 10 * S_NS
        steady_ns += 10 * S_NS
    assert term.taken_s is not None
    assert (term.until_ms - term.taken_ms) / 1_000 < steady_ns / S_NS - began_s
