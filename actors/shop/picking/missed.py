"""Units that pickers did not find, and that were written off, until something explains where they are.

A short pick is an observation of its instant. What is told later of an instant before it, a sale at a till that was cut
off or a count, may be about the same units: it takes the write-off back, and these are not booked twice.
"""

from typing import Final

from actors.core.policy import DAY_MS

MISSED_MAX: Final = 64  # short picks of a position; of an older one what comes late is booked all the same
MISSED_MS_MAX: Final = 31 * DAY_MS

Missed = tuple[tuple[int, int], ...]  # instants and units, the oldest first


def with_missed(missed: Missed, at_ms: int, units: int) -> Missed:
    """With units that were missed now; without those that are too old, or too many."""
    kept = tuple(row for row in missed if row[0] > at_ms - MISSED_MS_MAX)
    return (*kept, (at_ms, units))[-MISSED_MAX:]


def explained(missed: Missed, from_ms: int, units: int) -> tuple[Missed, Missed]:
    """Of so many units that were gone at an instant, those missed from then on, the oldest first; and what is left."""
    found, rest = list[tuple[int, int]](), list[tuple[int, int]]()
    for at_ms, count in missed:
        used = min(count, units) if at_ms >= from_ms else 0
        units -= used
        if used:
            found.append((at_ms, used))
        if count > used:
            rest.append((at_ms, count - used))
    return tuple(found), tuple(rest)


def units_of(missed: Missed) -> int:
    """How many that are."""
    return sum(units for _, units in missed)
