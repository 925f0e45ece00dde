"""Calls in one shop under limits of the whole chain: its customer's ledger grants the units, then the shop decides.

    customer's ledger   RequestGrant ─> Granted | refused                    ReportGrant
                                           │                                      ^
    shop's ledger                          └─> Reserve, with what it said ─> answer

The shop remembers the call's key and has the last word, also where the grant was refused; so a call has one answer,
whatever becomes of the limits. A grant counts until its shop says what is held by it. Where a gateway dies before it
has reported that, a reconciler asks the shop.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from actors.core.ids import is_hot, ledger_of_customer
from actors.core.rejection import Reason, Rejection
from actors.orders.commands import BarClaim, CountHold, ReportGrant, RequestGrant
from actors.orders.grants import Grant
from actors.protocol.messages import Answer, Entry, Held, LedgerStopped, Refusal, Stopped
from actors.shop import commands as shop
from actors.shop.commands import Acknowledge, by_sku, void_key
from actors.shop.state import Reservation
from serve.coordination.coordinator import UNDECIDED_PAUSE_S
from serve.coordination.deliveries import NOTE_S, PASSING
from serve.coordination.hot_moves import is_moved, moved_before
from serve.coordination.hot_stock import in_skus, lines_by_sku
from serve.coordination.hot_units import HotUnits, is_for_gateways
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router
from serve.routing.shares import Room

Command = shop.Reserve | shop.Amend
REPORT_S: Final = 5.0
GRANTS_MAX, GRANTS_SHARED_FROM = 2_048, 1_024  # being fetched in one gateway at once: a full batch, and as many shared
REPORTS_MAX: Final = 128  # that wait for one ledger: others go between such batches


class Grants:
    """Fetches grants within a call, and reports what is held by them. Holds nothing that could be lost."""

    def __init__(self, router: Router, units: HotUnits | None = None) -> None:
        self._router = router
        self._units = units or HotUnits(router)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reports = Reports(router)
        self.room = Room(GRANTS_MAX, GRANTS_SHARED_FROM)

    def are_required(self, entry: Entry) -> bool:
        """Whether a Reserve needs a grant, by the limits that this gateway knows. The shop has the last word."""
        policy, command = self._router.chain.policy, entry[1]
        if not policy.chain_limit_rules or not isinstance(command, shop.Reserve):
            return False
        return policy.is_limited(command.channel, lines_by_sku(entry[0], command.lines))

    async def decide(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """What a ledger answers; a grant that it requires is fetched. Raises as `send`."""
        if not self.are_required(entry):
            answer = await self._units.send(entry, deadline, promise=promise)
            if not is_grant_required(answer):
                return answer
        return await self.send(entry, deadline, promise=promise)

    async def send(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """Have a shop decide with what the customer's ledger grants. Raises as `Router.send`, but for Overloaded once
        that ledger was asked, and DeadlinePassed where the two did not agree in time.
        """
        if not self.room.enter([entry]):
            raise Overloaded
        try:
            return await self.decided(entry, deadline, promise=promise)
        finally:
            self.room.leave((entry,))

    async def decided(self, entry: Entry, deadline: float, *, promise: bool) -> Answer:
        """What a shop decides with a grant, that is being fetched. Raises as `send`."""
        store_id, command = entry
        assert isinstance(command, shop.Reserve | shop.Amend), "no other call holds more"
        try:
            return await self._send(store_id, command, deadline, promise=promise)
        except LedgerStopped:  # the customer's: the shop may have answered the call before
            answer = await self._units.send(entry, deadline, promise=promise)
            if is_grant_required(answer):
                raise
            return answer

    def asked_for(self, entry: Entry) -> tuple[str, RequestGrant]:
        """What the customer's ledger is asked for a Reserve, behind what it is to hear of this customer."""
        store_id, command = entry
        assert isinstance(command, shop.Reserve), "what an Amend asks for depends on what is held"
        request = _request_of(store_id, command)
        ledger_id = ledger_of_customer(request.customer_id)
        self._reports.send_of(ledger_id, request.customer_id)
        return ledger_id, request

    async def _send(self, store_id: str, command: Command, deadline: float, *, promise: bool) -> Answer:
        pause_s, pause_s_max = UNDECIDED_PAUSE_S
        asked_shop = asked_ledger = False
        while True:
            try:
                request = await self._request(store_id, command, deadline)
                if isinstance(request, Rejection):
                    return Refusal(0, request)
                said = await self.ask(request, deadline)
                asked_ledger = True
                if not isinstance(said, Rejection) or said.reason is not Reason.ORDER_UNDECIDED:
                    entry = store_id, replace(command, grant=said)
                    answer = await self._units.send(entry, deadline, promise=promise)
                    if not is_grant_required(answer):
                        if isinstance(said, shop.Grant) and is_for_gateways(answer):
                            # Another ledger decides, under a grant of its own: this one must not count beside that.
                            await self.settle(said.number, request, deadline)
                        elif isinstance(said, shop.Grant):
                            self.report_later(request, said.number, answer)
                        return answer
                    await self._router.refresh_chain(deadline)  # its limits may be newer than those of the grant
                elif not asked_shop:  # it may know the call already
                    asked_shop = True
                    answer = await self._units.send((store_id, command), deadline, promise=promise)
                    if not is_grant_required(answer):
                        return answer
            except (Overloaded, DeadlinePassed) as error:
                if not asked_ledger:
                    raise
                # A grant counts for the customer, also one whose answer was lost before other rules refused the call.
                raise DeadlinePassed(sent=True) from error
            if asyncio.get_running_loop().time() + pause_s >= deadline:
                raise DeadlinePassed(sent=True)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, pause_s_max)

    async def report(self, store_id: str, reservation: Reservation, deadline: float) -> None:
        """Tell the customer's ledger what a reservation holds by its grant, and the shop that this was told. One
        without a grant is from before its limit: it gets one, of which the shop hears. What the ledger doubts, as it
        may come late, the shop is asked about.
        """
        ledger_id, number, as_of = ledger_of_customer(reservation.customer_id), reservation.number, 0
        while True:
            told = await self._tell(ledger_id, _word_of(in_skus(store_id, reservation), store_id, as_of), deadline)
            doubted_at = _doubted_at(told)
            if not doubted_at:
                break
            if as_of:
                return  # more was told since: whoever tells it next asks again
            as_of = doubted_at
            _, now = await self._router.ask(store_id, "reservation", store_id, number, deadline=deadline)
            if now is None or now.grant != reservation.grant:
                return  # it was late, and what is so now its shop tells by itself
            reservation = now
        grants = ((number, told.number),) if isinstance(told, shop.Grant) else ()
        acknowledged = Acknowledge(((number, reservation.version),), grants)
        await self._router.send((store_id, acknowledged), deadline, promise=True)

    async def settle(
        self, number: int, of: Grant | RequestGrant, deadline: float, bar: BarClaim | None = None
    ) -> Answer:
        """Have a shop say what is held by a grant, or refuse it from here on: then it is free, unless a reservation was
        reported that the shop does not have. That takes an operator's `bar`.
        """
        settle = shop.SettleGrant(void_key(of.customer_id, number), of.call_key, number, of.reservation)
        held_at = of.held_at if isinstance(of, Grant) else of.store_id
        answer = await self._router.send((held_at, settle), deadline, promise=True)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        if isinstance(answer, Reservation):
            await self.report(held_at, answer, deadline)
        elif isinstance(answer, Refusal) and answer.version:
            said = bar or ReportGrant(number, 0, 0, (), (), held_at)
            await self._tell(ledger_of_customer(of.customer_id), said, deadline)
        elif isinstance(answer, Refusal) and is_moved(answer):
            await self._settle_moved(number, of, answer.rejection.number, deadline)
        return answer

    async def _settle_moved(self, number: int, of: Grant | RequestGrant, moved: int, deadline: float) -> None:
        """What has moved from the ledger of a hot SKU its shop reports, unless it holds by another grant by now: then
        nothing is held by this one.
        """
        became = await moved_before(self._router, of.store_id, moved, deadline)
        if not isinstance(became, tuple):
            return
        store_id, reservation = became
        _, now = await self._router.ask(store_id, "reservation", store_id, reservation, deadline=deadline)
        if now is not None and now.grant == number:
            await self.report(store_id, now, deadline)
        elif now is not None:
            said = ReportGrant(number, 0, 0, (), (), of.store_id)
            await self._tell(ledger_of_customer(of.customer_id), said, deadline)

    async def _request(self, store_id: str, command: Command, deadline: float) -> RequestGrant | Rejection:
        if isinstance(command, shop.Reserve):
            return _request_of(store_id, command)
        _, now = await self._router.ask(store_id, "reservation", store_id, command.number, deadline=deadline)
        if now is None:
            return Rejection(Reason.RESERVATION_NOT_FOUND, number=command.number)
        lines, has = by_sku(command.lines or now.lines), dict(by_sku(now.lines))
        more = tuple((sku, units) for sku, units in lines if units > has.get(sku, 0))
        return RequestGrant(
            now.customer_id, now.channel, store_id, command.key, now.basket_id, lines, more, now.grant, now.number
        )

    async def ask(self, request: RequestGrant, deadline: float) -> shop.Grant | Rejection:
        """What the customer's ledger grants, or why it does not. Raises as `send`."""
        ledger_id = ledger_of_customer(request.customer_id)
        self._reports.send_of(ledger_id, request.customer_id)
        answer = await self._router.send((ledger_id, request), deadline, promise=False)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        if isinstance(answer, Refusal):
            return answer.rejection
        assert isinstance(answer, shop.Grant), "a customers' ledger answers a request with a grant"
        return answer

    def report_later(self, request: RequestGrant, grant: int, answer: Answer) -> None:
        """Report how the shop has used a grant, without delay for the caller."""
        if isinstance(answer, Reservation) and answer.grant == grant:
            self._start(self.report(request.store_id, answer, self._deadline()))
            return
        if isinstance(answer, Held) and answer.grant == grant:
            of = request.store_id if is_hot(request.store_id) else ""  # the hold may have moved, and its shop said so
            report = ReportGrant(grant, answer.number, answer.number, request.lines, (), of)
        elif isinstance(answer, Held | Reservation) or (isinstance(answer, Refusal) and answer.version):
            # The call was answered before, or its refusal is remembered: nothing is held by this grant.
            report = ReportGrant(grant, 0, 0, (), ())
        else:  # the refusal is not remembered, and a copy of the call may be under way
            self._start(self.settle(grant, request, self._deadline()))
            return
        self._reports.add(request.customer_id, report)

    async def finish(self) -> None:
        """Report all that waits, without waiting for more."""
        await asyncio.gather(*self._tasks, *self._reports.send_all(), return_exceptions=True)

    async def _tell(self, ledger_id: str, report: ReportGrant | CountHold | BarClaim, deadline: float) -> Answer:
        answer = await self._router.send((ledger_id, report), deadline, promise=True)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        return answer

    def _start(self, telling: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            with suppress(*PASSING):
                await telling

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + REPORT_S


class Reports:
    """What shops hold by grants of this gateway's calls, reported a moment later: what one ledger hears together it
    writes as one record. A customer's next call does not wait for it, and comes behind it. What is lost on the way, a
    reconciler settles.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._waiting: dict[str, tuple[asyncio.TimerHandle, list[Entry], set[str]]] = {}  # by ledger, with whose

    def add(self, customer_id: str, report: ReportGrant) -> None:
        """Report it within `NOTE_S`."""
        ledger_id = ledger_of_customer(customer_id)
        waiting = self._waiting.get(ledger_id)
        if waiting is None:
            timer = asyncio.get_running_loop().call_later(NOTE_S, self._send, ledger_id)
            self._waiting[ledger_id] = timer, [(ledger_id, report)], {customer_id}
            return
        _, entries, customers = waiting
        entries.append((ledger_id, report))
        customers.add(customer_id)
        if len(entries) == REPORTS_MAX:
            self._send(ledger_id)

    def send_of(self, ledger_id: str, customer_id: str) -> None:
        """Report now what waits there, if something is the customer's."""
        waiting = self._waiting.get(ledger_id)
        if waiting is not None and customer_id in waiting[2]:
            self._send(ledger_id)

    def send_all(self) -> "list[asyncio.Future[list[Answer]]]":
        return [answers for ledger_id in list(self._waiting) for answers in self._send(ledger_id)]

    def _send(self, ledger_id: str) -> "list[asyncio.Future[list[Answer]]]":
        timer, entries, _ = self._waiting.pop(ledger_id)
        timer.cancel()
        until = asyncio.get_running_loop().time() + REPORT_S
        with suppress(Overloaded):
            [(answers, _)] = self._router.submit((ledger_id,) * len(entries), entries, until, promise=True)
            answers.add_done_callback(_pass_over)
            return [answers]
        return []


def _pass_over(answers: "asyncio.Future[list[Answer]]") -> None:
    """Nobody waits for them; raises what is no matter of time or room."""
    if not answers.cancelled() and (error := answers.exception()) is not None and not isinstance(error, PASSING):
        raise error


def _request_of(store_id: str, command: shop.Reserve) -> RequestGrant:
    lines = lines_by_sku(store_id, command.lines)
    return RequestGrant(command.customer_id, command.channel, store_id, command.key, command.basket_id, lines, lines)


def _word_of(reservation: Reservation, store_id: str, as_of: int) -> ReportGrant | CountHold:
    """What a customer's ledger is told of a reservation, whose lines are by SKU."""
    number, version, held = reservation.number, reservation.version, by_sku(reservation.held_lines())
    done = reservation.done or ((0, 0),) * len(reservation.lines)
    collected = by_sku((sku, sold) for (sku, _), (sold, _) in zip(reservation.lines, done, strict=True))
    if reservation.grant:
        return ReportGrant(reservation.grant, number, version, held, collected, store_id, as_of)
    of = reservation.customer_id, reservation.channel, store_id, reservation.basket_id
    return CountHold(*of, number, version, held, collected, as_of)


def _doubted_at(told: Answer) -> int:
    """The version of the customer's ledger at which it doubted what it was told, 0 where it did not."""
    if not isinstance(told, Refusal) or told.rejection.reason is not Reason.ORDER_UNDECIDED:
        return 0
    return told.rejection.number


def is_grant_required(answer: Answer) -> bool:
    """True where the shop does not decide without a grant."""
    return isinstance(answer, Refusal) and answer.rejection.reason is Reason.GRANT_REQUIRED
