"""Deadlines: which were noted, and which have passed. The decision judges each deadline by itself; this finds the units
that went back.

The heap holds `deadline << 56 | number`, one small object an entry. Reservations of one batch have consecutive numbers
and often one deadline: such a run is one entry, and `expiry_runs` says where it ends. A moved deadline is a new entry;
the old one is found stale when its time comes. All of it is derived from the reservations, and rebuilt at recovery.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from actors.core.status import LIVE
from actors.shop.events import Expired
from actors.shop.state import EXPIRY_SHIFT, Ledger

_NUMBER_MASK: Final = (1 << EXPIRY_SHIFT) - 1
STALE_ENTRIES_MAX: Final = 1_024  # beyond four for each live reservation, before the heap is made anew


def note_deadline(ledger: Ledger, number: int, expires_at_ms: int) -> None:
    """Note the deadline of a new reservation; numbers only grow."""
    run = ledger.newest_run
    if number == ledger.newest_run_last + 1 and run >> EXPIRY_SHIFT == expires_at_ms:
        ledger.expiry_runs[run] = number
    else:
        run = ledger.newest_run = expires_at_ms << EXPIRY_SHIFT | number
        heappush(ledger.expiry_heap, run)
    ledger.newest_run_last = number


def move_deadline(ledger: Ledger, number: int, expires_at_ms: int) -> None:
    """Note another deadline of a reservation. Where stale entries outnumber the live ones the heap is made anew."""
    heappush(ledger.expiry_heap, expires_at_ms << EXPIRY_SHIFT | number)
    if len(ledger.expiry_heap) > STALE_ENTRIES_MAX + 4 * ledger.open_reservations:
        rebuild(ledger)


def rebuild(ledger: Ledger) -> None:
    """Note all deadlines anew, from the reservations."""
    ledger.expiry_heap.clear()
    ledger.expiry_runs.clear()
    ledger.newest_run = ledger.newest_run_last = 0
    for reservation in ledger.reservations.values():  # by number
        if reservation.status in LIVE and reservation.part is None:
            note_deadline(ledger, reservation.number, reservation.expires_at_ms)


def due(ledger: Ledger, now_ms: int) -> Iterator[Expired]:
    """Each reservation whose deadline is not after `now_ms`, earliest first, then by number.

    The caller evolves each event before it asks for the next, and may stop at any; the rest is found the next time.
    """
    heap = ledger.expiry_heap
    limit = (now_ms + 1) << EXPIRY_SHIFT
    while heap and heap[0] < limit:
        entry = heappop(heap)
        number, deadline_ms = entry & _NUMBER_MASK, entry >> EXPIRY_SHIFT
        last = ledger.expiry_runs.get(entry, number)
        try:
            while number <= last:
                reservation = ledger.reservations.get(number)
                number += 1
                if reservation is not None and reservation.status in LIVE and reservation.expires_at_ms == deadline_ms:
                    yield Expired(reservation.number, reservation.held_lines())
        finally:
            if number <= last:
                heappush(heap, entry)  # the caller stopped within the run
            else:
                ledger.expiry_runs.pop(entry, None)
