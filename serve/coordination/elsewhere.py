"""What a customer lost in one shop, held for him in another: moves of tasks.

A task that a person moves is moved by his call (`serve.services.shortfalls`). One of units that a picker did not find,
which the customer is to have elsewhere, moves by itself, within the call that began it or by a reconciler:

    its shop      PickShorted (the shops that are asked) ...... MoveRefused ............ ShortfallResolved: MOVED
                       │                                            ^                          ^
    first shop         └─> Reserve ── refused ──────────────────────┘                          │
    next shop                          └──────────> Reserve ── held ──> Confirm ── confirmed ──┘

Of an order's part the customer's ledger decides in place of these shops: an Amend for each that adds to the order.

Everything goes under keys of the task, so whoever goes on, and however many do, ask for the same once and hear the
same. A refusal is remembered for as long as a call can be under way, so nobody says that he heard one after another has
heard that the units are held.

Who closes such a task gives the move up. What the shop whose turn it was has taken, or takes yet, it has under these
keys, and gives back:

    its shop      ShortfallResolved: RELEASED | WAITING ........................ MoveRefused
                       └─> Reserve (the same) ── held ──> Release ── released ──────^
"""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from actors.core.ids import format_reservation_id, is_hot, parse_order_id
from actors.core.rejection import Reason, Rejection
from actors.core.status import FINAL, ReleaseReason, Status
from actors.orders import commands as orders
from actors.orders.state import OVER, Order, Standing
from actors.protocol.messages import Answer, Entry, Held, LedgerStopped, Refusal, Stopped
from actors.shop.commands import Confirm, Release, Reserve
from actors.shop.shortfalls.shortfall import (
    NoteMoveRefused,
    Resolution,
    ResolveShortfall,
    ShortfallTask,
    key_elsewhere,
    key_of_move,
)
from actors.shop.state import Reservation
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router

# What a hold was confirmed by already, or has become since: whoever has ended it since has told the customer.
_HAD: Final = frozenset({Status.CONFIRMED, Status.READY, Status.COLLECTED, Status.RELEASED})
# Not remembered by the ledger of a hot SKU, and never another way from then on.
_OVER: Final = frozenset({Reason.RESERVATION_NOT_FOUND, Reason.RESERVATION_EXPIRED, Reason.TRANSITION_NOT_ALLOWED})
# How an order ends of which nothing is left.
_NOTHING_LEFT: Final = frozenset({Status.RELEASED, Status.COLLECTED})

Place = tuple[str, int]  # a ledger, and the number of a reservation there
Report = Callable[[str, Reservation, float], Awaitable[None]]


def wanted_elsewhere(store_id: str, task: ShortfallTask, key: str) -> Reserve:
    """What another shop is to hold for a task of this one, whose reservation is shown there as a reference."""
    lost_by = format_reservation_id(store_id, task.reservation)
    return Reserve(key, task.customer_id, task.channel, "", task.lost(), 0, 0, lost_by)


def added_elsewhere(store_id: str, task: ShortfallTask) -> orders.Amend:
    """What the order of a task's part is to have in the shop whose turn it is. Nothing any more, where the task is
    closed: the key is then spent, unless that shop has the units already.
    """
    to_store, number = task.near[0], parse_order_id(task.order)[1]
    plans = (orders.Plan(to_store, task.lost(), 0),) if task.is_moving else ()
    key = f"{key_elsewhere(store_id, task.number)} {to_store}"
    return orders.Amend(key, key, number, plans, 0, adds=True)


