"""The books that an audit folds events into, and its result. Independent of the ledger's own state."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from actors.calendar.hours import ALWAYS_OPEN, Calendar
from actors.core.policy import LosesFirst
from actors.core.rejection import Violation
from actors.core.status import ReleaseReason, Status
from actors.core.transact import PolicyAdopted
from actors.shop import events
from actors.shop.commands import AdjustmentKind, Lines, Movement
from actors.shop.shortfalls.events import Requeued, ShortfallDeclared
from actors.shop.transfers.events import Promised, TransferCancelled

VIOLATIONS_MAX: Final = 100  # reported
DAY_MS: Final = 86_400_000

Rule = tuple[str, str, int, int]  # a limit: channel, SKU, open reservations, units
Found = Callable[[str, str, str, str], None]  # takes a violation, as its fields
Stock = tuple[int, int, int, int]  # on_hand, reserved, allotted, safety_stock

# For each step that moves no units: its name, the statuses that allow it, the resulting one, None: unchanged, and
# whether it moves the deadline.
LIVE: Final = (Status.HELD, Status.CONFIRMED, Status.READY)
ALL_LIVE: Final = (Status.CLAIMED, *LIVE)  # in the sequence that a part of an order goes through
STEPS: Final[dict[type, tuple[str, tuple[Status, ...], Status | None, bool]]] = {
    events.Confirmed: ("confirm", (Status.HELD,), Status.CONFIRMED, True),
    events.ReadyMarked: ("mark ready", (Status.CONFIRMED,), Status.READY, False),
    events.Extended: ("extend", LIVE, None, True),
    events.Given: ("give", LIVE, None, False),
}
_WITH_UNITS: Final = ("mark ready", "give", "collect", "amend")  # steps for which the units have to be there


class Moved(NamedTuple):
    """A transfer by one end's journal: the units that were sent by SKU, none before, and those that came by line, None
    while this end knows of none.
    """

    is_source: bool
    sent: Lines
    came: Lines | None


class HotEnd(NamedTuple):
    """What a ledger's journal says of hot SKUs: by SKU, or by shop, units handed over, back and moved; and by id what
    has moved, to which shop, and how many units.
    """

    totals: dict[str, tuple[int, int, int]]
    moves: dict[str, tuple[str, int]]


class Coming(NamedTuple):
    """Units of one SKU that a transfer, by its number here, brings beside those that are promised, and when."""

    number: int
    units: int
    expected_at_ms: int


def is_of_shortfall(event: events.Event) -> bool:
    """True for what the same decision has behind a change of stock that leaves fewer units than are promised."""
    match event:
        case ShortfallDeclared() | Requeued() | events.Released(reason=ReleaseReason.SHORTFALL):
            return True
        case events.AllotmentShrunk() | TransferCancelled(key=""):
            return True
        case _:
            return False


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The journal's totals as of its last record. `violations` holds the first VIOLATIONS_MAX."""

    version: int
    events: int
    accepted: int
    units_sold: int
    units_reserved: int
    units_oversold: int
    positions: dict[str, Stock]
    violations: tuple[Violation, ...]
    transfers: Mapping[str, Moved]
    hot: HotEnd
    tasks: Mapping[int, tuple[bool, Lines, Lines, Lines, tuple[tuple[int, str, int], ...]]]


class Book:
    """One SKU's units."""

    __slots__ = (
        "adjusted",
        "allotted",
        "apart",
        "counted_at_ms",
        "handed",
        "missed",
        "moved",
        "on_hand",
        "oversold",
        "received",
        "reserved",
        "safety_stock",
        "sold",
    )

    def __init__(self) -> None:
        self.on_hand = self.reserved = self.safety_stock = self.received = self.sold = self.adjusted = 0
        self.counted_at_ms = self.allotted = self.moved = 0
        self.apart = 0  # free only once they are put back
        self.missed: list[tuple[int, int]] = []  # written off as not found: instants and units, not explained yet
        self.handed = 0  # of those allotted, units that the ledger of a hot SKU has, which are missed first
        self.oversold = 0  # the most that was ever promised beyond what was on hand

    def missing(self) -> int:
        """Units promised that are not there, beside those that were handed out; not above zero where none is."""
        return self.reserved - max(0, self.on_hand - self.allotted + self.handed)

    def free(self) -> int:
        """Units that can be promised."""
        return self.on_hand - self.reserved - self.allotted - self.safety_stock - self.apart

    def explain(self, since_ms: int, units: int) -> int:
        """How many of so many units that were gone at an instant were missed since then; they are so no more."""
        before = sum(count for _, count in self.missed)
        for index, (at_ms, count) in enumerate(self.missed):
            if at_ms >= since_ms:
                self.missed[index] = at_ms, max(0, count - units)
                units = max(0, units - count)
        self.missed = [each for each in self.missed if each[1]]
        return before - sum(count for _, count in self.missed)

    def move(self, row: Movement, booked: int) -> None:
        """Book a movement by its kind; `booked` is what it changes on hand, as a count may have included it."""
        if row.kind is AdjustmentKind.RECEIPT:
            self.received += row.delta
        elif row.kind is AdjustmentKind.CORRECTION:
            self.adjusted += row.delta
        else:
            self.sold -= row.delta
        self.adjusted += booked - row.delta
        self.on_hand += booked


