"""The lines of an audit: who waits for which SKU, from the events alone.

I18  who waits is served by arrival, but first who has lost units in a shortfall, unless the one ahead was passed over
     just now, has waited long enough, or the policy lets a line be passed and there were too few units for it,
     or the one behind took its own channel's quota alone; a customer has one place in a line, and nobody takes units
     past it, of a quota nobody past those of its channel; what was confirmed when it lost is so again; who was served
     has no longer to take it up while others wait, where the policy says how long that is, nor by replacing it;
     under a limit of the whole chain units are kept for one whose grant is asked for until a time, and from then on
     as if it did not wait; one with a slot is served while that is offered, and leaves for want of it only where it
     is full, or not offered
"""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from typing import Final

from actors.core.status import ReleaseReason, Status
from actors.shop import events
from actors.shop.audit.books import Book, Coming, Found, Hold, Places
from actors.shop.commands import Lines as Units
from actors.shop.lines.events import GrantAwaited

_FORBIDDEN: Final = frozenset(
    {ReleaseReason.LIMIT_REACHED, ReleaseReason.SLOT_FULL, ReleaseReason.SLOT_NOT_OFFERED}
)  # why one whose turn it is leaves


class Lines:
    """By SKU those who wait, by number. `quota_left` says what a channel's quotas of a SKU have left, `found` takes
    violations. `drawn` is what the event before this one drew from quotas by SKU, and what was free before that.
    """

    def __init__(
        self,
        books: Mapping[str, Book],
        quota_left: Callable[[str, str], int],
        found: Found,
        version: Callable[[], int],
        places: Places,
    ) -> None:
        self._version: Final = version
        self._places, self._rules = places, places.rules
        self._books: Final = books
        self._quota_left: Final = quota_left
        self.drawn: dict[str, tuple[int, int]] = {}
        self._found: Final = found
        self._waiting: defaultdict[str, dict[int, Hold]] = defaultdict(dict)
        self._sku_of: dict[int, str] = {}
        # The version of the newest event by which one was passed over, or of the last who left in place of it, and whom
        # it passed over.
        self._passed = (0, 0)

    def _stands(self, sku: str, channel: str | None = None) -> bool:
        """Whether somebody waits for this SKU, by this channel if one is given, but for those whose grants are late."""
        waiting = self._waiting.get(sku, {}).values()
        return any(channel in (None, each.channel) and not each.is_late for each in waiting)

    def is_passed(self, sku: str, channel: str, own: Container[str]) -> bool:
        """Whether one who did not wait has got units past the line. He may have some that were his `own`, and of his
        channel's quota, which the event before has drawn, where nobody of it waits.
        """
        if sku not in self.drawn:
            return sku not in own and self._stands(sku)
        is_less = self._books[sku].free() < self.drawn[sku][1]
        return self._stands(sku, channel) or (is_less and self._stands(sku))

    def own_of(self, hold: Hold, lines: Units) -> list[str]:
        """The SKUs of these lines that who replaces a hold may have of it: but for what came from a line, and others
        wait for, where it is to be taken up in a time.
        """
        is_due = hold.is_served and hold.status is Status.HELD and self._rules.line_take_up_ms > 0
        return [sku for sku, _ in lines if not (hold.awaits or (is_due and self._stands(sku)))]

    def enter(self, number: int, hold: Hold) -> None:
        """Somebody waits until the hold's deadline."""
        ((sku, _),) = hold.held
        mine = self._waiting[sku]
        if any(each.customer_id == hold.customer_id for each in mine.values()):
            self._found("I18", f"customer {hold.customer_id}", f"one place for {sku}", f"another as {number}")
        if hold.slot_start_ms and hold.deadline_ms > hold.slot_start_ms:
            found = f"a wait until {hold.deadline_ms}"
            self._found("I11", f"reservation {number}", f"none beyond its slot of {hold.slot_start_ms}", found)
        mine[number] = hold
        hold.asked_until_ms, hold.is_late, hold.awaits = 0, False, 0
        self._sku_of[number] = sku

    def await_grant(self, event: GrantAwaited, at_ms: int) -> None:
        """Units are kept for one that waits, in its turn, beside those for others; or no more, as that took too long,
        or as they were not there any more.
        """
        number, sku = event.number, event.sku
        hold, is_asked = self._waiting[sku].get(number), event.until_ms > 0
        was_asked = hold is not None and (hold.asked_until_ms > 0 or (hold.is_late and not event.is_late))
        if hold is None or is_asked is was_asked:
            self._found("I18", f"reservation {number}", "one that waits, asked for once", f"asked at {at_ms}")
            return
        if event.is_late and at_ms < hold.asked_until_ms:
            self._found("I11", f"reservation {number}", f"units kept until {hold.asked_until_ms}", f"late at {at_ms}")
        if is_asked:
            units = hold.units(sku)
            of_quota = units if self._quota_left(hold.channel, sku) >= units else 0
            self._check_turn(number, hold, of_quota, self._passed_by(), at_ms)
            if at_ms >= hold.deadline_ms or event.until_ms <= at_ms:
                self._found("I11", f"reservation {number}", "a wait, and a time to come", f"asked at {at_ms}")
        hold.asked_until_ms, hold.is_late = event.until_ms, event.is_late
        if is_asked and self._lacks(sku):
            self._found("I18", f"{sku} for {number}", "units to keep for it", f"{self._books[sku].free()}")

    def _lacks(self, sku: str, taken: int = 0) -> bool:
        """Whether the units kept for those whose grants are asked for are not there, without so many that are taken."""
        asked = [each for each in self._waiting[sku].values() if each.asked_until_ms]
        in_quotas = sum(self._quota_left(channel, sku) for channel in {each.channel for each in asked})
        return sum(each.units(sku) for each in asked) > max(0, self._books[sku].free() - taken) + in_quotas

    def pass_over(self, number: int, hold: Hold, version: int) -> None:
        """Somebody waits again; the next one may be served instead by the event of the next version."""
        self.enter(number, hold)
        self._passed = version, number

    def _passed_by(self, events: int = 1) -> int:
        """Whom the newest event but so many has passed over, 0 for nobody."""
        return self._passed[1] if self._passed[0] == self._version() - events else 0

    def serve(self, number: int, at_ms: int, status: Status, coming: Coming | None) -> Hold | None:
        """Take out who is served, None where nobody of this number waits; `status` is that from then on. Where its
        units are not here they are promised of what is `coming`.
        """
        hold = self._take(number)
        if hold is None:
            return None
        hold.awaits = 0 if coming is None else coming.number
        ((sku, units),) = hold.held
        drawn, _ = self.drawn.get(sku, (0, 0))
        if not hold.asked_until_ms:  # else units were kept for it in its turn
            self._check_turn(number, hold, drawn, self._passed_by(1 + bool(drawn)), at_ms, coming)
            if coming is None and units > drawn and self._lacks(sku, units):
                self._found("I18", f"{sku} for {number}", "units that are kept for nobody else", "they are")
        was_confirmed = hold.lost_as in (Status.CONFIRMED, Status.READY)
        if (status is Status.CONFIRMED) is not was_confirmed:
            self._found("I18", f"reservation {number}", f"served as it was, {hold.lost_as}", status.name)
        if at_ms >= hold.deadline_ms:
            self._found("I11", f"reservation {number}", f"no wait from {hold.deadline_ms} on", f"served at {at_ms}")
        if hold.slot_start_ms and not self._rules.offers(hold.slot_start_ms, at_ms):
            self._found("I18", f"reservation {number}", "served in a slot that is offered", f"{hold.slot_start_ms}")
        return hold

    def _check_turn(
        self, number: int, hold: Hold, drawn: int, passed: int, at_ms: int, coming: Coming | None = None
    ) -> None:
        """Check that it is the turn of one that waits, which draws so much from its channel's quotas, or is promised
        some of what is `coming`.
        """
        ((sku, units),) = hold.held
        may_pass, others = self._rules.line_may_pass, self._waiting[sku]
        kept = sum(each.units(sku) for each in others.values() if each.asked_until_ms)
        for ahead, other in others.items():
            is_mine = other.channel == hold.channel
            free = self._books[sku].free() - (0 if is_mine else drawn) + self._quota_left(other.channel, sku)
            is_out = (
                ahead == passed
                or other.asked_until_ms
                or other.is_late
                or other.deadline_ms <= at_ms
                or (may_pass and other.units(sku) > free - kept and not self._fits(sku, other, coming))
                or (not may_pass and not is_mine and drawn >= units)
            )
            is_ahead = (other.lost_as is None, ahead) < (hold.lost_as is None, number)
            if is_ahead and not is_out:
                subject = f"{sku} at version {self._version()}"
                self._found("I18", subject, f"{ahead} served before {number}", f"{number} first")

    def _fits(self, sku: str, other: Hold, coming: Coming | None) -> bool:
        """Whether what is coming could be promised to another one in line."""
        if coming is None or other.units(sku) > coming.units or self._rules.are_granted(other.channel, (sku,)):
            return False
        return not 0 < other.slot_start_ms < coming.expected_at_ms

    def leave(self, event: events.Left, at_ms: int) -> None:
        """Take out who leaves: as its wait is over, by wish, or for want of what it would have with the units."""
        number, is_over = event.number, event.status is Status.EXPIRED
        hold = self._take(number)
        if hold is None:
            return
        if event.reason in _FORBIDDEN and self._passed_by():  # the one behind is served in place of the same one
            self._passed = self._version(), self._passed_by()
        if is_over != (at_ms >= hold.deadline_ms):
            self._found("I11", f"reservation {number}", f"a wait until {hold.deadline_ms}", f"out of line at {at_ms}")
        slot_start_ms = hold.slot_start_ms
        is_offered = slot_start_ms > 0 and self._rules.offers(slot_start_ms, at_ms)
        is_false = {
            ReleaseReason.SLOT_FULL: not is_offered or not self._places.is_full(slot_start_ms),
            ReleaseReason.SLOT_NOT_OFFERED: not slot_start_ms or is_offered,
        }
        if is_false.get(event.reason):
            found = f"{event.reason.name} of {slot_start_ms} at {at_ms}"
            self._found("I18", f"reservation {number}", "out of line for want of its slot", found)

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
