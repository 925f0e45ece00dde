"""A key that the ledger of a hot SKU may have answered is its own, whatever its shop is asked under it; and what has
one thing wrong about that is caught.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.bloom import Bloom
from actors.core.packed import hash_of
from actors.core.policy import HotSku, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.shop import decide as deciding
from actors.shop.commands import Reserve
from actors.shop.decide import decide
from actors.shop.hot import keys as hot_keys
from actors.shop.hot.decide import key_elsewhere
from actors.shop.hot.decide_sku import decide_hot_sku
from actors.shop.hot.keys import HEAD_BYTES, NO_PAGE, Keys, numbers_of
from actors.shop.hot.units import DisownKey
from actors.shop.state import Ledger, Reservation
from actors.store_transfers import FEW_KEYS, LearnedKeys
from tests.shop.hot_world import HOT, SHOPS, SKU, World
from tests.shop.watched import Core, assembled

LOST: Final = 12  # the second message: what is sent on to the ledger of the SKU


def opened(of_shops: Core | None = None, of_hot: Core | None = None) -> World:
    """Three of each SKU in each shop, and one is open."""
    world = World(of_shops, of_hot)
    for store_id in SHOPS:
        for sku in (SKU, "B"):
            world.stock(store_id, sku, 3)
    turned(world)
    world.hand("S1")
    return world


def turned(world: World) -> None:
    world.turn()
    for ledger_id in world.ledgers:
        world.adopt(ledger_id)


def used_at_once(world: World) -> None:
    assert isinstance(world.reserve("S1", 1, first_at_hot=False), Reservation)
    world.reuse(0)


def used_with_a_stamp(world: World) -> None:
    assert isinstance(world.reserve("S1", 1, first_at_hot=True), Reservation)
    assert len(world.messages) == 1, "the shop has not seen it"
    world.reuse(0)


def used_after_a_restart(world: World) -> None:
    assert isinstance(world.reserve("S1", 1, first_at_hot=False), Reservation)
    world.ledgers["S1"].restart()
    world.reuse(0)


def used_after_a_restart_when_it_was_refused(world: World) -> None:
    assert isinstance(world.reserve("S1", 9, first_at_hot=False), Rejection)
    world.ledgers["S1"].restart()
    world.reuse(0)


def used_after_a_demotion(world: World) -> None:
    """The stamp is none any more."""
    assert isinstance(world.reserve("S1", 1, first_at_hot=True), Reservation)
    turned(world)
    world.reuse(0)


def used_while_it_is_under_way(world: World) -> None:
    assert world.reserve("S1", 1, first_at_hot=False, losses=LOST) is None
    world.reuse(0)
    assert len(world.others) == 1
    world.copy_arrives(0)


def used_while_it_is_under_way_from_before_a_restart(world: World) -> None:
    assert world.reserve("S1", 1, first_at_hot=False, losses=LOST) is None
    world.ledgers["S1"].restart()
    world.reuse(0)
    assert len(world.others) == 1
    world.copy_arrives(0)


def used_while_it_is_under_way_with_a_stamp_that_is_none_any_more(world: World) -> None:
    """The ledger of the SKU has not heard of that."""
    assert world.reserve("S1", 1, first_at_hot=True, losses=3) is None
    world.turn()
    world.adopt("S1")
    world.reuse(0)
    assert len(world.others) == 1
    world.copy_arrives(0)


USES: Final = (
    used_at_once,
    used_with_a_stamp,
    used_after_a_restart,
    used_after_a_restart_when_it_was_refused,
    used_after_a_demotion,
    used_while_it_is_under_way,
    used_while_it_is_under_way_from_before_a_restart,
    used_while_it_is_under_way_with_a_stamp_that_is_none_any_more,
)


@pytest.mark.parametrize("use", USES)
def test_a_key_is_used_for_one_thing(use: Callable[[World], None]) -> None:
    world = opened()
    use(world)
    world.repeat(0, first_at_hot=False)
    world.repeat(0, first_at_hot=True)
    world.check()
    world.settle()


def under_any_key(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "key_elsewhere", lambda *_: None)
        return decide(ledger, command, now_ms)


def without_notes(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    ledger.hot.keys.noted.clear()
    return decide(ledger, command, now_ms)


def without_filters(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    ledger.hot.keys.filters = ()
    return decide(ledger, command, now_ms)


def as_if_it_knew_all(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keys, "unlearned", lambda *_: ())
        return decide(ledger, command, now_ms)


def without_stamps(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    policy = ledger.policy
    ledger.policy = replace(policy, hot=tuple(replace(each, seal="") for each in policy.hot))
    try:
        return decide(ledger, command, now_ms)
    finally:
        ledger.policy = policy


def by_void_words(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    ledger.hot.valid.clear()
    return decide_hot_sku(ledger, command, now_ms)


def as_if_it_had_disowned_nothing(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    is_asked = isinstance(command, DisownKey)
    return Rejection(Reason.ORDER_UNDECIDED) if is_asked else decide_hot_sku(ledger, command, now_ms)


MUTANTS: Final[tuple[tuple[Callable[..., Decision], bool, Callable[[World], None]], ...]] = (
    (under_any_key, False, used_at_once),
    (without_notes, False, used_at_once),
    (without_filters, False, used_after_a_restart),
    (without_filters, False, used_after_a_restart_when_it_was_refused),
    (as_if_it_knew_all, False, used_after_a_restart),
    (as_if_it_knew_all, False, used_after_a_demotion),
    (without_stamps, False, used_with_a_stamp),
    (by_void_words, True, used_while_it_is_under_way_from_before_a_restart),
    (by_void_words, True, used_while_it_is_under_way_with_a_stamp_that_is_none_any_more),
    (as_if_it_had_disowned_nothing, True, used_while_it_is_under_way),
)


@pytest.mark.parametrize(("decided", "of_hot", "use"), MUTANTS)
def test_the_mutant_is_caught(decided: Callable[..., Decision], use: Callable[[World], None], *, of_hot: bool) -> None:
    core = assembled(decided=decided)
    world = opened(None if of_hot else core, core if of_hot else None)
    with pytest.raises(AssertionError, match=r"was answered|was used for something else"):
        use(world)


def test_a_word_that_is_void_is_none_to_the_audit_either() -> None:
    world = opened(None, assembled(decided=by_void_words))
    with pytest.raises(AssertionError, match="was used for something else"):
        used_while_it_is_under_way_from_before_a_restart(world)
    assert [each.invariant for each in world.ledgers[HOT].audited().violations] == ["I20"]


def known(keys: Keys, key: str) -> bool:
    return keys.found_for(hash_of(key), f"S1\n{key}", "") == ["A"]


def test_what_is_known_of_a_key_is_known_of_each_sku_by_itself() -> None:
    """What the ledger of one SKU says does not count for another, to which the key was sent on meanwhile."""
    world = World()
    for sku in (SKU, "B", "C"):
        world.stock("S1", sku, 3)
    hot = tuple(HotSku(sku, 1, True) for sku in (SKU, "B"))
    world.ledgers["S1"].adopt(Policy(version=1, hot=hot, hot_revision=1), world.clock_ms)
    ledger = world.ledgers["S1"].ledger
    keys = ledger.hot.keys

    def asked(sku: str) -> list[str]:
        """Which SKUs' ledgers are to be asked first, where this one is reserved."""
        refused = key_elsewhere(ledger, Reserve("k", "ann", "web", "", ((sku, 1),), 0))
        if refused is None:
            return []
        if refused.reason is Reason.IDEMPOTENCY_KEY_REUSED:
            return ["reused"]
        return [refused.sku, *(further for further, _, page in refused.short_lines if page == NO_PAGE)]

    assert asked(SKU) == [], "it is sent on, and noted"
    assert asked(SKU) == []
    keys.page += 1  # as many keys later
    assert asked("B") == [SKU]
    keys.settle("k", (SKU,), is_known=False)
    assert asked("B") == [], "it is sent on for B as well"
    assert asked("C") == [SKU, "B"]
    keys.settle("k", (SKU,), is_known=False)
    assert asked("C") == ["B"]
    keys.settle("k", ("B",), is_known=True)
    assert asked("C") == ["reused"]
    keys.settle("k", (SKU,), is_known=False)
    keys.settle("k", ("B",), is_known=True)
    assert asked("B") == [], "a repeat goes where it was answered"


