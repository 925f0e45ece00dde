"""What a change of a shop's hours or staff does to pickups that were booked before it."""

from collections.abc import Mapping

from actors.calendar.hours import Calendar
from actors.calendar.slots import Slot


def affected(old: Calendar, new: Calendar, taken: Mapping[int, int]) -> tuple[int, ...]:
    """The starts of slots that the change broke: gone, of another length, or with fewer places than are `taken`.

    `taken` gives places by slot start. A slot that is as it was is not named, not even one that was too full already.
    A shop that gives up slots altogether keeps its pickups wherever it is open then.
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
    # The new hours may be written as several intervals that touch.
    open_ms = sum(closes - opens for opens, closes in calendar.open_intervals(slot.start_ms, slot.end_ms))
    return open_ms == slot.end_ms - slot.start_ms
