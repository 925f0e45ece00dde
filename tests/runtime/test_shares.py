"""Who gets into an actor's queue while one SKU or one channel floods it. What is counted is who got in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from actors.orders.commands import RequestGrant
from actors.protocol.messages import Answer, Entry, Held, Shed
from actors.shop.commands import Claim, Grant, Reserve
from serve.routing.batcher import CALLS_MAX, INSIDE_MAX, QUEUE_AGE_S_MAX, QUEUED_ENTRIES_MAX, Overloaded
from serve.routing.shares import ENTRIES_MIN, SHARES_FROM, Shares
from tests.runtime.loop_time import StandingLoop, run, skip, turns
from tests.runtime.test_batcher import FAR_S, Line

BATCH: Final = 1_024


def in_loop(test: Callable[[Line], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in a loop whose time stands, as the age of a queue counts."""

    def whole() -> None:
        async def main() -> None:
            await test(Line())

        run(main, StandingLoop)

    return whole


def entry(sku: str, channel: str = "web", number: int = 0) -> Entry:
    return f"S1-{number}", Reserve("k", "ann", channel, "", ((sku, 1),), 0)


def ask(line: Line, *entries: Entry, each: bool = False) -> "asyncio.Future[list[Answer]]":
    return line.batcher.submit(entries, asyncio.get_running_loop().time() + FAR_S, promise=False, each=each)


def got_in(line: Line, count: int, *entries: Entry, each: bool = False) -> int:
    """How many of so many calls are taken."""
    taken = 0
    for _ in range(count):
        try:
            ask(line, *entries, each=each)
        except Overloaded:
            continue
        taken += 1
    return taken


def waiting(line: Line) -> dict[str, int]:
    """How many entries of each SKU wait."""
    skus: dict[str, int] = {}
    for call in line.batcher._fresh:
        for _, command in call.entries:
            assert isinstance(command, Reserve)
            skus[command.lines[0][0]] = skus.get(command.lines[0][0], 0) + 1
    return skus


@in_loop
async def test_a_flood_of_calls_for_one_sku_leaves_the_others_their_room(line: Line) -> None:
    await line.fill()
    assert got_in(line, 2 * CALLS_MAX, entry("hot")) == pytest.approx(CALLS_MAX / 3, rel=0.01)
    assert [got_in(line, 1, entry(f"calm {number}")) for number in range(300)] == [1] * 300
    assert got_in(line, 100, entry("hot")) == 0


