"""Of a call whose entries are each for themselves, what is deferred is answered in its turn, and the others at once."""

import asyncio

import pytest

from actors.protocol.messages import Answer, Entry, Held
from actors.shop.commands import MarkReady
from serve.routing.attempts import gathered
from serve.routing.batcher import DeadlinePassed
from serve.routing.beside import Answered, hear_each
from serve.routing.queued import Rest
from tests.runtime.loop_time import skip, turns
from tests.runtime.test_batcher import TIME_S, Line, in_loop


def ask(line: Line, name: str, count: int, within_s: float = TIME_S) -> "asyncio.Future[list[Answer]]":
    """A call of so many entries, each for itself."""
    entries: list[Entry] = [(f"{name}-{number}", MarkReady("k", number)) for number in range(count)]
    return line.batcher.submit(entries, asyncio.get_running_loop().time() + within_s, promise=True, each=True)


async def heard(answers: "asyncio.Future[list[Answer]]", count: int) -> list[Answered]:
    """What is told of a call, each time."""
    told: list[Answered] = []

    async def hear(answered: Answered) -> None:
        told.append(answered)

    await hear_each({answers: list(range(count))}, hear)
    return told


@in_loop
async def test_the_others_are_answered_at_once_and_what_is_deferred_is_sent_again_alone(line: Line) -> None:
    line.deferred = {"a-1", "a-2"}
    asked = ask(line, "a", 4)
    telling = asyncio.ensure_future(heard(asked, 4))
    await line.sent_so_far(1)
    line.land()
    await asked
    await turns()
    line.deferred = {"a-2"}  # once more
    for batch in (["a-1", "a-2"], ["a-2"]):
        skip(1)
        await line.sent_so_far(len(line.sent) + 1)
        assert line.sent[-1] == batch
        line.land()
        await turns()
    assert await telling == [
        [([0, 3], [Held(0, 0, 0), Held(3, 0, 0)])],
        [([1], [Held(1, 0, 0)])],
        [([2], [Held(2, 0, 0)])],
    ]


@in_loop
async def test_who_waits_for_all_of_it_has_all_of_it(line: Line) -> None:
    line.deferred = {"a-0"}
    whole = asyncio.ensure_future(gathered([(ask(line, "a", 2), [0, 1])], 2))
    await line.sent_so_far(1)
    line.land()
    await turns()
    skip(1)
    await line.sent_so_far(2)
    line.land()
    assert await whole == [Held(0, 0, 0), Held(1, 0, 0)]


@in_loop
async def test_where_nothing_else_is_decided_the_whole_of_it_is_sent_again(line: Line) -> None:
    line.deferred, line.unsettled = {"a-0"}, {"a-1": ""}
    asked = ask(line, "a", 2)
    await line.sent_so_far(1)
    line.land()
    await turns()
    assert not asked.done()
    skip(1)
    await line.sent_so_far(2)
    assert line.sent[1] == ["a-0", "a-1"]
    line.land()
    assert await asked == [Held(0, 0, 0), Held(1, 0, 0)]


@in_loop
async def test_what_is_still_deferred_at_the_deadline_is_unknown_and_nothing_else_is(line: Line) -> None:
    line.deferred = {"a-1"}
    asked = ask(line, "a", 2)
    telling = asyncio.ensure_future(heard(asked, 2))
    await line.sent_so_far(1)
    line.land()
    assert [type(answer) for answer in await asked] == [Held, Rest]
    skip(TIME_S)
    first, (late,) = await telling
    assert first == [([0], [Held(0, 0, 0)])]
    assert late[0] == [1]
    assert isinstance(late[1], DeadlinePassed)


@in_loop
async def test_who_waits_no_longer_has_nothing_of_it_sent_again(line: Line) -> None:
    line.deferred = {"a-1"}
    asked = ask(line, "a", 2)
    telling = asyncio.ensure_future(heard(asked, 2))
    await line.sent_so_far(1)
    line.land()
    await asked
    await turns()
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    other = ask(line, "b", 1)
    skip(1)
    await line.sent_so_far(2)
    assert line.sent[1] == ["b-0"]
    line.land()
    assert await other == [Held(0, 0, 0)]
