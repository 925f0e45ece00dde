"""The fourth act: customers wait in line for what others hold, and are served as that is given back and as more is
delivered, while others come who do not wait; the actor of a shop is killed during each. Who was served when, and who
got nothing, the shops' feeds say (`turns`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

from bench.demo.calls import Call, Kind, Outcome, reserve_call
from bench.demo.plan import given_back
from bench.demo.run import Act, Job, Phases, by_actor, in_sequence, statuses_of
from bench.demo.turns import Turns
from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, LedgerStatus, Reservation

SKUS: Final = 5
WAITING: Final = 200
FIRST: Final = 10  # customers of each SKU who have it when the others come
DELIVERIES: Final = 4  # of each SKU
WAIT_MS: Final = 3_600_000
LATE_MS: Final = 1_000  # how long the first but one of each line is waited for: it does not come
CALLERS: Final = 16
KILL_AT: Final = 0.5  # as a part of the releases, and of the deliveries


class InLine(NamedTuple):
    """Who waits for one SKU in one shop, and for how many units each."""

    number: int
    store_id: str
    units: tuple[int, ...]

    @property
    def sku(self) -> str:
        """A SKU of no basket."""
        return f"waited-{self.number}"

    def missing(self) -> list[int]:
        """What is missing for all who wait once the first have given back what they had, delivery by delivery."""
        whole, rest = divmod(sum(self.units) - FIRST, DELIVERIES)
        return [whole + (number < rest) for number in range(DELIVERIES)]

    def reserve(self, customer: str, units: int, **more: int) -> Call:
        return reserve_call(f"{self.sku}-{customer}", self.store_id, self.sku, units, **more)

    def wait(self, place: int) -> Call:
        late = {"ttl_ms": LATE_MS} if place == 1 else {}
        return self.reserve(str(place), self.units[place], wait_ms=WAIT_MS, **late)

    def delivery(self, name: str, units: int) -> Call:
        row = Adjustment(self.sku, units, 1, AdjustmentKind.RECEIPT)
        asked = {"store_id": self.store_id, "source": f"{self.sku} {name}", "adjustments": (row,)}
        return Call(Kind.ADJUST_STOCK, f"{self.sku}-{name}", asked)


def lines_of(statuses: Mapping[str, LedgerStatus]) -> list[InLine]:
    """A line for each SKU, in shops of different actors in turn, where there are several. Every third customer needs
    two units, so that those behind could pass.
    """
    actors = by_actor(statuses)
    units = tuple(2 if place % 3 == 2 else 1 for place in range(WAITING // SKUS))
    lines = []
    for number in range(SKUS):
        shops = actors[number % len(actors)]
        lines.append(InLine(number, shops[number // len(actors) % len(shops)], units))
    return lines


async def wait_in_line(
    client: ChannelClient, store_ids: Sequence[str], told: Act, phases: Phases, kill: Callable[[str], Awaitable[None]]
) -> None:
    """Have all of them come, and then units. `kill` ends the process that writes a shop, and waits for the next one."""
    lines = lines_of(await statuses_of(client, store_ids))
    opening = [line.delivery("opening", FIRST) for line in lines]
    holding = [line.reserve(f"first-{place}", 1) for place in range(FIRST) for line in lines]
    waiting = [line.wait(place) for place in range(WAITING // SKUS) for line in lines]
    deliveries = [
        line.delivery(f"delivery-{place}", line.missing()[place]) for place in range(DELIVERIES) for line in lines
    ]
    passing = [line.reserve(f"passing-{place}", 1) for place in range(FIRST + DELIVERIES) for line in lines]
    with phases.phase(
        "Waiting in line", sum(map(len, (opening, holding, waiting, holding, deliveries, passing)))
    ) as tick:

        async def ask_all(calls: Sequence[Call], jobs: Mapping[float, Job]) -> list[Outcome]:
            outcomes: list[Outcome] = []

            async def ask(call: Call) -> None:
                if (outcome := await told.answers.ask(call)) is not None:
                    outcomes.append(outcome)

            await in_sequence(calls, ask, callers=CALLERS, jobs=jobs, tick=tick)
            return outcomes

        await ask_all(opening, {})
        held = [made for made in await ask_all(holding, {}) if isinstance(made, Reservation)]
        await ask_all(waiting, {})
        back = [given_back(each, f"back-{each.reservation_id}") for each in held]
        late = iter(passing)
        await ask_all([*chain(*zip(back, late, strict=False))], {KILL_AT: partial(kill, lines[0].store_id)})
        await ask_all([*chain(*zip(deliveries, late, strict=False))], {KILL_AT: partial(kill, lines[1].store_id)})


def in_line(turns: Turns) -> dict[str, Any]:
    """What came of it, as plain values."""
    return {
        "skus": turns.skus(),
        "customers": len(turns.waited),
        "served": len(turns.served),
        "passed_over": turns.passed_over,
        "still_waiting": turns.waiting(),
        "out_of_turn": len(turns.out_of_turn),
        "kept_out": turns.kept_out,
        "holds": len(turns.waited) == len(turns.served) == WAITING
        and bool(turns.kept_out)
        and not turns.waiting()
        and not turns.out_of_turn,
        "findings": turns.out_of_turn,
    }