@in_loop
async def test_a_flood_of_batches_is_taken_in_part_and_the_rest_is_told(line: Line) -> None:
    await line.fill()
    flood = [entry("hot", number=number) for number in range(BATCH - 1)]
    for number in range(2 * QUEUED_ENTRIES_MAX // BATCH):
        got_in(line, 1, *flood[:500], entry(f"calm {number}"), *flood[500:], each=True)
    found = waiting(line)
    assert found.pop("hot") == pytest.approx(QUEUED_ENTRIES_MAX / 3, rel=0.07)  # of each with its whole weight
    assert list(found.values()) == [1] * (2 * QUEUED_ENTRIES_MAX // BATCH), "each batch had one of another SKU"


@in_loop
async def test_the_answers_of_a_batch_taken_in_part_are_in_its_sequence(line: Line) -> None:
    out = await line.fill()
    line.calls_inside = INSIDE_MAX
    got_in(line, ENTRIES_MIN, entry("hot"))
    answers = ask(line, entry("hot"), entry("calm", number=7), entry("hot"), entry("calm", number=8), each=True)
    while line.batcher._flying:
        line.land()
        await turns()
        skip(0.1)
        await turns()
    assert await answers == [Shed(), Held(7, 0, 0), Shed(), Held(8, 0, 0)]
    await asyncio.gather(*out)


@in_loop
async def test_a_call_that_is_decided_as_a_whole_is_refused_as_one(line: Line) -> None:
    await line.fill()
    line.calls_inside = INSIDE_MAX
    got_in(line, ENTRIES_MIN, entry("hot"))
    with pytest.raises(Overloaded):
        ask(line, entry("calm"), entry("hot"))
    assert "calm" not in waiting(line)
    assert got_in(line, ENTRIES_MIN, entry("calm")) == ENTRIES_MIN, "of what was refused nothing is counted"


@in_loop
async def test_skus_in_great_demand_get_as_much_as_each_other(line: Line) -> None:
    await line.fill()
    for _ in range(CALLS_MAX):
        for number in range(3):
            got_in(line, 1, entry(f"hot {number}"))
    assert waiting(line) == pytest.approx({f"hot {number}": CALLS_MAX / 5 for number in range(3)}, rel=0.02)


@in_loop
async def test_a_flood_of_one_channel_over_many_skus_leaves_the_others_their_room(line: Line) -> None:
    await line.fill()
    taken = sum(got_in(line, 1, entry(f"sku {number}", "bot")) for number in range(2 * CALLS_MAX))
    assert taken == pytest.approx(2 * CALLS_MAX / 3, rel=0.01)
    assert [got_in(line, 1, entry(f"sku {number}", "web")) for number in range(200)] == [1] * 200


@in_loop
async def test_a_sku_does_not_take_the_room_of_its_channels_others_whatever_it_names_as_channel(line: Line) -> None:
    await line.fill()
    taken = sum(got_in(line, 1, entry("hot", f"channel {number}")) for number in range(2 * CALLS_MAX))
    assert taken == pytest.approx(CALLS_MAX / 3, rel=0.01)
    assert [got_in(line, 1, entry(f"calm {number}", "channel 1")) for number in range(200)] == [1] * 200


@in_loop
async def test_a_queue_that_gets_old_refuses_the_flood_first(line: Line) -> None:
    await line.fill()
    got_in(line, CALLS_MAX // 5, entry("hot"))
    skip(QUEUE_AGE_S_MAX / 2)
    assert got_in(line, 1, entry("hot")) == 0
    assert got_in(line, ENTRIES_MIN, entry("calm")) == ENTRIES_MIN
    skip(QUEUE_AGE_S_MAX)
    assert got_in(line, 1, entry("calm")) == 0


@in_loop
async def test_a_flood_that_takes_the_gateways_places_is_refused_at_each_actor(line: Line) -> None:
    await line.fill()
    got_in(line, ENTRIES_MIN, entry("hot"))
    line.calls_inside = INSIDE_MAX // 2
    assert got_in(line, 2, entry("hot")) == 0
    assert got_in(line, ENTRIES_MIN, entry("calm")) == ENTRIES_MIN


@in_loop
async def test_where_little_waits_nothing_is_counted_and_nobody_is_refused(line: Line) -> None:
    out = await line.fill()
    assert got_in(line, int(SHARES_FROM * CALLS_MAX) - len(out), entry("hot")) == int(SHARES_FROM * CALLS_MAX) - len(
        out
    )
    assert line.batcher._shares is None


@in_loop
async def test_what_is_over_is_counted_no_more_and_at_last_nothing(line: Line) -> None:
    await line.fill()
    got_in(line, CALLS_MAX, entry("hot"))
    shares = line.batcher._shares
    assert shares is not None
    while line.batcher._flying:
        line.land()
        await turns()
        skip(0.1)
        await turns()
    assert not shares._skus
    assert not shares._channels
    assert shares._total == 0
    ask(line, entry("hot"))
    assert line.batcher._shares is None


@in_loop
async def test_steps_of_promises_have_a_queue_of_their_own(line: Line) -> None:
    await line.fill()
    got_in(line, 2 * CALLS_MAX, entry("hot"))
    line.ask("step", promise=True)


def test_what_other_ledgers_may_have_done_something_for_is_counted_and_not_refused() -> None:
    shares = Shares()
    granted = Reserve("k", "ann", "web", "", (("hot", 1),), 0, grant=Grant(1, 1, 0, ("hot",)))
    claim = Claim("c", "0001/1", "ann", "web", (("hot", 1),), 0)
    grant = RequestGrant("ann", "web", "S1", "k", "", (("hot", 1),), (("hot", 1),))
    begun: list[Entry] = [("S1", granted), ("S1", claim), ("customers/0001", grant)] * ENTRIES_MIN
    assert len(shares.admit(begun, 0.99)) == len(begun)
    assert shares.admit([entry("hot")], 0.99) == []
