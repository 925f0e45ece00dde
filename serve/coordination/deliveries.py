"""The outcomes of new orders, told to their shops behind the answers: with the next batches to them, many at once. So
are shops told what was claimed for an order that is not placed.

What shops have applied is noted in the customers' ledgers a moment later, of many orders with one event. Whatever is
lost on the way, a reconciler does: the order stays in its ledger's outbox until it is noted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from actors.core.ids import format_order_id
from actors.orders import commands as cm
from actors.orders.parts import heard_of, is_applied, let_go_of, outcome_of, report_of_absent
from actors.orders.state import Order, Part
from actors.protocol.messages import Answer, Entry, LedgerStopped, Refusal
from actors.shop.commands import Claim
from actors.shop.state import Reservation
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.queued import Waiting, parted
from serve.routing.router import Router

PASSING: Final = (DeadlinePassed, Overloaded, LedgerStopped)
TELL_S: Final = 0.001  # how long an outcome waits for others; a caller's next step comes later
NOTE_S: Final = 0.25  # how long what was applied waits to be noted
DELIVERY_S: Final = 1.0  # a reconciler takes up what is older than twice that
LET_GO_S: Final = 5.0  # how long shops are told to let go of a claim; then they ask

Told = list[tuple[int, Answer | Exception]]  # by its place in the call
Hear = Callable[[Told], Awaitable[None]]
Delivery = tuple[str, Order, Part]  # the customer's ledger, and the part whose shop is told


class Deliveries:
    """Runs in one event loop until it is closed. Holds nothing that could be lost."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._to_tell: list[Delivery] = []
        self._to_note: dict[str, list[cm.Applied | cm.Report]] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._noting: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, ledger_id: str, order: Order) -> None:
        """Have the shops of a new order told soon."""
        self._to_tell += [(ledger_id, order, part) for part in order.undelivered_parts()]
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_S, self._tell)

    def let_go(self, claims: Iterable[tuple[str, Claim]]) -> "asyncio.Task[None]":
        """Have shops give back what they granted, or will, by these claims, of an order that never will be placed: with
        time of its own, as the call's may be over.
        """
        return self._start(self._let_go([(store_id, let_go_of(claim)) for store_id, claim in claims]))

    async def _let_go(self, outcomes: Sequence[Entry]) -> None:
        until = asyncio.get_running_loop().time() + LET_GO_S
        with suppress(*PASSING):  # of one shop; the others are told all the same
            if outcomes:
                await self._router.send_all(outcomes, until, promise=True)

    def close(self) -> None:
        for handle in (self._telling, self._noting):
            if handle is not None:
                handle.cancel()
        for task in self._tasks:
            task.cancel()

    async def finish(self) -> None:
        """Tell and note all that waits, without waiting for more."""
        while self._to_tell or self._to_note or self._tasks:
            self._tell()
            await asyncio.gather(*self._tasks)
            self._note()
            await asyncio.gather(*self._tasks)

    def _tell(self) -> None:
        self._telling = None
        told, self._to_tell = self._to_tell, []
        for answers, places in self._submit(
            [
                (part.store_id, outcome_of(format_order_id(ledger_id, order.number), order, part))
                for ledger_id, order, part in told
            ]
        ):
            self._start(self._hear(answers, [told[place] for place in places]))

    async def _hear(self, answers: "asyncio.Future[list[Answer]]", told: Sequence[Delivery]) -> None:
        with suppress(*PASSING):
            for (ledger_id, order, part), answer in zip(told, await answers, strict=True):
                if isinstance(answer, Reservation) and is_applied(order.revision, answer):
                    self._to_note.setdefault(ledger_id, []).append(heard_of(order, part, answer))
                elif isinstance(answer, Refusal):
                    self._to_note.setdefault(ledger_id, []).append(report_of_absent(order.number, part, order.revision))
        if self._noting is None and self._to_note:
            self._noting = asyncio.get_running_loop().call_later(NOTE_S, self._note)

    def _note(self) -> None:
        self._noting = None
        noted, self._to_note = self._to_note, {}
        entries: list[Entry] = []
        for ledger_id, heard in noted.items():
            entries += [(ledger_id, each) for each in heard if isinstance(each, cm.Report)]
            applied = tuple(each for each in heard if isinstance(each, cm.Applied))
            if applied:
                entries.append((ledger_id, cm.NoteApplied(applied)))
        for answers, _ in self._submit(entries):
            self._start(_end_of(answers))

    def _submit(self, entries: Sequence[Entry]) -> "list[tuple[asyncio.Future[list[Answer]], list[int]]]":
        deadline = asyncio.get_running_loop().time() + DELIVERY_S
        with suppress(Overloaded):
            if entries:
                ledger_ids = [ledger_id for ledger_id, _ in entries]
                return self._router.submit(ledger_ids, entries, deadline, promise=True, later=True)
        return []

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _end_of(answers: "asyncio.Future[list[Answer]]") -> None:
    with suppress(*PASSING):
        await answers


async def heard(places: Sequence[int], answers: "asyncio.Future[list[Answer]]", hear: Hear) -> None:
    """Hear what is for these places of a call: together what is answered together, and the rest as it comes."""
    found: Sequence[Answer | Exception]
    later: Waiting = {}
    try:
        places, found, later = parted(places, await answers)
    except PASSING as error:
        found = [error] * len(places)
    rests = (heard(of_rest, rest, hear) for rest, of_rest in later.items())
    await asyncio.gather(hear(list(zip(places, found, strict=True))), *rests)
