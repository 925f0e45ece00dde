"""The callers of a run: customers, impatient ones among them, who reserve and go on or stay away, others who place
orders over several shops, a supplier, and readers. What each does is drawn from the seed; when, nobody can repeat.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from bench.demo.calls import Call, Kind, reserve_call
from bench.faults.recorder import Recorder
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    Order,
    Place,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
)

SHOPS: Final = ("S1", "S2", "S3", "S4")
SKUS: Final = ("apple", "pear", "plum", "limited")
ORDERED_SKUS: Final = {"lamp": SHOPS[:2], "bulb": SHOPS[2:]}  # none of these shops has both
LIMITED: Final = "limited"
LIMIT: Final = 3  # units of it that a customer may have over all shops
BURST: Final = "burst"
DROP_SHOPS: Final = ("H1", "H2")
FLOOD_SHOPS: Final = ("L1", "L2")
DROP: Final = "drop"
DROP_UNITS: Final = 40  # in each of its shops

PATIENT_MS: Final = 45_000  # longer than anything takes to come back
IMPATIENT_MS: Final = 150
THINK_S: Final = 0.03  # between two calls of one caller, on average
TTL_MS: Final = (1_000, 4_000)
LATE_S: Final = (0.5, 5.0)
KNOWN_MAX: Final = 256
LIMITED_CUSTOMERS: Final = 12
SUPPLIED: Final = (2, 6)
PLACE: Final = Place(latitude=52.5, longitude=13.4)

_STORES: Final = "".join(
    f"  - {{store_id: {each}, latitude: 52.5, longitude: 13.4}}\n" for each in (*SHOPS, *DROP_SHOPS, *FLOOD_SHOPS)
)
CHAIN_FILE: Final = f"""
stores:
{_STORES}
policy:
  ttl_default: 4s
  ttl_max: 1h
  collect_within: 6s
  chain_limit_rules:
    - {{sku: {LIMITED}, units_max: {LIMIT}, collected_for: 1h}}
