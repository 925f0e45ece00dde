"""The line of a SKU: who waits for its units, those first who have lost some, each by arrival. Derived from the
reservations that are QUEUED.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from actors.core.message import Value
from actors.core.status import Status
from actors.shop.transfers.in_transit import Awaits


@dataclass(slots=True, eq=False)
class Line:
    """The numbers of the reservations that wait, ascending as they came, `losers` of them at the front, which have lost
    units; the place of each customer; how many wait by each channel; all units that are waited for. Those `asked` about
    have units kept until their customers' ledgers grant them, by number; `late` are those for whom that took too long:
    others are served, as if they did not wait. `Policy.line_places_max` bounds it, so that moving a list in memory is
    what entering it costs.
    """

    numbers: list[int] = field(default_factory=list)
    customers: dict[str, int] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    units: int = 0
    losers: int = 0
    asked: dict[int, int] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)

    @property
    def kept(self) -> int:
        """Units that are kept for who is asked about."""
        return sum(self.asked.values())

    @property
    def stands(self) -> bool:
        """Whether somebody waits for whom all that is free is kept."""
        return len(self.numbers) > len(self.late)

    def keeps(self, free: int, *, may_pass: bool) -> int:
        """Of so many units that are free, those that are kept, by the rule whether the line may be passed."""
        return free if self.stands and not may_pass else min(free, self.kept)

    def enter(self, number: int, customer_id: str, channel: str, units: int, *, has_lost: bool) -> None:
        """Give a reservation its place, which is that of its number: also one that was passed over has it again."""
        if has_lost:
            insort(self.numbers, number, 0, self.losers)
            self.losers += 1
        else:
            insort(self.numbers, number, self.losers)
        self.customers[customer_id] = number
        self._count(channel)
        self.units += units

    def leave(self, number: int, customer_id: str, channel: str, units: int) -> None:
        """Take a reservation out."""
        at = self._at(number)
        del self.numbers[at]
        self.losers -= at < self.losers
        del self.customers[customer_id]
        self.asked.pop(number, None)
        if number in self.late:
            self.late.remove(number)
        else:
            self._leave_out(channel)
        self.units -= units

    def be_late(self, number: int, channel: str) -> None:
        """Keep nothing for it any more, while its customer's ledger is asked all the same."""
        self.asked.pop(number, None)
        self.late.add(number)
        self._leave_out(channel)

    def unask(self, number: int, channel: str) -> None:
        """It waits as those do who are not asked about."""
        if self.asked.pop(number, None) is None:
            self.late.remove(number)
            self._count(channel)

    def _count(self, channel: str) -> None:
        self.channels[channel] = self.channels.get(channel, 0) + 1

    def _leave_out(self, channel: str) -> None:
        self.channels[channel] -= 1
        if not self.channels[channel]:
            del self.channels[channel]

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
    it came by asking. `granted_by_ms`: units are kept for it until then, for its customer's ledger to grant them under
    a limit of the whole chain, 0 for none; `is_late`: they are kept no more, and that ledger is asked all the same. One
    that `awaits` a transfer does not stand in line: it is promised units that are on their way.
    """

    wait_ms: int
    chances: int = 0
    queue_position: int = 0
    expected_at_ms: int = 0
    lost_as: Status | None = None
    granted_by_ms: int = 0
    is_late: bool = False
    awaits: Awaits | None = None
