"""Which live reservations hold units of a position, ascending: a shortfall looks at the youngest of its SKU, and no
further than at those that lose, unless there are too few holds among them. Derived, and rebuilt at recovery.

Apart by status they would move at each Confirm, which has nothing to do with positions else.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final

from actors.core.ascending import FEW, Ascending, many
from actors.core.status import Status
from actors.shop.commands import Lines
from actors.shop.state import Ledger

# Losses go to holds first, then to confirmed orders, then to goods at the counter; within each to the youngest. A claim
# ranks as a hold: its customer's ledger may have decided already.
LOSS_RANK: Final = {Status.CLAIMED: 0, Status.HELD: 0, Status.CONFIRMED: 1, Status.READY: 2}


def promise(ledger: Ledger, number: int, lines: Lines) -> None:
    """Enter a live reservation in the positions of these lines, but for those of which it holds no units. In a list it
    stands twice where two of its lines have the SKU.
    """
    for sku, units in lines:
        if not units:
            continue
        position = ledger.positions[sku]
        held_by = position.held_by
        if held_by is None:
            position.held_by = [number]
        elif isinstance(held_by, Ascending):
            held_by[number] = None
        else:
            insort(held_by, number)
            if len(held_by) > FEW:
                position.held_by = many(held_by)


def unpromise(ledger: Ledger, number: int, lines: Lines) -> None:
    """Take a reservation out of the positions of these lines, where it is there."""
    for sku, _ in lines:
        held_by = ledger.positions[sku].held_by
        if type(held_by) is list:  # not isinstance with the other, which is slow as a class of mappings
            at = bisect_left(held_by, number)
            if at < len(held_by) and held_by[at] == number:
                del held_by[at]
        elif isinstance(held_by, Ascending):
            held_by.pop(number, None)


def losers(ledger: Ledger, sku: str, missing: int) -> Iterator[tuple[int, int]]:
    """Yield who loses these units of a SKU, and how many, first who loses first."""
    later: tuple[list[tuple[int, int]], ...] = ([], [])  # confirmed ones, and those that are ready
    last = 0
    for number in reversed(ledger.positions[sku].held_by or ()):
        if number == last:
            continue  # with another line
        last = number
        reservation = ledger.reservations[number]
        units = sum([held for line_sku, held in reservation.held_lines() if line_sku == sku])
        rank = LOSS_RANK[reservation.status]
        if rank:
            later[rank - 1].append((number, units))
            continue
        yield number, min(units, missing)
        missing -= units
        if missing <= 0:
            return
    for number, units in (*later[0], *later[1]):
        yield number, min(units, missing)
        missing -= units
        if missing <= 0:
            return
