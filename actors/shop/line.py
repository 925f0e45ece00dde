"""The line of a SKU: who waits for its units, those first who have lost some, each by arrival. Derived from the
reservations that are QUEUED.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from actors.core.message import Value
from actors.core.status import Status


@dataclass(slots=True, eq=False)
class Line:
    """The numbers of the reservations that wait, ascending as they came, `losers` of them at the front, which have lost
    units; the place of each customer; how many wait by each channel; all units that are waited for.
    `Policy.line_places_max` bounds it, so that moving a list in memory is what entering it costs.
    """

    numbers: list[int] = field(default_factory=list)
    customers: dict[str, int] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    units: int = 0
    losers: int = 0

    def enter(self, number: int, customer_id: str, channel: str, units: int, *, has_lost: bool) -> None:
        """Give a reservation its place, which is that of its number: also one that was passed over has it again."""
        if has_lost:
            insort(self.numbers, number, 0, self.losers)
            self.losers += 1
        else:
            insort(self.numbers, number, self.losers)
        self.customers[customer_id] = number
        self.channels[channel] = self.channels.get(channel, 0) + 1
        self.units += units

    def leave(self, number: int, customer_id: str, channel: str, units: int) -> None:
        """Take a reservation out."""
        at = self._at(number)
        del self.numbers[at]
        self.losers -= at < self.losers
        del self.customers[customer_id]
        self.channels[channel] -= 1
        if not self.channels[channel]:
            del self.channels[channel]
        self.units -= units

    def position_of(self, number: int) -> int:
        """Its place, 1 for the head."""
        return self._at(number) + 1

    def _at(self, number: int) -> int:
        at = bisect_left(self.numbers, number, 0, self.losers)
        if at < self.losers and self.numbers[at] == number:
            return at
        return bisect_left(self.numbers, number, self.losers)


class InLine(Value, frozen=True):
    """How long a reservation would wait in line, and how often it was served; while it waits its place, and when it may
    be served, 0 where nobody knows, as of when it came. `lost_as` is the status in which it lost its units, None where
    it came by asking.
    """

    wait_ms: int
    chances: int = 0
    queue_position: int = 0
    expected_at_ms: int = 0
    lost_as: Status | None = None