def unbalanced(books: Mapping[str, Book]) -> list[Violation]:
    """Where the audit's own folds do not balance; `compare` checks the live ledger."""
    booked = {sku: book.received - book.sold + book.adjusted + book.moved for sku, book in books.items()}
    return [
        Violation("I1", sku, f"on_hand {booked[sku]}", f"on_hand {book.on_hand}")
        for sku, book in books.items()
        if booked[sku] != book.on_hand
    ]


class Hold:
    """One live reservation: the units that each line still holds, its deadline, and its place in a slot.

    A part of an order over several ledgers has a `holder`, and no deadline of its own; `keys` are its claim's and its
    call's. `lost_as` is set where it waits for what it has lost, in that status; `asked_until_ms` where its grant is
    asked for, and units are kept until then; `is_late` where that is over. `awaits` is the number of the transfer by
    which its units are still to come.
    """

    __slots__ = (
        "any_sold",
        "asked_until_ms",
        "awaits",
        "channel",
        "customer_id",
        "deadline_ms",
        "held",
        "holder",
        "is_late",
        "is_served",
        "keys",
        "lost_as",
        "since_ms",
        "slot_start_ms",
        "status",
    )

    def __init__(
        self,
        customer_id: str,
        channel: str,
        lines: Lines,
        deadline_ms: float,
        slot_start_ms: int,
        holder: str = "",
        keys: tuple[str, str] = ("", ""),
    ) -> None:
        self.keys = keys
        self.since_ms = self.asked_until_ms = self.awaits = 0
        self.is_late = self.is_served = False  # in a line, and from one
        self.lost_as: Status | None = None
        self.status = Status.CLAIMED if holder else Status.HELD
        self.holder = holder
        self.slot_start_ms = slot_start_ms
        self.customer_id = customer_id
        self.channel = channel
        self.held = lines
        self.deadline_ms = deadline_ms
        self.any_sold = False

    @staticmethod
    def of(event: events.Reserved | Promised) -> "Hold":
        asked = event.command
        hold = Hold(asked.customer_id, asked.channel, asked.lines, event.expires_at_ms, asked.slot_start_ms)
        hold.awaits = event.transfer if isinstance(event, Promised) else 0
        return hold

    @staticmethod
    def of_part(event: events.Claimed) -> "Hold":
        asked = event.command
        of, keys = (asked.customer_id, asked.channel, asked.lines), (asked.key, asked.call_key)
        return Hold(*of, math.inf, asked.slot_start_ms, asked.holder, keys)

    @property
    def order(self) -> "str | Hold":
        """What counts as one open reservation with one place in a slot: the order of a part, else the hold."""
        return self.holder[: self.holder.rfind(".")] if "." in self.holder else self.holder or self

    def forbids(self, step: str) -> bool:
        """Whether a step needs units that are still in transit."""
        return self.awaits > 0 and step in _WITH_UNITS

    def units(self, of_sku: str) -> int:
        return sum(units for sku, units in self.held if sku == of_sku)


