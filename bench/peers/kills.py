"""The same calls under the same kills: who sells a unit twice, answers a key twice, or leaves units held for nobody?

More is asked for than there is, through a plain stub of grpc.aio. Each call has a key of its own, and is repeated with
it until it is answered; some are repeated after that as well, and all of them once more in the end. Meanwhile the
service is killed with -9, then the database, by turns, and each is started again as a supervisor does: of Holdfast a
gateway and an actor of shops, which Ray starts again. Holds live for seconds, so that units come back and are held
again under the kills.

What is found rests on what callers were told and on nothing that a service says of itself, but for how many it has
accepted. It is the power that is not cut: what a kernel has taken over is written, whether or not it was flushed.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import Final, NamedTuple

import grpc

from bench.samples import CHANNEL, customer, key, sku
from holdfast.v1 import (
    admin_service_pb2 as admin,
    admin_service_pb2_grpc as admin_stub,
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
    reservation_service_pb2_grpc as stub,
)

CALLERS: Final = 24
STORES: Final = ("K0", "K1", "K2", "K3")
SKUS: Final = 6
UNITS: Final = 40  # of each SKU in each shop
LINES_MAX: Final = 3
HOLD_MS: Final = 4_000
ATTEMPT_S: Final = 2.0
PAUSE_S: Final = 0.05
ANSWER_S_MAX: Final = 60.0
REPEATED: Final = 0.2  # of the calls, at once
BACK_S_MAX: Final = 30.0  # by when all that was held is free again, after its time
RECONNECT: Final = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200))


class Answer(NamedTuple):
    """What a call came to: the reservation and when it ends, or the reason it was refused for."""

    reservation_id: str
    expires_ms: int
    reason: int

    @property
    def accepted(self) -> bool:
        """Whether it holds."""
        return bool(self.reservation_id)


class Call(NamedTuple):
    """A call, all the answers that its key got, and when the first of them came, in ms of the wall clock."""

    request: rs.ReserveRequest
    answers: list[Answer]
    at_ms: float


@dataclass(slots=True)
class Findings:
    """Of one service: how it was asked, and what must be nothing. `unanswered` are calls, `longest_s` the longest
    wait.
    """

    calls: int = 0
    accepted: int = 0
    failed_attempts: int = 0
    kills: int = 0
    longest_s: float = 0.0
    oversold: int = 0
    answered_twice: int = 0
    shared: int = 0
    lost: int = 0
    untold: int = 0
    not_back: int = 0
    unanswered: int = 0
    violations: list[str] = field(default_factory=list)

    WRONG = ("oversold", "answered_twice", "shared", "lost", "untold", "not_back", "unanswered")

    @property
    def holds(self) -> bool:
        """Nothing was found."""
        return not self.violations and not any(getattr(self, name) for name in self.WRONG)

    def figures(self) -> dict[str, float]:
        """For a table."""
        asked = ("calls", "accepted", "failed_attempts", "kills", "longest_s")
        return {name: float(getattr(self, name)) for name in (*asked, *self.WRONG)}


def judged(calls: Sequence[Call], found: int, on_hand: int) -> Findings:
    """What callers were told, against itself and against how many reservations the service has accepted.

    `oversold` are the units of a SKU in a shop that were promised at one moment beyond those on hand, at the worst of
    all moments; a promise counts from when it was heard of. `shared` are reservations that two keys were given.
    """
    findings = Findings(calls=len(calls))
    by_id: Counter[str] = Counter()
    promised: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for call in calls:
        if not call.answers:
            findings.unanswered += 1
            continue
        findings.answered_twice += len(set(call.answers)) > 1
        first = call.answers[0]
        if not first.accepted:
            continue
        findings.accepted += 1
        by_id[first.reservation_id] += 1
        for line in call.request.lines if call.at_ms < first.expires_ms else ():
            moments = promised[call.request.store_id, line.sku]
            moments += [(call.at_ms, line.quantity), (first.expires_ms, -line.quantity)]
    findings.shared = sum(times - 1 for times in by_id.values())
    findings.oversold = sum(max(0, _most(moments) - on_hand) for moments in promised.values())
    findings.untold = max(0, found - findings.accepted - findings.unanswered)
    findings.lost = max(0, findings.accepted - found)
    return findings


def _most(moments: Iterable[tuple[float, int]]) -> int:
    """The most units that are promised at one moment; what ends at a moment makes room for what begins then."""
    most = now = 0
    for _, units in sorted(moments):
        now += units
        most = max(most, now)
    return most


Strike = Callable[[], None]
"""One kill; returns once what was killed is started again."""


async def campaign(
    target: str, strikes: Sequence[Strike], seconds: float, seed: int, hold_ms: int = HOLD_MS
) -> Findings:
    """Call for so long, with the strikes spread over it, and find what is wrong. Each shop of `STORES` has received
    `UNITS` of the first `SKUS`.
    """
    async with grpc.aio.insecure_channel(target, options=RECONNECT) as channel:
        callers = Callers(channel, hold_ms)
        until = perf_counter() + seconds
        chances = [random.Random(seed + number) for number in range(CALLERS)]
        calling = [asyncio.create_task(callers.call_until(until, chance)) for chance in chances]
        for strike in strikes:
            await asyncio.sleep(seconds / (len(strikes) + 1))
            await asyncio.to_thread(strike)
        await asyncio.gather(*calling)
        await callers.repeat_all()
        audits = [await callers.audit(store_id) for store_id in STORES]
        findings = judged(callers.calls, sum(each.accepted for each in audits), UNITS)
        findings.not_back = await callers.not_back()
        findings.violations = [
            f"{audit.store_id} {each.subject}: expected {each.expected}, found {each.found}"
            for audit in audits
            for each in audit.discrepancies
        ]
    findings.failed_attempts, findings.longest_s, findings.kills = callers.failed, callers.longest_s, len(strikes)
    return findings


class Callers:
    """They share one channel. `calls` are those that were made, `failed` the attempts without an answer."""

    def __init__(self, channel: grpc.aio.Channel, hold_ms: int) -> None:
        self.calls: list[Call] = []
        self._hold_ms = hold_ms
        self.failed = 0
        self.longest_s = 0.0
        self._reserve = stub.ReservationServiceStub(channel).Reserve
        self._verify = admin_stub.AdminServiceStub(channel).VerifyLedger

    async def call_until(self, until: float, chance: random.Random) -> None:
        """One caller."""
        while perf_counter() < until:
            lines = chance.sample(range(SKUS), chance.randint(1, LINES_MAX))
            request = self._request(chance.choice(STORES), {sku(each): chance.randint(1, 2) for each in lines}, chance)
            call = await self._called(request)
            self.calls.append(call)
            if chance.random() < REPEATED:
                call.answers.extend(await self._answered(request))

    async def repeat_all(self) -> None:
        """Each call once more; one that was not answered has its last chance."""
        left = iter(self.calls)

        async def some() -> None:
            for call in left:
                call.answers.extend(await self._answered(call.request))

        await asyncio.gather(*(some() for _ in range(CALLERS)))

    async def audit(self, store_id: str) -> admin.VerifyLedgerResponse:
        """A shop added up by its service."""
        answer: admin.VerifyLedgerResponse = await self._verify(
            admin.VerifyLedgerRequest(store_id=store_id), timeout=ANSWER_S_MAX, wait_for_ready=True
        )
        return answer

    async def not_back(self) -> int:
        """Once every hold is over, all units of each SKU must be had again, and not one more: the units of those SKUs
        that this is not so of, for each question that was answered wrongly.
        """
        await asyncio.sleep(self._hold_ms / 1_000)
        for _ in range(int(BACK_S_MAX / PAUSE_S)):
            if not any([(await self.audit(each)).units_reserved for each in STORES]):
                break
            await asyncio.sleep(PAUSE_S)
        chance, wrong = random.Random(0), 0
        for store_id in STORES:
            for number in range(SKUS):
                for units, is_there in ((UNITS + 1, False), (UNITS, True), (1, False)):
                    (answer,) = await self._answered(self._request(store_id, {sku(number): units}, chance)) or [_NONE]
                    wrong += answer.accepted != is_there and UNITS
        return wrong

    async def _called(self, request: rs.ReserveRequest) -> Call:
        began = perf_counter()
        answers = await self._answered(request)
        self.longest_s = max(self.longest_s, perf_counter() - began)
        return Call(request, answers, 1_000 * time())

    async def _answered(self, request: rs.ReserveRequest) -> list[Answer]:
        """Its answer, asked for again until there is one; none after a long time."""
        late_at = perf_counter() + ANSWER_S_MAX
        while perf_counter() < late_at:
            try:
                return [_answer(await self._reserve(request, timeout=ATTEMPT_S))]
            except grpc.aio.AioRpcError:
                self.failed += 1
                await asyncio.sleep(PAUSE_S)
        return []

    def _request(self, store_id: str, units: dict[str, int], chance: random.Random) -> rs.ReserveRequest:
        request = rs.ReserveRequest(
            idempotency_key=key(),
            store_id=store_id,
            lines=[reservation_pb2.LineQuantity(sku=each, quantity=quantity) for each, quantity in units.items()],
            customer_id=customer(chance),
            channel=CHANNEL,
        )
        request.ttl.FromMilliseconds(self._hold_ms)
        return request


_NONE: Final = Answer("", 0, error_pb2.REASON_UNSPECIFIED)


def _answer(said: rs.ReserveResponse) -> Answer:
    if said.WhichOneof("result") == "rejection":
        return Answer("", 0, said.rejection.reason)
    return Answer(said.reservation.reservation_id, said.reservation.expires_at.ToMilliseconds(), 0)
