"""Which live reservations hold units of a position, ascending: a shortfall looks at the youngest of its SKU, and no
further than at those that lose, unless there are too few holds among them. Derived, and rebuilt at recovery.

Apart by status they would move at each Confirm, which has nothing to do with positions else: 2 us of its 8.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from actors.core.ascending import Ascending
from actors.core.status import Status
from actors.shop.commands import Lines
from actors.shop.state import Ledger

# Losses go to holds first, then to confirmed orders, then to goods at the counter; within each to the youngest. A claim
# ranks as a hold: its customer's ledger may have decided already.
LOSS_RANK: Final = {Status.CLAIMED: 0, Status.HELD: 0, Status.CONFIRMED: 1, Status.READY: 2}
FEW: Final = 512  # numbers that are moved in memory to enter or drop one


def promise(ledger: Ledger, number: int, lines: Lines) -> None:
    """Enter a live reservation in the positions of these lines, but for those of which it holds no units."""
    for sku, units in lines:
        if not units:
            continue
        position = ledger.positions[sku]
        holders = position.holders
        if holders is None:
            position.holders = [number]
        elif type(holders) is list:  # not isinstance, which costs 0.4 us with a class of mappings
            at = bisect_left(holders, number)
            if at == len(holders) or holders[at] != number:  # else its SKU is on another line as well
                holders.insert(at, number)
                if len(holders) > FEW:
                    position.holders = Ascending(holders)
        elif isinstance(holders, Ascending):
            holders[number] = None


def unpromise(ledger: Ledger, number: int, lines: Lines) -> None:
    """Take a reservation out of the positions of these lines, where it is there."""
    for sku, _ in lines:
        holders = ledger.positions[sku].holders
        if type(holders) is list:
            at = bisect_left(holders, number)
            if at < len(holders) and holders[at] == number:
                del holders[at]
        elif isinstance(holders, Ascending):
            holders.pop(number, None)


def losers(ledger: Ledger, sku: str, missing: int) -> Iterator[tuple[int, int]]:
    """Yield who loses these units of a SKU, and how many, first who loses first."""
    later: tuple[list[tuple[int, int]], ...] = ([], [])  # confirmed ones, and those that are ready
    for number in reversed(ledger.positions[sku].holders or ()):
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
