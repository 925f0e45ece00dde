"""The way of an order over several ledgers: open, claim, commit or abandon, and then tell until everyone has heard.

    customer's ledger   Opened ─────────────────────> Committed ──────────────> (heard by all)
                           │                              │ ^                       ^
    shops' ledgers         └─> Claim: granted | refused ──┘ └── Heed ──> Noted ─────┘

A coordinator carries words and decides nothing. What it says may be said again by another one, twice, late or
never: a claim is granted once under its key, a commit names the attempt that it ends, a shop heeds the newest revision.
So a gateway may die at any step. Whoever asks again goes on where it stopped; an attempt that nobody finishes is
abandoned by the customer's ledger in its own time; what a shop has not heard yet, any gateway tells it (`settler`).

No claim waits for another: it is granted or refused at once. So nothing can deadlock, in whatever sequence baskets name
their shops.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from actors.batcher import DeadlinePassed, Overloaded
from actors.envelope import Answer, Refusal, Stopped, command_to_wire
from actors.ledger import commands as shop
from actors.ledger.commands import Lines
from actors.ledger.reasons import Reason, Rejection
from actors.ledger.state import Reservation
from actors.order_envelope import order_command_to_wire
from actors.orders import commands as cm
from actors.orders.ids import format_order_id, ledger_of_customer
from actors.orders.state import Order, Part
from actors.orders.tells import claim_of, heed_of, note_of, note_of_absent
from actors.router import LedgerStopped, Router

TRIES_MAX: Final = 4  # plans for one call before it is refused
TELL_S_MAX: Final = 1.0  # how long an answer waits for its shops to have heard; a settler tells those who have not

Refused = dict[str, Rejection]  # why shops refused their claims
NextPlans = Callable[[Order, Refused], "tuple[tuple[cm.Plan, ...], Lines] | Rejection"]


def no_other_plan(_order: Order, refused: Refused) -> Rejection:
    """For callers who named their shops: the first refusal is the answer."""
    return refused[min(refused)]


def just_committed(was_open: Order, order: Order) -> bool:
    """Whether an order is as the commit of its attempt left it, and so the first answer to its call. Of two that drive
    one call, the second may find that its shops have spoken since.
    """
    heard = {(part.store_id, part.attempt): (part.heeded, part.version) for part in was_open.parts}
    return (
        order.revision == was_open.revision + 1
        and any(part.attempt == was_open.open_attempt and part.reservation for part in order.parts)
        and all(heard.get((part.store_id, part.attempt)) == (part.heeded, part.version) for part in order.parts)
    )


class Coordinator:
    """Drives orders through a router. Holds nothing that could be lost."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def open(self, command: cm.Open, deadline: float, next_plans: NextPlans = no_other_plan) -> Order | Rejection:
        """Place an order. Raises DeadlinePassed where the outcome is unknown: ask again with the same key."""
        return await self._drive(ledger_of_customer(command.customer_id), command, deadline, next_plans)

    async def refuse(self, command: cm.Refuse, deadline: float) -> Order | Rejection:
        """Answer a call for which no plan was found. Another answer comes back where the call was answered before."""
        answer = await self._say(ledger_of_customer(command.customer_id), command, deadline, promise=False)
        assert answer is not None, "a call with a key always has an answer"
        return answer

    async def amend(
        self, ledger_id: str, command: cm.Amend, deadline: float, next_plans: NextPlans = no_other_plan
    ) -> Order | Rejection:
        """Change an order in one step; what it has stays until what it is to have is certain."""
        return await self._drive(ledger_id, command, deadline, next_plans)

    async def step(
        self, ledger_id: str, command: cm.Confirm | cm.Release | cm.Extend, deadline: float
    ) -> Order | Rejection:
        """Confirm, release or extend an order as a whole."""
        answer = await self._say(ledger_id, command, deadline, promise=True)
        assert answer is not None, "a step with a key always has an answer"
        if isinstance(answer, Order):
            await self._tell_soon(ledger_id, answer, deadline)
        return answer

    async def tell(self, ledger_id: str, order: Order, deadline: float) -> None:
        """Tell every shop that has not heard the newest, and note what it says.

        Those that give back hear first, and the others only once they all have: at no moment can a customer collect
        both what an order was and what it became.
        """
        parts = order.untold_parts()
        first = [part for part in parts if part.dropped or part.keep]
        if await self._tell_parts(ledger_id, order, first, deadline):
            await self._tell_parts(ledger_id, order, [part for part in parts if part not in first], deadline)

    async def _tell_parts(self, ledger_id: str, order: Order, parts: Sequence[Part], deadline: float) -> bool:
        """Whether all of them heard."""
        order_id = format_order_id(ledger_id, order.number)
        asked = [self._ask_shop(part.store_id, heed_of(order_id, order, part), deadline) for part in parts]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        notes = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Reservation):
                notes.append(note_of(order.number, part.store_id, part.attempt, order.revision, answer))
            elif isinstance(answer, Refusal):
                notes.append(note_of_absent(order.number, part, order.revision))
            elif isinstance(answer, BaseException) and not isinstance(answer, _PASSING):
                raise answer
        await self.note(ledger_id, notes, deadline)
        return len(notes) == len(parts)

    async def note(self, ledger_id: str, notes: Sequence[cm.Note], deadline: float) -> None:
        """Let a customer's ledger know how parts stand."""
        if notes:
            entries = [(ledger_id, order_command_to_wire(each)) for each in notes]
            queued = self._router.submit([ledger_id] * len(notes), entries, deadline, promise=True)
            await asyncio.gather(*(future for future, _ in queued))

    async def _drive(
        self, ledger_id: str, command: cm.Open | cm.Amend, deadline: float, next_plans: NextPlans
    ) -> Order | Rejection:
        tries = 0
        while True:
            answer = await self._say(ledger_id, command, deadline, promise=isinstance(command, cm.Amend))
            assert answer is not None, "a call with a key always has an answer"
            if isinstance(answer, Rejection) or not answer.open_attempt:
                return answer
            order: Order | Rejection | None = answer
            was_open = answer
            while isinstance(order, Order) and order.open_attempt:
                was_open, tries = order, tries + 1
                word = await self._attempt(ledger_id, order, tries, deadline, next_plans)
                order = await self._say(ledger_id, word, deadline, promise=True)
            if isinstance(order, Order):
                await self._tell_soon(ledger_id, order, deadline)
                if just_committed(was_open, order):
                    return order
            # Refused, or ended by somebody else: what became of the call, its key knows.

    async def _attempt(
        self, ledger_id: str, order: Order, tries: int, deadline: float, next_plans: NextPlans
    ) -> cm.Commit | cm.Replan | cm.Abandon:
        """Ask all shops of the open attempt at once; what to say to the customer's ledger then."""
        number, attempt = order.number, order.open_attempt
        order_id = format_order_id(ledger_id, number)
        parts = order.open_parts()
        answers = await asyncio.gather(
            *(self._ask_shop(part.store_id, claim_of(order_id, order, part), deadline) for part in parts)
        )
        claims: list[tuple[str, int]] = []
        refused: Refused = {}
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Reservation):
                claims.append((part.store_id, answer.number))
            else:
                refused[part.store_id] = answer.rejection if isinstance(answer, Refusal) else _STOPPED
        if not refused:
            return cm.Commit(number, attempt, tuple(claims))
        plans = next_plans(order, refused)
        if isinstance(plans, Rejection) or tries >= TRIES_MAX:
            refusal = plans if isinstance(plans, Rejection) else refused[min(refused)]
            return cm.Abandon(number, attempt, refusal)
        return cm.Replan(number, attempt, *plans)

    async def _tell_soon(self, ledger_id: str, order: Order, deadline: float) -> None:
        """So that who reads or steps in a shop next finds what was answered, as long as the shop is there."""
        soon = asyncio.get_running_loop().time() + TELL_S_MAX
        with suppress(*_PASSING):  # a settler goes on
            await self.tell(ledger_id, order, min(deadline, soon))

    async def _say(
        self, ledger_id: str, command: cm.Command, deadline: float, *, promise: bool
    ) -> Order | Rejection | None:
        entries = [(ledger_id, order_command_to_wire(command))]
        [(future, _)] = self._router.submit([ledger_id], entries, deadline, promise=promise)
        answer = (await future)[0]
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        assert answer is None or isinstance(answer, Order | Rejection), "customers' ledgers answer with orders"
        return answer

    async def _ask_shop(self, store_id: str, command: shop.Claim | shop.Heed, deadline: float) -> Answer:
        entries = [(store_id, command_to_wire(command))]
        promise = isinstance(command, shop.Heed)
        [(future, _)] = self._router.submit([store_id], entries, deadline, promise=promise)
        return (await future)[0]


_PASSING: Final = (DeadlinePassed, Overloaded, LedgerStopped)
_STOPPED: Final = Rejection(Reason.STORE_NOT_ACCEPTING)
