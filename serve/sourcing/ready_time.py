"""When a customer can come: the promise that an answer carries."""

from typing import Final

from actors.calendar.hours import DAY_MINUTES
from actors.core.chain import Chain

NO_PROMISE: Final = 0


def earliest_ready_ms(chain: Chain, store_id: str, placed_at_ms: int, slot_start_ms: int) -> int:
    """When what was placed then can be ready: at the start of its pickup slot, else by the shop's hours, lead time and
    cut-off as they are now. NO_PROMISE where the shop keeps no hours, or stays closed.
    """
    if slot_start_ms:
        return slot_start_ms
    if not chain.has_hours:
        return NO_PROMISE
    calendar = chain.policy_of(store_id).calendar
    if calendar.always_open and not calendar.lead_minutes and calendar.cutoff_minute == DAY_MINUTES:
        return NO_PROMISE
    return calendar.earliest_ready_ms(placed_at_ms) or NO_PROMISE
