"""By which rules customers are told, and when they are left in peace."""

from typing import Final

from actors.calendar.zones import DAY_MS, local_day
from actors.core.message import Value
from actors.notices.occasion import Occasion

HOUR_MS: Final = 3_600_000
DAY_MINUTES: Final = 1_440


class Rule(Value, frozen=True):
    """By which channels of messages an occasion is told, in one shop or, where `store_id` is empty, in all that have no
    rule of their own. `keeps_quiet`: not in quiet hours.
    """

    occasion: Occasion
    channels: tuple[int, ...]
    store_id: str = ""
    keeps_quiet: bool = True


class Rules(Value, frozen=True):
    """`quiet_from` and `quiet_to` are minutes of a day in the shop's zone, equal for no quiet hours; `zone` is that of
    shops that have none. A reminder is due `reminder_before_ms` before the end. An attempt is made again after
    `retry_ms`, then twice as long, `attempts_max` times in all. Who has no contact yet is looked up again for
    `contact_wait_ms`. `knows_copies` are channels whose way out knows a second copy by its key. What is over is kept
    for `keep_ms`.
    """

    rules: tuple[Rule, ...] = ()
    quiet_from: int = 0
    quiet_to: int = 0
    zone: str = "UTC"
    reminder_before_ms: int = 4 * HOUR_MS
    retry_ms: int = 30_000
    attempts_max: int = 8
    contact_wait_ms: int = 900_000
    knows_copies: tuple[int, ...] = ()
    keep_ms: int = 7 * DAY_MS

    def of(self, occasion: Occasion, store_id: str) -> Rule | None:
        """The rule for an occasion in a shop, its own before that of all."""
        found = [each for each in self.rules if each.occasion is occasion and each.store_id in ("", store_id)]
        return max(found, key=lambda each: len(each.store_id), default=None)

    def after_quiet(self, at_ms: int, zone: str) -> int:
        """The first instant from `at_ms` on at which a customer of a shop in that zone may be told."""
        if self.quiet_from == self.quiet_to:
            return at_ms
        spans = [(self.quiet_from, self.quiet_to)]
        if self.quiet_from > self.quiet_to:  # over midnight
            spans = [(0, self.quiet_to), (self.quiet_from, DAY_MINUTES)]
        first = at_ms // DAY_MS - 1
        for number in range(first, first + 4):  # a zone may be a day ahead, and quiet over midnight lasts into the next
            day = local_day(zone or self.zone, number)
            for span in spans:
                for start_ms, end_ms in day.showing(*span):
                    if start_ms <= at_ms < end_ms:
                        at_ms = end_ms
        return at_ms
