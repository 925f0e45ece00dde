"""Which deadlines have passed. The decision judges each deadline by itself; this finds the units that went back."""

from collections.abc import Iterator
from heapq import heappop
from typing import Final

from actors.ledger.events import Expired
from actors.ledger.lifecycle import LIVE
from actors.ledger.state import EXPIRY_SHIFT, Ledger

_NUMBER_MASK: Final = (1 << EXPIRY_SHIFT) - 1


def due(ledger: Ledger, now_ms: int) -> Iterator[Expired]:
    """Each reservation whose deadline is not after `now_ms`, earliest first.

    The caller evolves each event before it asks for the next. Entries of the heap whose reservation ended or was
    extended are dropped here.
    """
    heap = ledger.expiry_heap
    limit = (now_ms + 1) << EXPIRY_SHIFT
    while heap and heap[0] < limit:
        entry = heappop(heap)
        number, deadline_ms = entry & _NUMBER_MASK, entry >> EXPIRY_SHIFT
        reservation = ledger.reservations.get(number)
        if reservation is not None and reservation.status in LIVE and reservation.expires_at_ms == deadline_ms:
            yield Expired(number, reservation.held_lines())
