"""The index of deadlines. Decisions check each deadline themselves; this finds the reservations to expire.

The heap holds `deadline << 56 | number`, one small object an entry. Reservations of one batch have consecutive numbers
and often one deadline: such a run is one entry, whose last number is in `expiry_runs`. A changed deadline is a new
entry; the stale one is skipped when it is due. All of it is derived from the reservations, and rebuilt at recovery.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from actors.core.ascending import Ascending
from actors.core.status import LIVE
from actors.shop.events import Expired
from actors.shop.state import EXPIRY_SHIFT, Ledger, Reservation

_NUMBER_MASK: Final = (1 << EXPIRY_SHIFT) - 1
STALE_ENTRIES_MAX: Final = 1_024  # beyond four for each live reservation, before the heap is rebuilt


def note_deadline(ledger: Ledger, number: int, expires_at_ms: int) -> None:
    """Enter the deadline of a new reservation; its number must be the greatest so far."""
    run = ledger.newest_run
    if number == ledger.newest_run_last + 1 and run >> EXPIRY_SHIFT == expires_at_ms:
        ledger.expiry_runs[run] = number
    else:
        run = ledger.newest_run = expires_at_ms << EXPIRY_SHIFT | number
        heappush(ledger.expiry_heap, run)
    ledger.newest_run_last = number


def move_deadline(ledger: Ledger, number: int, expires_at_ms: int) -> None:
    """Enter a reservation's new deadline. Rebuilds the heap where stale entries outnumber the live ones."""
    heappush(ledger.expiry_heap, expires_at_ms << EXPIRY_SHIFT | number)
    if len(ledger.expiry_heap) > STALE_ENTRIES_MAX + 4 * ledger.open_reservations:
        rebuild(ledger)


def rebuild(ledger: Ledger) -> None:
    """Rebuild the index from the reservations."""
    ledger.expiry_heap.clear()
    ledger.expiry_runs.clear()
    ledger.newest_run = ledger.newest_run_last = 0
    ledger.leases.clear()
    ledger.lapsed = Ascending()
    for number in ledger.live_numbers():
        enter(ledger, ledger.reservations[number])


def enter(ledger: Ledger, reservation: Reservation) -> None:
    """Enter the deadline of a live reservation, or the lease of a part; they come by number."""
    if reservation.part is None:
        note_deadline(ledger, reservation.number, reservation.expires_at_ms)
    elif reservation.expires_at_ms:
        heappush(ledger.leases, reservation.expires_at_ms << EXPIRY_SHIFT | reservation.number)


def move_lease(ledger: Ledger, number: int, expires_at_ms: int) -> None:
    """Enter the new deadline of a part's order."""
    heappush(ledger.leases, expires_at_ms << EXPIRY_SHIFT | number)
    if len(ledger.leases) > STALE_ENTRIES_MAX + 4 * ledger.open_reservations:
        rebuild(ledger)


def note_lapsed(ledger: Ledger, now_ms: int, count_max: int) -> None:
    """Note parts whose leases are over, by deadline: of these the customers' ledgers are asked."""
    leases, limit = ledger.leases, (now_ms + 1) << EXPIRY_SHIFT
    for _ in range(count_max):
        if not leases or leases[0] >= limit:
            return
        ledger.lapsed[heappop(leases) & _NUMBER_MASK] = None


def is_owed(ledger: Ledger, number: int, now_ms: int, made_ms: int) -> bool:
    """True for what has changed and was not acknowledged, for a claim that was made before `made_ms` and is undecided,
    and for a live part whose lease is over. One whose lease is not over any more is not looked at again.
    """
    if number in ledger.lapsed:
        part = ledger.reservations.get(number)
        if part is not None and part.status in LIVE and part.expires_at_ms <= now_ms:
            return True
        del ledger.lapsed[number]
    if number in ledger.outbox:
        return True
    return number in ledger.undecided and ledger.reservations[number].created_at_ms < made_ms


def due(ledger: Ledger, now_ms: int) -> Iterator[Expired]:
    """Yield an Expired for each reservation whose deadline is not after `now_ms`, by deadline, then by number.

    The caller evolves each event before it takes the next, and may stop after any; the rest is found by the next call.
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
                    yield Expired(reservation.number, reservation.held_lines(), reservation)
        finally:
            ledger.expiry_runs.pop(entry, None)
            if number <= last:  # the caller stopped within the run: the next call begins where this one ended
                rest = deadline_ms << EXPIRY_SHIFT | number
                ledger.expiry_runs[rest] = last
                heappush(heap, rest)
