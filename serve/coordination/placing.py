"""A new order: claimed in its shops, all at once, then decided with one command in its customer's ledger."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from actors.core.ids import format_order_id, ledger_of_customer
from actors.core.rejection import UNRECORDED, Reason, Rejection
from actors.orders import commands as cm
from actors.orders.commands import key_of
from actors.orders.parts import first_claim_of
from actors.orders.state import Order
from actors.protocol.messages import Answer, LedgerStopped, Refusal, Stopped
from actors.shop.commands import Claim
from actors.shop.state import Reservation
from serve.coordination.deliveries import PASSING, Deliveries
from serve.coordination.hot_units import HotUnits
from serve.coordination.replanning import NextPlans, RefusedClaims, Replanning, pause_s
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router

ATTEMPT_BYTES: Final = 8
LET_GO_S_MAX: Final = 1.0  # how long a call waits for its shops to let go of what they had granted


class Claims(NamedTuple):
    """What shops said to the claims of one try, which were `made`: the reservations of those that granted, and why
    others refused, by shop. A shop that is in neither is short of units that are to be fetched first.
    """

    number: int
    made: Sequence[tuple[str, Claim]]
    granted: dict[str, int]
    refused: RefusedClaims


def place_of(number: int, asked: cm.Open, granted: dict[str, int]) -> cm.Place:
    """The command that decides an order whose claims these reservations are, by shop."""
    return cm.Place(number, asked, tuple([granted[plan.store_id] for plan in asked.plans]))


def refusal_in(store_id: str, answer: Answer, stopped: list[Stopped]) -> Rejection:
    """Why a shop did not grant a claim. That it is not served is no refusal, and none is answered that may be for want
    of that shop: it is put in `stopped` too, and the next plan does without.
    """
    if isinstance(answer, Stopped):
        stopped.append(answer)
    rejection = answer.rejection if isinstance(answer, Refusal) else Rejection(Reason.STORE_NOT_ACCEPTING)
    return replace(rejection, store_id=store_id)


class Placing:
    """Places orders through a router. `draw` gives the numbers of new ones."""

    def __init__(self, router: Router, units: HotUnits, deliveries: Deliveries, draw: Callable[[], int]) -> None:
        self._router = router
        self._units = units
        self._deliveries = deliveries
        self._draw = draw

    async def place(
        self, asked: cm.Open, deadline: float, next_plans: NextPlans, stopped: list[Stopped], made: Claims | None = None
    ) -> Order | Rejection:
        """Claim in all shops, then have the customer's ledger decide; nothing is written there before. What is claimed
        and not placed is let go of, here, also where the call ends before it was to be placed, or where a shop asks.
        Raises LedgerStopped where only a shop that is not served could tell. `stopped` has such, and is added to. The
        claims of the first try may be `made` already.
        """
        ledger_id = ledger_of_customer(asked.customer_id)
        plans, missing, replanning = asked.plans, asked.missing, Replanning(next_plans, stopped)
        try:
            while True:
                replanning.tries += 1
                if made is not None and len(made.granted) + len(made.refused) < len(plans):
                    await self._let_go(made, deadline)
                    made = None
                claims = made or await self._claim(ledger_id, asked, plans, deadline, stopped)
                (number, _, granted, refused), made = claims, None
                if refused:
                    await self._let_go(claims, deadline)
                    planned, waits, refusal = replanning.after(None, refused)
                    if planned is not None:
                        plans, missing = planned.plans, planned.missing
                        if not waits:
                            continue
                    # Where it waits, nothing is decided by what others have claimed.
                    refusal = refusal or Rejection(Reason.ORDER_UNDECIDED)
                    command = cm.Refuse(asked.key, asked.content, asked.customer_id, refusal)
                    answer = await self.send(ledger_id, command, deadline, promise=True)
                    assert answer is not None, "a command with a key always has an answer"
                    if isinstance(answer, Order) or answer.reason is not Reason.ORDER_UNDECIDED:
                        return answer
                    if stopped and not waits:
                        raise LedgerStopped(stopped[-1].why)
                else:
                    asked = replace(asked, plans=plans, missing=missing)
                    answer = await self.send(ledger_id, place_of(number, asked, granted), deadline, promise=True)
                    if isinstance(answer, Order) and answer.number == number:
                        self._deliveries.begin(ledger_id, answer)
                        return answer
                    assert answer is not None, "a command with a key always has an answer"
                    placed = await self._barred(ledger_id, number, answer, deadline)
                    if isinstance(placed, Order) and placed.key == key_of(asked):
                        continue  # by such a copy: the next answer is its own
                    await self._let_go(claims, deadline)
                    if isinstance(answer, Order) or answer.reason is not Reason.ORDER_UNDECIDED:
                        return answer  # as the call was answered at first, or refused
                pause = pause_s(format_order_id(ledger_id, number), replanning.tries)
                if asyncio.get_running_loop().time() + pause >= deadline:
                    raise DeadlinePassed(sent=True)
                await asyncio.sleep(pause)
        except Overloaded as error:  # something may have been claimed
            raise DeadlinePassed(sent=True) from error

    async def _barred(
        self, ledger_id: str, number: int, answer: Order | Rejection, deadline: float
    ) -> Order | Rejection | None:
        """What is not recorded may be decided otherwise by a copy of it that is under way: the order, where it was."""
        may_be = isinstance(answer, Rejection) and answer.reason in UNRECORDED
        return await self.send(ledger_id, cm.Bar(number), deadline, promise=True) if may_be else None

    async def _claim(
        self, ledger_id: str, asked: cm.Open, plans: Sequence[cm.Plan], deadline: float, stopped: list[Stopped]
    ) -> Claims:
        """Claim in all shops at once, under another number at each try."""
        number, entries = self.claims_of(ledger_id, asked, plans)
        try:
            answers = await self._units.send_all(entries, deadline)
        except (*PASSING, asyncio.CancelledError):  # one shop kept all waiting, and the others may have granted theirs
            self._deliveries.let_go(entries)
            raise
        granted: dict[str, int] = {}
        refused: RefusedClaims = {}
        for plan, answer in zip(plans, answers, strict=True):
            if isinstance(answer, Reservation):
                granted[plan.store_id] = answer.number
            else:
                refused[plan.store_id] = refusal_in(plan.store_id, answer, stopped)
        return Claims(number, entries, granted, refused)

    def claims_of(
        self, ledger_id: str, asked: cm.Open, plans: Sequence[cm.Plan]
    ) -> tuple[int, list[tuple[str, Claim]]]:
        """A number that is drawn for an order, and the claims for its shops under it."""
        number, attempt = self._draw(), secrets.token_hex(ATTEMPT_BYTES)
        return number, [(plan.store_id, first_claim_of(ledger_id, asked, number, attempt, plan)) for plan in plans]

    async def _let_go(self, claims: Claims, deadline: float) -> None:
        """Give back what was granted for an order that is not placed, and never will be."""
        told = self._deliveries.let_go([each for each in claims.made if each[0] in claims.granted])
        await asyncio.wait([told], timeout=min(deadline - asyncio.get_running_loop().time(), LET_GO_S_MAX))

    async def send(
        self, ledger_id: str, command: cm.Command, deadline: float, *, promise: bool
    ) -> Order | Rejection | None:
        """What a customers' ledger answers. Raises LedgerStopped where that is not served."""
        answer = await self._router.send((ledger_id, command), deadline, promise=promise)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        if isinstance(answer, Refusal):
            return answer.rejection
        assert answer is None or isinstance(answer, Order), "customers' ledgers answer with orders"
        return answer
