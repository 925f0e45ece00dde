"""What every way of reaching actors must do: the exam that `ActorsHere` and the one over Ray both sit."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from actors.core.chain import Store, part_from_packed
from actors.protocol.messages import (
    RULES_ARE_STALE,
    ActorGone,
    Actors,
    Held,
    LedgerStopped,
    pack_batch,
    unpack_answers,
)
from actors.protocol.placement import CHAIN_ACTOR
from tests.runtime.runtime_fixture import WAIT_S
from tests.shop.scenario_text import command_of
from tests.waiting import until_async

ACTOR = "store-S1"


class Candidate(NamedTuple):
    """The way itself, how to kill what it reaches, and how to damage a ledger before its actor is made."""

    actors: Actors
    kill: Callable[[str], Awaitable[None]]
    damage: Callable[[str, str], None]


def _step(key: str, text: str, revision: int = 0) -> bytes:
    return pack_batch(revision, [("S1", command_of(text, key))])


async def _first(actors: Actors, actor: str, method: str, *args: Any) -> Any:
    """The first answer of an actor, which may say ActorGone until it has started; these calls are safe to repeat."""
    found: list[Any] = []

    async def has_answered() -> bool:
        with suppress(ActorGone):
            found.append(await actors.call(actor, method, *args))
        return bool(found)

    await until_async(has_answered, within_s=3 * WAIT_S, what=f"the first answer of {actor}")
    return found[0]


async def sit(candidate: Candidate) -> None:
    """Raises AssertionError where it does not do as it must."""
    actors, kill, damage = candidate
    assert ACTOR not in await actors.names()
    await _first(actors, ACTOR, "step", _step("r1", "receive A 5"))
    assert ACTOR in await actors.names()

    # Bytes go in and come out as they were; what is asked for newer rules is not done.
    held = unpack_answers(await actors.call(ACTOR, "step", _step("k1", "reserve ann A 2")))
    assert [type(answer) for answer in held] == [Held]
    assert await actors.call(ACTOR, "step", _step("k2", "reserve ann A 2", 9)) == RULES_ARE_STALE

    # The chain's actor is of another kind, and made in the same way.
    document = await _first(actors, CHAIN_ACTOR, "put_stores", [Store("S1", "One", 1.0, 2.0, False)])
    assert [store.store_id for store in part_from_packed(document).put.stores] == ["S1"]
    assert await actors.call(CHAIN_ACTOR, "document", 1) is None

    # A killed actor may say ActorGone for a while; then it is back, with all that it had answered.
    epoch = (await actors.call(ACTOR, "status", "S1"))["epoch"]
    await kill(ACTOR)

    async def back() -> bool:
        try:
            status = await actors.call(ACTOR, "status", "S1")
        except ActorGone:
            return False
        return bool(status["epoch"] > epoch)

    await until_async(back, within_s=3 * WAIT_S, what="the actor")
    assert unpack_answers(await actors.call(ACTOR, "step", _step("k1", "reserve ann A 2"))) == held

    # A damaged ledger is said to be one, each time; whoever asks need not come again.
    damage("store-S2", "S2")
    for _ in range(2):
        with pytest.raises(LedgerStopped, match="ledger S2: the journal is damaged at seq 1"):
            await actors.call("store-S2", "status", "S2")
