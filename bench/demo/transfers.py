"""The third act: units move between shops, some come short, and the actor of each end is killed meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Final, NamedTuple

from bench.demo.calls import CALL_MS_MAX, Call, Kind
from bench.demo.feed import Sentences
from bench.demo.run import Act, Job, Phases, by_actor, kill_and_tell, statuses_of
from bench.load.loops import Tick, gathered
from bench.service import Service
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    LedgerStatus,
    LossBearer,
    Rejection,
    Transfer,
    TransferStatus,
)

TRANSFERS: Final = 20
SHORT: Final = 5
UNITS: Final = 8  # of each
AT_ONCE: Final = 4
KILL_AT: Final = TRANSFERS // 2

Answer = Transfer | Rejection


class Move(NamedTuple):
    """One transfer of a SKU of its own, so that its units can be counted at both ends; `came` of UNITS come."""

    number: int
    source: str
    destination: str
    came: int

    @property
    def sku(self) -> str:
        """A SKU of no basket."""
        return f"moved-{self.number:02}"


@dataclass(slots=True)
class Moved:
    """What became of it: in units, by what callers were told and by what shops have in the end."""

    transfers: int = 0
    short: int = 0
    units_sent: int = 0
    units_received: int = 0
    units_short: int = 0
    units_missing: int = 0
    repeats_differing: int = 0
    seconds: float = 0.0
    findings: Sentences = field(default_factory=Sentences)

    @property
    def holds(self) -> bool:
        """True where all were moved, of some fewer units came, and every unit is in one place."""
        moved = self.transfers == TRANSFERS and self.short == SHORT
        return moved and not self.units_missing and not self.repeats_differing

    def find(self, units: int, sentence: str) -> None:
        """So many units are not where they should be."""
        self.units_missing += units
        self.findings.add(sentence)


def moves_between(statuses: Mapping[str, LedgerStatus]) -> list[Move]:
    """Between shops of different actors where there are several: each way in turn, so that either is a source."""
    one, *others = by_actor(statuses)
    other = others[0] if others else one[1:] + one[:1]
    moves = []
    for number in range(TRANSFERS):
        source, destination = one[number % len(one)], other[number % len(other)]
        if number % 2:
            source, destination = destination, source
        came = UNITS - 1 - number % 3 if number < SHORT else UNITS
        moves.append(Move(number, source, destination, came))
    return moves


async def move_units(
    client: ChannelClient, service: Service, store_ids: Sequence[str], shops: Act, told: Act, phases: Phases
) -> Moved:
    """Propose, send and receive all of them, with a kill of each end; then ask everybody what there is. What is booked
    in is told to `shops`, kills to `told`.
    """
    began = perf_counter()
    moves = moves_between(await statuses_of(client, store_ids))
    for move in moves:
        row = Adjustment(move.sku, UNITS, 1, AdjustmentKind.RECEIPT)
        asked = {"store_id": move.source, "source": f"moved {move.number}", "adjustments": (row,)}
        await shops.answers.ask(Call(Kind.ADJUST_STOCK, f"opening-{move.sku}", asked))

    kill = partial(kill_and_tell, client, service, store_ids, told, phases)
    mover, middle = Mover(client), moves[KILL_AT]
    with phases.phase("Moving units between shops", 3 * TRANSFERS) as tick:
        await mover.each(moves, mover.propose, tick)
        await mover.each(moves, mover.send, tick, partial(kill, middle.source))
        await mover.each(moves, mover.receive, tick, partial(kill, middle.destination))
    await _count(client, moves, mover.ids, mover.moved)
    mover.moved.seconds = perf_counter() - began
    return mover.moved


class Mover:
    """The calls for all transfers; `ids` are by number, once they are proposed."""

    def __init__(self, client: ChannelClient) -> None:
        self._client = client
        self.ids: dict[int, str] = {}
        self.moved = Moved()

    async def each(
        self, moves: Sequence[Move], ask: Callable[[Move], Awaitable[Answer]], tick: Tick, kill: Job | None = None
    ) -> None:
        """Ask for all of them, in the middle with a kill, and everything twice."""

        async def one(move: Move) -> Answer:
            killing = asyncio.ensure_future(kill()) if kill is not None and move.number == KILL_AT else None
            first = await ask(move)
            if killing is not None:
                await killing
            again = await ask(move)
            if again != first:
                self.moved.repeats_differing += 1
                self.moved.findings.add(f"{move.sku}: first {first}, then {again}")
            return first

        for move, answer in (await gathered(moves, one, at_once=AT_ONCE, tick=tick)).items():
            if isinstance(answer, Transfer):
                self.ids[move.number] = answer.transfer_id
            else:
                self.moved.find(UNITS, f"{move.sku}: {answer.message}")

    async def propose(self, move: Move) -> Answer:
        key, lines = f"propose-{move.sku}", [(move.sku, UNITS)]
        return await self._client.propose_transfer(
            move.source, move.destination, lines, idempotency_key=key, timeout_ms=CALL_MS_MAX
        )

    async def send(self, move: Move) -> Answer:
        key = f"send-{move.sku}"
        return await self._client.send_transfer(self.ids[move.number], idempotency_key=key, timeout_ms=CALL_MS_MAX)

    async def receive(self, move: Move) -> Answer:
        """What came of them; of every second one a difference is its source's loss."""
        return await self._client.receive_transfer(
            move.destination,
            self.ids[move.number],
            [(move.sku, move.came)] if move.came != UNITS else [],
            loss_bearer=LossBearer.SOURCE if move.number % 2 else LossBearer.UNSPECIFIED,
            idempotency_key=f"receive-{move.sku}",
            timeout_ms=CALL_MS_MAX,
        )


async def _count(client: ChannelClient, moves: Sequence[Move], ids: Mapping[int, str], moved: Moved) -> None:
    """What both ends have, held against what callers were told."""
    found = await client.verify_transfers()
    for each in found.discrepancies:
        moved.findings.add(f"{each.subject}: {each.expected}, not {each.found}")
    moved.units_missing += found.units_missing
    for name in found.left_out:
        moved.findings.add(f"shop {name} is stopped")
    for move in moves:
        if move.number not in ids:
            continue  # it is told already
        transfer = await client.get_transfer(ids[move.number])
        moved.transfers += transfer.status is TransferStatus.RECEIVED
        came = Counter({line.sku: line.received for line in transfer.lines})[move.sku]
        moved.short += came < UNITS
        moved.units_sent += UNITS
        moved.units_received += came
        moved.units_short += UNITS - came
        there = await client.get_availability([move.source, move.destination], [move.sku])
        on_hand = [store.positions[0].on_hand for store in there]
        expected = [0, move.came]
        apart = sum(abs(mine - its) for mine, its in zip(on_hand, expected, strict=True))
        if apart or came != move.came:
            moved.find(apart + abs(came - move.came), f"{transfer}: on hand {on_hand}, and {expected} were expected")
