"""What is found of a service under kills: each fault by itself, in calls that are made up, and in broken services."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from actors.runtime.clock import SystemClock
from bench.peers import kills
from bench.peers.kills import Answer, Call, Findings, campaign, judged
from bench.peers.serving import Asked, Audit, Held, Short, started
from bench.samples import sku
from holdfast.v1 import reservation_pb2, reservation_service_pb2 as rs


def call(number: int, *answers: Answer, units: int = 1, at_ms: float = 0) -> Call:
    lines = [reservation_pb2.LineQuantity(sku="a", quantity=units)]
    return Call(rs.ReserveRequest(idempotency_key=str(number), store_id="S", lines=lines), list(answers), at_ms)


def held(number: int, expires_ms: int = 100) -> Answer:
    return Answer(f"S:{number}", expires_ms, 0)


REFUSED = Answer("", 0, 7)


def test_what_is_right_is_found_to_be() -> None:
    calls = [call(1, held(1), held(1)), call(2, REFUSED, REFUSED), call(3, held(2, 200), at_ms=100)]
    found = judged(calls, 2, on_hand=1)
    assert found.holds
    assert (found.calls, found.accepted) == (3, 2)


@pytest.mark.parametrize(
    ("calls", "found", "wrong"),
    [
        ([call(1, held(1)), call(2, held(2), at_ms=50)], 2, {"oversold": 1}),
        ([call(1, held(1), units=3)], 1, {"oversold": 2}),
        ([call(1, held(1), REFUSED)], 1, {"answered_twice": 1}),
        ([call(1, REFUSED, held(1))], 0, {"answered_twice": 1}),
        ([call(1, held(1)), call(2, held(1), at_ms=100)], 2, {"shared": 1}),
        ([call(1, held(1))], 0, {"lost": 1}),
        ([call(1, REFUSED)], 1, {"untold": 1}),
        ([call(1)], 1, {"unanswered": 1}),
        ([call(1)], 2, {"unanswered": 1, "untold": 1}),
    ],
)
def test_each_fault_is_found(calls: list[Call], found: int, wrong: dict[str, int]) -> None:
    findings = judged(calls, found, on_hand=1)
    assert {name: getattr(findings, name) for name in findings.WRONG if getattr(findings, name)} == wrong
    assert not findings.holds


class MemoryStock:
    """All of a shop's reservations in a dictionary. `breaks` says what is wrong with it."""

    lost: tuple[type[Exception], ...] = ()

    def __init__(self, breaks: str) -> None:
        self.breaks = breaks
        self.clock = SystemClock()
        self.on_hand: dict[tuple[str, str], int] = {}
        self.answers: dict[str, Held | Short] = {}
        self.holds: dict[int, Asked] = {}
        self.accepted = Counter[str]()
        self.kept: Any = ({}, {}, Counter[str]())

    async def open(self) -> None:
        """It is."""

    async def reserve(self, asked: Asked) -> Held | Short:
        if self.breaks != "forgets keys" and (known := self.answers.get(asked.key)):
            return known
        now_ms = self.clock.now_ms()
        for wanted, units in asked.lines:
            if self.breaks != "looks at nothing" and units > (left := self.free(asked.store_id, wanted)):
                self.answers[asked.key] = Short(wanted, units, left)
                return self.answers[asked.key]
        self.accepted[asked.store_id] += 1
        number = self.accepted.total()
        self.holds[number] = asked
        self.answers[asked.key] = Held(number, now_ms, now_ms + asked.hold_ms)
        return self.answers[asked.key]

    def free(self, store_id: str, sku: str) -> int:
        held = (
            units for each in self.holds.values() if each.store_id == store_id for of, units in each.lines if of == sku
        )
        return self.on_hand[store_id, sku] - sum(held)

    async def reserve_batch(self, batch: Sequence[Asked]) -> Sequence[Held | Short]:
        return [await self.reserve(each) for each in batch]

    async def receive(self, store_id: str, rows: dict[str, int]) -> None:
        self.on_hand |= {(store_id, sku): units for sku, units in rows.items()}

    async def verify(self, store_id: str) -> Audit:
        await self.expire()
        held = sum(units for each in self.holds.values() if each.store_id == store_id for _, units in each.lines)
        return Audit(self.accepted[store_id], held, 0, [])

    async def expire(self) -> None:
        now_ms = self.clock.now_ms()
        for number, asked in list(self.holds.items()):
            said = self.answers.get(asked.key)
            if isinstance(said, Held) and said.expires_ms <= now_ms and self.breaks != "gives nothing back":
                del self.holds[number]

    def strike(self) -> None:
        """What is not on the disk is gone."""
        if self.breaks == "is not durable":
            self.answers, self.holds, self.accepted = self.kept
            self.kept = (dict(self.answers), dict(self.holds), self.accepted.copy())


@pytest.mark.parametrize(
    ("breaks", "units", "found"),
    [
        ("", 40, set()),
        # So few that they are sold twice at once, on a slow machine as well.
        ("looks at nothing", 4, {"oversold", "not_back"}),
        ("forgets keys", 40, {"answered_twice", "untold"}),
        ("gives nothing back", 40, {"not_back"}),
        ("is not durable", 40, {"answered_twice"}),
    ],
)
def test_what_is_wrong_with_a_service_is_found(
    breaks: str, units: int, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kills, "BACK_S_MAX", 0.2)
    monkeypatch.setattr(kills, "STORES", ("K0",))
    monkeypatch.setattr(kills, "UNITS", units)

    async def main() -> Findings:
        stock = MemoryStock(breaks)
        for store_id in kills.STORES:
            await stock.receive(store_id, {sku(each): kills.UNITS for each in range(kills.SKUS)})
        server, target = await started(stock, 0)
        try:
            return await campaign(target, [stock.strike], 0.4, seed=1, hold_ms=400)
        finally:
            await server.stop(None)

    findings = asyncio.run(main())
    wrong = {name for name in findings.WRONG if getattr(findings, name)}
    assert wrong >= found
    assert bool(wrong) == bool(found)
    assert findings.accepted > 0
