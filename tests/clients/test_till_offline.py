"""A till that is cut off: it sells what it was given and hands out what was left to it, and settles once it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.client import (
    AdjustmentKind,
    Allotment,
    AllotmentStatus,
    BeyondAllotment,
    ChannelClient,
    Conflict,
    HoldsCounted,
    NotFound,
    Position,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    RetryPolicy,
    Status,
    StockChange,
    TillClient,
    TillJournalDamaged,
    Unavailable,
    till_rows,
)
from holdfast.client.till_journal import TillJournal
from tests.clients.faults import CODE, LoseAnswer, Refuse
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving

HOUR_MS = 3_600_000


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"a": 10, "b": 10})
    return service


def till(target: str, folder: Path, name: str = "till-1", *, may_exceed: bool = True) -> TillClient:
    return TillClient(target, store_id="s1", till=name, journal_path=folder / name, may_exceed=may_exceed, retry=QUICK)


class Line:
    """The network between a till and the service: cut and mended at will."""

    def __init__(self, service: Service) -> None:
        self.service, self.port = service, 0

    @asynccontextmanager
    async def up(self) -> AsyncIterator[str]:
        async with serving(self.service, self.port) as target:
            self.port = int(target.rpartition(":")[2])
            yield target


async def position(target: str, sku: str = "a") -> Position:
    async with ChannelClient(target) as client:
        (found,) = await client.get_availability(["s1"], [sku])
    return found.positions[0]


def test_a_till_cut_off_sells_what_it_was_given_and_nobody_else_does(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        line = Line(service)
        async with line.up() as target:
            client = till(target, tmp_path, may_exceed=False)
            taken = await client.take_allotment([("a", 4)], ttl_ms=HOUR_MS)
            assert isinstance(taken, Allotment)
        for _ in range(3):
            report = await client.sell([("a", 1)], timeout_ms=20)
            assert report.why
        with pytest.raises(BeyondAllotment, match="1 of a are left of its allotments, 2 were to be sold"):
            await client.sell([("a", 2)])
        assert client.allotted("a") == 1
        await client.close()

        async with line.up() as target, ChannelClient(target) as web, till(target, tmp_path) as again:
            refused = await web.reserve("s1", [("a", 7)], customer_id="c", channel="web")
            assert isinstance(refused, Rejection)
            assert (refused.reason, refused.available) == (Reason.INSUFFICIENT_STOCK, 6)
            assert isinstance(await web.reserve("s1", [("a", 6)], customer_id="c", channel="web"), Reservation)
            assert again.allotted("a") == 1
            report = await again.flush()
            assert (report.applied, report.unsent, report.shortfalls) == (3, 0, ())
            assert (await again.flush()).applied == 0
            (returned,) = await again.return_allotments()
            assert (returned.status, returned.lines[0].used) == (AllotmentStatus.RETURNED, 3)
            found = await position(target)
            assert (found.on_hand, found.reserved, found.allotted, found.available) == (7, 6, 0, 1)

    asyncio.run(main())


def test_beyond_its_allotment_it_sells_on_by_rule_and_the_shortfall_is_named(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        line = Line(service)
        async with line.up() as target, ChannelClient(target) as web:
            client = till(target, tmp_path)
            await client.take_allotment([("a", 2)], ttl_ms=HOUR_MS)
            await web.reserve("s1", [("a", 8)], customer_id="c", channel="web")
        report = await client.sell([("a", 3)], receipt="r1", timeout_ms=20)
        assert [(row.delta, bool(row.allotment_id)) for row in report.recorded] == [(-2, True), (-1, False)]
        again = await client.sell([("a", 3)], receipt="r1", timeout_ms=20)
        assert again.recorded == report.recorded
        await client.close()
        async with line.up() as target, till(target, tmp_path) as client:
            report = await client.flush()
            assert [(short.sku, short.quantity) for short in report.shortfalls] == [("a", 1)]
            found = await position(target)
            assert (found.on_hand, found.reserved, found.allotted) == (7, 7, 0)

    asyncio.run(main())


def test_a_till_that_never_comes_back_is_unknown_until_it_is_counted(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        line = Line(service)
        async with line.up() as target:
            client = till(target, tmp_path)
            await client.take_allotment([("a", 4)], ttl_ms=HOUR_MS)
        await client.sell([("a", 3)], timeout_ms=20)
        await client.close()
        async with line.up() as target, ChannelClient(target) as web:
            service.clock.move(HOUR_MS)
            found = await position(target)
            assert (found.on_hand, found.allotted, found.unknown, found.available) == (10, 4, 4, 6)
            counted = await web.count_stock("s1", [("a", 7)], holds=HoldsCounted.INCLUDED)
            assert isinstance(counted, StockChange)
            found = await position(target)
            assert (found.on_hand, found.allotted, found.unknown, found.available) == (7, 0, 0, 7)
            async with till(target, tmp_path) as late:
                report = await late.flush()
                assert (report.applied, report.settled_late) == (1, 1)
                assert await late.return_allotments() == ()
            assert (await position(target)).on_hand == 7

    asyncio.run(main())


def test_an_allotment_whose_answer_was_lost_is_the_same_when_asked_for_again(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        service.faults["AllotStock"].append(LoseAnswer())
        async with serving(service) as target:
            alone = RetryPolicy(attempts_max=1)
            client = TillClient(target, store_id="s1", till="t", journal_path=tmp_path / "t", retry=alone)
            with pytest.raises(Unavailable):
                await client.take_allotment([("a", 4)], ttl_ms=HOUR_MS)
            await client.close()
            async with till(target, tmp_path, "t") as again:
                first = await again.take_allotment([("a", 4)], ttl_ms=HOUR_MS)
                assert isinstance(first, Allotment)
                assert (await position(target)).allotted == 4
                second = await again.take_allotment([("a", 4)], ttl_ms=HOUR_MS)
                assert isinstance(second, Allotment)
                assert second.allotment_id != first.allotment_id
                assert isinstance(await again.take_allotment([("a", 4)], ttl_ms=HOUR_MS), Rejection)

    asyncio.run(main())


def test_what_was_asked_for_so_long_ago_that_it_is_over_is_asked_for_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(till_rows, "clock_s", lambda: 5.0)
    with TillJournal(tmp_path / "till") as journal:
        key, term = journal.ask("a 4", 1_000)
        assert journal.ask("a 4", 1_000) == (key, term)
        monkeypatch.setattr(till_rows, "clock_s", lambda: 6.0)
        again, later = journal.ask("a 4", 1_000)
        assert (again != key, later.taken_s) == (True, 6.0)


def test_a_count_never_overtakes_a_hand_out(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            held = await web.reserve("s1", [("a", 2)], customer_id="c", channel="web")
            assert isinstance(held, Reservation)
            await client.take_reservation(held.reservation_id, ttl_ms=HOUR_MS)
            service.faults["CollectReservation"].extend([Refuse(CODE.UNAVAILABLE)] * 100)
            assert not await client.hand_out(held.reservation_id, payment_reference="p1", timeout_ms=50)
            with pytest.raises(Unavailable, match="1 movements are unsent"):
                await client.count([("a", 8)], holds=HoldsCounted.INCLUDED, timeout_ms=50)
            service.faults["CollectReservation"].clear()
            await client.count([("a", 8)], holds=HoldsCounted.INCLUDED)
            assert (await position(target)).on_hand == 8

    asyncio.run(main())


def test_a_reservation_given_to_a_till_is_handed_out_there_alone_while_it_is_cut_off(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        line = Line(service)
        async with line.up() as target, ChannelClient(target) as web, till(target, tmp_path, "till-2") as other:
            held = await web.reserve("s1", [("a", 2)], customer_id="c", channel="web")
            assert isinstance(held, Reservation)
            client = till(target, tmp_path)
            given = await client.take_reservation(held.reservation_id, ttl_ms=HOUR_MS)
            assert isinstance(given, Reservation)
            assert given.till == "till-1"
            refused = await other.collect(held.reservation_id, payment_reference="p9")
            assert isinstance(refused, Rejection)
            assert refused.reason is Reason.GIVEN_TO_TILL
            with pytest.raises(NotFound):
                await other.hand_out(held.reservation_id, payment_reference="p9")
        assert not await client.hand_out(held.reservation_id, payment_reference="p1", timeout_ms=20)
        assert not await client.hand_out(held.reservation_id, payment_reference="p1", timeout_ms=20)
        with pytest.raises(Conflict):
            await client.hand_out(held.reservation_id, payment_reference="p2")
        await client.close()
        async with line.up() as target, till(target, tmp_path) as back:
            report = await back.flush()
            assert (report.handed_out, report.conflicts, report.applied) == (1, (), 0)
            assert (await back.flush()).handed_out == 0
            found = await back.pickup(held.reservation_id)
            assert (found.status, found.payment_reference) == (Status.COLLECTED, "p1")
            assert (await position(target)).on_hand == 8

    asyncio.run(main())


def test_one_that_was_released_meanwhile_is_a_named_conflict_and_its_units_are_sold(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        line = Line(service)
        async with line.up() as target, ChannelClient(target) as web:
            held = await web.reserve("s1", [("a", 2)], customer_id="c", channel="web")
            assert isinstance(held, Reservation)
            client = till(target, tmp_path)
            await client.take_reservation(held.reservation_id, ttl_ms=HOUR_MS)
        await client.hand_out(held.reservation_id, payment_reference="p1", timeout_ms=20)
        await client.close()
        async with line.up() as target, ChannelClient(target) as web, till(target, tmp_path) as back:
            await web.release(held.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
            report = await back.flush()
            (conflict,) = report.conflicts
            assert (conflict.reservation_id, conflict.payment_reference) == (held.reservation_id, "p1")
            assert conflict.rejection is not None
            assert conflict.rejection.reason is Reason.TRANSITION_NOT_ALLOWED
            assert (report.handed_out, report.applied, report.unsent) == (0, 1, 0)
            assert (await position(target)).on_hand == 8
            assert (await back.flush()).conflicts == ()

    asyncio.run(main())


def test_a_file_of_the_first_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with TillJournal(path) as journal:
        rows = journal.record([("a", -1)], AdjustmentKind.SALE)
        with journal._writing() as database:  # as it was before there were allotments
            for table in ("allotted", "asked", "given", "hand_outs", "pickup_keys", "collects", "owner"):
                database.execute(f"DROP TABLE {table}")
            for column in ("allotment", "boot", "clock_s"):
                database.execute(f"ALTER TABLE movements DROP COLUMN {column}")
            database.execute("ALTER TABLE receipts DROP COLUMN pieces")
            database.execute("PRAGMA user_version = 1")
    with TillJournal(path) as journal:
        assert [replace(row, age_ms=0) for row in journal.unsent] == list(rows)
        assert journal.allotments.taken == {}


def test_a_damaged_hand_out_stops_the_till(service: Service, tmp_path: Path) -> None:
    with TillJournal(tmp_path / "till") as journal, journal._writing() as database:
        database.execute("INSERT INTO hand_outs VALUES (1, 's1:2', 'p', '[]', 5, 7, '', NULL, '', '', 0)")
    with pytest.raises(TillJournalDamaged, match="hand-out"):
        TillJournal(tmp_path / "till")
