"""Which live reservations hold units of a position, by who loses first: a shortfall looks at those that lose, and at no
others. Derived, and rebuilt at recovery.

Up to FEW they are a list, of all ranks, which costs a Confirm nothing, as it has nothing to do with positions else.
Beyond that the position is crowded, and has them apart by rank, which a Confirm has to change.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain
from typing import Final

from actors.core.ascending import FEW, Ascending
from actors.core.policy import LosesFirst
from actors.core.status import Status
from actors.shop.customer_totals import recount
from actors.shop.position import ByRank
from actors.shop.state import Ledger, Reservation

# Losses go to holds first, then to confirmed orders, then to goods at the counter; within each to the youngest; or to
# the youngest of all, if the policy says so. A claim ranks as a hold: its customer's ledger may have decided already.
LOSS_RANK: Final = {Status.CLAIMED: 0, Status.HELD: 0, Status.CONFIRMED: 1, Status.READY: 2}


def by_rank(ledger: Ledger, numbers: Sequence[int]) -> ByRank:
    """The same numbers, once each, apart by rank."""
    ranks: tuple[list[int], ...] = ([], [], [])
    for number in dict.fromkeys(numbers):
        ranks[LOSS_RANK[ledger.reservations[number].status]].append(number)
    return ByRank(*map(Ascending, ranks))


def put_apart(ledger: Ledger, sku: str, numbers: list[int]) -> None:
    """Have a position, which more than FEW hold, know them by rank from now on."""
    ledger.positions[sku].held_by = ledger.crowded[sku] = by_rank(ledger, numbers)


def promise(ledger: Ledger, reservation: Reservation) -> None:
    """Enter a live reservation, which is stored, in the positions of its lines, but for those of which it holds no
    units. In a list it stands twice where two of its lines have the SKU.
    """
    number = reservation.number
    if ledger.totals:
        recount(ledger, reservation)
    for sku, units in reservation.held_lines():
        if not units:
            continue
        position = ledger.positions[sku]
        held_by = position.held_by
        if held_by is None:
            position.held_by = [number]
        elif isinstance(held_by, list):
            insort(held_by, number)
            if len(held_by) > FEW:
                put_apart(ledger, sku, held_by)
        else:
            held_by[LOSS_RANK[reservation.status]][number] = None


def unpromise(ledger: Ledger, reservation: Reservation) -> None:
    """Take a reservation, as it was, out of the positions of its lines, where it is there."""
    number = reservation.number
    for sku, _ in reservation.lines:
        held_by = ledger.positions[sku].held_by
        if isinstance(held_by, list):
            at = bisect_left(held_by, number)
            if at < len(held_by) and held_by[at] == number:
                del held_by[at]
        elif held_by is not None:
            held_by[LOSS_RANK[reservation.status]].pop(number, None)


def change_rank(ledger: Ledger, before: Reservation, after: Reservation) -> None:
    """Note another status or channel of a live reservation, where it holds units of crowded positions."""
    if ledger.totals:
        recount(ledger, after)
    rank = LOSS_RANK[after.status]
    if rank == LOSS_RANK[before.status]:  # as when a claim's order goes on
        return
    for sku, _ in before.lines:
        held_by = ledger.crowded.get(sku)
        if held_by is not None:
            was = held_by[LOSS_RANK[before.status]]
            if before.number in was:
                del was[before.number]
                held_by[rank][before.number] = None


def losers(ledger: Ledger, sku: str, missing: int, moved: Sequence[Reservation] = ()) -> Iterator[tuple[int, int]]:
    """Yield who loses these units of a SKU, and how many, first who loses first. `moved` come by the same decision."""
    for number, reservation in _in_turn(ledger, sku, moved):
        units = sum(held for line_sku, held in reservation.held_lines() if line_sku == sku)
        yield number, min(units, missing)
        missing -= units
        if missing <= 0:
            return


def _in_turn(ledger: Ledger, sku: str, moved: Sequence[Reservation]) -> Iterator[tuple[int, Reservation]]:
    """Who holds units of a SKU, first who loses first. Numbers tell who is younger, but of those that have moved here:
    where there are any, it goes by when they were made, and looks at all.
    """
    held_by = ledger.positions[sku].held_by or ()
    ranks = map(reversed, held_by if isinstance(held_by, ByRank) else by_rank(ledger, held_by))
    is_by_age = ledger.policy.loses_first is LosesFirst.YOUNGEST
    if not moved and not ledger.hot.of(sku).moved:
        for number in merge(*ranks, reverse=True) if is_by_age else chain.from_iterable(ranks):
            yield number, ledger.reservations[number]
        return
    every = [ledger.reservations[number] for number in chain.from_iterable(ranks)] + [*moved]
    every.sort(key=lambda each: (each.created_at_ms, each.number), reverse=True)
    if not is_by_age:
        every.sort(key=lambda each: LOSS_RANK[each.status])
    for each in every:
        yield each.number, each
