"""The actor of hot SKUs without Ray: what it holds and what is on its way outlives it, and its questions tell both."""

from copy import copy
from typing import Any

import pytest

from actors import hot_sku_actor
from actors.core.chain import ChainPart, StoresPut
from actors.core.message import to_json
from actors.core.packed import Packed, hash_of
from actors.core.policy import HotSku, Policy
from actors.hot_sku_actor import MOVING_MAX, HotSkuActor
from actors.journal.port import JournalError
from actors.protocol.messages import Held, Refusal, pack_batch, unpack_answers
from actors.shop.commands import Reserve
from actors.shop.hot import HotTotals, MoveOut, NoteMoved, ReceiveUnits
from actors.shop.hot_keys import HEAD_BYTES, numbers_of
from actors.shop.state import Reservation
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import ManualClock

HOT = "hot/A"
OPEN = {"A": HotSku("A", 2, is_open=True)}


def actor_of(storage: Storage, clock: ManualClock) -> HotSkuActor:
    ended: list[JournalError] = []
    actor = HotSkuActor("hot-0000-of-0002", storage.open(), clock, ended.append)
    part = ChainPart(2, 1, Policy(version=1), StoresPut(()), {}, hot=OPEN, hot_revision=2)
    actor.adopt(to_json(part))
    return actor


def say(actor: HotSkuActor, command: Any) -> Any:
    (answer,) = unpack_answers(actor.step(pack_batch(2, [(HOT, command)])))
    return answer


def test_units_holds_and_moves_outlive_the_actor(storage: Storage, clock: ManualClock) -> None:
    actor = actor_of(storage, clock)
    assert say(actor, ReceiveUnits("S1", 5)) == HotTotals(5, 0, 0, 2)
    asked = Reserve("k1", "ann", "web", "", (("S1", 2),), 0, asked=2)
    held = say(actor, asked)
    assert isinstance(held, Held)
    moving = say(actor, MoveOut(held.number))
    assert isinstance(moving, Reservation)

    again = actor_of(storage, clock)  # its predecessor is replaced, as after a kill
    assert again.live_state(HOT)[:2] == actor_of(storage, clock).live_state(HOT)[:2]
    again = actor_of(storage, clock)
    assert say(again, ReceiveUnits("S1", 5)) == HotTotals(5, 0, 2, 2)
    assert say(again, asked) == held, "the key is known"
    assert again.positions(HOT, [])[2] == {"S1": (HotTotals(5, 0, 2, 2), 3, 0)}
    assert again.moved_from(HOT, held.number) == moving
    assert again.hot_outbox({}) == [(HOT, clock.now_ms(), [], [moving], 0)]
    assert say(again, MoveOut(held.number)) == moving
    say(again, NoteMoved(held.number))
    assert again.hot_outbox({}) == []
    assert again.moved_from(HOT, held.number) == moving, "as long as it is remembered"


def test_moves_that_are_not_noted_have_their_turn_behind_many(storage: Storage, clock: ManualClock) -> None:
    """Those into a shop that is away hide none into another."""
    actor = actor_of(storage, clock)
    many = MOVING_MAX + 2
    say(actor, ReceiveUnits("S1", many))
    numbers = [say(actor, Reserve(f"k{each}", "ann", "", "", (("S1", 1),), 0, asked=2)).number for each in range(many)]
    for number in numbers:
        say(actor, MoveOut(number))
    seen: list[int] = []
    after: dict[str, int] = {}
    for _ in range(2):
        [(_, _, _, moving, resume)] = actor.hot_outbox(after) or []
        seen += [each.number for each in moving]
        after = {HOT: resume}
    assert seen == [*numbers, *numbers][: 2 * MOVING_MAX]


def test_before_it_has_begun_there_is_nothing(storage: Storage, clock: ManualClock) -> None:
    actor = actor_of(storage, clock)
    assert actor.positions(HOT, ["S1"]) == (0, 0, {})
    assert actor.moved_from(HOT, 7) is None
    assert actor.hot_outbox({}) == []
    refused = say(actor, MoveOut(7))
    assert isinstance(refused, Refusal)


def test_its_keys_are_read_a_few_at_a_time(
    storage: Storage, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With others let in between, and from the beginning where the ledger is read anew meanwhile."""
    monkeypatch.setattr(hot_sku_actor, "BUCKETS_AT_ONCE", 2)
    actor = actor_of(storage, clock)
    say(actor, ReceiveUnits("S1", 200))
    keys = [f"S1\nk{number}" for number in range(150)]
    units = [1 if number % 3 else 999 for number in range(150)]
    asked = [
        Reserve(key, key, "web", "", (("S1", count),), 0, asked=2, fetched=True)
        for key, count in zip(keys, units, strict=True)
    ]
    answers = {type(answer) for each in asked for answer in [say(actor, each)]}
    assert answers == {Held, Refusal}, "some are refused"
    read, heads = list[bool](), Packed.heads

    def seen(table: Packed, *of: int) -> tuple[bytes, int]:
        read.append(actor.host._deciding.locked())
        if len(read) == 4:  # as if it was read anew
            actor.host._hosted[HOT].ledger = copy(actor.host._hosted[HOT].ledger)
        return heads(table, *of)

    monkeypatch.setattr(Packed, "heads", seen)
    found = {*numbers_of(actor.answered(HOT))}
    assert found >= {*numbers_of(b"".join(hash_of(key)[:HEAD_BYTES] for key in keys))}
    assert len(read) > 6
    assert all(read)
