"""Limits of the chain by chance: they change, actors are killed, and one of two gateways is cut off from the chain."""

from random import Random
from typing import Any, Final

import pytest

from holdfast.v1 import admin_service_pb2 as ad, reservation_service_pb2 as rs
from tests.gateway.front import Front
from tests.gateway.orders import settle
from tests.gateway.test_limits import asked
from tests.gateway.test_new_limits import ACTORS, SHOPS, beside, held

SEEDS: Final = range(6)
STEPS: Final = 60
STRUCK_MIN: Final = 3  # by seed


class Chance:
    """One customer's calls, through either gateway. Whatever is granted while a limit binds, is within it."""

    def __init__(self, front: Front, seed: int) -> None:
        self.front = front
        self.random = Random(seed)
        self.new, (self.old, self.cut_off) = front.gateway, beside(front)
        self.new._reconciler.close()
        self.limit = 0
        self.answers: dict[str, tuple[str, Any, Any]] = {}  # method, request and first answer, by key
        self.live: list[str] = []
        self.struck = {"refused": 0, "held by the cut off": 0, "killed": 0, "over a new limit": 0}

    def step(self, number: int) -> None:
        choice = self.random.choices(
            (self.reserve, self.amend, self.release, self.repeat, self.set_limit, self.kill, self.cut, self.settle),
            (8, 4, 3, 4, 2, 2, 2, 3),
        )[0]
        self.front.gateway = self.random.choice((self.new, self.old))
        choice(f"k{number}")

    def reserve(self, key: str) -> None:
        self.ask("Reserve", key, asked(key, self.random.randint(1, 3), self.random.choice(SHOPS)))

    def amend(self, key: str) -> None:
        if self.live:
            request = rs.AmendReservationRequest(idempotency_key=key, reservation_id=self.random.choice(self.live))
            request.lines.add(sku="A", quantity=self.random.randint(1, 4))
            self.ask("AmendReservation", key, request)

    def release(self, key: str) -> None:
        if self.live:
            reservation_id = self.live.pop(self.random.randrange(len(self.live)))
            request = rs.ReleaseReservationRequest(
                idempotency_key=key,
                reservation_id=reservation_id,
                reason="RELEASE_REASON_OTHER",
            )
            self.ask("ReleaseReservation", key, request)

    def repeat(self, _: str) -> None:
        if self.answers:
            key = self.random.choice(list(self.answers))
            method, request, first = self.answers[key]
            said = self.front.ask(method, request, timeout_ms="1000")
            assert said.message or said.reply == first, key

    def ask(self, method: str, key: str, request: Any) -> None:
        before = held(self.front)
        said = self.front.ask(method, request, timeout_ms="1000")
        if said.message:
            return
        self.answers[key] = method, request, said.reply
        if said.reply.WhichOneof("result") == "rejection":
            self.struck["refused"] += 1
            return
        self.struck["held by the cut off"] += self.front.gateway is self.old and self.cut_off.cut
        if method == "Reserve":
            self.live.append(said.reply.reservation.reservation_id)
        after = held(self.front)
        assert after <= max(self.limit, before) or not self.limit, f"{method} {key}: {after} of {self.limit}"

    def set_limit(self, _: str) -> None:
        self.front.gateway = self.new
        policy = self.front.accept("GetPolicy", ad.GetPolicyRequest()).policy
        del policy.chain_limit_rules[:]
        self.limit = self.random.randint(0, 6)
        if self.limit:
            policy.chain_limit_rules.add(sku="A", units_max=self.limit)
        told = self.front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
        assert (list(told.pending), told.uncounted_reservations) == ([], 0)
        self.struck["over a new limit"] += 0 < self.limit < held(self.front)

    def kill(self, _: str) -> None:
        self.front.actors.kill(self.random.choice(ACTORS))
        self.struck["killed"] += 1

    def cut(self, _: str) -> None:
        self.cut_off.cut = not self.cut_off.cut

    def settle(self, _: str) -> None:
        self.front.gateway = self.new
        self.front.run(self.old._reconciler._grants.finish)
        settle(self.front)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_gets_around_a_limit_by_chance(front: Front, seed: int) -> None:
    for store_id in SHOPS:
        front.receive("A", store_id=store_id)
    chance = Chance(front, seed)
    for number in range(STEPS):
        chance.step(number)
    for _ in range(3):
        chance.settle("")
    sound = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (sound.holds, sound.on_the_way) == (True, 0)
    chance.old._router.close()
    assert sum(chance.struck.values()) >= STRUCK_MIN, chance.struck
