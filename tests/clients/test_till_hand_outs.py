"""What a till has handed out while it was cut off is said, each by itself: none keeps another from being said."""

import asyncio
from pathlib import Path

import grpc
import pytest

from holdfast.client import (
    AdjustmentKind,
    ChannelClient,
    Conflict,
    FlushReport,
    HoldfastError,
    HoldsCounted,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    Rejection,
    ReleaseReason,
    Reservation,
    Status,
    TillClient,
)
from holdfast.client.till_allotments import Given, HandOut, Term
from holdfast.client.till_journal import TillJournal
from tests.clients.faults import CODE, LoseAnswer, Refuse
from tests.clients.service import VIENNA, Service
from tests.clients.serving import QUICK, serving

HOUR_MS = 3_600_000


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"a": 10, "b": 10}, latitude=VIENNA.latitude, longitude=VIENNA.longitude)
    return service


def till(target: str, folder: Path) -> TillClient:
    return TillClient(target, store_id="s1", till="till-1", journal_path=folder / "till", retry=QUICK)


async def held(web: ChannelClient, client: TillClient, sku: str, units: int = 1) -> Reservation:
    """A reservation that was given to the till."""
    made = await web.reserve("s1", [(sku, units)], customer_id="c", channel="web", ttl_ms=2 * HOUR_MS)
    assert isinstance(made, Reservation)
    return await given(client, made.reservation_id)


async def given(client: TillClient, reservation_id: str) -> Reservation:
    taken = await client.take_reservation(reservation_id, ttl_ms=HOUR_MS)
    assert isinstance(taken, Reservation)
    return taken


async def book(web: ChannelClient) -> dict[str, tuple[int, int]]:
    """On hand and reserved, by SKU."""
    (found,) = await web.get_availability(["s1"], ["a", "b"])
    return {each.sku: (each.on_hand, each.reserved) for each in found.positions}


async def states(web: ChannelClient, *reservations: Reservation) -> list[Status]:
    return [(await web.get_reservation(each.reservation_id)).status for each in reservations]


async def back_for_a_moment(client: TillClient) -> FlushReport:
    """The first flush that says a hand-out; the time of one may be too short on a busy machine."""
    for _ in range(20):
        report = await client.flush(timeout_ms=100)
        if report.handed_out:
            break
    return report


@pytest.mark.parametrize("reference", ["", "x" * 129, "a\n", "a\udcff"])
def test_a_reference_that_the_service_would_refuse_for_ever_is_not_recorded(tmp_path: Path, reference: str) -> None:
    with TillJournal(tmp_path / "till") as journal:
        journal.allotments.given["s1:2"] = Given("s1:2", Term.beginning(0, 0.0, 10**15), (("a", 1),))
        with pytest.raises(InvalidArgument, match="payment_reference: must"):
            journal.hand_out("s1:2", reference)
        assert journal.allotments.hand_outs == []
        journal.hand_out("s1:2", "x" * 128)


