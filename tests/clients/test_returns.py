"""Goods that come back by receipt, by a till and by `holdfast return`, against a service of this process."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.client import BlockingChannelClient, Reason, Rejection, Reservation, Status, TillClient
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving, serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 3, "b": 1})
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_till_takes_goods_back_once_whatever_it_hears(service: Service, tmp_path: Path) -> None:
    service.shop("s1", {"a": 3, "b": 1})

    async def main() -> None:
        async with (
            serving(service) as target,
            TillClient(target, store_id="s1", till="t1", journal_path=tmp_path / "till", retry=QUICK) as till,
        ):
            held = await till.channel_client.reserve("s1", [("a", 2), ("b", 1)], customer_id="ann", channel="web")
            assert isinstance(held, Reservation)
            mine = held.reservation_id
            assert isinstance(await till.collect(mine, payment_reference="p1"), Reservation)
            service.faults["ReturnReservation"].append(LoseAnswer())
            broken = [("a", 1)]
            back = await till.return_reservation(mine, refund_reference="r1", lines=broken, unsellable=broken)
            assert isinstance(back, Reservation)
            assert back == await till.return_reservation(mine, refund_reference="r1", lines=broken, unsellable=broken)
            assert [(line.sku, line.collected, line.returned) for line in back.lines] == [("a", 2, 1), ("b", 1, 0)]
            assert (back.status, back.refund_reference) == (Status.COLLECTED, "r1")
            [asked, *_] = service.asked("ReturnReservation")
            assert asked.till == "t1"
            rest = await till.return_reservation(mine, refund_reference="r2")
            assert isinstance(rest, Reservation)
            over = await till.return_reservation(mine, refund_reference="r3")
            assert isinstance(over, Rejection)
            assert over.reason is Reason.QUANTITY_EXCEEDS_COLLECTED
            there = {each.sku: each.on_hand for each in (await till.availability(["a", "b"])).positions}
            assert there == {"a": 2, "b": 1}

    asyncio.run(main())


def test_goods_come_back_by_command(run: Command) -> None:
    with BlockingChannelClient(run.target) as client:
        held = client.reserve("s1", [("a", 2)], customer_id="ann", channel="web")
        assert isinstance(held, Reservation)
    mine = held.reservation_id
    run("collect", mine, "--payment", "p1")
    back = run("return", mine, "--line", "a=1", "--unsellable", "a=1", "--refund", "r1")["reservation"]
    assert [(line["collected"], line["returned"]) for line in back["lines"]] == [(2, 1)]
    shown = run.words("show", mine)
    assert "r1" in shown
    assert "0 of 2 x a, 1 returned" in shown
    told = run.words("return", mine, "--line", "a=2", code=1)
    assert "QUANTITY_EXCEEDS_COLLECTED" in told
