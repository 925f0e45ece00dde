"""Pickup slots: what a day's opening intervals are cut into, and how many customers each can take.

Slots are cut from each opening on, in real minutes; a last piece that is shorter than a slot is dropped. A slot takes
as many as the staff on duty during it can serve, rounded down:

    places = staff-minutes in the slot * pickups per staff-hour / 60

Duties are read off the wall clock: where it goes back over a change of shifts, the shift it shows is on duty again.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.calendar.zones import LocalDay

HOUR_MS: Final = 3_600_000


class Slot(NamedTuple):
    """From `start_ms` up to `end_ms`, `capacity` customers may collect. Known by its start."""

    start_ms: int
    end_ms: int
    capacity: int


class Duty(NamedTuple):
    """So many of the staff, from one minute of the local day up to another. Duties that overlap add up."""

    from_minute: int
    to_minute: int
    staff: int


def cut_slots(
    opening: Sequence[tuple[int, int]], day: LocalDay, duties: Sequence[Duty], slot_ms: int, pickups_per_staff_hour: int
) -> tuple[Slot, ...]:
    """The slots of a day's opening intervals, ascending."""
    shifts = [
        (from_ms, to_ms, duty.staff)
        for duty in duties
        for from_ms, to_ms in day.showing(duty.from_minute, duty.to_minute)
    ]
    return tuple(
        Slot(start_ms, start_ms + slot_ms, _staff_ms(shifts, start_ms, slot_ms) * pickups_per_staff_hour // HOUR_MS)
        for opens_ms, closes_ms in opening
        for start_ms in range(opens_ms, closes_ms - slot_ms + 1, slot_ms)
    )


def _staff_ms(shifts: list[tuple[int, int, int]], start_ms: int, slot_ms: int) -> int:
    end_ms = start_ms + slot_ms
    return sum(
        staff * (min(to_ms, end_ms) - max(from_ms, start_ms))
        for from_ms, to_ms, staff in shifts
        if from_ms < end_ms and to_ms > start_ms
    )
