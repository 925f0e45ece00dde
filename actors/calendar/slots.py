"""Pickup slots: the pieces of a day's opening intervals, and how many customers each can take.

Each opening interval is cut into slots from its start, in real minutes; a last piece shorter than a slot is dropped. A
slot's capacity is what the staff on duty during it can serve, rounded down:

    capacity = staff-minutes in the slot * pickups per staff-hour / 60

Duties are in wall-clock time: where the clock goes back over a change of shifts, the earlier shift is on duty again.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.calendar.zones import LocalDay

HOUR_MS: Final = 3_600_000


class Slot(NamedTuple):
    """Up to `capacity` customers may collect in [start_ms, end_ms). A slot is identified by its start."""

    start_ms: int
    end_ms: int
    capacity: int


class Duty(NamedTuple):
    """`staff` people on duty between two minutes of the local day. Overlapping duties add up."""

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
