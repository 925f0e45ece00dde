"""A position: one SKU in a shop, and what of it has moved lately."""

from array import array
from dataclasses import dataclass
from typing import Final, NamedTuple

from actors.core.ascending import Ascending
from actors.core.policy import DAY_MS
from actors.shop.picking.missed import Missed, explained

TRAIL_MOVES_MAX: Final = 1_024  # by position and kind: what a count can look back over
TRAIL_NUMBERS_MAX: Final = 2 * TRAIL_MOVES_MAX
TRAIL_WINDOW_MS: Final = DAY_MS  # movements older than this are forgotten


@dataclass(slots=True, eq=False)
class Trail:
    """Recent movements of a position, so that a count can refer to a past instant: alternating times and deltas.

    Movements before `horizon_ms` have been forgotten.
    """

    horizon_ms: int
    moves: "array[int]"

    def add(self, at_ms: int, delta: int) -> None:
        """Record a movement; forget those older than TRAIL_WINDOW_MS, and the older half where there are too many."""
        moves = self.moves
        moves.append(at_ms)
        moves.append(delta)
        if len(moves) > TRAIL_NUMBERS_MAX or moves[0] < at_ms - TRAIL_WINDOW_MS:
            self.forget(at_ms)

    def forget(self, at_ms: int) -> None:
        """Forget what is too old at this time, or the older half where that is too much."""
        moves = self.moves
        if len(moves) > TRAIL_NUMBERS_MAX:
            self._forget(TRAIL_MOVES_MAX)  # an even index: half of the pairs
            return
        cut = 2
        while moves[cut] < at_ms - TRAIL_WINDOW_MS:
            cut += 2
        self._forget(cut)

    def copied(self) -> "Trail":
        """A copy that later movements do not change."""
        return Trail(self.horizon_ms, self.moves[:])

    def _forget(self, cut: int) -> None:
        self.horizon_ms = max(self.horizon_ms, *self.moves[:cut:2])
        del self.moves[:cut]

    def since(self, instant_ms: int) -> int:
        """The sum of the movements after an instant."""
        moves = self.moves
        return sum(delta for at_ms, delta in zip(moves[::2], moves[1::2], strict=True) if at_ms > instant_ms)


class ByRank(NamedTuple):
    """Numbers apart by who loses first in a shortfall: holds, confirmed orders, and goods at the counter."""

    held: Ascending
    confirmed: Ascending
    ready: Ascending


@dataclass(slots=True, eq=False)
class Position:
    """One SKU in the shop. `on_hand == received - sold + adjusted + moved` always; `available` is computed, never
    stored. `moved` is what transfers have brought, less what they have taken away.
    """

    on_hand: int = 0
    reserved: int = 0
    allotted: int = 0
    safety_stock: int = 0
    received: int = 0
    sold: int = 0
    adjusted: int = 0
    since_ms: int = 0
    counted_at_ms: int = 0
    on_hand_trail: Trail | None = None
    reserved_trail: Trail | None = None
    # Numbers of the reservations that hold units of it; see `promised`.
    held_by: list[int] | ByRank | None = None
    moved: int = 0
    apart: int = 0  # on hand and nobody's, but available only once they are put back; derived from the pick tasks
    missed: Missed = ()
    back_moved_ms: int = 0  # when units to be put back came or went last
    one_unit: tuple[tuple[str, int], ...] | None = None  # the line of who holds one, shared by all of them

    def copied(self) -> "Position":
        """A copy that later events do not change, but for `held_by`."""
        moved, promised = self.on_hand_trail, self.reserved_trail
        return Position(
            *self.numbers(),
            None if moved is None else moved.copied(),
            None if promised is None else promised.copied(),
            self.held_by,
            self.moved,
            self.apart,
            self.missed,
            self.back_moved_ms,
            self.one_unit,
        )

    def numbers(self) -> tuple[int, int, int, int, int, int, int, int, int]:
        """All fields but the trails and those behind them, in their sequence."""
        return (*self.stock(), self.received, self.sold, self.adjusted, self.since_ms, self.counted_at_ms)

    def stock(self) -> tuple[int, int, int, int]:
        """Units on hand, reserved, allotted and of safety stock."""
        return self.on_hand, self.reserved, self.allotted, self.safety_stock

    @property
    def available(self) -> int:
        """Units that can be promised; negative in a shortfall."""
        return self.on_hand - self.reserved - self.allotted - self.safety_stock - self.apart

    def explain(self, from_ms: int, units: int) -> None:
        """Take the write-off of so many units back that were missed from an instant on."""
        found, self.missed = explained(self.missed, from_ms, units)
        for at_ms, count in found:
            self.move_on_hand(at_ms, count)

    def move_on_hand(self, at_ms: int, delta: int) -> None:
        """Change on hand and record when; the first stock of a new position needs no record."""
        if self.on_hand_trail is not None:
            self.on_hand_trail.add(at_ms, delta)
        elif at_ms > self.since_ms:
            self.on_hand_trail = Trail(self.since_ms, array("q", (at_ms, delta)))
        self.on_hand += delta

    def move_reserved(self, at_ms: int, delta: int) -> None:
        """Change reserved and record the movement."""
        self.reserved += delta
        trail = self.reserved_trail
        if trail is None:
            self.reserved_trail = Trail(self.since_ms, array("q", (at_ms, delta)))
            return
        moves = trail.moves  # as `add`, and sooner: each hold comes by here
        moves.append(at_ms)
        moves.append(delta)
        if len(moves) > TRAIL_NUMBERS_MAX or moves[0] < at_ms - TRAIL_WINDOW_MS:
            trail.forget(at_ms)
