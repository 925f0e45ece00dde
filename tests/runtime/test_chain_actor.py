"""The chain actor without Ray: stores and policy, durable, and safe to repeat."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.calendar.hours import ALWAYS_OPEN, Calendar
from actors.chain_actor import ChainActor
from actors.core.chain import EMPTY, Chain, Store, part_from_packed
from actors.core.devices import Device, DeviceAdded, DeviceRevoked, devices_after, devices_at
from actors.core.pickup_keys import SEED_BYTES
from actors.core.policy import ANSWER_MEMORY_MARGIN_MS, HOUR_MS, LimitRule, Policy, TtlRule
from actors.core.store_moves import StoreMove
from actors.journal.open import open_journal, sqlite_setting
from actors.journal.port import Fenced, JournalDamaged, JournalError, Record
from actors.protocol.formats import NEWEST
from actors.runtime.clock import SystemClock

STORES = [Store("S1", "First", 52.5, 13.4, False), Store("S2", "", 0.0, 0.0, True)]
HOURS = Calendar(zone="Europe/Berlin", slot_minutes=30)


@pytest.fixture
def ended() -> list[JournalError]:
    return []


@pytest.fixture
def start(tmp_path: Path, ended: list[JournalError]) -> Callable[[], ChainActor]:
    """Another process takes the chain over."""
    return lambda: ChainActor("chain", open_journal(sqlite_setting(tmp_path), "chain"), SystemClock(), ended.append)


@pytest.fixture
def actor(start: Callable[[], ChainActor]) -> ChainActor:
    return start()


@pytest.fixture
def start_newest(tmp_path: Path, ended: list[JournalError]) -> Callable[[], ChainActor]:
    """As `start`, of a service that began with the newest format."""
    opened = sqlite_setting(tmp_path)
    return lambda: ChainActor("chain", open_journal(opened, "chain"), SystemClock(), ended.append, NEWEST)


def chain_from_document(document: bytes) -> Chain:
    """What somebody knows who knew nothing."""
    return EMPTY.with_part(part_from_packed(document))


def chain(actor: ChainActor) -> Chain:
    """What it gives to those who know nothing."""
    document = actor.document(-1)
    assert document is not None
    return chain_from_document(document)


def policy(ttl_ms: int) -> Policy:
    """A policy as gateways send it."""
    rules = (TtlRule("web", "A", "S1", HOUR_MS),)
    return Policy(ttl_ms_default=ttl_ms, ttl_rules=rules, limit_rules=(LimitRule("", "", 3, 0),))


def test_a_new_chain_is_empty(actor: ChainActor) -> None:
    assert chain(actor) == Chain(0, {}, Policy(version=1))
    assert actor.document(0) is None


def test_stores_are_put_once_and_only_what_changed_is_written(actor: ChainActor) -> None:
    assert chain_from_document(actor.put_stores(STORES)).revision == 1
    assert chain_from_document(actor.put_stores(STORES)).revision == 1
    second = Store("S2", "Second", 1.0, 1.0, False, ("web",), HOURS, "DE-BE")
    moved = chain_from_document(actor.put_stores([STORES[0], second]))
    assert moved.revision == 2
    assert moved.stores == {"S1": Store("S1", "First", 52.5, 13.4, False), "S2": second}


def test_stores_are_in_the_sequence_of_their_ids(actor: ChainActor) -> None:
    for store_ids in (["S2"], ["S1", "S10"]):
        actor.put_stores([Store(store_id, "", 0.0, 0.0, False) for store_id in store_ids])
    assert list(chain(actor).stores) == ["S1", "S10", "S2"]


def test_hours_are_rules_and_a_shop_decides_by_its_own(actor: ChainActor) -> None:
    first = chain_from_document(actor.put_stores(STORES))
    renamed = chain_from_document(actor.put_stores([Store("S1", "Renamed", 52.5, 13.4, False)]))
    assert renamed.policy.version == first.policy.version, "a name is no rule"
    opened = chain_from_document(actor.put_stores([Store("S1", "Renamed", 52.5, 13.4, False, (), HOURS)]))
    assert opened.policy.version == first.policy.version, "nor are the hours of one shop rules of the others"
    assert opened.policy_of("S1").calendar == HOURS
    assert opened.policy_of("S1").age > first.policy_of("S1").age
    assert opened.policy_of("S2") == first.policy_of("S2")
    assert chain(actor) == opened
    assert opened.policy_of("S2").calendar == opened.policy_of("customers/0001").calendar == ALWAYS_OPEN


def test_a_policy_is_set_by_whoever_read_the_one_in_force(actor: ChainActor) -> None:
    first = actor.set_policy(policy(HOUR_MS), 1)
    assert first is not None
    assert (chain_from_document(first).policy.version, chain_from_document(first).policy.ttl_ms_default) == (2, HOUR_MS)
    assert actor.set_policy(policy(3 * HOUR_MS), 1) is None
    assert chain(actor).policy.ttl_ms_default == HOUR_MS
    assert actor.set_policy(policy(3 * HOUR_MS), 2) is not None
    assert actor.set_policy(policy(4 * HOUR_MS), 0) is not None  # whatever is in force
    assert chain(actor).policy.version == 4


def test_the_same_policy_again_changes_nothing(actor: ChainActor) -> None:
    """Also under the version that the first call carried: its answer may have been lost."""
    first = actor.set_policy(policy(HOUR_MS), 1)
    assert actor.set_policy(policy(HOUR_MS), 1) == first
    assert actor.set_policy(policy(HOUR_MS), 0) == first
    assert chain(actor).revision == 1


def test_the_chain_survives(actor: ChainActor, start: Callable[[], ChainActor]) -> None:
    actor.put_stores(STORES)
    actor.set_policy(policy(HOUR_MS), 0)
    before = chain(actor)
    later = start()
    assert chain(later) == before
    assert later.document(before.revision) is None
    assert chain(later).policy_of("S2").paused
    assert not chain(later).policy_of("S1").paused


def test_a_replaced_chain_actor_ends(
    actor: ChainActor, start: Callable[[], ChainActor], ended: list[JournalError]
) -> None:
    later = start()
    with pytest.raises(Fenced):
        actor.put_stores(STORES)
    assert [type(failure) for failure in ended] == [Fenced]
    assert actor._chain.revision == 0  # what was not written was not believed
    assert chain_from_document(later.put_stores(STORES)).revision == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: actor.put_stores(STORES),
        lambda actor: actor.set_policy(policy(HOUR_MS), 0),
        lambda actor: actor.set_policy(policy(2 * HOUR_MS), 1),
        lambda actor: actor.document(2),
        lambda actor: actor.document(-1),
    ],
    ids=["the same stores", "the same policy", "a policy over an older one", "nothing newer", "the document"],
)
def test_a_replaced_chain_actor_answers_nothing_from_memory(
    actor: ChainActor, start: Callable[[], ChainActor], ended: list[JournalError], ask: Callable[[ChainActor], object]
) -> None:
    actor.put_stores(STORES)
    actor.set_policy(policy(HOUR_MS), 0)
    start()
    with pytest.raises(Fenced):
        ask(actor)
    assert [type(failure) for failure in ended] == [Fenced]


@pytest.mark.parametrize(
    ("payload", "event_count", "why"),
    [
        (b"[", 1, "the journal is damaged at seq 2: not what this version writes"),
        (b'[["policy_set",[],[],1]]', 1, "seq 2 was written by a later version"),
        (
            b'[["stores_put",[["S3","",null,null,false]],{"S3":"unsaid"}]]',
            1,
            r"the journal is damaged at seq 2: KeyError\('unsaid'\)",
        ),
        (b'[["stores_put",[]]]', 2, "the journal is damaged at seq 3: its events end at 2"),
    ],
)
def test_a_wrong_record_is_named(
    actor: ChainActor, start: Callable[[], ChainActor], tmp_path: Path, payload: bytes, event_count: int, why: str
) -> None:
    actor.put_stores(STORES)
    journal = open_journal(sqlite_setting(tmp_path), "chain")
    epoch, seq = journal.take_over("chain")
    journal.append([Record("chain", epoch, seq + event_count, event_count, 1, payload)])
    journal.close()
    with pytest.raises(JournalDamaged, match=f"ledger chain: {why}"):
        start()


def test_a_shop_that_is_to_move_is_told_until_it_has(start_newest: Callable[[], ChainActor]) -> None:
    actor = start_newest()
    actor.put_stores(STORES)
    asked = chain_from_document(actor.move_store("S1", "store-S2", "store-S1") or b"")
    assert asked.moves == {"S1": StoreMove("store-S2", "store-S1", 2, 2)}
    assert chain_from_document(actor.move_store("S1", "store-S2", "store-S1") or b"") == asked, "it is on its way"
    assert actor.move_store("S1", "store-S3", "store-S1") is None, "nor to another"
    assert actor.move_store("S9", "store-S3", "store-S9") is None

    assert chain_from_document(actor.note_moved("S1", 7)).moves == asked.moves, "of another move"
    there = chain_from_document(actor.note_moved("S1", 2)).moves
    assert there == {"S1": StoreMove("store-S2", "store-S1", 2, 3, is_done=True)}
    assert chain_from_document(actor.note_moved("S1", 2)).revision == 3
    again = start_newest()
    back = chain_from_document(again.move_store("S1", "store-S1", "store-S1") or b"")
    assert back.moves == {"S1": StoreMove("store-S1", "store-S2", 4, 4)}


def test_a_shop_that_is_where_it_is_to_be_does_not_move(start_newest: Callable[[], ChainActor]) -> None:
    actor = start_newest()
    actor.put_stores(STORES)
    assert chain_from_document(actor.move_store("S1", "store-S1", "store-S1") or b"").moves == {}


def test_a_move_is_a_change_of_the_rules_of_both_actors_and_of_no_other(start_newest: Callable[[], ChainActor]) -> None:
    actor = start_newest()
    actor.put_stores(STORES)
    moving = chain_from_document(actor.move_store("S1", "store-S2", "store-S1") or b"")
    assert moving.revision_for(["S1"]) == moving.revision_for(["S1", "S2"]) == 2
    assert moving.revision_for(["S2"]) == 1
    known = moving.with_part(part_from_packed(actor.note_moved("S1", 2, moving.revision)))
    assert known == chain(actor)


def test_pickup_keys_are_made_in_the_place_of_the_one_that_signs(
    start_newest: Callable[[], ChainActor],
) -> None:
    actor = start_newest()
    document = actor.make_pickup_key(0, revokes=False)
    assert document is not None
    [key] = chain_from_document(document).pickup_keys
    assert len(bytes.fromhex(key.seed)) == SEED_BYTES
    assert actor.make_pickup_key(0, revokes=False) is None, "another gateway has made it meanwhile"
    document = actor.make_pickup_key(key.number, revokes=False)
    assert document is not None
    assert [each.number for each in chain_from_document(document).pickup_keys] == [key.number, key.number + 1]
    before = chain(actor).pickup_keys
    actor.close()
    assert chain(start_newest()).pickup_keys == before, "they are in the journal"


def test_keys_of_links_are_apart_from_those_of_codes(start_newest: Callable[[], ChainActor]) -> None:
    actor = start_newest()
    first = chain_from_document(actor.make_link_key(0, revokes=False) or b"")
    assert (len(first.link_keys), first.pickup_keys) == (1, ())
    assert actor.make_link_key(0, revokes=True) is None
    codes = chain_from_document(actor.make_pickup_key(0, revokes=True) or b"")
    assert codes.link_keys == first.link_keys, "a code that was revoked leaves links as they are"
    known = first.with_part(
        part_from_packed(actor.make_link_key(first.link_keys[0].number, True, first.revision) or b"")
    )
    assert [each.number for each in known.link_keys] == [3]
    actor.close()
    assert chain(start_newest()).link_keys == known.link_keys


def test_a_gateway_is_told_of_pickup_keys_once_and_an_actor_never(start_newest: Callable[[], ChainActor]) -> None:
    actor = start_newest()
    document = actor.make_pickup_key(0, revokes=False)
    assert document is not None
    known = chain_from_document(document)
    moved = actor.put_stores(STORES, known.revision)
    assert part_from_packed(moved).pickup_keys is None
    assert known.with_part(part_from_packed(moved)).pickup_keys == known.pickup_keys
    assert chain(actor).part_for(["S1"]).pickup_keys is None


def test_a_device_is_let_in_once_under_its_name_and_not_again_once_it_was_revoked(
    start_newest: Callable[[], ChainActor],
) -> None:
    actor = start_newest()
    for _ in range(2):
        document = actor.add_device("S1", "tablet-1", "aa")
        assert document is not None, "a repeat is the same device"
        [device] = chain_from_document(document).devices.values()
        assert (device.number, device.store_id, device.name, device.digest) == (1, "S1", "tablet-1", "aa")
    assert actor.add_device("S1", "tablet-1", "bb") is None, "the name is taken"
    assert actor.add_device("S2", "tablet-1", "aa") is None, "so is the token"
    assert actor.add_device("S2", "tablet-1", "bb") is not None, "names are of a shop"
    for _ in range(2):
        assert chain_from_document(actor.revoke_device(1)).devices["aa"].revoked_ms
    assert actor.add_device("S1", "tablet-1", "aa") is None, "a late copy of the call lets nobody in"
    assert actor.add_device("S1", "tablet-1", "cc") is not None, "the name is free"
    before = chain(actor).devices
    actor.close()
    assert chain(start_newest()).devices == before, "they are in the journal"


def test_a_device_that_was_revoked_is_forgotten_after_a_day() -> None:
    devices: dict[str, Device] = {}
    for number in range(1, 5):
        devices = devices_after(devices, DeviceAdded("S1", f"t{number}", f"{number}", 5), number)
    devices = devices_after(devices, DeviceRevoked(3, 6), 5)
    assert devices["3"].revoked_ms == 6
    assert "3" in devices_at(devices, 5 + ANSWER_MEMORY_MARGIN_MS)
    assert "3" not in devices_at(devices, 6 + ANSWER_MEMORY_MARGIN_MS)
