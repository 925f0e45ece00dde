"""Which booked pickup slots a change of a shop's hours or staff breaks."""

from collections.abc import Mapping

from actors.calendar.hours import Calendar
from actors.calendar.slots import Slot


def affected(old: Calendar, new: Calendar, taken: Mapping[int, int]) -> tuple[int, ...]:
    """The starts of slots that the change broke, ascending: gone, of another length, or of less capacity than is taken.

    `taken` gives the places taken by slot start, in ms. Unchanged slots are left out, overbooked ones too. Where slots
    are given up altogether, a pickup is kept if the shop is open for the whole of its slot.
    """
    return tuple(
        sorted(start_ms for start_ms, places in taken.items() if places and _broke(old, new, start_ms, places))
    )


def _broke(old: Calendar, new: Calendar, start_ms: int, places: int) -> bool:
    before, after = old.slot_at(start_ms), new.slot_at(start_ms)
    if after is None:
        return before is not None and not _open_without_slots(new, before)
    if before is not None and before.end_ms != after.end_ms:
        return True
    return after != before and after.capacity < places


def _open_without_slots(calendar: Calendar, slot: Slot) -> bool:
    if calendar.slot_minutes:
        return False
    # The new hours may be several intervals that touch.
    open_ms = sum(closes - opens for opens, closes in calendar.open_intervals(slot.start_ms, slot.end_ms))
    return open_ms == slot.end_ms - slot.start_ms