def test_keys_are_forgotten_by_pages_and_then_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """So what a shop notes has a bound, and it never knows less than it says."""
    monkeypatch.setattr(hot_keys, "NOTED_MAX", 2)
    rules = Policy(hot=(HotSku("A", 3, True),))
    keys = Keys()
    keys.adopt(Policy(), rules)
    first = keys.page
    for number in range(4):
        keys.note(hash_of(f"k{number}"), f"k{number}", "A")
    assert all(known(keys, f"k{number}") for number in range(4))
    assert keys.unlearned(rules, "") == ()
    keys.note(hash_of("k4"), "k4", "A")
    assert [known(keys, f"k{number}") for number in range(5)] == [False, False, True, True, True]
    assert keys.unlearned(rules, "") == (("A", 3, first + 2),)
    assert keys.unlearned(rules, "A") == ()
    heads = Bloom()
    heads.add(numbers_of(b"".join(hash_of(f"S1\n{key}")[:HEAD_BYTES] for key in ("k1", "k0"))))
    keys.learn("A", 3, first, heads)
    assert keys.unlearned(rules, ""), "it is of a page whose successor is gone"
    keys.learn("A", 3, first + 2, heads)
    assert keys.unlearned(rules, "") == ()
    assert [known(keys, f"k{number}") for number in range(5)] == [True] * 5
    assert not known(keys, "k5")
    keys.begin(7)
    assert not known(keys, "k4")
    keys.learn("A", 3, first + 2, heads)
    assert keys.unlearned(rules, "") == (("A", 3, keys.page),), "another owner has asked for it"


def test_what_was_learned_of_a_sku_is_forgotten_with_it() -> None:
    keys = Keys()
    keys.adopt(Policy(), Policy(hot=(HotSku("A", 3, True),)))
    heads = Bloom()
    heads.add(numbers_of(hash_of("S1\nk")[:HEAD_BYTES]))
    keys.learn("A", 3, keys.page, heads)
    assert known(keys, "k")
    keys.adopt(Policy(hot=(HotSku("A", 3, True),)), Policy())
    assert (keys.learned, keys.filters) == ({}, ())


def test_a_filter_that_is_mostly_of_forgotten_keys_is_begun_anew() -> None:
    def heads_of(numbers: range) -> bytes:
        return b"".join(hash_of(f"k{number}")[:HEAD_BYTES] for number in numbers)

    learned = LearnedKeys()
    first = learned.with_heads("A", 3, heads_of(range(9 * FEW_KEYS)))
    assert learned.with_heads("A", 3, heads_of(range(9 * FEW_KEYS, 12 * FEW_KEYS))) is first
    later = learned.with_heads("A", 3, heads_of(range(12 * FEW_KEYS, 13 * FEW_KEYS)))
    assert later is not first
    assert later.count <= FEW_KEYS
    assert learned.with_heads("A", 4, b"") is not later, "of another opening"