class Elsewhere:
    """Moves tasks that move by themselves. Holds nothing that could be lost. `report` tells who decides about what a
    shop holds, an order or a grant, how that stands.
    """

    def __init__(self, router: Router, hot: HotCalls, grants: Grants, coordinator: Coordinator, report: Report) -> None:
        self._router = router
        self._hot = hot
        self._grants = grants
        self._coordinator = coordinator
        self._tell = report

    async def move(self, store_id: str, task: ShortfallTask, deadline: float) -> ShortfallTask:
        """Ask the shops of a task one after the other until one has the units; the task, which is over then, and was
        let go of by the last shop where somebody else has closed it. Raises as `Router.send`: any gateway goes on.
        """
        if task.is_moving:
            await self._report(store_id, task, deadline)
        while task.near:
            held = await self._held(store_id, task, deadline)
            if held is not None and task.is_moving:
                key, of = key_of_move(key_elsewhere(store_id, task.number)), (task.number, Resolution.MOVED)
                closing = ResolveShortfall(key, *of, task.near[0], format_reservation_id(*held))
                answer = await self._send((store_id, closing), deadline)
                if isinstance(answer, ShortfallTask):
                    return answer
            else:
                if held is not None:
                    await self._let_go(store_id, task, held, deadline)
                await self._send((store_id, NoteMoveRefused(task.number, task.near[0])), deadline)
            now = await self._router.ask(store_id, "shortfall", store_id, task.number, deadline=deadline)
            if now is None:  # over, and forgotten
                return replace(task, near=())
            task = now
        return task

    async def _report(self, store_id: str, task: ShortfallTask, deadline: float) -> None:
        """Have the customer's ledger hear first what its shop has let go of, or a limit would count that twice."""
        _, lost_by = await self._router.ask(store_id, "reservation", store_id, task.reservation, deadline=deadline)
        if lost_by is not None and (lost_by.grant or lost_by.part is not None):
            await self._tell(store_id, lost_by, deadline)

    async def _held(self, store_id: str, task: ShortfallTask, deadline: float) -> Place | None:
        """The reservation of the shop whose turn it is, confirmed while the task moves; None where that refuses."""
        if task.order:
            added = await self._added(store_id, task, deadline)
            if not isinstance(added, Rejection):
                return added
            if not await self._is_over(task, added, deadline):
                return None
        key = key_elsewhere(store_id, task.number)
        entry = task.near[0], wanted_elsewhere(store_id, task, key)
        ledger_id, held = await self._hot.reserve(entry, deadline, is_first=False)
        if not isinstance(held, Held | Reservation):
            _refused(held)
            return None
        if not task.is_moving:
            return ledger_id, held.number
        confirm = Confirm(f"{key} confirm", held.number, 0)
        answer = await self._step((ledger_id, confirm), deadline)
        if not isinstance(answer, Reservation):
            is_over = isinstance(answer, Refusal) and answer.rejection.reason in _OVER
            no = answer if is_over else _refused(answer)
            assert isinstance(no, Refusal), "it is one"
            if no.rejection.status not in _HAD:  # it was over before anybody had confirmed it
                return None
        return ledger_id, held.number

    async def _added(self, store_id: str, task: ShortfallTask, deadline: float) -> Place | Rejection | None:
        """The part that a task's order has by the task, None where its key was spent, or why it has none."""
        command, ledger_id = added_elsewhere(store_id, task), parse_order_id(task.order)[0]
        if task.is_moving:  # each try is written: none is begun while the shop is away
            await self._router.ask(task.near[0], "shortfall", task.near[0], 0, deadline=deadline)
        answer = await self._coordinator.amend(ledger_id, command, deadline)
        if isinstance(answer, Order):
            of = answer.attempts, task.near[0]
            numbers = [part.reservation for part in answer.parts if (part.attempt, part.store_id) == of]
            return (task.near[0], numbers[0]) if numbers else None
        if answer.reason is Reason.ORDER_UNDECIDED:
            raise DeadlinePassed(sent=True)
        return answer

    async def _is_over(self, task: ShortfallTask, answer: Rejection, deadline: float) -> bool:
        """Whether nothing is left of a task's order, by no word of its customer. It never is another way from then on:
        what is to be had elsewhere is then a reservation of its own.
        """
        if answer.reason is not Reason.TRANSITION_NOT_ALLOWED or answer.status not in _NOTHING_LEFT:
            return False
        order = await self._coordinator.order(*parse_order_id(task.order), deadline)
        return order is not None and order.standing in OVER - {Standing.EXPIRED} and order.reason is None

    async def _let_go(self, store_id: str, task: ShortfallTask, held: Place, deadline: float) -> None:
        """Nobody wants any more what a shop has taken. What was collected there stays so."""
        if task.order:
            _, part = await self._router.ask(held[0], "reservation", *held, deadline=deadline)
            if part is None or part.status is Status.CLAIMED:  # it will hear of its order's word in a moment
                raise DeadlinePassed(sent=True)
        key = f"{key_elsewhere(store_id, task.number)} give back"
        answer = await self._step((held[0], Release(key, held[1], ReleaseReason.OTHER, ())), deadline)
        if isinstance(answer, Reservation):
            if answer.part is not None:
                await self._tell(held[0], answer, deadline)
        elif not (isinstance(answer, Refusal) and answer.rejection.reason in _OVER):
            _refused(answer)

    async def _step(self, entry: Entry, deadline: float) -> Answer:
        if is_hot(entry[0]):
            _, answer = await self._hot.step(entry, deadline)
            return answer
        return await self._grants.decide(entry, deadline, promise=True)

    async def _send(self, entry: Entry, deadline: float) -> Answer:
        answer = await self._router.send(entry, deadline, promise=True)
        if isinstance(answer, Stopped):
            raise LedgerStopped(answer.why)
        return answer

    async def as_now(self, moved_to: tuple[str, int], deadline: float) -> tuple[str, int]:
        """The id that a reservation has now, which had another one in the ledger of a hot SKU, and until when it is to
        be collected, 0 where it is over or forgotten.
        """
        ledger_id, _, found = await self._hot.read(*moved_to, deadline)
        if found is None:
            return format_reservation_id(*moved_to), 0
        return format_reservation_id(ledger_id, found.number), 0 if found.status in FINAL else found.expires_at_ms


def _refused(answer: Answer) -> Refusal:
    """A refusal that stands. Raises as `Router.send` for what may be another answer later."""
    if isinstance(answer, Stopped):
        raise LedgerStopped(answer.why)
    if not isinstance(answer, Refusal):
        raise DeadlinePassed(sent=True)
    if not answer.version and answer.rejection.reason is not Reason.IDEMPOTENCY_KEY_REUSED:
        raise DeadlinePassed(sent=True)
    return answer
