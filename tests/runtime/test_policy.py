"""A ledger decides by the rules it was given last, and its journal says since when."""

from actors.core.chain import EMPTY, PolicySet, Store, StoresPut, evolve_chain
from actors.core.policy import HOUR_MS, LimitRule, Policy
from actors.core.transact import PolicyAdopted
from actors.runtime.kinds import SHOP
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock, entries


class Chain:
    """Rules that a test exchanges."""

    def __init__(self) -> None:
        self.policy: Policy | None = None

    def policy_for(self, _store_id: str) -> Policy | None:
        return self.policy


def adopted(runtime: ActorRuntime, store_id: str = "S1") -> list[tuple[int, int]]:
    """Where in the journal rules were taken over, and which version."""
    found = []
    for record in runtime.journal.read(store_id, 0, 1_000):
        version = record.seq - record.event_count
        for event in SHOP.read_events(record.payload):
            version += 1
            if isinstance(event, PolicyAdopted):
                found.append((version, event.policy.version))
    return found


def test_new_rules_are_journalled_before_the_first_decision_by_them(storage: Storage, clock: ManualClock) -> None:
    chain = Chain()
    runtime = ActorRuntime(storage, clock, chain.policy_for)
    runtime.deliver("receive A 9")
    assert runtime.deliver("reserve ann A 1") == "#2 HELD A 1 until 2:00"
    chain.policy = Policy(version=2, ttl_ms_default=HOUR_MS)
    assert runtime.deliver("reserve bob A 1") == "#4 HELD A 1 until 1:00"
    assert adopted(runtime) == [(3, 2)]
    assert entries(runtime.journal.log, "durable")[-1] == "durable S1:3-4"


def test_the_same_rules_are_not_journalled_again(storage: Storage, clock: ManualClock) -> None:
    chain = Chain()
    chain.policy = Policy(version=2)
    runtime = ActorRuntime(storage, clock, chain.policy_for)
    for number in range(3):
        runtime.deliver(f"receive A {number + 1}")
    later = runtime.successor()
    later.deliver("receive A 1")
    assert adopted(later) == [(1, 2)]


def test_rules_survive_without_anybody_who_knows_them(storage: Storage, clock: ManualClock) -> None:
    chain = Chain()
    chain.policy = Policy(version=2, ttl_ms_default=HOUR_MS)
    runtime = ActorRuntime(storage, clock, chain.policy_for)
    runtime.deliver("receive A 9")
    chain.policy = None
    later = runtime.successor()
    assert later.deliver("reserve ann A 1") == "#3 HELD A 1 until 1:00"
    later.snapshot()
    assert later.successor().deliver("reserve bob A 1") == "#4 HELD A 1 until 1:00"


def test_a_paused_shop_refuses_new_holds_and_keeps_its_promises(storage: Storage, clock: ManualClock) -> None:
    chain = Chain()
    runtime = ActorRuntime(storage, clock, chain.policy_for)
    runtime.deliver("receive A 9")
    runtime.deliver("reserve ann A 1")
    chain.policy = Policy(version=1, paused=True)
    assert runtime.deliver("reserve bob A 1") == "STORE_NOT_ACCEPTING"
    assert runtime.deliver("confirm #2 within 1h") == "#2 CONFIRMED A 1 until 1:00"
    chain.policy = Policy(version=1)
    assert runtime.deliver("reserve cid A 1") == "#7 HELD A 1 until 2:00"


def test_the_pause_of_a_shop_is_written_into_its_journal_alone(storage: Storage, clock: ManualClock) -> None:
    known = evolve_chain(EMPTY, StoresPut(tuple(Store(each, each, 0.0, 0.0, False) for each in ("S1", "S2"))))

    def policy_for(store_id: str) -> Policy:
        return known.policy_of(store_id)

    runtime = ActorRuntime(storage, clock, policy_for)
    for store_id in ("S1", "S2"):
        runtime.deliver("receive A 9", store_id)
    before = known
    known = evolve_chain(known, StoresPut((Store("S1", "S1", 0.0, 0.0, True),)))
    assert [runtime.deliver("reserve ann A 1", each) for each in ("S1", "S2")] == [
        "STORE_NOT_ACCEPTING",
        "#3 HELD A 1 until 2:00",
    ]
    known = before  # a gateway that has not heard of it
    assert runtime.deliver("reserve bob A 1") == "STORE_NOT_ACCEPTING"
    known = evolve_chain(known, StoresPut((Store("S1", "S1", 0.0, 0.0, True),)))
    known = evolve_chain(known, StoresPut((Store("S1", "S1", 0.0, 0.0, False),)))
    assert runtime.deliver("reserve cid A 1").startswith("#")
    known = evolve_chain(known, PolicySet(Policy(version=2)))
    assert [runtime.deliver("reserve dan A 1", each)[0] for each in ("S1", "S2")] == ["#", "#"]
    assert [len(adopted(runtime, each)) for each in ("S1", "S2")] == [4, 2]


def test_rules_of_one_step_hold_for_all_of_it(storage: Storage, clock: ManualClock) -> None:
    chain = Chain()
    chain.policy = Policy(version=2, limit_rules=(LimitRule("", "A", 0, 2),))
    runtime = ActorRuntime(storage, clock, chain.policy_for)
    runtime.deliver("receive A 9")
    answers = runtime.say("reserve ann A 2", "reserve ann A 1", "reserve bob A 2")
    assert [type(answer).__name__ for answer in answers] == ["Reservation", "Recorded", "Reservation"]


def test_older_rules_do_not_take_the_place_of_newer_ones(storage: Storage, clock: ManualClock) -> None:
    """After a restart the first to call may be a gateway that has not heard of the change yet."""
    chain = Chain()
    chain.policy = Policy(version=3, ttl_ms_default=HOUR_MS)
    runtime = ActorRuntime(storage, clock, chain.policy_for)
    runtime.deliver("receive A 9")
    chain.policy = Policy(version=2)
    later = runtime.successor()
    assert later.deliver("reserve ann A 1") == "#3 HELD A 1 until 1:00"
    assert adopted(later) == [(1, 3)]
