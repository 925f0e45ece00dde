"""Which ids of callers are taken, and that they go with a batch to its actor, whatever version that speaks."""

import asyncio
from typing import Any

import pytest

from actors.rpc.frames import Request, TracedRequest
from actors.rpc.methods import rpc
from actors.telemetry.traces import CARRIED, ENTRIES_MAX, Trace, carrying, fields_for, trace_of
from serve.routing.batcher import IN_FLIGHT_MAX
from tests.runtime.loop_time import turns
from tests.runtime.rpc_served import Actor, connected, run, serving
from tests.runtime.test_batcher import Line, in_loop
from tests.runtime.test_rpc_client import Scripted, _async, listening, opened
from tests.waiting import until_async

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACES = (Trace("key-1", "request-1", PARENT), Trace("key-2", "request-2"))


def test_what_is_valid_is_taken_as_it_is() -> None:
    assert trace_of([("user-agent", "x"), ("x-request-id", "r-1.2:3"), ("traceparent", PARENT)]) == Trace(
        "", "r-1.2:3", PARENT
    )
    assert trace_of([("x-request-id", "r" * 128)]) == Trace("", "r" * 128)
    assert trace_of([("user-agent", "x"), ("holdfast-timeout-ms", "5")]) is None
    assert Trace("", "r", PARENT).fields == {
        "request_id": "r",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parent_id": "00f067aa0ba902b7",
    }


@pytest.mark.parametrize("given", ["", "r" * 129, "two words", "line\nfeed", "ümlaut", b"bytes"])
def test_an_id_that_is_not_valid_is_replaced(given: Any) -> None:
    made, other = trace_of([("x-request-id", given)]), trace_of([("x-request-id", given)])
    assert made is not None
    assert other is not None
    assert trace_of(made.metadata) == made
    assert made.request_id not in {given, other.request_id}


@pytest.mark.parametrize(
    "given",
    [
        PARENT.upper(),
        PARENT + "-00",
        PARENT.replace("00-4b", "ff-4b"),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "",
        b"bytes",
    ],
)
def test_a_traceparent_that_is_not_valid_is_left_out(given: Any) -> None:
    found = trace_of([("traceparent", given)])
    assert found is not None
    assert found.traceparent == ""
    assert found.request_id


def test_a_line_is_of_the_request_whose_key_it_names() -> None:
    with carrying(TRACES):
        assert fields_for("key-2") == {"request_id": "request-2"}
        assert fields_for("key-3") == fields_for("") == {}
    with carrying((Trace("", "request-3"),)):
        assert fields_for("key-3") == fields_for("") == {"request_id": "request-3"}
    assert CARRIED.get() == ()


@pytest.mark.parametrize(("versions", "sent"), [((1,), Request), ((1, 2), TracedRequest)])
def test_ids_go_to_an_actor_that_knows_of_them(versions: tuple[int, ...], sent: type[Request]) -> None:
    async def main() -> None:
        script = Scripted(versions=versions)
        async with listening(script) as address:
            connection = await opened(address)
            connection.call("double", (1,))
            with carrying(TRACES):
                connection.call("double", (2,))
            await until_async(_async(lambda: len(script.heard) == 2), within_s=20, what="both requests")
            connection.abort()
        plain, traced = script.heard
        assert (type(plain), type(traced)) == (Request, sent)
        assert getattr(traced, "traces", TRACES) == TRACES

    run(main)


class Seeing(Actor):
    """Notes for which requests it steps, and is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Trace, ...]] = []

    def step_all(self, batches: list[tuple[bytes, int]], alone: bool = False) -> list[bytes | Exception]:
        self.seen.append(CARRIED.get())
        return super().step_all(batches, alone)

    @rpc
    def double(self, number: int, more: int = 0) -> int:
        """See Actor."""
        self.seen.append(CARRIED.get())
        return 2 * number + more


def test_an_actor_acts_for_the_requests_that_came_with_a_step_or_a_question_and_no_longer() -> None:
    async def main() -> None:
        with serving(Seeing) as server:
            connection = await connected(server)
            with carrying(TRACES):
                assert await connection.call("step", (b"batch",)) == b"batch"
                assert await connection.call("double", (2,)) == 4
            assert await connection.call("step", (b"other",)) == b"other"
            assert await connection.call("double", (2,)) == 4
            assert server.actor.seen == [TRACES, TRACES, (), ()]
            connection.abort()

    run(main)


@in_loop
async def test_a_batch_carries_each_calls_ids_by_its_keys(line: Line) -> None:
    """Not those of the call that had it sent, and of a large call those of its first entries."""
    sent: list[tuple[Trace, ...]] = []
    send = line.batcher._send

    async def noting(*args: Any) -> Any:
        sent.append(CARRIED.get())
        return await send(*args)

    line.batcher._send = noting
    with carrying((Trace("", "request-1", PARENT),)):
        out = await line.fill()
    with carrying((Trace("", "request-2"),)):
        out.append(line.ask("a", ENTRIES_MAX + 1))
    out.append(line.ask("b"))
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    for _ in range(IN_FLIGHT_MAX):
        line.land()
    await asyncio.gather(*out)
    assert sent == [
        *[(Trace("k", "request-1", PARENT),)] * IN_FLIGHT_MAX,
        (Trace("k", "request-2"),) * ENTRIES_MAX,
    ]


@in_loop
async def test_a_batch_of_calls_without_ids_has_none_although_one_with_ids_woke_it(line: Line) -> None:
    seen: list[tuple[Trace, ...]] = []
    send = line.batcher._send

    async def noting(*args: Any) -> Any:
        seen.append(CARRIED.get())
        return await send(*args)

    line.batcher._send = noting
    plain = line.ask("a")
    with carrying((Trace("", "request-1"),)):
        line.batcher._pump()
    await turns(3)
    line.land()
    await plain
    assert seen == [()]
