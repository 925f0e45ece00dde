"""Pickups by the clients and `holdfast pickup`, against a service of this process."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import (
    BlockingChannelClient,
    BlockingTillClient,
    ChannelClient,
    Conflict,
    Contact,
    CustomerSaid,
    HandOver,
    InvalidArgument,
    NotFound,
    PickupChangeKind,
    ReleaseReason,
    Reservation,
    Status,
    TillClient,
    read_pickup_code,
)
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving, serving_in_thread

HOUR_MS = 3_600_000


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 3})
    service.shop("s2")
    with serving_in_thread(service) as target:
        yield Command(service, target)


@pytest.fixture
def mine(run: Command) -> str:
    """The id of a reservation that is CONFIRMED."""
    with BlockingChannelClient(run.target) as client:
        held = client.reserve("s1", [("a", 1)], customer_id="ann", channel="web")
        assert isinstance(held, Reservation)
        confirmed = client.confirm(held.reservation_id)
        assert isinstance(confirmed, Reservation)
        return confirmed.reservation_id


def test_a_till_knows_a_good_code_by_the_public_keys_alone(run: Command, mine: str) -> None:
    with BlockingChannelClient(run.target) as client:
        code = client.get_pickup_code(mine)
        keys = {key.key_id: key.public_key for key in client.list_pickup_keys()}
        told = read_pickup_code(code.code, keys)
        assert (told.reservation_id, told.store_id, told.not_after_ms) == (mine, "s1", code.not_after_ms // 1000 * 1000)
        [found] = client.lookup_pickup("s1", code=code.code)
        assert (found.reservation_id, found.status) == (mine, Status.CONFIRMED)
        with pytest.raises(InvalidArgument) as refused:
            client.lookup_pickup("s2", code=code.code)
        assert (refused.value.reason, refused.value.metadata["store_id"]) == ("PICKUP_CODE_ELSEWHERE", "s1")
        fresh = client.rotate_pickup_key(code.key_id, revoke=True)
        with pytest.raises(InvalidArgument) as unknown:
            read_pickup_code(code.code, {fresh.key_id: fresh.public_key})
        assert unknown.value.reason == "PICKUP_CODE_REVOKED"
        with pytest.raises(Conflict):
            client.rotate_pickup_key(code.key_id)


def test_who_handed_over_is_told_as_it_was_given(run: Command, mine: str) -> None:
    given = HandOver("tablet-1", "r1", id_checked=True)
    with BlockingChannelClient(run.target) as client:
        collected = client.collect(mine, payment_reference="p", hand_over=given)
        assert isinstance(collected, Reservation)
        told = client.get_reservation(mine).hand_over
    assert isinstance(told, HandOver)
    assert told == collected.hand_over == HandOver("tablet-1", "r1", id_checked=True, at_ms=told.at_ms)


def test_codes_by_command(run: Command, mine: str) -> None:
    code = run("pickup", "code", mine)["pickup_code"]
    assert code["short_code"] in run.words("pickup", "code", mine)
    for shown in (code["code"], code["short_code"], code["short_code"].lower(), mine):
        assert [one["reservation_id"] for one in run("pickup", "lookup", "s1", shown)["reservations"]] == [mine]
    assert run("pickup", "lookup", "s2", code["code"], code=2)["error"]["kind"] == "InvalidArgument"
    assert run("pickup", "lookup", "s1", "0007/99", code=4)["error"]["kind"] == "NotFound"
    assert run("pickup", "code", "s1:99", code=4)["error"]["kind"] == "NotFound"


def test_who_shows_nothing_is_found_by_name_and_last_digits(run: Command, mine: str, tmp_path: Path) -> None:
    with BlockingChannelClient(run.target) as client:
        client.put_contact(Contact("ann", telephone="+4930123456", display_name="Ann Lee"))
        assert [each.reservation_id for each in client.lookup_pickup("s1", customer=CustomerSaid("lee", "3456"))] == [
            mine
        ]
    with BlockingTillClient(run.target, store_id="s1", till="t1", journal_path=tmp_path / "till") as counter:
        assert [each.reservation_id for each in counter.pickups_of("Ann Lee", "3456")] == [mine]
    by_name = run("pickup", "lookup", "s1", "--name", "Lee", "--digits", "3456")
    assert [each["reservation_id"] for each in by_name["reservations"]] == [mine]
    assert run("pickup", "lookup", "s1", "--name", "Lee", "--digits", "3457", code=4)["error"]["kind"] == "NotFound"
    assert run("pickup", "lookup", "s1", "--name", "Lee", code=2)["error"]["kind"] == "Usage"


def test_a_key_is_replaced_once_also_where_the_answer_is_lost(run: Command, mine: str) -> None:
    first = run("pickup", "code", mine)["pickup_code"]["key_id"]
    run.service.faults["RotatePickupKey"].append(LoseAnswer())
    second = run("pickup", "rotate")["key"]["key_id"]
    assert [key["key_id"] for key in run("pickup", "keys")["keys"]] == [first, second]
    third = run("pickup", "rotate", "--revoke")["key"]["key_id"]
    assert [key["key_id"] for key in run("pickup", "keys")["keys"]] == [third]


def till(target: str, folder: Path, store_id: str = "s1") -> TillClient:
    return TillClient(target, store_id=store_id, till="t1", journal_path=folder / f"till of {store_id}", retry=QUICK)


async def confirmed(web: ChannelClient) -> str:
    held = await web.reserve("s1", [("a", 1)], customer_id="ann", channel="web")
    assert isinstance(held, Reservation)
    return (await web.confirm(held.reservation_id)).reservation_id


def test_a_till_that_is_cut_off_hands_out_by_code_what_it_was_given_and_once(service: Service, tmp_path: Path) -> None:
    service.shop("s1", {"a": 3})
    service.shop("s2")

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web:
            mine, other = await confirmed(web), await confirmed(web)
            made = [await web.get_pickup_code(each) for each in (mine, other)]
            codes = [each.code for each in made]
            shown_ms = made[0].not_after_ms - HOUR_MS
            async with till(target, tmp_path) as client, till(target, tmp_path, "s2") as elsewhere:
                assert await client.read_pickup_keys() == await elsewhere.read_pickup_keys() == 1
                assert isinstance(await client.take_reservation(mine, ttl_ms=HOUR_MS), Reservation)
                [found] = await client.scanned(codes[0])
                assert (found.reservation_id, found.till) == (mine, "t1")
                with pytest.raises(InvalidArgument) as refused:
                    elsewhere.read_code(codes[0], at_ms=shown_ms)
                assert refused.value.reason == "PICKUP_CODE_ELSEWHERE"
            # The file is all there is from here on.
            async with till("127.0.0.1:9", tmp_path) as client:
                of: dict[str, Any] = {"payment_reference": "p", "recipient_id": "neighbour 7", "id_checked": True}
                assert not await client.hand_out_code(codes[0], **of, at_ms=shown_ms, timeout_ms=50)
                assert not await client.hand_out_code(codes[0], payment_reference="p", at_ms=shown_ms, timeout_ms=50), (
                    "a repeat"
                )
                with pytest.raises(Conflict, match="Hand nothing over"):
                    await client.hand_out_code(codes[0], payment_reference="another", at_ms=shown_ms, timeout_ms=50)
                with pytest.raises(NotFound, match="this till was not given it"):
                    await client.hand_out_code(codes[1], payment_reference="p", at_ms=shown_ms, timeout_ms=50)
            async with till(target, tmp_path) as client:
                assert (await client.flush()).handed_out == 1
            sold = await web.get_reservation(mine)
            assert sold.status is Status.COLLECTED
            assert sold.hand_over is not None
            assert replace(sold.hand_over, at_ms=None) == HandOver("t1", "neighbour 7", id_checked=True)

    asyncio.run(main())


def test_a_code_whose_time_is_over_is_refused_by_a_till_and_looked_up_by_the_service(
    service: Service, tmp_path: Path
) -> None:
    service.shop("s1", {"a": 3})

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            mine = await confirmed(web)
            code = await web.get_pickup_code(mine)
            await client.read_pickup_keys()
            until_ms = code.not_after_ms // 1_000 * 1_000
            assert client.read_code(code.code, at_ms=until_ms - 1).reservation_id == mine
            with pytest.raises(InvalidArgument) as refused:
                client.read_code(code.code, at_ms=until_ms)
            assert refused.value.reason == "PICKUP_CODE_OVER"
            [found] = await client.scanned(code.short_code)
            assert found.status is Status.CONFIRMED

    asyncio.run(main())


def test_a_till_hears_of_each_pickup_once_also_after_it_was_away(service: Service, tmp_path: Path) -> None:
    service.shop("s1", {"a": 3})

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as web, till(target, tmp_path) as client:
            first, second = await confirmed(web), await confirmed(web)
            await web.mark_ready(first)
            async with client.watch_pickups() as changes:
                ready = await anext(changes)
                seen = changes.cursors["s1"]
            assert (ready.kind, ready.reservation.reservation_id) == (PickupChangeKind.READY, first)
            await client.collect(first, payment_reference="p")
            await web.release(second, reason=ReleaseReason.CUSTOMER_CANCELLED)
            async with client.watch_pickups(after_version=seen) as changes:
                told = [await anext(changes), await anext(changes)]
            assert [(each.kind, each.reservation.reservation_id) for each in told] == [
                (PickupChangeKind.COLLECTED, first),
                (PickupChangeKind.WITHDRAWN, second),
            ]

    asyncio.run(main())


def test_changes_of_pickups_by_command(run: Command, mine: str) -> None:
    run("ready", mine)
    told = run("watch", "pickups", "s1", "--count", "1")
    assert (told["kind"], told["reservation"]["reservation_id"]) == ("READY", mine)
    assert f"READY      {mine}" in run.words("watch", "pickups", "s1", "--count", "1")
