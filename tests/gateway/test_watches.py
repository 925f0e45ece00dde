"""WatchReservation: how a reservation stands, told as it moves in line, until it is served or over."""

import asyncio
from typing import Any

import grpc
import pytest

from holdfast.v1 import reservation_pb2, reservation_service_pb2 as rs
from serve.services import watches
from tests.gateway.front import UNITS, Front
from tests.gateway.streams import Stream
from tests.gateway.test_line import HELD, HOUR, QUEUED, asked
from tests.runtime.loop_time import turns

CODE = grpc.StatusCode


def watch_request(number: int, store_id: str = "S1") -> rs.WatchReservationRequest:
    return rs.WatchReservationRequest(reservation_id=f"{store_id}:{number}")


def release_request(key: str, number: int) -> rs.ReleaseReservationRequest:
    of: dict[str, Any] = {"reservation_id": f"S1:{number}", "reason": "RELEASE_REASON_CUSTOMER_CANCELLED"}
    return rs.ReleaseReservationRequest(idempotency_key=key, **of)


def told(replies: list[rs.WatchReservationResponse]) -> list[tuple[int, int]]:
    return [(reply.reservation.status, reply.reservation.queue_position) for reply in replies]


@pytest.fixture
def line(front: Front) -> Front:
    """Everything is held by ann, and bob, cy and dan wait."""
    for key, customer, quantity in (("k1", "ann", UNITS), ("k2", "bob", 2), ("k3", "cy", 1), ("k4", "dan", 1)):
        front.accept("Reserve", asked(key, customer, quantity, wait=HOUR))
    return front


def test_places_are_told_as_they_move_and_the_stream_ends_with_the_hold(line: Front) -> None:
    async def main() -> list[tuple[int, int]]:
        stream = Stream(line, "WatchReservation", watch_request(6))
        replies = [await stream.take()]
        await line.asked("ReleaseReservation", release_request("r1", 4))
        replies.append(await stream.take())
        await line.asked("ReleaseReservation", release_request("r2", 3))
        end = await stream.end()
        assert end.code is CODE.OK
        return told([*replies, *end.replies])

    assert line.run(main) == [(QUEUED, 3), (QUEUED, 2), (HELD, 0)]


def test_one_that_does_not_wait_is_told_once(line: Front) -> None:
    assert told(line.ask("WatchReservation", watch_request(3)).replies) == [(HELD, 0)]


def test_who_leaves_is_told_why(line: Front) -> None:
    line.accept("ReleaseReservation", release_request("r1", 4))
    (reply,) = line.ask("WatchReservation", watch_request(4)).replies
    assert reply.reservation.status == reservation_pb2.RESERVATION_STATUS_RELEASED


def test_many_watch_one_shop_and_it_is_asked_once(line: Front) -> None:
    async def main() -> list[tuple[int, int]]:
        streams = [Stream(line, "WatchReservation", watch_request(4 + number % 3)) for number in range(30)]
        before = len(line.actors.calls)
        replies = await asyncio.gather(*(stream.take() for stream in streams))
        questions = [call for call in line.actors.calls[before:] if call[1] == "reservations_of"]
        assert len(questions) == 1
        await asyncio.gather(*(stream.close() for stream in streams))
        return told(replies[:3])

    assert line.run(main) == [(QUEUED, 1), (QUEUED, 2), (QUEUED, 3)]


def test_what_is_not_there_is_not_found(front: Front) -> None:
    found = front.ask("WatchReservation", watch_request(99))
    assert (found.code, found.reason) == (CODE.NOT_FOUND, "RESERVATION_NOT_FOUND")
    assert front.ask("WatchReservation", watch_request(1, "S9")).code is CODE.NOT_FOUND
    spoiled = front.ask("WatchReservation", rs.WatchReservationRequest(reservation_id="S1"))
    assert (spoiled.code, spoiled.fields) == (CODE.INVALID_ARGUMENT, ["reservation_id"])


def test_a_gateway_watches_so_many_and_no_more(line: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "WATCHES_MAX", 1)

    async def main() -> None:
        first = Stream(line, "WatchReservation", watch_request(4))
        await first.take()
        refused = await line.asked("WatchReservation", watch_request(5))
        assert (refused.code, refused.reason) == (CODE.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
        await first.close()
        await turns()
        second = Stream(line, "WatchReservation", watch_request(5))
        assert told([await second.take()]) == [(QUEUED, 2)]
        await second.close()

    line.run(main)


def test_a_gateway_that_drains_ends_its_streams(line: Front) -> None:
    async def main() -> None:
        stream = Stream(line, "WatchReservation", watch_request(4))
        await stream.take()
        await line.gateway.drain()
        end = await stream.end()
        assert (end.code, end.reason) == (CODE.UNAVAILABLE, "GATEWAY_DRAINING")

    line.run(main)
