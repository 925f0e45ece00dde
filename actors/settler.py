"""Brings words to those who have not heard them: what an order's coordinator could not carry to the end.

Each gateway has one. It asks the customers' actors for orders that some shop has not heard of, and the shops' actors
for parts whose order has not heard of them, and carries on. All of it may be done twice.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from actors.batcher import DeadlinePassed, Overloaded
from actors.coordinator import Coordinator
from actors.envelope import command_to_wire, reservation_from_wire
from actors.ledger.commands import Acknowledge
from actors.ledger.lifecycle import Status
from actors.ledger.state import Reservation
from actors.orders.ids import format_order_id, parse_holder, parse_order_id
from actors.orders.plain import order_from_plain
from actors.orders.state import Order
from actors.orders.tells import heed_of, note_of
from actors.placement import CHAIN_ACTOR, CUSTOMER_ACTORS
from actors.router import LedgerStopped, Router

ORDERS_EVERY_S: Final = 0.25  # what expired is free in its shops within a second
TELLS_AT_ONCE: Final = 256
PARTS_EVERY_S: Final = 10.0  # what nobody noted: a limit is given back so much later, never too early
CLAIM_AGE_MS: Final = 15_000  # a claim that has heard nothing for so long asks
QUESTION_S: Final = 5.0

log = logging.getLogger("holdfast.settler")


class Settler:
    """Runs in one event loop until it is closed."""

    def __init__(self, router: Router, coordinator: Coordinator) -> None:
        self._router = router
        self._coordinator = coordinator
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._tell_for_ever()), loop.create_task(self._hear_for_ever())]

    def close(self) -> None:
        """End; whatever is half done, another one will do."""
        for task in self._tasks:
            task.cancel()

    async def tell(self) -> int:
        """Tell shops what they have not heard; how many orders had something to tell."""
        orders: list[tuple[str, Order]] = []
        for actor in await self._made(CUSTOMER_ACTORS):
            found = await self._router.ask_actor(actor, "untold", deadline=self._deadline())
            orders += [(ledger_id, order_from_plain(plain)) for ledger_id, plains in found for plain in plains]
        # Side by side, so that one shop that is away does not keep the others from hearing that an order has expired.
        for first in range(0, len(orders), TELLS_AT_ONCE):
            some = orders[first : first + TELLS_AT_ONCE]
            deadline = self._deadline()
            outcomes = await asyncio.gather(
                *(self._coordinator.tell(ledger_id, order, deadline) for ledger_id, order in some),
                return_exceptions=True,
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
        return len(orders)

    async def hear(self) -> int:
        """Let orders hear of their parts; how many parts had something to say."""
        heard = 0
        for actor in await self._made("store"):
            found = await self._router.ask_actor(actor, "owed", CLAIM_AGE_MS, deadline=self._deadline())
            for store_id, _, wires in found:
                for wire in wires:
                    await self.note(store_id, reservation_from_wire(wire))
                    heard += 1
        return heard

    async def note_soon(self, store_id: str, part: Reservation) -> None:
        """The same, where it need not succeed: what is not noted now stays owed."""
        with suppress(*_PASSING):
            await self.note(store_id, part)

    async def note(self, store_id: str, part: Reservation) -> None:
        """Let a part's order know how it stands, and the shop that it does; a claim that waits is told instead."""
        assert part.part is not None, "only parts of orders are owed"
        order_id, attempt = parse_holder(part.part.holder)
        ledger_id, number = parse_order_id(order_id)
        deadline = self._deadline()
        if part.status is Status.CLAIMED:
            await self._answer_claim(store_id, ledger_id, number, attempt, deadline)
            return
        note = note_of(number, store_id, attempt, 0, part)
        await self._coordinator.note(ledger_id, [note], deadline)
        wire = command_to_wire(Acknowledge(((part.number, part.version),)))
        [(future, _)] = self._router.submit([store_id], [(store_id, wire)], deadline, promise=True)
        await future

    async def _answer_claim(self, store_id: str, ledger_id: str, number: int, attempt: int, deadline: float) -> None:
        order = await self._coordinator.order(ledger_id, number, deadline)
        if order is None:
            return  # it keeps what it does not know about
        for part in order.parts:
            if (part.store_id, part.attempt) == (store_id, attempt) and part in order.next_to_tell():
                heed = heed_of(format_order_id(ledger_id, number), order, part)
                [(future, _)] = self._router.submit(
                    [store_id], [(store_id, command_to_wire(heed))], deadline, promise=True
                )
                await future

    async def _made(self, kind: str) -> list[str]:
        """The actors of a kind that have been made; one that has not has nothing to say."""
        names = await self._router.actor_names()
        return sorted(name for name in names if name.startswith(kind) and name != CHAIN_ACTOR)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + QUESTION_S

    async def _tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(ORDERS_EVERY_S)
            try:
                await self.tell()
            except _PASSING as error:
                log.warning("telling is tried again: %r", error)
            except Exception:
                log.exception("telling failed, and is tried again")

    async def _hear_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PARTS_EVERY_S)
            try:
                await self.hear()
            except _PASSING as error:
                log.warning("hearing is tried again: %r", error)
            except Exception:
                log.exception("hearing failed, and is tried again")


_PASSING: Final = (DeadlinePassed, Overloaded, LedgerStopped)
