"""The reconciler finishes what an order's coordinator could not: every shop applies what its order decided, and every
order knows how its parts stand.

Each gateway has one. It asks the customers' actors for orders with deliveries left, and the shops' actors for parts
that are not reported, and carries on. Everything may be done twice. What cannot be delivered stays in its outbox and
delays nothing else: questions go round by number, deliveries and reports run as keyed tasks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from actors.core.ids import (
    format_order_id,
    format_reservation_id,
    is_hot,
    ledger_of_customer,
    parse_holder,
    parse_order_id,
)
from actors.core.status import LIVE, Status
from actors.orders.commands import Bar
from actors.orders.grants import Grant
from actors.orders.parts import is_forgotten, never_placed, outcome_of, outcome_of_barred, report_of
from actors.orders.state import Order
from actors.protocol.messages import Answer, LedgerStopped, Refusal, Stopped
from actors.protocol.placement import ActorKind, kind_of
from actors.shop.commands import Acknowledge
from actors.shop.part import Part as Asking
from actors.shop.shortfalls.shortfall import ShortfallTask
from actors.shop.state import MovingOut, Reservation
from actors.shop.transfers.transfer import Transfer
from serve.coordination.coordinator import Coordinator
from serve.coordination.deliveries import PASSING
from serve.coordination.elsewhere import Elsewhere
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.coordination.hot_units import HotUnits
from serve.coordination.keyed_tasks import KeyedTask, KeyedTasks
from serve.coordination.line_grants import serve_by_grant
from serve.coordination.transfers import tell
from serve.routing.router import Router

ORDERS_EVERY_S: Final = 0.25  # what expired is free in its shops within a second
PARTS_EVERY_S: Final = 2.0  # for what no call reported, as a shortfall: orders show it so much later
CLAIM_AGE_MS: Final = 15_000  # an undecided claim of this age is asked for
QUESTION_S: Final = 5.0
REPORT_SOON_S: Final = 1.0  # how long the answer to a step in a shop waits for its report to the order
ROUND_S: Final = 2.0  # how long a round waits for its questions and their tasks; slow ones go on in the background

LONG_S: Final = 60.0  # stuck after so long
LINE_EVERY_S: Final = 60.0
LOOK_EVERY_S: Final = 5.0  # rounds come more often than it is worth a look at all that is followed
GONE_S: Final = 120.0  # not seen for so long: it was settled. Where there is much, it takes rounds to come up again
FOLLOWED_MAX: Final = 10_000  # things of one kind; of more, those that were not seen for longest are let go

log = logging.getLogger("holdfast.reconciler")


class StuckTracker:
    """What stays undelivered or undecided for long, as a line for the log, at most one a minute.

    A reconciler sees the same things again in every round until they are settled. Time is an argument (seconds).
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._seen: dict[str, tuple[float, float, str]] = {}  # first and last time, and where it is stuck; by last time
        self._next_look_s = self._next_line_s = 0.0
        self.count = 0  # at the last look

    def saw(self, name: str, where: str, now_s: float, age_s: float = 0.0) -> None:
        """Note that something is not settled, and at least `age_s` old."""
        first_s, last_s, _ = self._seen.pop(name, (now_s, now_s, ""))
        if now_s - last_s > GONE_S:
            first_s = now_s
        self._seen[name] = (min(first_s, now_s - age_s), now_s, where)
        if len(self._seen) > FOLLOWED_MAX:
            del self._seen[next(iter(self._seen))]

    def line(self, now_s: float) -> str:
        """How many there are, and the oldest; empty where no line is due."""
        if now_s < self._next_look_s:
            return ""
        self._next_look_s = now_s + LOOK_EVERY_S
        for name, (_, last_s, _) in list(self._seen.items()):
            if now_s - last_s <= GONE_S:
                break
            del self._seen[name]
        long = [(first_s, name, where) for name, (first_s, _, where) in self._seen.items() if now_s - first_s > LONG_S]
        self.count = len(long)
        if not long or now_s < self._next_line_s:
            return ""
        self._next_line_s = now_s + LINE_EVERY_S
        first_s, name, where = min(long)
        return f"stuck {self.kind} count={len(long)} oldest={name} where={where} age_s={int(now_s - first_s)}"


