"""Waiting in line through the clients: the answer, the places of a SKU, and the watch of one reservation."""

import pytest

from holdfast.client import (
    BlockingChannelClient,
    ChannelClient,
    NotFound,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    Status,
)
from tests.clients.command import Command
from tests.clients.faults import CODE, CutAfter
from tests.clients.service import Service
from tests.clients.serving import against, serving_in_thread


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"sku-1": 2})
    return service


async def wait(client: ChannelClient, customer: str, quantity: int = 1) -> Reservation:
    lines = [("sku-1", quantity)]
    found = await client.reserve("s1", lines, customer_id=customer, channel="web", wait_ms=3_600_000)
    assert isinstance(found, Reservation)
    return found


def test_a_place_in_line_is_a_reservation(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        assert (await wait(client, "ann", 2)).status is Status.HELD
        waiting = await wait(client, "bob")
        assert (waiting.status, waiting.queue_position, waiting.expected_at_ms) == (Status.QUEUED, 1, None)
        assert waiting.expires_at_ms - waiting.created_at_ms == 3_600_000
        second = await client.reserve("s1", [("sku-1", 1)], customer_id="bob", channel="web", wait_ms=1)
        assert isinstance(second, Rejection)
        assert (second.reason, second.reservation_id) == (Reason.IN_LINE_ALREADY, waiting.reservation_id)
        (found,) = await client.get_availability(["s1"], ["sku-1"])
        assert (found.positions[0].available, found.positions[0].kept) == (0, 0)

    against(service, use)


def test_a_watch_tells_places_until_the_hold_and_comes_back_by_itself(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        held, first, last = [await wait(client, customer, 2) for customer in ("ann", "bob", "cy")]
        service.faults["WatchReservation"].extend([CutAfter(1, CODE.UNAVAILABLE), CutAfter(0, CODE.UNAVAILABLE)])
        told: list[tuple[Status, int]] = []
        async for standing in client.watch_reservation(last.reservation_id):
            told.append((standing.status, standing.queue_position))
            leaving = {2: first, 1: held}.get(standing.queue_position)
            if leaving is not None:
                await client.release(leaving.reservation_id, reason=ReleaseReason.OTHER)
        assert told == [(Status.QUEUED, 2), (Status.QUEUED, 1), (Status.HELD, 0)]
        with pytest.raises(NotFound):
            await anext(client.watch_reservation("s1:99"))

    against(service, use)


def test_threads_watch_as_well(service: Service) -> None:
    with serving_in_thread(service) as target, BlockingChannelClient(target) as client:
        held = client.reserve("s1", [("sku-1", 1)], customer_id="ann", channel="web")
        assert isinstance(held, Reservation)
        (standing,) = client.watch_reservation(held.reservation_id)
        assert standing == held


def test_the_command_waits_shows_the_line_and_watches(service: Service) -> None:
    with serving_in_thread(service) as target:
        run = Command(service, target)
        held = run("reserve", "s1", "sku-1=2", "--customer", "ann")["reservation"]
        waiting = run("reserve", "s1", "sku-1", "--customer", "bob", "--wait", "1h")["reservation"]
        assert (waiting["status"], waiting["queue_position"]) == ("QUEUED", 1)
        run("reserve", "s1", "sku-1", "--customer", "cy", "--wait", "1h")
        line = run("line", "show", "s1", "sku-1")["line"]
        assert [(one["customer_id"], one["queue_position"]) for one in line] == [("bob", 1), ("cy", 2)]
        assert run("line", "show", "s1", "sku-9")["line"] == []
        assert "bob" in run.words("line", "show", "s1", "sku-1")
        run("release", waiting["reservation_id"], "--reason", "other")
        assert run("watch", "reservation", waiting["reservation_id"])["status"] == "RELEASED"
        assert "ann" in run.words("watch", "reservation", held["reservation_id"])
        assert (
            "near" in run("reserve", "a=1", "--near", "1,1", "--customer", "c", "--wait", "1h", code=2)["error"]["why"]
        )