class Rules:
    """The rules in force, by the policies that were adopted."""

    __slots__ = (
        *("calendar", "chain", "hot", "limits", "picks", "put_back_first"),
        *("line_may_pass", "line_take_up_ms", "losers_wait", "loses_first", "promise_in_transit"),
    )

    def __init__(self) -> None:
        self.calendar: Calendar = ALWAYS_OPEN
        self.limits: list[Rule] = []
        self.chain: set[tuple[str, str]] = set()  # channel and SKU of each limit over the whole chain
        self.line_may_pass = self.losers_wait = self.picks = self.put_back_first = self.promise_in_transit = False
        self.line_take_up_ms = 0
        self.loses_first = LosesFirst.LOWEST_STATUS
        self.hot: dict[str, tuple[int, bool]] = {}  # by SKU its generation, and whether its ledger is open

    def adopt(self, event: PolicyAdopted) -> None:
        policy, kept = event.policy, event.kept
        self.picks, self.put_back_first = policy.picks, policy.put_back_first
        self.line_may_pass, self.losers_wait = policy.line_may_pass, policy.losers_wait
        self.line_take_up_ms, self.loses_first = policy.line_take_up_ms, policy.loses_first
        self.promise_in_transit = policy.promise_in_transit
        if "calendar" not in kept:
            self.calendar = policy.calendar
        if "hot" not in kept:
            self.hot = {each.sku: (each.generation, each.is_open) for each in policy.hot}
        if "limit_rules" not in kept:
            rules = policy.limit_rules
            self.limits = [(rule.channel, rule.sku, rule.open_reservations_max, rule.units_max) for rule in rules]
        if "chain_limit_rules" not in kept:
            self.chain = {(rule.channel, rule.sku) for rule in policy.chain_limit_rules}

    def capacity_of(self, slot_start_ms: int) -> int:
        """Places in a pickup slot."""
        slot = self.calendar.slot_at(slot_start_ms)
        return 0 if slot is None else slot.capacity

    def offers(self, slot_start_ms: int, at_ms: int) -> bool:
        """Whether a slot can be booked then, if it has a place left."""
        slot = self.calendar.slot_at(slot_start_ms)
        return slot is not None and self.calendar.bookable(slot, at_ms)

    def are_granted(self, channel: str, skus: Iterable[str]) -> bool:
        """Whether a limit of the whole chain applies to one of these, which then has to be granted."""
        return any(rule in self.chain for sku in ("", *skus) for rule in (("", sku), (channel, sku)))


class Places:
    """The places taken in each slot, by how many parts of each order."""

    __slots__ = ("_found", "_slots", "_version", "rules")

    def __init__(self, rules: Rules, version: Callable[[], int], found: Found) -> None:
        self.rules, self._version, self._found = rules, version, found
        self._slots: defaultdict[int, Counter[str | Hold]] = defaultdict(Counter)

    def take(self, hold: Hold) -> None:
        """Take the hold's place, which there must be, where its order has none yet and a slot is wanted."""
        if hold.slot_start_ms:
            having, capacity = self._slots[hold.slot_start_ms], self.rules.capacity_of(hold.slot_start_ms)
            having[hold.order] += 1
            if having[hold.order] == 1 and len(having) > capacity:
                subject = f"the slot of {hold.slot_start_ms} at version {self._version()}"
                self._found("I2", subject, f"at most {capacity} places", f"{len(having)} taken")

    def is_full(self, slot_start_ms: int) -> bool:
        return len(self._slots.get(slot_start_ms, ())) >= self.rules.capacity_of(slot_start_ms)

    def leave(self, hold: Hold) -> None:
        if hold.slot_start_ms:
            having = self._slots[hold.slot_start_ms]
            having[hold.order] -= 1
            if not having[hold.order]:
                del having[hold.order]


def over_limits(
    rules: Iterable[Rule], claim: Hold, skus: set[str], mine: Sequence[Hold], whole: Lines = ()
) -> Iterator[tuple[str, str]]:
    """Yield (allowed, found) for each rule that the customer's holds exceed; `mine` includes the claim.

    `skus` are those of which the claim asks for more: what it had before a new policy, it keeps. The parts of one order
    count as one open reservation, and each of them with its units; a `whole` counts in place of the claim's order.
    """
    if whole:
        skus, apart = {sku for sku, _ in whole}, [other for other in mine if other.order != claim.order]
        mine = [*apart, Hold(claim.customer_id, claim.channel, whole, 0, 0, claim.holder)]
    for channel, rule_sku, open_max, units_max in rules:
        if channel not in ("", claim.channel) or rule_sku not in ("", *skus):
            continue
        fitting = [other for other in mine if channel in ("", other.channel)]
        count = len({other.order for other in fitting if not rule_sku or other.units(rule_sku)})
        if open_max and count > open_max:
            yield f"at most {open_max} open", f"{count} open"
        for sku in sorted(skus if not rule_sku else {rule_sku}):
            units = sum(other.units(sku) for other in fitting)
            if units_max and units > units_max:
                yield f"at most {units_max} of {sku}", f"{units} of {sku}"


def compare(result: AuditResult, live_positions: Mapping[str, Stock]) -> list[Violation]:
    """The differences between journal and live ledger at the same version, for the first VIOLATIONS_MAX SKUs."""
    text = "on_hand {}, reserved {}, allotted {}, safety_stock {}"
    nothing: Stock = (0, 0, 0, 0)
    rows = (
        (sku, result.positions.get(sku, nothing), live_positions.get(sku, nothing))
        for sku in sorted(result.positions.keys() | live_positions.keys())
    )
    apart = (Violation("I1", sku, text.format(*told), text.format(*live)) for sku, told, live in rows if told != live)
    return list(islice(apart, VIOLATIONS_MAX))
