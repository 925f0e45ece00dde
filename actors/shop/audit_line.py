"""The lines of an audit: who waits for which SKU, from the events alone.

I18  who waits is served by arrival, but first who has lost units in a shortfall, unless the one ahead was passed over
     just now, has waited long enough, or the policy lets a line be passed and there were too few units for it,
     or the one behind took its own channel's quota alone; a customer has one place in a line, and nobody takes units
     past it, of a quota nobody past those of its channel; what was confirmed when it lost is so again; who was served
     has no longer to take it up while others wait, where the policy says how long that is
"""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from typing import Final

from actors.core.status import Status
from actors.shop.audit_books import Book, Found, Hold


class Lines:
    """By SKU those who wait, by number. `quota_left` says what a channel's quotas of a SKU have left, `found` takes
    violations. `drawn` is what the event before this one drew from quotas by SKU, and what was free before that.
    """

    def __init__(self, books: Mapping[str, Book], quota_left: Callable[[str, str], int], found: Found) -> None:
        self._books: Final = books
        self._quota_left: Final = quota_left
        self.drawn: dict[str, tuple[int, int]] = {}
        self._found: Final = found
        self._waiting: defaultdict[str, dict[int, Hold]] = defaultdict(dict)
        self._sku_of: dict[int, str] = {}
        self._passed = (0, 0)  # the version of the newest event by which one was passed over, and whom it passed over

    def _stands(self, sku: str, channel: str | None = None) -> bool:
        """Whether somebody waits for this SKU, by this channel if one is given."""
        return any(channel in (None, each.channel) for each in self._waiting.get(sku, {}).values())

    def is_passed(self, sku: str, channel: str, own: Container[str]) -> bool:
        """Whether one who did not wait has got units past the line. He may have some that were his `own`, and of his
        channel's quota, which the event before has drawn, where nobody of it waits.
        """
        if sku not in self.drawn:
            return sku not in own and self._stands(sku)
        is_less = self._books[sku].free() < self.drawn[sku][1]
        return self._stands(sku, channel) or (is_less and self._stands(sku))

    def enter(self, number: int, hold: Hold) -> None:
        """Somebody waits until the hold's deadline."""
        ((sku, _),) = hold.held
        mine = self._waiting[sku]
        if any(each.customer_id == hold.customer_id for each in mine.values()):
            self._found("I18", f"customer {hold.customer_id}", f"one place for {sku}", f"another as {number}")
        mine[number] = hold
        self._sku_of[number] = sku

    def pass_over(self, number: int, hold: Hold, version: int) -> None:
        """Somebody waits again; the next one may be served instead by the event of the next version."""
        self.enter(number, hold)
        self._passed = version, number

    def serve(self, number: int, version: int, at_ms: int, status: Status, *, may_pass: bool) -> Hold | None:
        """Take out who is served, None where nobody of this number waits; `status` is that from then on."""
        hold = self._take(number)
        if hold is None:
            return None
        ((sku, _),) = hold.held
        drawn, _ = self.drawn.get(sku, (0, 0))
        passed = self._passed[1] if self._passed[0] == version - 1 - bool(drawn) else 0
        for ahead, other in self._waiting[sku].items():
            is_mine = other.channel == hold.channel
            free = self._books[sku].free() - (0 if is_mine else drawn) + self._quota_left(other.channel, sku)
            is_out = (
                ahead == passed
                or other.deadline_ms <= at_ms
                or (may_pass and other.units(sku) > free)
                or (not may_pass and not is_mine and drawn >= hold.units(sku))
            )
            is_ahead = (other.lost_as is None, ahead) < (hold.lost_as is None, number)
            if is_ahead and not is_out:
                self._found("I18", f"{sku} at version {version}", f"{ahead} served before {number}", f"{number} first")
        was_confirmed = hold.lost_as in (Status.CONFIRMED, Status.READY)
        if (status is Status.CONFIRMED) is not was_confirmed:
            self._found("I18", f"reservation {number}", f"served as it was, {hold.lost_as}", status.name)
        if at_ms >= hold.deadline_ms:
            self._found("I11", f"reservation {number}", f"no wait from {hold.deadline_ms} on", f"served at {at_ms}")
        return hold

    def leave(self, number: int, at_ms: int, *, is_over: bool) -> None:
        """Take out who leaves; `is_over`: as its wait is over."""
        hold = self._take(number)
        if hold is not None and is_over != (at_ms >= hold.deadline_ms):
            self._found("I11", f"reservation {number}", f"a wait until {hold.deadline_ms}", f"out of line at {at_ms}")

    def move_end(self, number: int, hold: Hold, end_ms: int, take_up_ms: int) -> None:
        """A hold has another end: no later one where it was served, has not been taken up, and others wait."""
        is_waited_for = hold.is_served and any(self._stands(sku) for sku, _ in hold.held)
        if take_up_ms and is_waited_for and hold.status is Status.HELD and end_ms > hold.deadline_ms:
            expected = f"taken up by {hold.deadline_ms}, as others wait"
            self._found("I18", f"reservation {number}", expected, f"held until {end_ms}")
        hold.deadline_ms = end_ms

    def _take(self, number: int) -> Hold | None:
        sku = self._sku_of.pop(number, None)
        if sku is None:
            self._found("I3", f"reservation {number}", "one that waits", "none")
            return None
        return self._waiting[sku].pop(number)
