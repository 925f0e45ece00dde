"""What a call claims next where shops refused, try by try: of new orders and of changed ones."""

from collections.abc import Callable
from typing import Final, NamedTuple
from zlib import crc32

from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.orders import commands as cm
from actors.orders.state import Order
from actors.protocol.messages import Stopped
from actors.shop.commands import Lines

TRIES_MAX: Final = 4  # plans for one call before it is refused, or pauses where they met nothing but claims
CONTENDED_PAUSE_S: Final = 0.005  # before the same plan is tried again, doubled each time; spread, so that one is first
PAUSED_TRIES_MAX: Final = 5  # beyond which the pause does not double: 160 ms

RefusedClaims = dict[str, Rejection]  # why shops refused their claims


class Planned(NamedTuple):
    """What is claimed next, and what that leaves out. `waits`: it counts on units that undecided orders have claimed,
    which may come free in a moment.
    """

    plans: tuple[cm.Plan, ...]
    missing: Lines
    waits: bool = False


# A Rejection: nothing else is to be had, whatever becomes of the claims that were met.
NextPlans = Callable[[Order | None, RefusedClaims], Planned | Rejection]


class Next(NamedTuple):
    """What follows: `planned` is claimed at once, or after a pause where the call `waits`, and without a plan the same
    again. With neither the call ends by the `refusal`, or by none where only a shop that is not served could tell.
    """

    planned: Planned | None = None
    waits: bool = False
    refusal: Rejection | None = None


class Replanning:
    """The tries of one call. What others have claimed is no reason to refuse it, and takes none of its plans: it waits
    for that, as long as its caller likes. `stopped` has the shops that are not served, and may grow.
    """

    def __init__(self, next_plans: NextPlans, stopped: list[Stopped]) -> None:
        self.tries = 0  # that were begun
        self._next_plans = next_plans
        self.stopped = stopped
        self._outs = 0  # those of them that met more than claims

    def after(self, order: Order | None, refused: RefusedClaims) -> Next:
        """What follows the try that these shops refused; `order` is the one that is changed, if any."""
        contended, no = is_contended(refused), reused(refused)
        self._outs += not contended
        found = no or self._next_plans(order, refused)
        waits = contended and (isinstance(found, Rejection) or self.tries >= TRIES_MAX)
        planned = found if isinstance(found, Planned) else None
        if waits or (planned is not None and planned.waits):
            return Next(planned, waits=True)
        if planned is not None and self._outs < TRIES_MAX:
            return Next(planned)
        if self.stopped and no is None:
            return Next()
        refusal = found if isinstance(found, Rejection) else first_of(refused)
        return Next(refusal=replace(refusal, status=None))


def no_other_plan(_order: Order | None, refused: RefusedClaims) -> Rejection:
    """For callers who named their shops: the first refusal is the answer."""
    return first_of(refused)


def first_of(refused: RefusedClaims) -> Rejection:
    """The refusal that is given for all, of those that stand whatever becomes of others' claims where there is one."""
    return refused[min(refused, key=lambda store_id: (refused[store_id].status is Status.CLAIMED, store_id))]


def is_contended(refused: RefusedClaims) -> bool:
    """Whether shops refused for nothing but what other undecided orders have claimed."""
    return all(refusal.status is Status.CLAIMED for refusal in refused.values())


def reused(refused: RefusedClaims) -> Rejection | None:
    """The refusal of a shop that has answered another call under the key of this one: it is for the caller."""
    return next((each for each in refused.values() if each.reason is Reason.IDEMPOTENCY_KEY_REUSED), None)


def pause_s(order_id: str, tries: int) -> float:
    """Another one for each order and try, and the same wherever it is computed."""
    spread = crc32(f"{order_id} {tries}".encode()) / 2**32
    return float(CONTENDED_PAUSE_S * 2 ** min(tries, PAUSED_TRIES_MAX) * (0.5 + spread))
