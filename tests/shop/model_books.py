"""What the naive model writes down: lines, reservations, and units that moved."""

from typing import NamedTuple

from actors.core.status import ReleaseReason, Status
from actors.shop import commands as ask

Outcome = tuple[object, ...]
PASSING = (("no", "SOURCE_GAP"), ("no", "ORDER_UNDECIDED"))  # refusals that are not written down
LIVE = [Status.CLAIMED, Status.HELD, Status.CONFIRMED, Status.READY]  # in the sequence of a life


class Move(NamedTuple):
    """Units that came or went at an instant: on hand, or promised."""

    sku: str
    at_ms: int
    units: int


class Line:
    """One line of a reservation."""

    def __init__(self, sku: str, quantity: int) -> None:
        self.sku, self.quantity, self.sold, self.back = sku, quantity, 0, 0

    def held(self) -> int:
        return self.quantity - self.sold - self.back


class Reservation:
    """One reservation. A part of an order has a holder, and no deadline until its order gives one."""

    def __init__(self, said: ask.Reserve | ask.Claim, number: int, deadline_ms: int) -> None:
        self.number = self.version = number
        self.customer_id, self.channel, self.slot_start_ms = said.customer_id, said.channel, said.slot_start_ms
        self.basket_id = said.basket_id if isinstance(said, ask.Reserve) else ""
        self.holder = said.holder if isinstance(said, ask.Claim) else ""
        self.status = Status.CLAIMED if self.holder else Status.HELD
        self.deadline_ms = deadline_ms
        self.lines = [Line(sku, quantity) for sku, quantity in said.lines]
        self.applied_revision = 0
        self.let_go_ms: int | None = None  # when its order was over before it was decided
        self.outbox = False  # something happened to it in the shop, and its order has not noted it
        self.payment = ""
        self.reason: ReleaseReason | None = None

    def whose(self) -> int | str:
        """What is open, and comes to collect, once: its order with all parts, or it alone."""
        return order_of(self.holder) if self.holder else self.number

    def held(self, sku: str) -> int:
        return sum(line.held() for line in self.lines if line.sku == sku) if self.status in LIVE else 0

    def touched(self) -> bool:
        return any(line.sold or line.back for line in self.lines)

    def happened(self, version: int) -> None:
        """Something happened to it in the shop; its order has to hear of that."""
        self.version = version
        self.outbox = self.holder != ""

    def outcome(self) -> Outcome:
        lines = tuple((line.sku, line.quantity, line.sold, line.back) for line in self.lines)
        told = (self.payment, self.reason and self.reason.name, self.slot_start_ms, self.holder, self.applied_revision)
        return ("reservation", self.number, self.version, self.status.name, lines, self.deadline_ms, *told)


def order_of(holder: str) -> str:
    """All before the last dot; what has none is a whole order."""
    return ".".join(holder.split(".")[:-1]) or holder


def beyond(part: Reservation, keep: ask.Lines) -> list[int]:
    """Units that each line gives back where the order lets its part keep so many of each SKU, those that were sold
    among them: of what is held, the first ones stay, line by line.
    """
    back = [0 for _ in part.lines]
    for sku in {line.sku for line in part.lines}:
        sold = sum(line.sold for line in part.lines if line.sku == sku)
        may_keep = max(0, sum(units for kept, units in keep if kept == sku) - sold)
        held = [index for index, line in enumerate(part.lines) if line.sku == sku for _ in range(line.held())]
        for index in held[may_keep:]:
            back[index] += 1
    return back
