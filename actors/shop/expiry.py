"""The index of deadlines. Decisions check each deadline themselves; this finds the reservations to expire.

Reservations of one batch have consecutive numbers and often one deadline: such a run is one entry of `Deadlines`, whose
last number is in `expiry_runs`. A changed deadline is a new entry; the stale one is skipped when it is due, or dropped
before. All of it is derived from the reservations, and rebuilt at recovery.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from actors.core.deadlines import NUMBER_MASK, SHIFT, STALE_ENTRIES_MAX, Deadlines
from actors.core.status import LIVE, OPEN, ReleaseReason, Status
from actors.shop.events import AllotmentExpired, Expired, Left, QuotaDrawn, Served
from actors.shop.lines.decide import over_in_line, serve, served_instead
from actors.shop.lines.events import GrantAwaited, PassedOver
from actors.shop.picking.decide import overdue
from actors.shop.picking.events import PickPutBack
from actors.shop.state import Ledger, Reservation

Due = Expired | PassedOver | Left | QuotaDrawn | Served | GrantAwaited | AllotmentExpired | PickPutBack

LOOKED_AT_ONCE_MAX: Final = 1_000  # numbers, of entries and runs: 1 ms
DROPPED_BY_A_MOVE: Final = 8
GOES_ON: Final = frozenset({QuotaDrawn, PassedOver})  # what is next is because of it, and no step ends between the two
_QUEUED: Final = Status.QUEUED


def note_deadline(ledger: Ledger, number: int, expires_at_ms: int) -> None:
    """Enter the deadline of a new reservation; its number must be the greatest so far."""
    if number == ledger.newest_run_last + 1 and ledger.newest_run_ms == expires_at_ms:
        ledger.expiry_runs[ledger.newest_run] = number
    else:
        ledger.newest_run, ledger.newest_run_ms = expires_at_ms << SHIFT | number, expires_at_ms
        heappush(ledger.deadlines.heap, ledger.newest_run)
    ledger.newest_run_last = number


def enter(ledger: Ledger, reservation: Reservation) -> None:
    """Enter the deadline of a live reservation, or the lease of a part; they come by number."""
    if reservation.part is None:
        note_deadline(ledger, reservation.number, reservation.expires_at_ms)
    elif reservation.expires_at_ms:
        ledger.leases.enter(reservation.expires_at_ms, reservation.number)


def move_deadline(ledger: Ledger, deadlines: Deadlines, number: int, expires_at_ms: int) -> None:
    """Enter a reservation's new deadline, or a part's new lease."""
    deadlines.enter(expires_at_ms, number)
    if len(deadlines.heap) > STALE_ENTRIES_MAX + 4 * len(ledger.reservations):
        drop_stale(ledger, DROPPED_BY_A_MOVE)  # a replay has no steps


def drop_stale(ledger: Ledger, looked_at_max: int = LOOKED_AT_ONCE_MAX) -> None:
    """Drop some of the stale entries where they outnumber the others; once a step."""
    if ledger.deadlines.put_aside(len(ledger.reservations)):
        ledger.newest_run = ledger.newest_run_ms = ledger.newest_run_last = (
            0  # its entry may be dropped, so nothing is added to it
        )
    aside, left = ledger.deadlines.aside, looked_at_max
    while aside and left > 0:
        entry = aside.pop()
        number, deadline_ms = entry & NUMBER_MASK, entry >> SHIFT
        last = ledger.expiry_runs.pop(entry, number)
        while number <= last and left > 0:
            left -= 1
            if _ends_at(ledger.reservations.get(number), deadline_ms):
                break
            number += 1
        _enter_rest(ledger, deadline_ms, number, last)
    ledger.leases.put_aside(len(ledger.reservations))
    aside = ledger.leases.aside
    for _ in range(min(looked_at_max, len(aside))):
        entry = aside.pop()
        if _ends_at(ledger.reservations.get(entry & NUMBER_MASK), entry >> SHIFT):
            heappush(ledger.leases.heap, entry)


def _ends_at(reservation: Reservation | None, deadline_ms: int) -> bool:
    if reservation is None or reservation.status not in OPEN:
        return False
    return reservation.expires_at_ms == deadline_ms or _is_late_at(reservation, deadline_ms)


def _is_late_at(reservation: Reservation, deadline_ms: int) -> bool:
    """Whether the grant of one in line is late then, while it waits on."""
    in_line = reservation.in_line
    return in_line is not None and in_line.granted_by_ms == deadline_ms < reservation.expires_at_ms


def _enter_rest(ledger: Ledger, deadline_ms: int, number: int, last: int) -> None:
    """Enter the numbers of a run that are left, if any."""
    if number > last:
        return
    ledger.deadlines.enter(deadline_ms, number)
    if last > number:
        ledger.expiry_runs[deadline_ms << SHIFT | number] = last


def note_lapsed(ledger: Ledger, now_ms: int, count_max: int) -> None:
    """Note parts whose leases are over, by deadline: of these the customers' ledgers are asked."""
    leases, limit = ledger.leases, (now_ms + 1) << SHIFT
    for _ in range(count_max):
        entry = leases.first()
        if entry is None or entry >= limit:
            return
        ledger.lapsed[leases.pop() & NUMBER_MASK] = None


