"""The ledger of a hot SKU whose clock is far from that of its shops, as it was made after a start under another wall
clock: its holds are taken up in their shops for as long as they were given.
"""

from pathlib import Path
from typing import Any

import pytest

from actors.protocol.formats import FIRST, Writing
from actors.protocol.placement import ActorKind, kind_of
from actors.shop.hot.units import MoveOut
from holdfast.v1 import error_pb2, reservation_pb2
from serve.routing.attempts import soon
from serve.wire.fields import instant_ms
from tests.gateway.front import Front
from tests.gateway.hot import again, confirm, first, got, promote
from tests.runtime.actors_here import ActorsHere
from tests.runtime.runtime_fixture import ManualClock

HOUR_MS = 3_600_000
TTL_S = 900


def with_clock(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors of hot SKUs go by this clock."""
    make = ActorsHere._make

    def made(actors: ActorsHere, actor: str) -> Any:
        kept = actors._clock
        if kind_of(actor) is ActorKind.HOT:
            actors._clock = clock
        try:
            return make(actors, actor)
        finally:
            actors._clock = kept

    monkeypatch.setattr(ActorsHere, "_make", made)


def held_for_a_while(front: Front) -> str:
    request = again(first("k"))
    request.ttl.FromSeconds(TTL_S)
    held: str = front.accept("Reserve", request).reservation.reservation_id
    return held


async def left(front: Front, number: int) -> Any:
    """A gateway has ended before the shop has heard."""
    return await front.gateway._router.send(("hot/H", MoveOut(number)), soon(), promise=True)


async def moved_in(front: Front, number: int) -> Any:
    return await front.gateway._reconciler._hot.move("hot/H", number, soon())


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, HOUR_MS])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_hold_is_confirmed_within_its_time(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, ahead_ms: int, *, is_late: bool
) -> None:
    """Also where a reconciler finishes the move."""
    theirs = ManualClock(clock.at_ms + ahead_ms)
    with_clock(theirs, monkeypatch)
    with Front(tmp_path, clock) as front:
        front.receive("H", 5)
        promote(front)
        held = held_for_a_while(front)
        for each in (clock, theirs):
            each.move(5_000)
        if is_late:
            number = int(held.partition(":")[2])
            front.run(lambda: left(front, number))
            for each in (clock, theirs):
                each.move(5_000)
            front.run(front.gateway._reconciler.collect_reports)
        assert confirm(front, held).reservation.status == reservation_pb2.RESERVATION_STATUS_CONFIRMED


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, HOUR_MS])
def test_a_hold_that_has_moved_ends_with_what_was_left_of_it(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, ahead_ms: int
) -> None:
    theirs = ManualClock(clock.at_ms + ahead_ms)
    with_clock(theirs, monkeypatch)
    with Front(tmp_path, clock) as front:
        front.receive("H", 5)
        promote(front)
        held = held_for_a_while(front)
        for each in (clock, theirs):
            each.move(5_000)
        number = int(held.partition(":")[2])
        front.run(lambda: moved_in(front, number))
        moved = got(front, held)
        assert moved.reservation_id.startswith("S1:")
        assert instant_ms(moved.expires_at) - clock.at_ms == TTL_S * 1_000 - 5_000
        clock.move(TTL_S * 1_000 - 5_000)
        assert confirm(front, held).rejection.reason == error_pb2.REASON_RESERVATION_EXPIRED


def test_a_service_of_the_first_format_moves_holds_as_it_did(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_clock(ManualClock(clock.at_ms - HOUR_MS), monkeypatch)
    with Front(tmp_path, clock, writing=Writing(FIRST)) as front:
        front.receive("H", 5)
        promote(front)
        held = held_for_a_while(front)
        assert confirm(front, held).rejection.reason == error_pb2.REASON_RESERVATION_EXPIRED
