"""New orders of one call, placed together: the claims for one shop's actor are one message, and what it says is at once
one message to each customers' ledger's. No actor waits for another one, and no order for a shop that it has no part in.

What is not as nearly always, a claim that is refused or an answer that is no order, goes on alone, see `placing`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from actors.core.ids import ledger_of_customer
from actors.orders import commands as cm
from actors.orders.state import Order
from actors.protocol.messages import Answer, Entry, Late, LedgerStopped, Shed, Stopped
from actors.shop.commands import Claim
from actors.shop.state import Reservation
from serve.coordination.deliveries import Deliveries, Told, heard
from serve.coordination.hot_units import are_elsewhere
from serve.coordination.placing import Claims, Placing, place_of, refusal_in
from serve.coordination.replanning import RefusedClaims
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router

Ended = Order | Exception
Hear = Callable[[int, Ended], None]  # the place of an order, and what its call ends with
Alone = Callable[[int, Claims, list[Stopped]], Awaitable[None]]  # likewise, with what shops have said


@dataclass(slots=True, eq=False)
class _Placed:
    """One of them. `waits_for`: so many shops have not answered yet; none does any more where it `has_ended`."""

    place: int
    asked: cm.Open
    ledger_id: str
    number: int
    claims: Sequence[tuple[str, Claim]]
    waits_for: int
    granted: dict[str, int] = field(default_factory=dict)
    refused: RefusedClaims = field(default_factory=dict)
    stopped: list[Stopped] = field(default_factory=list)
    is_out: bool = False  # its customers' ledger may have decided
    has_ended: bool = False


class Together:
    """Orders that have no basket. `hear` is told of each when it ends, unless it goes on `alone`."""

    def __init__(
        self, router: Router, placing: Placing, deliveries: Deliveries, deadline: float, hear: Hear, alone: Alone
    ) -> None:
        self._router = router
        self._placing = placing
        self._deliveries = deliveries
        self._deadline = deadline
        self._hear = hear
        self._alone = alone

    async def place(self, orders: Sequence[cm.Open]) -> None:
        """Returns once all have ended. Where it is cancelled, what was claimed is let go of."""
        placed: list[_Placed] = []
        claims: list[Entry] = []
        whose: list[_Placed] = []
        for place, asked in enumerate(orders):
            ledger_id = ledger_of_customer(asked.customer_id)
            number, entries = self._placing.claims_of(ledger_id, asked, asked.plans)
            each = _Placed(place, asked, ledger_id, number, entries, len(entries))
            placed.append(each)
            claims += entries
            whose += [each] * len(entries)
        try:
            await self._send(claims, whose, self._hear_shops, promise=False)
        except asyncio.CancelledError:
            for each in placed:
                if not (each.is_out or each.has_ended):
                    self._let_go(each)
            raise

    async def _send(
        self,
        entries: Sequence[Entry],
        whose: "Sequence[_Placed]",
        hear: "Callable[[list[tuple[_Placed, Entry, Answer | Exception]]], Awaitable[None]]",
        *,
        promise: bool,
    ) -> None:
        """Send what is for one actor together, and hear each as it answers."""

        async def told(found: Told) -> None:
            await hear([(whose[place], entries[place], said) for place, said in found])

        try:
            ledger_ids = [ledger_id for ledger_id, _ in entries]
            queued = self._router.submit(ledger_ids, entries, self._deadline, promise=promise, each=True)
        except Overloaded as refusal:
            await hear([(each, entry, refusal) for each, entry in zip(whose, entries, strict=True)])
            return
        works = [heard(places, answers, told) for answers, places in queued]
        await (asyncio.gather(*works) if len(works) > 1 else works[0])

    async def _hear_shops(self, found: "list[tuple[_Placed, Entry, Answer | Exception]]") -> None:
        """Orders whose last shop has answered go on, to their customers' ledgers or alone."""
        out: list[_Placed] = []
        others: list[_Placed] = []
        for each, (store_id, _), said in found:
            if each.has_ended:
                continue
            each.waits_for -= 1
            if isinstance(said, Reservation):
                each.granted[store_id] = said.number
            elif isinstance(said, Exception | Late | Shed):
                self._let_go(each)
                self._end(each, _failure_of(said))
            elif not are_elsewhere(said):
                each.refused[store_id] = refusal_in(store_id, said, each.stopped)
            if not (each.waits_for or each.has_ended):
                (out if len(each.granted) == len(each.asked.plans) else others).append(each)
        works = [self._go_on_alone(each) for each in others]
        if out:
            works.append(self._send([self._place_of(each) for each in out], out, self._hear_ledger, promise=True))
        await (asyncio.gather(*works) if len(works) != 1 else works[0])

    def _place_of(self, each: _Placed) -> Entry:
        each.is_out = True
        return each.ledger_id, place_of(each.number, each.asked, each.granted)

    async def _hear_ledger(self, found: "list[tuple[_Placed, Entry, Answer | Exception]]") -> None:
        others: list[_Placed] = []
        for each, _, said in found:
            if isinstance(said, Order) and said.number == each.number:
                self._deliveries.begin(each.ledger_id, said)
                self._end(each, said)
            elif isinstance(said, Stopped):
                self._end(each, LedgerStopped(said.why))
            elif isinstance(said, Exception | Late | Shed):
                self._end(each, _failure_of(said))
            else:
                others.append(each)
        await asyncio.gather(*map(self._go_on_alone, others))

    async def _go_on_alone(self, each: _Placed) -> None:
        each.is_out = each.has_ended = True
        await self._alone(each.place, Claims(each.number, each.claims, each.granted, each.refused), each.stopped)

    def _end(self, each: _Placed, ended: Ended) -> None:
        each.has_ended = True
        self._hear(each.place, ended)

    def _let_go(self, each: _Placed) -> None:
        """Its shops may have granted their claims, or may yet."""
        self._deliveries.let_go(each.claims)


def _failure_of(said: object) -> Exception:
    """Something may have been claimed, so that what was not taken any more is an unknown outcome too."""
    return said if isinstance(said, LedgerStopped) else DeadlinePassed(sent=True)
