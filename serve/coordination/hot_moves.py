"""How a reservation gets from the ledger of its hot SKU into its shop, and which one it has become there.

    ledger of the SKU           gateway                         shop
    MoveOut ─> MovedOut ───────────────────────> MoveIn ─> MovedIn
    NoteMoved <─────────────────────────────── its number there

Each step may be done twice: a shop knows the id that a reservation had, for as long as it knows answers.
"""

from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Answer, LedgerStopped, Refusal, Stopped
from actors.shop.hot.projections import move_in_of
from actors.shop.state import MovingOut, Reservation
from serve.routing.router import Router


def is_moved(answer: Answer) -> bool:
    """Whether the ledger of a hot SKU says that a reservation has left it."""
    return isinstance(answer, Refusal) and answer.rejection.reason is Reason.RESERVATION_MOVED


async def move_in(
    router: Router, ledger_id: str, moving: MovingOut, deadline: float, *, only_known: bool = False
) -> tuple[str, int] | Answer:
    """Have a reservation be in its shop that has left the ledger of its SKU; the shop, and its number there, or why
    not. `only_known`: nothing is made there. Raises as `Router.send`, and LedgerStopped.
    """
    store_id = moving.reservation.lines[0][0]
    command = replace(move_in_of(ledger_id, moving.reservation, moving.now_ms), only_known=only_known)
    moved = await router.send((store_id, command), deadline, promise=True)
    if isinstance(moved, Reservation):
        return store_id, moved.number
    if isinstance(moved, Stopped):
        raise LedgerStopped(moved.why)
    return moved


async def moved_before(router: Router, ledger_id: str, number: int, deadline: float) -> tuple[str, int] | Answer:
    """Which reservation one has become that has moved; nothing is made, as its shop may have forgotten it."""
    before = await router.ask(ledger_id, "moved_from", ledger_id, number, deadline=deadline)
    was = None if before is None else MovingOut(before, 0)
    moved = None if was is None else await move_in(router, ledger_id, was, deadline, only_known=True)
    if moved is None or (not isinstance(moved, tuple) and is_moved(moved)):
        return Refusal(0, Rejection(Reason.RESERVATION_NOT_FOUND, number=number))
    return moved
