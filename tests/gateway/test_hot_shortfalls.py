"""A shortfall that is moved to another shop while its SKU is hot: the SKU's ledger holds the units there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast.v1 import error_pb2, shortfall_pb2, shortfall_service_pb2 as sf
from tests.gateway.front import Front
from tests.gateway.hot import demote, got, promote, tidy
from tests.gateway.test_shortfalls import HELD, MOVED, RELEASED, count, resolve, tasks
from tests.runtime.runtime_fixture import ManualClock

UNITS: Final = 5


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """A loser of one unit in S1, while all that is free of A in S2 is with the ledger of A."""
    with Front(tmp_path, ManualClock()) as front:
        front.receive("A", UNITS, "S1")
        front.receive("A", UNITS, "S2")
        front.reserve("ann")
        count(front, "c1", 0)
        promote(front, "A")
        yield front


def test_it_is_held_by_the_ledger_of_the_sku_once(front: Front) -> None:
    [lost] = tasks(front)
    moved = resolve(front, "m1", lost.task_id, MOVED, "S2").task
    assert moved.moved_to_reservation_id.startswith("hot/A:")
    assert got(front, moved.moved_to_reservation_id).status == HELD
    demote(front, "A")
    tidy(front)
    assert resolve(front, "m1", lost.task_id, MOVED, "S2").task == moved


def test_one_that_was_hot_is_held_in_the_shop(front: Front) -> None:
    [lost] = tasks(front)
    demote(front, "A")
    tidy(front)
    moved = resolve(front, "m1", lost.task_id, MOVED, "S2").task
    assert moved.moved_to_reservation_id.startswith("S2:")
    assert got(front, moved.moved_to_reservation_id).status == HELD


def test_what_is_sold_out_there_is_refused_by_the_shops_name(front: Front) -> None:
    for number in range(UNITS):
        front.reserve(f"other {number}", store_id="S2")
    [lost] = tasks(front)
    refused = resolve(front, "m1", lost.task_id, MOVED, "S2").rejection
    assert (refused.reason, refused.store_id) == (error_pb2.REASON_INSUFFICIENT_STOCK, "S2")
    assert tasks(front)[0].resolution == shortfall_pb2.SHORTFALL_RESOLUTION_UNSPECIFIED


def test_of_two_who_move_the_same_one_lets_go(front: Front) -> None:
    [lost] = tasks(front)

    async def both() -> list[Any]:
        of: dict[str, Any] = {"task_id": lost.task_id, "resolution": MOVED, "to_store_id": "S2"}
        asked = [sf.ResolveShortfallRequest(idempotency_key=key, **of) for key in ("m1", "m2")]
        return [each.reply for each in await asyncio.gather(*(front.asked("ResolveShortfall", each) for each in asked))]

    told = front.run(both)
    assert sum(each.HasField("task") for each in told) == 1
    held = [got(front, f"hot/A:{number}").status for number in (front.version("hot/A") - 2, front.version("hot/A") - 1)]
    assert sorted(held) == sorted([HELD, RELEASED])