def is_undelivered(ledger: Ledger, number: int, now_ms: int, made_ms: int) -> bool:
    """True for what has changed and was not acknowledged, for one in line whose grant is asked for, for a claim that
    was made before `made_ms` and is undecided, and for a live part whose lease is over. One whose lease is not over any
    more is not looked at again.
    """
    if number in ledger.lapsed:
        part = ledger.reservations.get(number)
        if part is not None and part.status in LIVE and part.expires_at_ms <= now_ms:
            return True
        del ledger.lapsed[number]
    if number in ledger.outbox or number in ledger.awaiting:
        return True
    return number in ledger.undecided and ledger.reservations[number].created_at_ms < made_ms


def due(ledger: Ledger, now_ms: int, looked_at_max: int | None = None) -> Iterator[Due]:
    """Yield an AllotmentExpired for each allotment, then what becomes of each reservation whose deadline is not after
    `now_ms`, by deadline, then by number, until so many are looked at, also stale ones; then who is served of those in
    line. In place of one that is passed over the next one is, if there are units for it.

    The caller evolves each event before it takes the next, and may stop after any but QuotaDrawn; the rest is found by
    the next call.
    """
    deadlines, looked = ledger.deadlines, 0
    limit = (now_ms + 1) << SHIFT
    ends = ledger.allotments.ends
    while ends and ends[0] < limit:
        end = heappop(ends)
        allotment = ledger.allotments.rows.get(end & NUMBER_MASK)
        if allotment is not None and allotment.is_due(end >> SHIFT):
            yield AllotmentExpired(allotment.number, allotment.back_by_time())
    while (entry := deadlines.first()) is not None and entry < limit:
        deadlines.pop()
        number, deadline_ms = entry & NUMBER_MASK, entry >> SHIFT
        last = ledger.expiry_runs.pop(entry, number)
        try:
            while number <= last and looked != looked_at_max:
                reservation = ledger.reservations.get(number)
                number += 1
                looked += 1
                if reservation is None or not _ends_at(reservation, deadline_ms):
                    continue
                if _is_late_at(reservation, deadline_ms):
                    yield GrantAwaited(reservation.number, reservation.lines[0][0], 0, is_late=True)
                elif reservation.status is _QUEUED:
                    why = ReleaseReason.NOT_SERVED
                    yield Left("", "", reservation.number, Status.EXPIRED, why, reservation)
                elif reservation.in_line is not None and (passed := over_in_line(ledger, reservation, now_ms)):
                    yield passed
                    yield from served_instead(ledger, passed, now_ms)
                else:
                    yield Expired(reservation.number, reservation.held_lines(), reservation)
        finally:  # the caller, or this, stopped within the run: the next call begins where this one ended
            _enter_rest(ledger, deadline_ms, number, last)
        if looked == looked_at_max:
            return
    for task in ledger.picks.due_back(now_ms):
        yield overdue(task)
    yield from serve(ledger, now_ms)
