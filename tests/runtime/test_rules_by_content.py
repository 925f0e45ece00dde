"""Rules are written once where they are, and sent to whom they concern: the bytes are counted, for 5,000 shops."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from actors.calendar.hours import Calendar, Duty, Interval
from actors.chain_actor import LEDGER_ID, ChainActor
from actors.core.chain import (
    EMPTY,
    Chain,
    Store,
    evolve_chain,
    packed,
    part_from_document,
    part_from_packed,
    policy_set,
    stores_put,
)
from actors.core.message import to_json
from actors.core.policy import HOUR_MS, ChainLimitRule, LimitRule, Policy, TtlRule
from actors.journal.open import open_journal, sqlite_setting
from actors.protocol.placement import CHAIN_ACTOR
from actors.runtime.clock import SystemClock
from tests.journal.storages import Storage
from tests.runtime.routed import S1, Routed, Run
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock

SHOPS: Final = 5_000
CALENDARS: Final = 50  # shops of one region keep the same hours
RULES: Final = 700


def hours(number: int) -> Calendar:
    """A calendar of some kilobytes."""
    return Calendar(
        "Europe/Berlin",
        ((Interval(480 + number, 1200),),) * 7,
        holidays=frozenset(date(2026 + at // 12, at % 12 + 1, 3) for at in range(36)),
        slot_minutes=30,
        staff=tuple(tuple(Duty(480 + at, 540 + at, 2) for at in range(0, 600, 60)) for _ in range(7)),
        pickups_per_staff_hour=4,
    )


def store(store_id: str, calendar: Calendar, *, paused: bool = False) -> Store:
    """One of the chain's shops."""
    return Store(store_id, store_id, 52.5, 13.4, paused, (), calendar)


def large_policy(version: int = 2) -> Policy:
    """Many rules for all, and a time of holds for each shop."""
    return Policy(
        version=version,
        ttl_rules=tuple(TtlRule("", "", f"S{number}", HOUR_MS + number) for number in range(1, SHOPS + 1)),
        limit_rules=tuple(LimitRule("web", f"SKU{number:08d}", 2, 4) for number in range(RULES)),
        chain_limit_rules=tuple(ChainLimitRule("web", f"SKU{number:08d}", 2, 9, HOUR_MS) for number in range(RULES)),
    )


def chain_of(shops: int = SHOPS) -> Chain:
    """Everybody keeps hours."""
    calendars = [hours(number) for number in range(CALENDARS)]
    stores = [store(f"S{number}", calendars[number % CALENDARS]) for number in range(1, shops + 1)]
    chain = evolve_chain(EMPTY, stores_put(stores, {}))
    return evolve_chain(chain, policy_set(chain, large_policy()))


def written(runtime: ActorRuntime) -> list[int]:
    """The bytes of each of a shop's records."""
    return [len(record.payload) for record in runtime.journal.read("S1", 0, 1_000)]


def test_a_pause_is_written_without_the_rules_and_the_hours_that_stay(storage: Storage, clock: ManualClock) -> None:
    known = chain_of(60)

    def policy_for(store_id: str) -> Policy:
        return known.policy_of(store_id)

    runtime = ActorRuntime(storage, clock, policy_for)
    runtime.deliver("receive A 9")
    assert written(runtime)[0] > 40_000, "rules and hours, once"
    for paused in (True, False):
        known = evolve_chain(known, stores_put([replace(known.stores["S1"], paused=paused)], known.calendars))
        assert (runtime.deliver("reserve ann A 1") == "STORE_NOT_ACCEPTING") is paused
    known = evolve_chain(known, policy_set(known, replace(large_policy(3), ttl_ms_default=HOUR_MS)))
    runtime.deliver("receive A 1")
    assert max(written(runtime)[1:]) < 1_000
    state_hash = runtime.state_hash()
    later = runtime.successor()
    adopted = later.host.stale_read("S1").policy
    assert adopted == known.policy_of("S1"), "the journal alone says all of it"
    assert later.state_hash() == state_hash
    later.snapshot()
    assert later.successor().host.stale_read("S1").policy == adopted


def test_rules_of_other_shops_are_not_a_shops_to_write() -> None:
    policy = chain_of(60).policy_of("S1")
    assert policy.ttl_rules == (TtlRule("", "", "S1", HOUR_MS + 1),)
    assert chain_of(60).policy_of("customers/0001").ttl_rules == large_policy().ttl_rules


def test_an_actor_is_sent_what_concerns_it() -> None:
    chain = chain_of()
    one = len(to_json(hours(1)))
    rules = len(to_json(replace(large_policy(), ttl_rules=())))
    assert len(to_json(chain.part_for(["S1"]))) < rules + one + 1_000
    assert chain.with_part(chain.part_for(["S1"])).policy_of("S1") == chain.policy_of("S1")
    paused = evolve_chain(chain, stores_put([replace(chain.stores["S2"], paused=True)], chain.calendars))
    assert paused.revision_for(["S1"]) == chain.revision_for(["S1"]), "the pause of another shop is no news to it"
    assert paused.revision_for(["S1", "S2"]) == paused.revision


