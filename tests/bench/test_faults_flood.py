"""The flood beside counted kills: what it asks again for, what it counts, and what its audits must agree with."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, cast

from bench.faults.callers import FLOOD_SHOPS
from bench.faults.flood import CALLERS, Flood
from bench.faults.run import KILLS, Evidence, Plan, blows
from bench.faults.strikes import Strike, Striker
from holdfast.client import ChannelClient, OutcomeUnknown, Reservation, Unavailable, Verification
from tests.bench.order_history import NEAR_SHOP, claimed

ASKED = 300


class Service:
    """Answers each key once it was asked for twice, and notes what was reserved where."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.flood = Flood((cast("ChannelClient", self),), 7, per_s=1e9)

    async def adjust_stock(self, *_: object, **__: object) -> None:
        """There is enough."""

    async def reserve(self, *, store_id: str, idempotency_key: str, **_: Any) -> Reservation:
        self.times[idempotency_key] += 1
        if len(self.times) >= ASKED:
            self.flood.over.set()
        if self.times[idempotency_key] == 1:
            raise OutcomeUnknown("Reserve")
        self.held[store_id] += 1
        await asyncio.sleep(0)
        return claimed(NEAR_SHOP)


class NoStriker:
    """Strikes are only named."""

    def __getattr__(self, name: str) -> object:
        return name


def audit(store_id: str, accepted: int) -> Verification:
    return Verification(store_id, 1, True, (), accepted, accepted, 0, 0, 0, "")


def test_each_is_asked_for_until_it_is_answered_and_counted_once() -> None:
    service = Service()
    asyncio.run(service.flood.run())
    flood = service.flood
    assert (set(service.times.values()), flood.wrong) == ({2}, [])
    assert ASKED <= flood.asked == flood.again == len(service.times) < ASKED + CALLERS
    assert flood.accepted == service.held
    told = [audit(store_id, service.held[store_id]) for store_id in FLOOD_SHOPS]
    assert flood.lost(told) == flood.doubled(told) == []


def test_an_audit_that_fails_is_told_and_the_others_are_made() -> None:
    class Half:
        async def verify_ledger(self, store_id: str, **_: object) -> Verification:
            if store_id == FLOOD_SHOPS[0]:
                raise Unavailable("VerifyLedger: too late")
            return audit(store_id, 1)

    flood = Flood(())
    assert asyncio.run(flood.audits(cast("ChannelClient", Half()))) == [audit(FLOOD_SHOPS[1], 1)]
    [wrong] = flood.wrong
    assert wrong.startswith(f"shop {FLOOD_SHOPS[0]} was not audited: VerifyLedger: too late")


def test_one_fewer_is_a_lost_answer_and_one_more_a_call_that_was_done_twice() -> None:
    flood = Flood(())
    flood.accepted.update(dict.fromkeys(FLOOD_SHOPS, 5))
    first, second = FLOOD_SHOPS
    audits = [audit(first, 4), audit(second, 6)]
    assert flood.lost(audits) == [f"shop {first}: callers were told of 5 reservations, its journal has 4"]
    assert flood.doubled(audits) == [f"shop {second}: callers were told of 5 reservations, its journal has 6"]


def test_where_kills_are_counted_nothing_else_strikes_and_each_kind_does() -> None:
    striker = cast("Striker", NoStriker())
    counted = blows(striker, Random(1), Plan(0.0, kills=300))
    assert Counter(fault for fault, _ in counted) == {"F1": 15, "F2": 7, "F4": 2}
    assert len(counted) == sum(KILLS.values())
    assert {fault for fault, _ in blows(striker, Random(1), Plan(0.0, ("F15",)))} == {"F15"}


def test_a_strike_that_found_nothing_to_kill_is_no_kill() -> None:
    found = Evidence(7, flood=Flood((), asked=40))
    found.strikes = [Strike("F1", "kill", killed=1), Strike("F2", "kill", killed=2), Strike("F1", "kill", note="none")]
    found.recorder.per_second[0, "accepted"] = 2
    assert (found.kills, found.operations) == (2, 42)