def test_one_that_the_service_takes_for_wrong_is_a_named_conflict_and_keeps_none_behind_it(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            kept = [await held(web, client, "a") for _ in range(3)]
            journal = client.journal
            with journal._writing() as database:  # as a till before this one recorded it
                lines = tuple((line.sku, line.held) for line in kept[0].lines)
                wrong = HandOut(1, kept[0].reservation_id, "x" * 144, lines, 1)
                journal.allotments.write_hand_out(database, wrong)
            journal.allotments.hand_outs.append(wrong)
            for each in kept[1:]:
                journal.hand_out(each.reservation_id, "p")
            report = await client.flush()
            assert (report.handed_out, report.applied, report.unsent, report.why) == (2, 1, 0, "")
            (conflict,) = report.conflicts
            assert (conflict.reservation_id, conflict.payment_reference) == (kept[0].reservation_id, "x" * 144)
            assert conflict.rejection is None
            assert "payment_reference" in conflict.why
            assert await states(web, *kept) == [Status.HELD, Status.COLLECTED, Status.COLLECTED]
            assert (await book(web))["a"] == (7, 1)
            await client.count([("a", 7)], holds=HoldsCounted.INCLUDED)

    asyncio.run(main())


def test_a_part_that_waits_for_its_orders_ledger_keeps_no_other_from_being_said(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            order = await web.reserve_near(
                [("a", 1)], place=VIENNA, customer_id="ann", channel="web", ttl_ms=2 * HOUR_MS
            )
            await service.settle()
            part = await given(client, order.parts[0].reservation_id)  # type: ignore[union-attr]
            plain = await held(web, client, "b")
            for each in (part, plain):
                client.journal.hand_out(each.reservation_id, "p")
            ledger = service.actors.hold("customers-0000-of-0001")
            service.clock.move(2 * HOUR_MS - 1)  # the order's own time is over, so only its ledger may say what holds
            report = await back_for_a_moment(client)
            assert (report.handed_out, report.conflicts) == (1, ())
            assert report.why
            assert await states(web, plain) == [Status.COLLECTED]
            ledger.set()
            await client.flush()
            assert client.journal.allotments.hand_outs == []
            assert await book(web) == {"a": (9, 0), "b": (9, 0)}

    asyncio.run(main())


def test_a_movement_that_cannot_be_sent_keeps_no_hand_out_from_being_said(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            kept = await held(web, client, "a")
            await client.record(AdjustmentKind.SALE, [("b", -1)])
            client.journal.hand_out(kept.reservation_id, "p")
            service.faults["AdjustStock"].extend([Refuse(CODE.UNAVAILABLE)] * 1_000)
            report = await back_for_a_moment(client)
            assert (report.handed_out, report.unsent) == (1, 1)
            service.faults["AdjustStock"].clear()
            assert (await client.flush()).applied == 1

    asyncio.run(main())


def test_a_conflict_is_told_by_the_next_report_where_its_own_call_has_none(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            kept = await held(web, client, "a")
            await web.release(kept.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
            assert await client.hand_out(kept.reservation_id, payment_reference="p")
            assert [each.reservation_id for each in (await client.flush()).conflicts] == [kept.reservation_id]
            assert (await client.flush()).conflicts == ()

    asyncio.run(main())


@pytest.mark.parametrize("restarted", [False, True])
def test_a_customer_of_a_hot_sku_gets_it_by_the_id_that_he_has(
    service: Service, tmp_path: Path, restarted: bool
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            await web.promote_sku("a")
            await service.gateway._keeper.turn()
            made = await web.reserve("s1", [("a", 1)], customer_id="c", channel="web", ttl_ms=2 * HOUR_MS)
            assert isinstance(made, Reservation)
            assert made.reservation_id.startswith("hot/a:")
            async with till(target, tmp_path) as client:
                taken = await given(client, made.reservation_id)
                assert taken.reservation_id.startswith("s1:")
                if not restarted:
                    client.journal.hand_out(made.reservation_id, "p")
                else:
                    await given(client, taken.reservation_id)  # once more, by the other id
            with TillJournal(tmp_path / "till") as journal:
                handed_out = journal.hand_out(made.reservation_id, "p")
                assert journal.hand_out(taken.reservation_id, "p") == handed_out
                assert journal.allotments.hand_outs == [handed_out]
            async with till(target, tmp_path) as client:
                assert (await client.flush()).handed_out == 1
                assert await states(web, made, taken) == [Status.COLLECTED, Status.COLLECTED]

    asyncio.run(main())


def test_what_was_handed_out_and_is_unsaid_is_not_handed_out_again_though_it_was_taken_again(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            kept = await held(web, client, "a")
            made = client.journal.hand_out(kept.reservation_id, "p")
            await given(client, kept.reservation_id)
            assert client.journal.hand_out(kept.reservation_id, "p") == made
            with pytest.raises(Conflict, match="with the payment p"):
                client.journal.hand_out(kept.reservation_id, "another")
            report = await client.flush()
            assert (report.handed_out, report.conflicts) == (1, ())

    asyncio.run(main())


def test_what_was_collected_over_the_network_is_not_handed_out_again(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            async with till(target, tmp_path) as client:
                whole, part = await held(web, client, "a", 2), await held(web, client, "b", 3)
                await client.collect(whole.reservation_id, payment_reference="p1")
                await client.collect(part.reservation_id, payment_reference="p1", lines=[("b", 1)])
            async with till("127.0.0.1:9", tmp_path) as client:
                with pytest.raises(NotFound):
                    await client.hand_out(whole.reservation_id, payment_reference="p2", timeout_ms=50)
                assert not await client.hand_out(part.reservation_id, payment_reference="p2", timeout_ms=50)
            async with till(target, tmp_path) as client:
                report = await client.flush()
                assert (report.handed_out, report.conflicts) == (1, ())
                again = await client.collect(whole.reservation_id, payment_reference="p1")
                assert isinstance(again, Reservation), "the first answer"
            assert await book(web) == {"a": (8, 0), "b": (7, 0)}

    asyncio.run(main())


def test_what_nobody_knows_to_be_collected_is_handed_out_by_the_same_payment_alone(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            mine = await held(web, client, "a", 2)
            faults = service.faults["CollectReservation"]
            faults.append(LoseAnswer())
            faults.extend(Refuse(CODE.UNAVAILABLE) for _ in range(500))
            with pytest.raises(OutcomeUnknown):
                await client.collect(mine.reservation_id, payment_reference="p1", timeout_ms=100)
            with pytest.raises(Conflict, match="was to be collected with the payment p1"):
                await client.hand_out(mine.reservation_id, payment_reference="p2", timeout_ms=50)
            assert not await client.hand_out(mine.reservation_id, payment_reference="p1", timeout_ms=50)
            with pytest.raises(Conflict, match="has handed it out"):
                await client.collect(mine.reservation_id, payment_reference="p2", timeout_ms=50)
            faults.clear()
            report = await client.flush()
            assert (report.handed_out, report.conflicts, report.applied) == (1, (), 0)
            assert (await book(web))["a"] == (8, 0)
            assert not [each for each in client.journal.allotments.collects if not each.is_answered]

    asyncio.run(main())


@pytest.mark.parametrize("code", [CODE.UNAUTHENTICATED, CODE.PERMISSION_DENIED, CODE.NOT_FOUND])
def test_a_refusal_of_the_last_attempt_says_nothing_of_the_one_before(
    service: Service, tmp_path: Path, code: grpc.StatusCode
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            mine = await held(web, client, "a", 2)
            service.faults["CollectReservation"].extend([LoseAnswer(), Refuse(code)])
            with pytest.raises(HoldfastError):
                await client.collect(mine.reservation_id, payment_reference="p1")
            assert (await book(web))["a"] == (8, 0), "it was made"
            with pytest.raises(Conflict, match="was to be collected with the payment p1"):
                await client.hand_out(mine.reservation_id, payment_reference="p2", timeout_ms=50)

    asyncio.run(main())


def test_a_collection_that_was_certainly_not_made_keeps_nothing_from_being_handed_out(
    service: Service, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            mine = await held(web, client, "a", 2)
            with pytest.raises(InvalidArgument):
                await client.collect(mine.reservation_id, payment_reference="x" * 129)
            refused = await client.collect(mine.reservation_id, payment_reference="p1", lines=[("a", 3)])
            assert isinstance(refused, Rejection)
            assert await client.hand_out(mine.reservation_id, payment_reference="p2")
            assert (await book(web))["a"] == (8, 0)

    asyncio.run(main())
