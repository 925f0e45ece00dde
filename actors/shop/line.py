"""The line of a SKU: who waits for its units, by arrival. Derived from the reservations that are QUEUED."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from actors.core.message import Value


@dataclass(slots=True, eq=False)
class Line:
    """The numbers of the reservations that wait, ascending as they came; the place of each customer; all units that are
    waited for. `Policy.line_places_max` bounds it, so that moving a list in memory is what entering it costs.
    """

    numbers: list[int] = field(default_factory=list)
    customers: dict[str, int] = field(default_factory=dict)
    units: int = 0

    def enter(self, number: int, customer_id: str, units: int) -> None:
        """Give a reservation its place, which is that of its number: also one that was passed over has it again."""
        insort(self.numbers, number)
        self.customers[customer_id] = number
        self.units += units

    def leave(self, number: int, customer_id: str, units: int) -> None:
        """Take a reservation out."""
        del self.numbers[bisect_left(self.numbers, number)]
        del self.customers[customer_id]
        self.units -= units

    def position_of(self, number: int) -> int:
        """Its place, 1 for the head."""
        return bisect_left(self.numbers, number) + 1


class InLine(Value, frozen=True):
    """How long a reservation would wait in line, and how often it was served; while it waits its place, and when it may
    be served, 0 where nobody knows, as of when it came.
    """

    wait_ms: int
    chances: int = 0
    queue_position: int = 0
    expected_at_ms: int = 0