"""


@dataclass(slots=True)
class Crowd:
    """Everybody who calls, over `clients`, until `over` is set."""

    recorder: Recorder
    clients: Sequence[ChannelClient]
    seed: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    known: deque[str] = field(default_factory=lambda: deque(maxlen=KNOWN_MAX))
    doubled: int = 0  # calls that were made twice on purpose, at once or later
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    async def open_shops(self) -> None:
        there = [(store_id, sku, 20) for store_id in SHOPS for sku in (*SKUS, BURST)]
        there += [(store_id, sku, 30) for sku, shops in ORDERED_SKUS.items() for store_id in shops]
        there += [(store_id, DROP, DROP_UNITS) for store_id in DROP_SHOPS]
        await asyncio.gather(*(self.supply("opening", *each) for each in there))

    async def supply(self, name: str, store_id: str, sku: str, units: int) -> None:
        """Bring units in, as a source of their own."""
        source = f"{name}-{store_id}-{sku}"
        rows = (Adjustment(sku, units, 1, AdjustmentKind.RECEIPT),)
        call = Call(Kind.ADJUST_STOCK, source, {"store_id": store_id, "source": source, "adjustments": rows})
        await self.recorder.ask(self.clients[0], "supplier", call, PATIENT_MS)

    async def run(self) -> None:
        """Return once everybody has heard what he waits for."""
        parts: list[tuple[str, int, Callable[[Random, str, int], Awaitable[None]]]] = [
            ("customer", 8, self._shop),
            ("impatient", 3, self._shop_impatiently),
            ("orderer", 2, self._order),
            ("dropper", 2, self._want_drop),
            ("reader", 3, self._look),
            ("supplier", 1, self._deliver),
        ]
        loops = [self._go_on(f"{name} {number}", do) for name, count, do in parts for number in range(count)]
        await asyncio.gather(*loops)
        await asyncio.gather(*self._late)

    async def _go_on(self, caller: str, do: Callable[[Random, str, int], Awaitable[None]]) -> None:
        draw, turn = Random(f"{self.seed}:{caller}"), 0
        while not self.over.is_set():
            turn += 1
            await do(draw, caller, turn)
            await asyncio.sleep(draw.expovariate(1 / THINK_S))

    async def _shop(self, draw: Random, caller: str, turn: int, timeout_ms: int = PATIENT_MS) -> None:
        store_id, sku = draw.choice(SHOPS), draw.choice(SKUS)
        customer = f"limited {draw.randrange(LIMITED_CUSTOMERS)}" if sku == LIMITED else f"{caller} {turn}"
        name, client = f"{caller}-{turn}", self._client(draw)
        units, channel = draw.choice((1, 1, 2)), draw.choice(("web", "app"))
        call = reserve_call(
            name, store_id, sku, units, customer_id=customer, channel=channel, ttl_ms=draw.randint(*TTL_MS)
        )
        held = await self._made(draw, caller, call, timeout_ms)
        if not isinstance(held, Reservation):
            return
        self.known.append(held.reservation_id)
        of_it = {"reservation_id": held.reservation_id}
        fates = {
            (Kind.CONFIRM, Kind.MARK_READY, Kind.COLLECT): 3,
            (Kind.COLLECT,): 1,
            (Kind.CONFIRM,): 1,
            (Kind.CONFIRM, Kind.RELEASE): 1,
            (Kind.RELEASE,): 2,
            (Kind.EXTEND,): 1,
            (): 2,
        }
        (fate,) = draw.choices(list(fates), list(fates.values()))
        more: dict[Kind, dict[str, Any]] = {
            Kind.COLLECT: {"payment_reference": f"pay-{name}"},
            Kind.RELEASE: {"reason": ReleaseReason.CUSTOMER_CANCELLED},
            Kind.EXTEND: {"ttl_ms": TTL_MS[1]},
        }
        for kind in fate:
            call = Call(kind, f"{name}-{kind.name.lower()}", {**of_it, **more.get(kind, {})})
            if not isinstance(await self._made(draw, caller, call, timeout_ms), Reservation):
                return
        if draw.random() < 0.02:
            await self.recorder.ask_otherwise(client, self.recorder.entries[name].call, PATIENT_MS)

    async def _shop_impatiently(self, draw: Random, caller: str, turn: int) -> None:
        await self._shop(draw, caller, turn, IMPATIENT_MS)

    async def _made(self, draw: Random, caller: str, call: Call, timeout_ms: int) -> object:
        """The answer. Some calls are made twice at once, some again later, when all may be over; and who got no answer
        in his time mostly asks again, and goes on once he has one: or very many calls would be open while the service
        is away, in any of very many sequences.
        """
        ask, chance = self.recorder.ask, draw.random()
        if chance < 0.03:
            self.doubled += 1
            first, _ = await asyncio.gather(
                ask(self._client(draw), caller, call, timeout_ms), ask(self._client(draw), caller, call, timeout_ms)
            )
            return first
        outcome = await ask(self._client(draw), caller, call, timeout_ms)
        if outcome is None and chance < 0.8:
            await asyncio.sleep(draw.uniform(*LATE_S))
            return await ask(self._client(draw), caller, call, PATIENT_MS)
        if chance > 0.97:
            self.doubled += outcome is not None
            task = asyncio.ensure_future(self._ask_later(caller, call, draw.uniform(*LATE_S), self._client(draw)))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        return outcome

    async def _ask_later(self, caller: str, call: Call, pause_s: float, client: ChannelClient) -> None:
        await asyncio.sleep(pause_s)
        await self.recorder.ask(client, caller, call, PATIENT_MS)

    async def _order(self, draw: Random, caller: str, turn: int) -> None:
        name = f"{caller}-{turn}"
        asked = {
            "customer_id": name,
            "channel": "web",
            "lines": tuple((sku, 1) for sku in ORDERED_SKUS),
            "place": PLACE,
            "policy": SourcingPolicy.SPLIT,
            "ttl_ms": draw.randint(*TTL_MS),
        }
        order = await self.recorder.ask(self._client(draw), caller, Call(Kind.RESERVE_NEAR, name, asked), PATIENT_MS)
        if not isinstance(order, Order):
            return
        released = {"reason": ReleaseReason.CUSTOMER_CANCELLED}
        steps = draw.choice(
            ((), (Kind.CONFIRM_ORDER,), (Kind.RELEASE_ORDER,), (Kind.CONFIRM_ORDER, Kind.RELEASE_ORDER))
        )
        for kind in steps:
            more = released if kind is Kind.RELEASE_ORDER else {}
            call = Call(kind, f"{name}-{kind.name.lower()}", {"order_id": order.order_id, **more})
            await self.recorder.ask(self._client(draw), caller, call, PATIENT_MS)

    async def _want_drop(self, draw: Random, caller: str, turn: int) -> None:
        call = reserve_call(f"{caller}-{turn}", draw.choice(DROP_SHOPS), DROP, ttl_ms=TTL_MS[1])
        await self.recorder.ask(self._client(draw), caller, call, PATIENT_MS)

    async def _look(self, draw: Random, caller: str, _turn: int) -> None:
        client = self._client(draw)
        if draw.random() < 0.5 and self.known:
            known = draw.choice(self.known)
            await self.recorder.read(caller, known, lambda: client.get_reservation(known))
            return
        store_id, sku = draw.choice(SHOPS), draw.choice(SKUS)
        await self.recorder.read(caller, (store_id, sku), lambda: client.get_availability([store_id], [sku]))

    async def _deliver(self, draw: Random, caller: str, turn: int) -> None:
        """Each shop runs out of something now and then."""
        sku = draw.choice((*SKUS, *ORDERED_SKUS, BURST))
        store_id = draw.choice(ORDERED_SKUS.get(sku, SHOPS))
        await self.supply(f"{caller}-{turn}", store_id, sku, draw.randint(*SUPPLIED))
        await asyncio.sleep(10 * THINK_S)

    def _client(self, draw: Random) -> ChannelClient:
        return draw.choice(self.clients)
