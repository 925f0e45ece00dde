"""An order over several ledgers: claim in its shops, place it, and tell them behind the answer (`deliveries`). A change
to one: open, claim, commit or abandon, then deliver until every shop has applied it.

    customer's ledger                                Placed | refused ───────────> (applied by all)
                                                        ^         │                       ^
    shops' ledgers      Claim: granted | refused ───────┘         └ ApplyOutcome > NoteApplied

A coordinator carries messages and decides nothing. What it sends may be sent again by another one, twice, late or
never: a claim is granted once under its key, an order is placed once under its caller's, a shop applies the newest
revision. So a gateway may die at any step. For a claim that no call places the shop asks, and it is let go of; any
gateway's `reconciler` delivers what a shop has not applied.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

from msgspec.structs import replace

from actors.core.ids import format_order_id, ledger_of_customer
from actors.core.rejection import Reason, Rejection
from actors.orders import commands as cm
from actors.orders.commands import key_of
from actors.orders.parts import claim_of, is_applied, outcome_of, report_of, report_of_absent
from actors.orders.state import Order, Part, Standing
from actors.protocol.messages import LedgerStopped, Refusal, Stopped
from actors.runtime.clock import Clock
from actors.shop.state import Reservation
from serve.coordination.deliveries import PASSING, Deliveries
from serve.coordination.hot_units import HotUnits
from serve.coordination.opening_hours import hours_of
from serve.coordination.placing import Claims, Placing, refusal_in
from serve.coordination.placing_together import Alone, Hear, Together
from serve.coordination.replanning import (
    TRIES_MAX,
    NextPlans,
    Planned,
    RefusedClaims,
    Replanning,
    no_other_plan,
    pause_s,
)
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router

DRAWN_FROM: Final = 10**5
DELIVERY_S_MAX: Final = 1.0  # how long an answer waits for its shops to apply it; a reconciler goes on with the rest
DELIVERY_SHARE: Final = 0.5  # of the call's time, at most: the rest is for reporting what the other shops answered
DELIVERY_ROUNDS_MAX: Final = 8  # who gives back first, then who gets it, and what was collected between the two
UNDECIDED_PAUSE_S: Final = (0.01, 0.5)  # between two questions to an order that another call is changing

OrderStep = cm.Confirm | cm.Release | cm.Extend


def drawn(now_ms: int) -> int:
    """A number for an order: the millisecond, and one of a hundred thousand. Numbers ascend with time. Two orders may
    draw the same: shops know their claims apart.
    """
    return now_ms * DRAWN_FROM + secrets.randbelow(DRAWN_FROM)


def just_committed(was_open: Order, order: Order) -> bool:
    """Whether an order is as the commit of its attempt left it, and so the first answer to its call. Of two that drive
    one call, the second may find parts that were reported since.
    """
    reported = {(part.store_id, part.attempt): (part.applied_revision, part.version) for part in was_open.parts}
    return (
        not order.open_attempt
        and order.revision == was_open.revision + 1
        and any(part.attempt == was_open.open_attempt and part.reservation for part in order.parts)
        and all(
            reported.get((part.store_id, part.attempt)) == (part.applied_revision, part.version) for part in order.parts
        )
    )


def _same(order: Order, wanted: Planned | None) -> Planned | None:
    """What the open attempt claims, to be claimed again; None where it is not known. `wanted` is the whole that a call
    wants: the parts of a basket that is reserved again are only what it has not yet.
    """
    if wanted is not None or (order.renewal is not None and order.renewal.channel):
        return wanted
    plans = tuple(cm.Plan(part.store_id, part.lines, part.slot_start_ms) for part in order.open_parts())
    return Planned(plans, order.missing)


class Coordinator:
    """Drives orders through a router. Holds nothing that could be lost."""

    def __init__(
        self, router: Router, clock: Clock, draw: Callable[[int], int] = drawn, units: HotUnits | None = None
    ) -> None:
        self._router = router
        self._units = units or HotUnits(router)
        self._clock = clock
        self._draw = draw  # an order's number, from the time in ms
        self.deliveries = Deliveries(router)
        self._placing = Placing(router, self._units, self.deliveries, self._number)

    def close(self) -> None:
        """End; what shops have not been told is left to a reconciler."""
        self.deliveries.close()

    async def open(
        self,
        command: cm.Open,
        deadline: float,
        next_plans: NextPlans = no_other_plan,
        stopped: Sequence[Stopped] = (),
        claims: Claims | None = None,
    ) -> Order | Rejection:
        """Place an order. Raises DeadlinePassed where the outcome is unknown: ask again with the same key. It is not
        refused for want of shops that are `stopped`, without which it is planned: LedgerStopped.
        """
        if command.basket_id:  # it may have an order, which is then changed
            ledger_id = ledger_of_customer(command.customer_id)
            return await self._drive(ledger_id, command, deadline, next_plans, stopped)
        return await self._placing.place(command, deadline, next_plans, [*stopped], claims)

    async def open_together(self, commands: Sequence[cm.Open], deadline: float, hear: Hear, alone: Alone) -> None:
        """Place orders of one call that have no basket; see `placing_together`. One that goes on alone is to be opened
        with the claims that are given then.
        """
        await Together(self._router, self._placing, self.deliveries, deadline, hear, alone).place(commands)

    async def refuse(self, command: cm.Refuse, deadline: float, stopped: Sequence[Stopped] = ()) -> Order | Rejection:
        """Answer a call for which no plan was found. Another answer comes back where the call was answered before, and
        where it is under way, which is then driven to its end: it may have claimed the very stock that was not found.
        None is refused where a shop is `stopped`, which may have that: LedgerStopped.
        """
        ledger_id = ledger_of_customer(command.customer_id)
        if stopped:
            asked = replace(command, rejection=Rejection(Reason.ORDER_UNDECIDED))
            answer = await self._send(ledger_id, asked, deadline, promise=True)
            if isinstance(answer, Rejection) and answer.reason is Reason.ORDER_UNDECIDED:
                raise LedgerStopped(stopped[-1].why)
        return await self._drive(ledger_id, command, deadline, lambda _order, _refused: command.rejection, stopped)

    async def amend(self, ledger_id: str, command: cm.Amend, deadline: float) -> Order | Rejection:
        """Change an order in one step; what it has stays until what it is to have is certain."""
        return await self._drive(ledger_id, command, deadline, no_other_plan)

    async def step(self, ledger_id: str, command: OrderStep, deadline: float) -> Order | Rejection:
        """Confirm, release or extend an order as a whole."""
        if self._router.chain.has_hours and not isinstance(command, cm.Release):
            order = await self.order(ledger_id, command.number, deadline)
            if order is not None:
                within_ms = command.ttl_ms if isinstance(command, cm.Extend) else command.collect_within_ms
                within_ms = within_ms or self._router.chain.policy.collect_within_ms
                command = replace(command, hours=self._hours(order, self._clock.now_ms() + within_ms))
        answer = await self._ask(ledger_id, command, deadline, promise=True)
        if isinstance(answer, Order):
            await self._deliver_soon(ledger_id, answer, deadline)
        return answer

    async def fan_out(self, ledger_id: str, command: cm.FanOut, deadline: float) -> Order | Rejection:
        """The order as it was when a step in all its shops was first taken under this key."""
        return await self._ask(ledger_id, command, deadline, promise=True)

    async def order(self, ledger_id: str, number: int, deadline: float) -> Order | None:
        answer: tuple[int, Order | None] = await self._router.ask(
            ledger_id, "order", ledger_id, number, deadline=deadline
        )
        return answer[1]

    async def order_of_basket(self, customer_id: str, basket_id: str, deadline: float) -> Order | None:
        """The order that a customer's basket has, None where there is none that is not over."""
        ledger_id = ledger_of_customer(customer_id)
        order: Order | None = await self._router.ask(
            ledger_id, "order_of_basket", ledger_id, customer_id, basket_id, deadline=deadline
        )
        return order

    async def deliver(
        self,
        ledger_id: str,
        order: Order,
        shops_until: float,
        deadline: float,
        stopped: list[Stopped] | None = None,
        store_id: str = "",
    ) -> Order:
        """Have every shop, or this one alone, apply the newest outcome, those whose turn it is first, and report what
        they answer. A shop that is away is waited for until `shops_until`: what the others answered is reported all
        the same, but not before. `stopped` is given what they answer where none of those whose turn it is is served.

        Returns the order as it is then.
        """
        stopped = [] if stopped is None else stopped
        for _ in range(DELIVERY_ROUNDS_MAX):
            parts = [part for part in order.next_deliveries() if store_id in {"", part.store_id}]
            asked = ledger_id, order, parts, shops_until, deadline, stopped
            newest = await self._deliver_parts(*asked) if parts else None
            if newest is None:
                break
            order = newest
        return order

    async def _deliver_parts(
        self,
        ledger_id: str,
        order: Order,
        parts: Sequence[Part],
        shops_until: float,
        deadline: float,
        stopped: list[Stopped],
    ) -> Order | None:
        """The order once all of these parts are reported, None where one is not."""
        order_id = format_order_id(ledger_id, order.number)
        outcomes = [(part.store_id, outcome_of(order_id, order, part)) for part in parts]
        asked = [self._router.send(outcome, shops_until, promise=True) for outcome in outcomes]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        if all(isinstance(answer, Stopped) for answer in answers):
            stopped += [answer for answer in answers if isinstance(answer, Stopped)]
        reports = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Reservation):
                if is_applied(order.revision, answer):
                    reports.append(report_of(order.number, part.store_id, part.attempt, order.revision, answer))
            elif isinstance(answer, Refusal):
                reports.append(report_of_absent(order.number, part, order.revision))
            elif isinstance(answer, BaseException) and not isinstance(answer, PASSING):
                raise answer
        newest = await self.report(ledger_id, reports, deadline)
        return newest if len(reports) == len(parts) else None

    async def report(self, ledger_id: str, reports: Sequence[cm.Report], deadline: float) -> Order | None:
        """Let a customer's ledger know how parts of an order stand; the order as it is then, if it is still known.

        Raises LedgerStopped where that is not served.
        """
        if not reports:
            return None
        entries = [(ledger_id, each) for each in reports]
        queued = self._router.submit([ledger_id] * len(reports), entries, deadline, promise=True)
        answers = await asyncio.gather(*(future for future, _ in queued))
        for answer in chain.from_iterable(answers):
            if isinstance(answer, Stopped):  # nothing was reported: the caller must not acknowledge it
                raise LedgerStopped(answer.why)
        orders = [answer for answer in chain.from_iterable(answers) if isinstance(answer, Order)]
        return max(orders, key=lambda order: order.version, default=None)

    async def _drive(
        self,
        ledger_id: str,
        command: cm.Open | cm.Refuse | cm.Amend,
        deadline: float,
        next_plans: NextPlans,
        known_stopped: Sequence[Stopped] = (),
    ) -> Order | Rejection:
        promise, key, stopped = isinstance(command, cm.Amend), key_of(command), [*known_stopped]
        wanted = Planned(command.plans, command.missing) if isinstance(command, cm.Open) else None
        replanning = Replanning(next_plans, stopped)
        answer = await self._ask(ledger_id, command, deadline, promise=promise)
        try:
            while isinstance(answer, Order) and answer.open_attempt:
                order: Order | Rejection | None = answer
                was_open = answer
                message: cm.Commit | cm.Replan | cm.Abandon | None = None
                while isinstance(order, Order) and order.open_attempt and order.key == key:
                    was_open = order
                    replanning.tries += 1
                    message, pause = await self._attempt(ledger_id, order, replanning, deadline, wanted)
                    if wanted is not None and isinstance(message, cm.Replan):
                        wanted = Planned(message.plans, message.missing)
                    order = await self._send(ledger_id, message, deadline, promise=True)
                    if pause and isinstance(order, Order) and order.open_attempt:
                        order = await self._deliver_soon(ledger_id, order, deadline)
                        await asyncio.sleep(pause)
                if isinstance(order, Order):
                    await self._deliver_soon(ledger_id, order, deadline)
                    if isinstance(message, cm.Abandon) and message.rejection is None:
                        raise LedgerStopped(stopped[-1].why) if stopped else DeadlinePassed(sent=True)
                    if just_committed(was_open, order):
                        return order
                # Refused, or ended by another call: the answer under the key has what became of it.
                answer = await self._ask(ledger_id, command, deadline, promise=promise)
        except (DeadlinePassed, Overloaded) as error:  # while an order is open, something was done: limits are taken
            raise DeadlinePassed(sent=True) from error
        if isinstance(answer, Order) and (promise or (isinstance(command, cm.Open) and command.basket_id)):
            # Where it asked for less alone it is certain at once.
            await self._deliver_soon(ledger_id, answer, deadline)
        return answer

    async def _attempt(
        self,
        ledger_id: str,
        order: Order,
        replanning: Replanning,
        deadline: float,
        wanted: Planned | None = None,
    ) -> tuple[cm.Commit | cm.Replan | cm.Abandon, float]:
        """Ask all shops of the open attempt at once; the command for the customer's ledger then, and how long to pause
        after that: not 0 where other orders had claimed what was lacking, and what was had must first be let go of.
        Each try is written, and has the limits: after too many such pauses nothing is answered. `wanted` is the whole
        that the call wants, where that is known.
        """
        number, attempt = order.number, order.open_attempt
        order_id = format_order_id(ledger_id, number)
        parts = order.open_parts()
        claims = [(part.store_id, claim_of(order_id, order, part)) for part in parts]
        answers = await self._units.send_all(claims, deadline)
        granted: list[tuple[str, int]] = []
        refused: RefusedClaims = {}
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Reservation):
                granted.append((part.store_id, answer.number))
            else:
                refused[part.store_id] = refusal_in(part.store_id, answer, replanning.stopped)
        if not refused:
            return cm.Commit(number, attempt, tuple(granted), self._hours_to_commit(order)), 0.0
        planned, waits, refusal = replanning.after(order, refused)
        pause = 0.0
        if waits:
            planned, pause = planned or _same(order, wanted), pause_s(order_id, replanning.tries)
            is_last = replanning.tries >= TRIES_MAX or asyncio.get_running_loop().time() + pause >= deadline
            planned = None if is_last else planned
        if planned is None:
            return cm.Abandon(number, attempt, refusal), 0.0
        return cm.Replan(number, attempt, planned.plans, planned.missing), pause

    async def _deliver_soon(self, ledger_id: str, order: Order, deadline: float) -> Order:
        """So that who reads or steps in a shop next finds what was answered, as long as the shop is there."""
        now = asyncio.get_running_loop().time()
        soon = now + min(DELIVERY_S_MAX, DELIVERY_SHARE * (deadline - now))
        with suppress(*PASSING):  # a reconciler goes on
            return await self.deliver(ledger_id, order, soon, deadline)
        return order

    def _hours_to_commit(self, order: Order) -> cm.Hours:
        if order.standing is not Standing.CONFIRMED:
            return cm.NO_HOURS  # a hold is for checking out, and shops need not be open for that
        ttl_ms = 0 if order.renewal is None else order.renewal.ttl_ms
        return self._hours(order, self._clock.now_ms() + ttl_ms if ttl_ms else order.expires_at_ms)

    def _hours(self, order: Order, wanted_ms: int) -> cm.Hours:
        parts = (*order.certain_parts(), *order.open_parts())
        return hours_of(self._router.chain, ((part.store_id, part.slot_start_ms) for part in parts), wanted_ms)

    async def _ask(
        self,
        ledger_id: str,
        command: cm.Open | cm.Refuse | cm.Amend | OrderStep | cm.FanOut,
        deadline: float,
        *,
        promise: bool,
    ) -> Order | Rejection:
        """The answer to a caller's command. While another call is changing the order, it waits its turn."""
        pause_s, pause_s_max = UNDECIDED_PAUSE_S
        answer: Order | Rejection | None = None
        while True:
            if isinstance(command, cm.Open):  # an attempt of this call that was abandoned keeps its order's number
                command = replace(command, number=self._number())
            try:
                answer = await self._send(ledger_id, command, deadline, promise=promise)
            except Overloaded as error:
                if answer is None:
                    raise
                raise DeadlinePassed(sent=True) from error  # it was asked before, and may have begun the order then
            assert answer is not None, "a command with a key always has an answer"
            if not isinstance(answer, Rejection) or answer.reason is not Reason.ORDER_UNDECIDED:
                return answer
            if asyncio.get_running_loop().time() + pause_s >= deadline:
                return answer
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, pause_s_max)

    async def _send(
        self, ledger_id: str, command: cm.Command, deadline: float, *, promise: bool
    ) -> Order | Rejection | None:
        return await self._placing.send(ledger_id, command, deadline, promise=promise)

    def _number(self) -> int:
        return self._draw(self._clock.now_ms())