class Reconciler:
    """Runs in one event loop until it is closed."""

    def __init__(self, router: Router, coordinator: Coordinator, grants: Grants, hot: HotCalls | None = None) -> None:
        self._router = router
        self._grants = grants
        self._hot = hot or HotCalls(router, HotUnits(router), grants)
        self._coordinator = coordinator
        self._tasks: list[asyncio.Task[None]] = []
        kinds = "question", "delivery", "report", "move"
        self._questions, self._deliveries, self._reports, self._moves = map(KeyedTasks, kinds)
        # By ledger: the number to go on after where an answer was cut short, of orders and grants, parts, and tasks.
        self._delivered_after: dict[str, tuple[int, int]] = {}
        self._reported_after: dict[str, int] = {}
        self._moved_after: dict[str, int] = {}
        self._stuck_orders, self._stuck_parts, self._stuck_claims = map(StuckTracker, ("orders", "parts", "claims"))
        self._stuck_transfers, self._stuck_elsewhere = StuckTracker("transfers"), StuckTracker("elsewhere")
        self.elsewhere = Elsewhere(router, self._hot, grants, coordinator, self._report)

    def stuck(self) -> dict[tuple[str, ...], float]:
        """How much of each kind is stuck, as far as this gateway has seen."""
        kinds = (
            self._stuck_orders,
            self._stuck_parts,
            self._stuck_claims,
            self._stuck_transfers,
            self._stuck_elsewhere,
        )
        return {(each.kind,): each.count for each in kinds}

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._for_ever(self.deliver, ORDERS_EVERY_S, "delivery")),
            loop.create_task(self._for_ever(self.collect_reports, PARTS_EVERY_S, "report")),
        ]

    def close(self) -> None:
        """End; any other gateway's reconciler finishes what is half done."""
        for task in self._tasks:
            task.cancel()
        for tasks in (self._questions, self._deliveries, self._reports, self._moves):
            tasks.close()

    async def deliver(self) -> int:
        """Deliver what shops have not applied, and settle old grants; the number of deliveries and grants left."""

        def tasks_of(ledger_id: str, orders: list[Order], grants: list[Grant]) -> list[KeyedTask]:
            deliveries = [task for order in orders for task in self._delivery_tasks(ledger_id, order)]
            return deliveries + [self._settling_task(ledger_id, grant) for grant in grants]

        asked = "outbox", CLAIM_AGE_MS
        found = await self._round(ActorKind.CUSTOMERS, asked, self._delivered_after, tasks_of, self._deliveries)
        self._log_stuck(self._stuck_orders)
        return found

    async def collect_reports(self) -> int:
        """Report parts to their orders, and transfers to their other ends, serve who waits for a grant in line, ask
        other shops for what a picker did not find, and finish moves out of the ledgers of hot SKUs; the number of those
        that were not.
        """

        def tasks_of(store_id: str, now_ms: int, parts: list[Reservation], moved: list[Any]) -> list[KeyedTask]:
            reports = [self._report_task(store_id, part, now_ms) for part in parts]
            if is_hot(store_id):
                return reports + [self._move_task(store_id, MovingOut(each, now_ms)) for each in moved]
            return reports + [self._transfer_task(store_id, each) for each in moved]

        def moves_of(store_id: str, left: list[ShortfallTask]) -> list[KeyedTask]:
            return [self._elsewhere_task(store_id, each) for each in left]

        asked = "outbox", CLAIM_AGE_MS
        found = await self._round(ActorKind.STORE, asked, self._reported_after, tasks_of, self._reports)
        found += await self._round(ActorKind.HOT, ("hot_outbox",), self._reported_after, tasks_of, self._reports)
        if self._router.writing.is_newest:  # no version from before has any, or knows the question
            found += await self._round(ActorKind.STORE, ("moving",), self._moved_after, moves_of, self._moves)
        self._log_stuck(self._stuck_parts, self._stuck_claims, self._stuck_transfers, self._stuck_elsewhere)
        return found

    async def _round(
        self,
        kind: ActorKind,
        asked: tuple[Any, ...],
        cursors: dict[str, Any],
        tasks_of: Callable[..., list[KeyedTask]],
        keyed_tasks: KeyedTasks,
    ) -> int:
        """Ask all actors of a kind for what is left, each in a task of its own, and run it; how many that are. `asked`
        has the method first. An answer has a row for each ledger: its id, what `tasks_of` takes, and where to go on.
        """
        found = 0

        async def ask(actor: str) -> None:
            nonlocal found
            answer = await self._router.ask_by_rules(actor, *asked, dict(cursors), deadline=self._deadline())
            tasks: list[KeyedTask] = []
            for ledger_id, *rows, resume in answer:
                if resume:
                    cursors[ledger_id] = resume
                else:  # kept only where an answer was cut short, which few ledgers need
                    cursors.pop(ledger_id, None)
                tasks += tasks_of(ledger_id, *rows)
            found += len(tasks)
            await keyed_tasks.run(tasks)

        names = await self._router.actor_names()  # any other actor has an empty outbox
        made = sorted(name for name in names if kind_of(name) is kind)
        await self._questions.run([KeyedTask(actor, partial(ask, actor)) for actor in made], ROUND_S)
        return found

    def _delivery_tasks(self, ledger_id: str, order: Order) -> list[KeyedTask]:
        """One for each shop whose turn it is: a shop that is away delays what no other one is told, or has answered."""
        store_ids = sorted({part.store_id for part in order.next_deliveries()})
        # With its revision: an order that changes often is delivered often, and is not stuck.
        name = f"{format_order_id(ledger_id, order.number)}@{order.revision}"
        self._stuck_orders.saw(name, ",".join(store_ids), asyncio.get_running_loop().time())
        return [KeyedTask(each, partial(self._deliver_to, each, ledger_id, order)) for each in store_ids]

    async def _deliver_to(self, store_id: str, ledger_id: str, order: Order) -> None:
        shops_until = self._deadline()
        stopped: list[Stopped] = []
        until = shops_until + REPORT_SOON_S
        told = await self._coordinator.deliver(ledger_id, order, shops_until, until, stopped, store_id)
        if told is order and stopped:
            raise LedgerStopped(stopped[0].why)

    def _settling_task(self, ledger_id: str, grant: Grant) -> KeyedTask:
        async def run() -> None:
            await self._grants.settle(grant.number, grant, self._deadline())

        return KeyedTask(f"{grant.store_id},{ledger_id}", run)

    def _report_task(self, store_id: str, part: Reservation, now_ms: int) -> KeyedTask:
        ledger_id = ledger_of_customer(part.customer_id)
        order_id = part.part.order if part.part is not None else format_order_id(ledger_id, part.grant)
        name, now_s = f"{store_id}:{part.number}@{part.version}", asyncio.get_running_loop().time()
        is_awaited = part.in_line is not None and (part.in_line.granted_by_ms > 0 or part.in_line.is_late)
        if part.status is Status.CLAIMED:
            self._stuck_claims.saw(name, order_id, now_s, (now_ms - part.created_at_ms) / 1_000)
        else:
            self._stuck_parts.saw(name, order_id, now_s)

        async def run() -> None:
            if part.grant or not is_awaited:
                await self._report(store_id, part, self._deadline())
            if is_awaited:
                await serve_by_grant(self._router, self._grants, store_id, part, self._deadline())
            if part.part is not None and part.status in LIVE and part.expires_at_ms <= now_ms:
                is_claim = part.status is Status.CLAIMED
                await self._ask_order(store_id, part.part, self._deadline(), is_claim=is_claim)

        return KeyedTask(f"{store_id},{ledger_id}", run)

    def _elsewhere_task(self, store_id: str, task: ShortfallTask) -> KeyedTask:
        name, asked = format_reservation_id(store_id, task.number), task.near[0]
        self._stuck_elsewhere.saw(name, f"{store_id},{asked}", asyncio.get_running_loop().time())

        async def run() -> None:
            await self.elsewhere.move(store_id, task, self._deadline())

        return KeyedTask(f"{store_id},{asked}", run)

    def _transfer_task(self, store_id: str, transfer: Transfer) -> KeyedTask:
        ends = f"{transfer.source},{transfer.destination}"
        self._stuck_transfers.saw(transfer.transfer_id, ends, asyncio.get_running_loop().time())

        async def run() -> None:
            await tell(self._router, store_id, transfer, self._deadline())

        return KeyedTask(ends, run)

    def _move_task(self, ledger_id: str, moving: MovingOut) -> KeyedTask:
        async def run() -> None:
            await self._hot.finish_move(ledger_id, moving, self._deadline())

        return KeyedTask(f"{moving.reservation.lines[0][0]},{ledger_id}", run)

    def _log_stuck(self, *kinds: StuckTracker) -> None:
        for kind in kinds:
            line = kind.line(asyncio.get_running_loop().time())
            if line:
                log.warning("%s", line)

    async def report_answers(self, answers: Iterable[tuple[str, Answer]], deadline: float) -> None:
        """Report the parts of orders among shops' answers (store_id, answer) to their orders, within REPORT_SOON_S and
        the call's deadline. What is not reported then is reported by a later round.
        """
        until = min(deadline, asyncio.get_running_loop().time() + REPORT_SOON_S)
        await asyncio.gather(
            *(
                self._report_soon(store_id, answer, until)
                for store_id, answer in answers
                if isinstance(answer, Reservation) and (answer.part is not None or (answer.grant and answer.done))
            )
        )

    async def _report_soon(self, store_id: str, part: Reservation, until: float) -> None:
        with suppress(*PASSING):
            await self._report(store_id, part, until)

    async def _report(self, store_id: str, part: Reservation, deadline: float) -> None:
        """Report a part to its order, or what is held by a grant, and acknowledge that to the shop. An undecided claim
        has nothing to report.
        """
        if part.part is None:
            await self._grants.report(store_id, part, deadline)
            return
        if part.status is Status.CLAIMED:
            return
        order_id, attempt = parse_holder(part.part.holder)
        ledger_id, number = parse_order_id(order_id)
        report = report_of(number, store_id, attempt, 0, part)
        await self._coordinator.report(ledger_id, [report], deadline)
        acknowledged = Acknowledge(((part.number, part.version),))
        await self._router.send((store_id, acknowledged), deadline, promise=True)

    async def _ask_order(self, store_id: str, asking: Asking, deadline: float, *, is_claim: bool) -> None:
        """Ask for the outcome of a claim, or of a part whose lease is over, and tell the shop. A part that its order's
        ledger does not know stays, unless an operator has barred it there.
        """
        holder, revision = asking.holder, asking.applied_revision
        order_id, attempt = parse_holder(holder)
        ledger_id, number = parse_order_id(order_id)
        order = await self._coordinator.order(ledger_id, number, deadline)
        parts = () if order is None else order.parts
        mine = [part for part in parts if (part.store_id, part.attempt) == (store_id, attempt)]
        if order is None and is_claim:
            answer = await self._router.send((ledger_id, Bar(number)), deadline, promise=True)
            if isinstance(answer, Refusal) and answer.version:
                await self._router.send((store_id, never_placed(ledger_id, number, attempt)), deadline, promise=True)
        elif order is not None and not mine and is_claim and attempt == 1:  # another order has its number
            await self._router.send((store_id, never_placed(ledger_id, number, attempt)), deadline, promise=True)
        for part in mine:
            if order is not None and (part in order.next_deliveries() or is_forgotten(order, part, revision)):
                await self._router.send((store_id, outcome_of(order_id, order, part)), deadline, promise=True)
        if not mine and (order is not None or not is_claim):  # a later attempt may still come, unless it is barred
            bar = await self._router.ask(ledger_id, "bar", ledger_id, number, attempt, deadline=deadline)
            if bar is not None:
                await self._router.send((store_id, outcome_of_barred(holder)), deadline, promise=True)

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
