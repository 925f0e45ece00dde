"""The actor of hot SKUs without Ray: what it holds and what is on its way outlives it, and its questions tell both."""

from copy import copy
from typing import Any

import pytest
from msgspec.structs import replace

from actors import hot_sku_actor
from actors.core.chain import ChainPart, StoresPut
from actors.core.message import to_json
from actors.core.packed import Packed, hash_of
from actors.core.policy import DAY_MS, HotSku, Policy
from actors.core.rejection import Reason
from actors.hot_sku_actor import MOVING_MAX, HotSkuActor
from actors.journal.port import JournalError
from actors.protocol.messages import Held, Refusal, pack_batch, unpack_answers
from actors.runtime.actor_runtime import TIDY_EVERY_S
from actors.shop.commands import Reserve
from actors.shop.hot.keys import HEAD_BYTES, numbers_of
from actors.shop.hot.units import DisownKey, HotTotals, MoveOut, NoteMoved, ReceiveUnits
from actors.shop.state import Reservation
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import ManualClock

HOT = "hot/A"
NEVER_S = 3_600.0  # so that nothing is done beside the test
OPEN = {"A": HotSku("A", 2, is_open=True)}


def actor_of(storage: Storage, clock: ManualClock, tidy_every_s: float = TIDY_EVERY_S) -> HotSkuActor:
    ended: list[JournalError] = []
    actor = HotSkuActor("hot-0000-of-0002", storage.open(), clock, ended.append, tidy_every_s)
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


def closed(actor: HotSkuActor, *, is_known: bool) -> None:
    hot = {"A": replace(OPEN["A"], generation=3, is_open=False)} if is_known else {}
    revision = 3 if is_known else 4
    actor.adopt(to_json(ChainPart(revision, 1, None, StoresPut(()), {}, hot=hot, hot_revision=revision)))


def test_the_ledger_of_a_sku_that_the_chain_has_forgotten_rests(storage: Storage, clock: ManualClock) -> None:
    """It is in no memory, nobody reads it by the way, and it is as it was for who asks."""
    actor = actor_of(storage, clock, NEVER_S)
    say(actor, ReceiveUnits("S1", 5))
    asked = Reserve("S1\nk1", "ann", "web", "", (("S1", 2),), 60_000, asked=2)
    held = say(actor, asked)
    closed(actor, is_known=True)
    clock.move(61_000)
    actor.host.sweep()
    actor._let_rest()
    assert actor.host.recovered_ids() == [HOT], "the chain knows it"
    assert say(actor, asked) == held
    clock.move(31 * DAY_MS)
    closed(actor, is_known=False)
    actor._let_rest()
    assert actor.host.recovered_ids() == []
    assert actor.hot_outbox({}) == []
    assert actor.outbox(0, {}) == []
    actor.bind(to_json(ChainPart(5, 1, None, StoresPut(()), {})), [])
    actor._let_rest()
    actor.host.sweep()
    assert actor.moved({HOT: 99}, 0.0) == {}
    assert actor.host.recovered_ids() == []
    assert actor.ledgers() == [HOT]
    assert actor.positions(HOT, [])[2] == {"S1": (HotTotals(5, 0, 0, 0), 5, 0)}
    assert actor.host.recovered_ids() == [HOT]
    assert actor.host.stale_read(HOT).answers.made.count == 0, "what is out of date was forgotten before"
    assert say(actor, DisownKey("S1\nk1", "S1")).rejection.reason is Reason.CLAIM_ABANDONED
    state = actor.live_state(HOT)
    actor._let_rest()
    assert actor.host.recovered_ids() == []
    assert actor.live_state(HOT) == state
    again = actor_of(storage, clock, NEVER_S)
    assert again.live_state(HOT) == state


@pytest.mark.parametrize("why", ["held", "moving"])
def test_a_ledger_that_is_not_idle_does_not_rest(storage: Storage, clock: ManualClock, why: str) -> None:
    actor = actor_of(storage, clock, NEVER_S)
    say(actor, ReceiveUnits("S1", 5))
    held = say(actor, Reserve("S1\nk1", "ann", "web", "", (("S1", 2),), 0, asked=2))
    if why == "moving":
        say(actor, MoveOut(held.number))
    closed(actor, is_known=False)
    actor._let_rest()
    assert actor.host.recovered_ids() == [HOT]