def test_a_gateway_is_sent_a_calendar_once_and_then_what_has_changed() -> None:
    chain = chain_of()
    whole = len(to_json(chain.since(0)))
    assert whole < SHOPS * 500 + len(to_json(large_policy())) + CALENDARS * len(to_json(hours(1)))
    paused = evolve_chain(chain, stores_put([replace(chain.stores["S2"], paused=True)], chain.calendars))
    change = to_json(paused.since(chain.revision))
    assert len(change) < len(to_json(hours(1))) + 500
    known = EMPTY.with_part(chain.since(0)).with_part(part_from_document(change))
    assert (known.stores, known.policy, known.shop_revisions) == (paused.stores, paused.policy, paused.shop_revisions)
    assert len({id(each.calendar) for each in known.stores.values()}) == CALENDARS + 1


def hours_of_its_own(number: int) -> Calendar:
    """Each shop opens and closes as it likes, and has as many people as it likes."""
    chance = Random(number)
    weekly = ((Interval(chance.randrange(360, 600, 5), chance.randrange(1000, 1300, 5)),) for _ in range(7))
    staff = (tuple(Duty(at, at + 60, chance.randrange(1, 6)) for at in range(480, 1080, 60)) for _ in range(7))
    return replace(hours(number % 400), weekly=tuple(weekly), staff=tuple(staff))


def test_a_gateway_is_sent_different_hours_of_all_shops_in_a_sixth_of_their_bytes() -> None:
    stores = [store(f"S{number}", hours_of_its_own(number)) for number in range(1, SHOPS + 1)]
    chain = evolve_chain(EMPTY, stores_put(stores, {}))
    assert len(chain.calendars) == SHOPS
    document = packed(chain.since(0))
    assert len(document) < len(to_json(chain.since(0))) // 6
    assert EMPTY.with_part(part_from_packed(document)).stores == chain.stores


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], ChainActor]:
    """Another process takes the chain over."""

    def never(error: object) -> None:
        raise AssertionError(error)

    return lambda: ChainActor("chain", open_journal(sqlite_setting(tmp_path), "chain"), SystemClock(), never)


def test_the_chains_journal_has_each_calendar_once(start: Callable[[], ChainActor]) -> None:
    actor = start()
    stores = [store(f"S{number}", hours(number % 3)) for number in range(1, 301)]
    actor.put_stores(stores)
    actor.put_stores([replace(each, paused=True) for each in stores])
    actor.put_stores([replace(stores[0], calendar=hours(1))])
    actor.put_stores(stores)
    actor.set_policy(large_policy(), 0)
    actor.set_policy(replace(large_policy(), ttl_ms_default=HOUR_MS), 0)
    payloads = [record.payload for record in actor._journal.read(LEDGER_ID, 0, 100)]
    assert sum(payload.count(b"2028-12-03") for payload in payloads) == 3
    assert len(payloads[-1]) < 1_000
    later = start()
    known = EMPTY.with_part(part_from_packed(later.document(0) or b""))
    assert list(known.stores.values()) == sorted(stores, key=lambda each: each.store_id)
    assert known.policy == replace(large_policy(3), ttl_ms_default=HOUR_MS)


def sent(routed: Routed, actor: str) -> int:
    """Bytes of what an actor was given but for the calls themselves."""
    given = (args for name, method, args in routed.actors.calls if name == actor and method == "adopt")
    return sum(len(msgspec.msgpack.encode(args)) for args in given)


def test_a_pause_is_sent_to_its_shop_alone(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        async def change(method: str, *args: Any) -> None:
            await routed.actors.call(CHAIN_ACTOR, method, *args)
            await routed.router.refresh_chain(asyncio.get_running_loop().time() + 10)

        async def say(key: str) -> dict[str, int]:
            routed.actors.calls.clear()
            await routed.say(("S1", key, "reserve ann A 1"), ("S2", key, "reserve ann A 1"))
            return {actor: sent(routed, actor) for actor in (S1, "store-S2")}

        await change("put_stores", [store(f"S{number}", hours(number % CALENDARS)) for number in range(1, 501)])
        assert all(0 < count < 10_000 for count in (await say("k1")).values())
        await change("put_stores", [store("S2", hours(2), paused=True)])
        counts = await say("k2")
        assert counts[S1] == 0
        assert 0 < counts["store-S2"] < 10_000

    on_the_way(test)


def test_the_chain_is_asked_once_for_all_who_are_to_be_told_its_rules(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        store_ids = [f"S{number}" for number in range(1, 41)]
        await routed.actors.put_stores(*store_ids)
        await routed.router.refresh_chain(asyncio.get_running_loop().time() + 10)
        routed.actors.calls.clear()
        await asyncio.gather(*(routed.say((each, "k1", "receive A 1")) for each in store_ids))
        asked = [method for actor, method, _ in routed.actors.calls if actor == CHAIN_ACTOR]
        told = [args for _, method, args in routed.actors.calls if method == "adopt"]
        assert len(told) >= 38
        assert len(asked) <= 10

    on_the_way(test)
