"""What a customer lost in one shop, held for him in another: moves of tasks.

A task that a person moves is moved by his call (`serve.services.shortfalls`). One of units that a picker did not find,
which the customer is to have elsewhere, moves by itself, within the call that began it or by a reconciler:

    its shop      PickShorted (the shops that are asked) ...... MoveRefused ............ ShortfallResolved: MOVED
                       │                                            ^                          ^
    first shop         └─> Reserve ── refused ──────────────────────┘                          │
    next shop                          └──────────> Reserve ── held ──> Confirm ── confirmed ──┘

Everything goes under keys of the task, so whoever goes on, and however many do, ask for the same once and hear the
same. A refusal is remembered for as long as a call can be under way, so nobody says that he heard one after another has
heard that the units are held.
"""

from typing import Final

from msgspec.structs import replace

from actors.core.ids import format_reservation_id, is_hot
from actors.core.rejection import Reason
from actors.core.status import FINAL, Status
from actors.protocol.messages import Answer, Entry, Held, LedgerStopped, Refusal, Stopped
from actors.shop.commands import Confirm, Reserve
from actors.shop.shortfalls.shortfall import (
    NoteMoveRefused,
    Resolution,
    ResolveShortfall,
    ShortfallTask,
    key_elsewhere,
    key_of_move,
)
from actors.shop.state import Reservation
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router

# What a hold was confirmed by already, or has become since: whoever has ended it since has told the customer.
_HAD: Final = frozenset({Status.CONFIRMED, Status.READY, Status.COLLECTED, Status.RELEASED})
# Not remembered by the ledger of a hot SKU, and never another way from then on.
_OVER: Final = frozenset({Reason.RESERVATION_NOT_FOUND, Reason.RESERVATION_EXPIRED, Reason.TRANSITION_NOT_ALLOWED})


def wanted_elsewhere(store_id: str, task: ShortfallTask, key: str) -> Reserve:
    """What another shop is to hold for a task of this one, whose reservation is shown there as a reference."""
    lost_by = format_reservation_id(store_id, task.reservation)
    return Reserve(key, task.customer_id, task.channel, "", task.lost(), 0, 0, lost_by)


class Elsewhere:
    """Moves tasks that move by themselves. Holds nothing that could be lost."""

    def __init__(self, router: Router, hot: HotCalls, grants: Grants) -> None:
        self._router = router
        self._hot = hot
        self._grants = grants

    async def move(self, store_id: str, task: ShortfallTask, deadline: float) -> ShortfallTask:
        """Ask the shops of a task one after the other until one has the units; the task, which is over then. Raises as
        `Router.send`: any gateway goes on.
        """
        if task.is_moving:
            await self._report(store_id, task, deadline)
        while task.is_moving:
            moved_to = await self._held(store_id, task, deadline)
            if not moved_to:
                await self._send((store_id, NoteMoveRefused(task.number, task.near[0])), deadline)
            else:
                key, of = key_of_move(key_elsewhere(store_id, task.number)), (task.number, Resolution.MOVED)
                closing = ResolveShortfall(key, *of, task.near[0], moved_to)
                answer = await self._send((store_id, closing), deadline)
                if isinstance(answer, ShortfallTask):
                    return answer
            now = await self._router.ask(store_id, "shortfall", store_id, task.number, deadline=deadline)
            if now is None:  # over, and forgotten
                return replace(task, near=())
            task = now
        return task

    async def _report(self, store_id: str, task: ShortfallTask, deadline: float) -> None:
        """Have the customer's ledger hear first what its shop has let go of, or a limit would count that twice."""
        _, lost_by = await self._router.ask(store_id, "reservation", store_id, task.reservation, deadline=deadline)
        if lost_by is not None and lost_by.grant:
            await self._grants.report(store_id, lost_by, deadline)

    async def _held(self, store_id: str, task: ShortfallTask, deadline: float) -> str:
        """The confirmed reservation of the shop whose turn it is, empty where that refuses."""
        key = key_elsewhere(store_id, task.number)
        entry = task.near[0], wanted_elsewhere(store_id, task, key)
        ledger_id, held = await self._hot.reserve(entry, deadline, is_first=False)
        if not isinstance(held, Held | Reservation):
            _refused(held)
            return ""
        confirm = Confirm(f"{key} confirm", held.number, 0)
        answer = await self._step((ledger_id, confirm), deadline)
        if not isinstance(answer, Reservation):
            is_over = isinstance(answer, Refusal) and answer.rejection.reason in _OVER
            no = answer if is_over else _refused(answer)
            assert isinstance(no, Refusal), "it is one"
            if no.rejection.status not in _HAD:  # it was over before anybody had confirmed it
                return ""
        return format_reservation_id(ledger_id, held.number)

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
