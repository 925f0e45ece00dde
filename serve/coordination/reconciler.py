"""Brings words to those who have not heard them: what an order's coordinator could not carry to the end.

Each gateway has one. It asks the customers' actors for orders that some shop has not heard of, and the shops' actors
for parts whose order has not heard of them, and carries on. All of it may be done twice. What cannot be carried stays
where it is, and holds up nothing else: the questions go round by number, the words go by lanes (`tasks`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from actors.core.status import Status
from actors.orders.ids import format_order_id, parse_holder, parse_order_id
from actors.orders.participant_messages import outcome_of, report_of
from actors.orders.plain import order_from_plain
from actors.orders.state import Order
from actors.protocol.messages import Answer, command_to_wire, reservation_from_wire
from actors.protocol.placement import ActorKind, kind_of
from actors.shop.commands import Acknowledge
from actors.shop.state import Reservation
from serve.coordination.coordinator import Coordinator
from serve.coordination.keyed_tasks import PASSING, KeyedTask, KeyedTasks
from serve.coordination.stuck import StuckTracker
from serve.routing.router import Router

ORDERS_EVERY_S: Final = 0.25  # what expired is free in its shops within a second
PARTS_EVERY_S: Final = 2.0  # what nobody noted, as a shortfall: an order tells so much longer what it had
CLAIM_AGE_MS: Final = 15_000  # a claim that has heard nothing for so long asks
QUESTION_S: Final = 5.0
REPORT_SOON_S: Final = 1.0  # how long the answer to a step in a shop waits for the order to have heard of it
ROUND_S: Final = 2.0  # how long a round waits for its questions and what comes of them; the slow ones go on behind

log = logging.getLogger("holdfast.reconciler")


class Reconciler:
    """Runs in one event loop until it is closed."""

    def __init__(self, router: Router, coordinator: Coordinator) -> None:
        self._router = router
        self._coordinator = coordinator
        self._tasks: list[asyncio.Task[None]] = []
        self._questions, self._deliveries, self._reports = (
            KeyedTasks("asking"),
            KeyedTasks("telling"),
            KeyedTasks("hearing"),
        )
        # By ledger, after which number to go on where an answer did not have all of it.
        self._delivered_after: dict[str, int] = {}
        self._reported_after: dict[str, int] = {}
        self._stuck_orders, self._stuck_parts, self._stuck_claims = map(StuckTracker, ("orders", "parts", "claims"))

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._for_ever(self.deliver, ORDERS_EVERY_S, "telling")),
            loop.create_task(self._for_ever(self.collect_reports, PARTS_EVERY_S, "hearing")),
        ]

    def close(self) -> None:
        """End; whatever is half done, another one will do."""
        for task in self._tasks:
            task.cancel()
        for tasks in (self._questions, self._deliveries, self._reports):
            tasks.close()

    async def deliver(self) -> int:
        """Tell shops what they have not heard; how many orders had something to tell."""
        found = 0

        async def ask(actor: str) -> None:
            nonlocal found
            after = dict(self._delivered_after)
            answer = await self._router.ask_actor(actor, "outbox", after, deadline=self._deadline())
            tasks = []
            for ledger_id, plains, resume in answer:
                _go_on_after(self._delivered_after, ledger_id, resume)
                tasks += [self._delivery_task(ledger_id, order_from_plain(plain)) for plain in plains]
            found += len(tasks)
            await self._deliveries.run(tasks)

        await self._ask_all(ActorKind.CUSTOMERS, ask)
        self._log_stuck(self._stuck_orders)
        return found

    async def collect_reports(self) -> int:
        """Let orders hear of their parts; how many parts had something to say."""
        found = 0

        async def ask(actor: str) -> None:
            nonlocal found
            after = dict(self._reported_after)
            answer = await self._router.ask_actor(actor, "outbox", CLAIM_AGE_MS, after, deadline=self._deadline())
            tasks = []
            for store_id, now_ms, wires, resume in answer:
                _go_on_after(self._reported_after, store_id, resume)
                tasks += [self._report_task(store_id, reservation_from_wire(wire), now_ms) for wire in wires]
            found += len(tasks)
            await self._reports.run(tasks)

        await self._ask_all(ActorKind.STORE, ask)
        self._log_stuck(self._stuck_parts, self._stuck_claims)
        return found

    async def _ask_all(self, kind: ActorKind, ask: Callable[[str], Awaitable[None]]) -> None:
        """Put a question to all actors of a kind, and do what comes of it, each by itself."""
        asking = [KeyedTask(actor, partial(ask, actor)) for actor in await self._made(kind)]
        await self._questions.run(asking, ROUND_S)

    def _delivery_task(self, ledger_id: str, order: Order) -> KeyedTask:
        # Those whose turn it is: one that waits for another shop says nothing about which way is free.
        shops = ",".join(sorted({part.store_id for part in order.next_deliveries()}))
        # With its revision: an order that changes often is told often, and does not linger.
        name = f"{format_order_id(ledger_id, order.number)}@{order.revision}"
        self._stuck_orders.saw(name, shops, asyncio.get_running_loop().time())

        async def run() -> None:
            await self._coordinator.deliver(ledger_id, order, self._deadline())

        return KeyedTask(shops, run)

    def _report_task(self, store_id: str, part: Reservation, now_ms: int) -> KeyedTask:
        assert part.part is not None, "only parts of orders are owed"
        order_id, _ = parse_holder(part.part.holder)
        ledger_id, _ = parse_order_id(order_id)
        name, now_s = f"{store_id}:{part.number}@{part.version}", asyncio.get_running_loop().time()
        if part.status is Status.CLAIMED:
            self._stuck_claims.saw(name, order_id, now_s, (now_ms - part.created_at_ms) / 1_000)
        else:
            self._stuck_parts.saw(name, order_id, now_s)

        async def run() -> None:
            await self._report(store_id, part, self._deadline())

        return KeyedTask(f"{store_id},{ledger_id}", run)

    def _log_stuck(self, *kinds: StuckTracker) -> None:
        for kind in kinds:
            line = kind.line(asyncio.get_running_loop().time())
            if line:
                log.warning("%s", line)

    async def report_answers(self, answers: Iterable[tuple[str, Answer]]) -> None:
        """Report the parts of orders among shops' answers (store_id, answer) to their orders."""
        parts = [
            (store_id, answer)
            for store_id, answer in answers
            if isinstance(answer, Reservation) and answer.part is not None
        ]
        if parts:
            await asyncio.gather(*(self._report_soon(*part) for part in parts))

    async def _report_soon(self, store_id: str, part: Reservation) -> None:
        """Within REPORT_SOON_S; what is not reported then is reported by a later round."""
        with suppress(*PASSING):
            await self._report(store_id, part, asyncio.get_running_loop().time() + REPORT_SOON_S)

    async def _report(self, store_id: str, part: Reservation, deadline: float) -> None:
        """Let a part's order know how it stands, and the shop that it does; a claim that waits is told instead."""
        assert part.part is not None, "only parts of orders are owed"
        order_id, attempt = parse_holder(part.part.holder)
        ledger_id, number = parse_order_id(order_id)
        if part.status is Status.CLAIMED:
            await self._answer_claim(store_id, ledger_id, number, attempt, deadline)
            return
        report = report_of(number, store_id, attempt, 0, part)
        await self._coordinator.report(ledger_id, [report], deadline)
        acknowledged = command_to_wire(Acknowledge(((part.number, part.version),)))
        await self._router.send((store_id, acknowledged), deadline, promise=True)

    async def _answer_claim(self, store_id: str, ledger_id: str, number: int, attempt: int, deadline: float) -> None:
        order = await self._coordinator.order(ledger_id, number, deadline)
        if order is None:
            return  # it keeps what it does not know about
        for part in order.parts:
            if (part.store_id, part.attempt) == (store_id, attempt) and part in order.next_deliveries():
                outcome = outcome_of(format_order_id(ledger_id, number), order, part)
                await self._router.send((store_id, command_to_wire(outcome)), deadline, promise=True)

    async def _made(self, kind: ActorKind) -> list[str]:
        """The actors of a kind that have been made; one that has not has nothing to say."""
        names = await self._router.actor_names()
        return sorted(name for name in names if kind_of(name) is kind)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + QUESTION_S

    async def _for_ever(self, turn: Callable[[], Awaitable[int]], every_s: float, what: str) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await turn()
            except PASSING as error:
                log.warning("%s is tried again: %r", what, error)
            except Exception:
                log.exception("%s failed, and is tried again", what)


def _go_on_after(cursors: dict[str, int], ledger_id: str, resume: int) -> None:
    """Kept only where an answer did not have all: that many ledgers are few."""
    if resume:
        cursors[ledger_id] = resume
    else:
        cursors.pop(ledger_id, None)
