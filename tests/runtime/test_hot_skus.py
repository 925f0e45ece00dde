"""Which SKUs have a ledger of their own, as the chain says: without Ray."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.chain_actor import ChainActor
from actors.core.chain import EMPTY, HOT_BY_RATE_MAX, HOT_SKUS_MAX, Chain, Store, part_from_packed
from actors.core.policy import DAY_MS, HOUR_MS, TTL_MS_CEILING, HotSku, LimitRule, Policy, TtlRule
from actors.core.stamps import stamp_of
from actors.journal.open import open_journal, sqlite_setting
from tests.runtime.runtime_fixture import ManualClock

STORES = [Store("S1", "", None, None, False), Store("S2", "", None, None, True)]
NOW_MS = 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
def start(tmp_path: Path, clock: ManualClock) -> Callable[[], ChainActor]:
    return lambda: ChainActor("chain", open_journal(sqlite_setting(tmp_path), "chain"), clock, lambda _: None)


@pytest.fixture
def actor(start: Callable[[], ChainActor]) -> ChainActor:
    actor = start()
    actor.put_stores(STORES)
    actor.set_policy(Policy(ttl_rules=(TtlRule("", "A", "S1", HOUR_MS),)), 0)
    return actor


def chain(actor: ChainActor) -> Chain:
    """What it gives to those who know nothing."""
    document = actor.document(-1)
    assert document is not None
    return EMPTY.with_part(part_from_packed(document))


def promote(actor: ChainActor, sku: str = "A", from_ms: int = 0, *, announced: bool = True) -> Chain:
    assert actor.promote_sku(sku, from_ms, announced) is not None
    return chain(actor)


def test_an_operator_promotes_and_demotes(actor: ChainActor, clock: ManualClock) -> None:
    opened = promote(actor)
    generation = opened.revision
    seal = opened.hot["A"].seal
    assert len(seal) == 32
    assert opened.hot == {"A": HotSku("A", generation, True, NOW_MS, 0, True, seal)}
    assert promote(actor).revision == generation, "the same again is no news: its answer may be lost"
    clock.move(10)
    assert actor.demote_sku("A", False) is None, "by rate nobody ends what an operator has announced"
    assert actor.demote_sku("A", True) is not None
    closed = chain(actor)
    assert closed.hot == {"A": HotSku("A", generation + 1, False, 0, NOW_MS + 10)}
    actor.demote_sku("A", True)
    assert chain(actor).revision == closed.revision


def test_what_the_rate_promotes_it_may_end_until_an_operator_announces_it(actor: ChainActor) -> None:
    opened = promote(actor, announced=False).hot["A"]
    assert actor.demote_sku("A", False) is not None
    assert not chain(actor).hot["A"].is_open
    again = promote(actor, announced=False).hot["A"]
    assert again.generation > opened.generation
    assert again.seal != opened.seal
    announced = promote(actor).hot["A"]
    assert (announced.announced, announced.generation) == (True, again.generation), "it goes on as it is"
    assert actor.demote_sku("A", False) is None


def test_an_announced_one_begins_at_its_time(actor: ChainActor, clock: ManualClock) -> None:
    waits = promote(actor, from_ms=NOW_MS + 500)
    assert waits.hot == {"A": HotSku("A", 0, False, NOW_MS + 500, 0, True)}
    assert waits.policy_of("S1").hot == (), "until then it is no rule"
    actor.open_announced()
    assert chain(actor).revision == waits.revision
    clock.move(500)
    actor.open_announced()
    begun = chain(actor)
    seal = begun.hot["A"].seal
    assert seal
    assert begun.hot["A"] == HotSku("A", begun.revision, True, NOW_MS + 500, 0, True, seal)
    actor.open_announced()
    assert chain(actor).revision == begun.revision


def test_what_was_announced_is_taken_back(actor: ChainActor, clock: ManualClock) -> None:
    promote(actor, from_ms=NOW_MS + 500)
    actor.demote_sku("A", True)
    assert chain(actor).hot == {}
    clock.move(500)
    actor.open_announced()
    assert chain(actor).hot == {}


def test_shops_and_hot_ledgers_decide_by_it_and_customers_do_not(actor: ChainActor) -> None:
    before = chain(actor)
    opened = promote(actor)
    hot = opened.policy_of("S1")
    sealed = opened.hot["A"]
    assert opened.policy_of("hot/A").hot_by_sku["A"] == replace(sealed, seal="") != sealed
    stamps = {each: opened.policy_of(each).hot_by_sku["A"].seal for each in ("S1", "S2")}
    assert hot.hot_by_sku["A"] == replace(sealed, seal=stamps["S1"])
    assert stamps == {each: stamp_of(each, sealed) for each in stamps}, "of each shop its own, and no secret"
    assert hot.sku_by_stamp == {stamps["S1"]: "A"}
    assert hot.age > before.policy_of("S1").age
    assert opened.policy_of("customers/0001") == before.policy_of("customers/0001")
    assert opened.revision_for(["S1"]) == opened.revision, "every actor of shops hears of it"
    said, kept = hot.apart_from(hot)
    assert said.hot == ()
    assert "hot" in kept, "and writes it once"


def test_what_changes_is_all_that_is_sent(actor: ChainActor) -> None:
    before = chain(actor)
    opened = promote(actor)
    assert before.with_part(opened.since(before.revision)) == opened
    assert opened.since(opened.revision).hot is None
    known = EMPTY.with_part(opened.part_for(["S1"]))
    assert known.policy_of("S1") == opened.policy_of("S1")


def test_the_actor_of_hot_skus_knows_of_shops_which_are_paused(actor: ChainActor) -> None:
    opened = promote(actor)
    part = opened.part_for_hot()
    assert part.put.stores == ()
    policy = EMPTY.with_part(part).policy_of("hot/A")
    assert policy == opened.policy_of("hot/A")
    assert policy.ttl_rules == opened.policy.ttl_rules, "its holds are in any shop"
    assert policy.paused_stores == ("S2",)
    actor.put_stores([Store("S2", "", None, None, False)])
    later = EMPTY.with_part(part).with_part(chain(actor).part_for_hot())
    assert later.policy_of("hot/A").paused_stores == ()
    assert later.policy_of("hot/A").age > policy.age


def test_a_closed_one_is_known_as_long_as_any_hold_may_last(actor: ChainActor, clock: ManualClock) -> None:
    """Whatever the policy says now: its holds were made by another one."""
    promote(actor)
    actor.demote_sku("A", True)
    actor.set_policy(Policy(ttl_ms_max=HOUR_MS), 0)
    clock.move(TTL_MS_CEILING)
    assert "A" in promote(actor, "B").hot
    clock.move(DAY_MS)
    assert "A" not in promote(actor, "C").hot


def test_closed_ones_that_are_known_no_more_take_no_room(actor: ChainActor, clock: ManualClock) -> None:
    for number in range(HOT_BY_RATE_MAX):
        promote(actor, f"R{number}", announced=False)
        actor.demote_sku(f"R{number}", False)
    assert actor.promote_sku("one-more", 0, False) is None
    clock.move(TTL_MS_CEILING + DAY_MS)
    assert list(promote(actor, "one-more", announced=False).hot) == ["one-more"]


def test_there_is_a_limit_and_room_for_operators(actor: ChainActor) -> None:
    for number in range(HOT_BY_RATE_MAX):
        promote(actor, f"R{number}", announced=False)
    assert actor.promote_sku("one-more", 0, False) is None
    for number in range(HOT_SKUS_MAX - HOT_BY_RATE_MAX):
        promote(actor, f"O{number}")
    assert actor.promote_sku("one-more", 0, True) is None


@pytest.mark.parametrize("limited", ["A", ""])
def test_what_is_limited_within_shops_is_not_hot(actor: ChainActor, clock: ManualClock, limited: str) -> None:
    promote(actor)
    promote(actor, "A2", from_ms=NOW_MS + 1)
    actor.set_policy(Policy(limit_rules=(LimitRule("web", limited, 1, 0),)), 0)
    closed = chain(actor)
    assert not closed.hot["A"].is_open
    assert closed.hot["A"].generation < closed.policy_revision, "no ledger hears of the limit before"
    assert actor.promote_sku("A", 0, True) is None
    clock.move(1)
    actor.open_announced()
    are_open = {sku: hot.is_open for sku, hot in chain(actor).hot.items()}
    assert are_open == ({"A": False, "A2": True} if limited else {"A": False}), "what could not begin is taken back"


def test_it_survives(actor: ChainActor, start: Callable[[], ChainActor], clock: ManualClock) -> None:
    promote(actor, from_ms=NOW_MS + 1)
    clock.move(1)
    actor.open_announced()
    promote(actor, "B", announced=False)
    actor.demote_sku("B", False)
    before = chain(actor)
    assert chain(start()) == before
