"""What the naive model writes down: lines, reservations, and units that moved."""

from typing import NamedTuple

from actors.core.status import ReleaseReason, Status
from actors.shop import commands as ask

Outcome = tuple[object, ...]
PASSING = (("no", "SOURCE_GAP"), ("no", "ORDER_UNDECIDED"))  # refusals that are not written down
LACKS = ["OPEN_RESERVATIONS_LIMIT", "UNITS_LIMIT", "INSUFFICIENT_STOCK", "SLOT_FULL"]  # a claim may be in the way
LIVE = [Status.CLAIMED, Status.HELD, Status.CONFIRMED, Status.READY]  # in the sequence of a life
# From where a step may be taken, where not from every live status.
FROM: dict[type, list[Status]] = {
    ask.Confirm: [Status.HELD],
    ask.MarkReady: [Status.CONFIRMED],
    ask.Amend: [Status.HELD, Status.CONFIRMED],
}


class Move(NamedTuple):
    """Units that came or went at an instant: on hand, or promised."""

    sku: str
    at_ms: int
    units: int


class Wanted(NamedTuple):
    """What is to be had, for whom."""

    customer_id: str
    channel: str
    lines: ask.Lines
    slot_start_ms: int


class Line:
    """One line of a reservation."""

    def __init__(self, sku: str, quantity: int) -> None:
        self.sku, self.quantity, self.sold, self.back = sku, quantity, 0, 0
        self.came = 0  # of what was sold, and came back

    def held(self) -> int:
        return self.quantity - self.sold - self.back


class Reservation:
    """One reservation. A part of an order has a holder, and no deadline until its order gives one."""

    def __init__(self, said: ask.Reserve | ask.Claim, number: int, deadline_ms: int, made_ms: int) -> None:
        self.number = self.version = number
        self.customer_id, self.channel, self.slot_start_ms = said.customer_id, said.channel, said.slot_start_ms
        self.basket_id = said.basket_id if isinstance(said, ask.Reserve) else ""
        self.holder = said.holder if isinstance(said, ask.Claim) else ""
        self.made_ms = made_ms
        self.status = Status.CLAIMED if self.holder else Status.HELD
        self.deadline_ms = deadline_ms
        self.lines = [Line(sku, quantity) for sku, quantity in said.lines]
        self.applied_revision = 0
        self.let_go_ms: int | None = None  # when its order was over before it was decided
        self.outbox = False  # something happened to it in the shop, and its order has not noted it
        self.wait_ms, self.ttl_ms = (said.wait_ms, said.ttl_ms) if isinstance(said, ask.Reserve) else (0, 0)
        self.place = self.chances = 0  # in line, and how often it was served from there
        self.lost_as: Status | None = None  # where it waits for what it has lost, its status then
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
        lines = tuple((line.sku, line.quantity, line.sold, line.back, line.came) for line in self.lines)
        part = (self.holder, self.applied_revision, self.place)
        told = (self.payment, self.reason and self.reason.name, self.slot_start_ms, *part)
        return ("reservation", self.number, self.version, self.status.name, lines, self.deadline_ms, *told)


def order_of(holder: str) -> str:
    """All before the last dot; what has none is a whole order."""
    return ".".join(holder.split(".")[:-1]) or holder


def more(of: Reservation, said: ask.Amend) -> ask.Lines:
    """Of which SKUs it wants more than it has, and how many then; the others are its own already."""
    asked = {sku: sum(units for other, units in said.lines if other == sku) for sku, _ in said.lines}
    return tuple((sku, units) for sku, units in asked.items() if units > of.held(sku))


def taken_by_line(of: Reservation, asked: ask.Lines) -> list[int]:
    """Unit by unit, from the first line on that still holds one."""
    taken = [0 for _ in of.lines]
    for sku, units in asked:
        for _ in range(units):
            index = next(i for i, line in enumerate(of.lines) if line.sku == sku and line.held() > taken[i])
            taken[index] += 1
    return taken


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
