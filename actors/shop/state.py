"""The state of one shop's ledger: the only mutable part of the core, changed by `evolve` alone.

A reservation is an immutable value that is replaced when it changes. Hence a shallow copy of a dictionary is a
consistent snapshot, and a million holds cost about 331 bytes each in an actor (`python -m bench memory`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final

from msgspec.structs import astuple, replace

from actors.core.answers import Answers, Recorded
from actors.core.ascending import Ascending
from actors.core.deadlines import SHIFT, Deadlines
from actors.core.linear_hash import LARGE, spread
from actors.core.message import Message
from actors.core.packed import hash_of
from actors.core.policy import CALL_MS_MAX, Policy
from actors.core.rejection import Rejection
from actors.core.status import LIVE, ReleaseReason, Status
from actors.shop.allotments.allotment import Allotment, Allotments
from actors.shop.commands import HandOver, Lines, Reserve, from_first
from actors.shop.finished import Finished
from actors.shop.hot.units import Hot, HotTotals
from actors.shop.lines.line import InLine, Line
from actors.shop.part import Part
from actors.shop.picking.pick_task import Picks, PickTask
from actors.shop.position import ByRank, Position
from actors.shop.returns.sale_return import CameBack
from actors.shop.shortfalls.shortfall import Shortfall, ShortfallTask, Tasks
from actors.shop.transfers.in_transit import Awaits, InTransit
from actors.shop.transfers.transfer import Transfer, Transfers

_BY_WHAT_IS_HELD: Final = ("reservations", "customers", "baskets", "expiry_runs", "holders", "parts_in_slots")
INTERNED_LINES_MAX: Final = 65_536
# What most reservations have: nothing was done, and there is no slot.
_NOTHING_DONE: Final[tuple[tuple[int, int], ...] | None] = None
_NO_TEXT: Final[str | None] = None
_NO_REASON: Final[ReleaseReason | None] = None
_NO_PART: Final[Part | None] = None
_NOT_IN_LINE: Final[InLine | None] = None
_NOT_HANDED_OVER: Final[HandOver | None] = None
_NOTHING_CAME_BACK: Final[CameBack | None] = None


class Reservation(Message, frozen=True):
    """One customer's claim on units. What few have is in a FullReservation: without it a hold takes 56 bytes less."""

    number: int
    status: Status
    customer_id: str
    channel: str
    basket_id: str
    lines: Lines
    ttl_ms: int
    created_at_ms: int
    expires_at_ms: int
    version: int
    done = _NOTHING_DONE
    payment_reference = _NO_TEXT
    release_reason = _NO_REASON
    part = _NO_PART
    slot_start_ms = 0
    external_reference = ""
    grant = 0
    till = ""
    till_until_ms = 0
    in_line = _NOT_IN_LINE
    hand_over = _NOT_HANDED_OVER
    came_back = _NOTHING_CAME_BACK

    def changed(self, **changes: Any) -> "Reservation":
        """The reservation with these fields, in full where it has what few have: equal ones are of one kind."""
        if _FEW_HAVE.isdisjoint(changes) or type(self) is FullReservation:
            return replace(self, **changes)
        full = replace(FullReservation(*astuple(self)), **changes)
        fields = astuple(full)
        return full if fields[_FEW_FROM:] != _NOTHING else Reservation(*fields[:_FEW_FROM])

    @property
    def awaits(self) -> Awaits | None:
        """The transfer by which its units are still to come, None where they are here."""
        return None if self.in_line is None else self.in_line.awaits

    def in_brief(self) -> "Reservation":
        """The same without the fields that few need, where it needs none of them any more."""
        fields = astuple(self)
        return Reservation(*fields[:_FEW_FROM]) if fields[_FEW_FROM:] == _NOTHING else self

    def taken(
        self,
        status: Status,
        version: int,
        done: tuple[tuple[int, int], ...],
        payment_reference: str | None,
        release_reason: ReleaseReason | None,
    ) -> "Reservation":
        """The reservation after units were taken from it. As `changed`, and sooner: no keyword arguments."""
        if type(self) is FullReservation:
            full: FullReservation = self
            reference, reason = payment_reference, release_reason
            return replace(
                full, status=status, version=version, done=done, payment_reference=reference, release_reason=reason
            )
        return FullReservation(
            self.number,
            status,
            self.customer_id,
            self.channel,
            self.basket_id,
            self.lines,
            self.ttl_ms,
            self.created_at_ms,
            self.expires_at_ms,
            version,
            done,
            payment_reference,
            release_reason,
        )

    def held(self) -> tuple[int, ...]:
        """Units that each line still holds."""
        if self.status not in LIVE:
            return (0,) * len(self.lines)
        if self.done is None:
            return tuple([quantity for _, quantity in self.lines])
        return tuple(
            quantity - collected - released
            for (_, quantity), (collected, released) in zip(self.lines, self.done, strict=True)
        )

    def held_lines(self) -> Lines:
        """The units still held with the SKU of each line."""
        if self.done is None and self.status in LIVE:
            return self.lines
        return tuple((sku, units) for (sku, _), units in zip(self.lines, self.held(), strict=True))

    def taken_by_line(self, units: Mapping[str, int]) -> Lines:
        """These units by SKU, up to what is held, taken from the reservation's lines from the first on."""
        return from_first(self.held_lines(), units)

    def sold_lines(self) -> Lines:
        """Units of each line that were collected, and have not come back."""
        sold = [collected for collected, _ in self.done or ((0, 0),) * len(self.lines)]
        back = (0,) * len(sold) if self.came_back is None else self.came_back.units
        return tuple((sku, units - its) for (sku, _), units, its in zip(self.lines, sold, back, strict=True))

    def has_content_of(self, command: Reserve) -> bool:
        """True where the command's content is this reservation's, which keeps all of it instead of a fingerprint."""
        return (
            command.lines == self.lines
            and command.customer_id == self.customer_id
            and command.channel == self.channel
            and command.basket_id == self.basket_id
            and command.ttl_ms == self.ttl_ms
            and command.slot_start_ms == self.slot_start_ms
            and command.external_reference == self.external_reference
            and command.wait_ms == (0 if self.in_line is None else self.in_line.wait_ms)
        )

    def is_uncounted_by(self, policy: Policy) -> bool:
        """True where a limit of the whole chain applies to it, and its customer's ledger does not know it."""
        return self.status in LIVE and self._is_alone_under(policy)

    def is_sold_uncounted(self, policy: Policy) -> bool:
        """True where units of it were collected that its customer's ledger does not know, and a limit may count."""
        return bool(policy.chain_limit_rules) and self.units_collected() > 0 and self._is_alone_under(policy)

    def _is_alone_under(self, policy: Policy) -> bool:
        return self.part is None and not self.grant and policy.is_limited(self.channel, self.lines)

    def units_collected(self) -> int:
        return sum(collected for collected, _ in self.done) if self.done else 0


class FullReservation(Reservation, frozen=True):
    """A reservation of which something was taken, that is a part of an order, would wait, or has a slot, a reference or
    a grant.

    `done` is (collected, released) by line, or None while both are 0 on all lines. `part` is set where it belongs to an
    order over several ledgers; then `expires_at_ms` is the order's deadline as the shop knows it, a lease, 0 while it
    is CLAIMED: the shop does not expire it, and takes no step from then on. `grant` is the number of the grant of its
    customer's ledger, 0 for none; that ledger counts the units until it hears that they are no longer held. `till` is
    the one that alone hands it out, until `till_until_ms`. `hand_over` is of when units were last collected,
    `came_back` of those that were returned since. While it is QUEUED, `expires_at_ms` is until when it waits.
    """

    done: tuple[tuple[int, int], ...] | None = None
    payment_reference: str | None = None
    release_reason: ReleaseReason | None = None
    part: Part | None = None
    slot_start_ms: int = 0
    external_reference: str = ""
    grant: int = 0
    till: str = ""
    till_until_ms: int = 0
    in_line: InLine | None = None
    hand_over: HandOver | None = None
    came_back: CameBack | None = None


AnyReservation = Reservation | FullReservation  # for decoders
_FEW_FROM: Final = len(Reservation.__struct_fields__)
_FEW_HAVE: Final = frozenset(FullReservation.__struct_fields__[_FEW_FROM:])
_NOTHING: Final = FullReservation.__struct_defaults__


class StockOutcome(Message, frozen=True):
    """The answer to a change of stock: rows applied and dropped, and the shortfalls it caused."""

    applied: int
    dropped_repeated: int
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]
    settled_late: int = 0


class MovingOut(Message, frozen=True):
    """The answer to MoveOut that tells the ledger's time with what moves."""

    reservation: AnyReservation
    now_ms: int


Claims = Mapping[int, Reservation]  # by number
AnyTask = ShortfallTask | PickTask

# The answer to a Reserve is remembered as the reservation itself, any other with its call's fingerprint.
Remembered = (
    Reservation
    | Recorded[Reservation | Rejection | StockOutcome | Allotment | Transfer | AnyTask | HotTotals | MovingOut]
)


@dataclass(slots=True, eq=False)
class Ledger:
    """The whole state of one shop, whose id is the ledger's, but for reservations that are over, of which nobody has
    to hear: these are in the journal. Read by `decide`, changed by `evolve`.
    """

    ledger_id: str
    version: int = 0
    time_ms: int = 0
    policy: Policy = field(default_factory=Policy)
    positions: MutableMapping[str, Position] = field(default_factory=dict)
    reservations: MutableMapping[int, Reservation] = field(default_factory=dict)
    open_reservations: int = 0
    # A customer's live reservations: the number itself while there is one, which saves 48 bytes a hold, then as in
    # `Position.held_by`: a marketplace may place all of its orders as one customer.
    customers: MutableMapping[str, int | list[int] | Ascending] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)  # of customers who have many, see `customer_totals`
    baskets: MutableMapping[tuple[str, str], int] = field(default_factory=dict)  # by customer and basket
    source_marks: dict[str, int] = field(default_factory=dict)
    answers: Answers[Remembered] = field(init=False)
    finished: Finished = field(default_factory=Finished)
    transfers: Transfers = field(init=False)
    outbox: Ascending = field(default_factory=Ascending)  # changed ones that customers' ledgers have to hear of
    allotments: Allotments = field(default_factory=Allotments)
    tasks: Tasks = field(default_factory=Tasks)  # of shortfalls
    picks: Picks = field(default_factory=Picks)
    hot: Hot = field(default_factory=Hot)
    # Derived, and rebuilt at recovery: entries may be stale, the reservation's own deadline decides.
    crowded: dict[str, ByRank] = field(default_factory=dict)  # who holds what more than a few hold; see `promised`
    deadlines: Deadlines = field(default_factory=Deadlines)
    expiry_runs: MutableMapping[int, int] = field(default_factory=dict)
    newest_run: int = 0
    newest_run_ms: int = 0
    newest_run_last: int = 0
    leases: Deadlines = field(default_factory=Deadlines)  # of parts
    holders: MutableMapping[str, int] = field(default_factory=dict)  # parts of orders
    undecided: Ascending = field(default_factory=Ascending)  # those of them that are still CLAIMED
    lapsed: Ascending = field(default_factory=Ascending)  # those whose leases were over when they were looked at
    slots_taken: dict[int, int] = field(default_factory=dict)  # places by the slot's start
    parts_in_slots: MutableMapping[tuple[str, int], int] = field(default_factory=dict)  # live parts by order and slot
    lines: dict[str, Line] = field(default_factory=dict)  # those who are QUEUED, by SKU
    in_transit: InTransit = field(default_factory=InTransit)  # what is promised of what is to come
    line_due: dict[str, None] = field(default_factory=dict)  # SKUs whose lines may be served, until they were looked at
    awaiting: Ascending = field(default_factory=Ascending)  # those in line whose grants are asked for
    whole_lines: bool = True  # whether one in line may need a grant or have a slot: the service's format can say so
    interned_lines: dict[Lines, Lines] = field(default_factory=dict)
    shared_instant_ms: int = 0

    def __post_init__(self) -> None:
        self.transfers = Transfers(self.ledger_id)
        self.answers = Answers(self.is_live, lambda number: number in self.undecided)

    def live_of_customer(self, customer_id: str) -> Iterator[Reservation]:
        """Yield the customer's reservations that are not final."""
        numbers = self.customers.get(customer_id, ())
        for number in (numbers,) if isinstance(numbers, int) else numbers:
            yield self.reservations[number]

    def claims_under_way(self, now_ms: int) -> Claims:
        """The claims of orders that will soon be decided, the newest first. Ten minutes after a claim no copy of its
        call is under way: its customers' ledger is away, or an operator has to bar it. Also for a stale read.
        """
        found: dict[int, Reservation] = {}
        for number in tuple(reversed(self.undecided)):
            claim = self.reservations.get(number)
            if claim is not None:
                if claim.created_at_ms + CALL_MS_MAX <= now_ms:
                    break
                found[number] = claim
        return found

    def places_of(self, claims: Claims, slot_start_ms: int) -> int:
        """How many places in a slot are free without these claims: those of orders that have no other part there."""
        parts = (claim.part.order for claim in claims.values() if claim.part and claim.slot_start_ms == slot_start_ms)
        return sum(count == self.parts_in_slots.get((order, slot_start_ms)) for order, count in Counter(parts).items())

    def kept(self, sku: str, available: int) -> int:
        """Of so many units available, those kept for who waits first; in the ledger of a hot SKU, in the shop."""
        line, free = self.lines.get(sku), max(0, available)
        if self.hot.kept and self.hot.keeps(sku):
            return free
        return 0 if line is None else line.keeps(free, may_pass=self.policy.line_may_pass)

    def interned(self, lines: Lines) -> Lines:
        """One object for all equal lines: of one unit by its position, as a table of all lines is in no cache."""
        position = self.positions.get(lines[0][0]) if len(lines) == 1 and lines[0][1] == 1 else None
        if position is None:
            known = self.interned_lines
            return known.setdefault(lines, lines) if len(known) < INTERNED_LINES_MAX else known.get(lines, lines)
        position.one_unit = position.one_unit or ((intern(lines[0][0]), 1),)
        return position.one_unit

    def made(self, key: str, answer: Remembered, back: int = 0) -> Remembered:
        """Keep the version of an answer that its event says in full, and return the answer. It is about the reservation
        that was made so many versions before.
        """
        answers, at_ms = self.answers, self.time_ms
        answers.newest = key, answer
        hashed = answers.hash if key is answers.key else hash_of(key)  # it was looked up a moment ago, or is replayed
        answers.made.put(hashed, self.version, at_ms, back)
        if at_ms >= answers.forget_at_ms:
            self.forget()
        return answer

    def refuse(self, key: str, answer: Recorded[Any], of_call: str = "") -> Remembered:
        """Keep a refusal for repeats, or a claim, and return it; see `Answers.refuse`."""
        answers = self.answers
        answers.refuse(key, answer, self.time_ms, of_call)
        if self.time_ms >= answers.forget_at_ms:
            self.forget()
        return answer

    def spread(self) -> None:
        """Have tables that are large grow without a pause from now on; once a step."""
        if len(self.reservations) > LARGE:
            spread(self, _BY_WHAT_IS_HELD)

    def forget(self) -> None:
        """Forget some of the answers that are out of date."""
        self.answers.forget(self.time_ms, self.policy.answer_memory_ms)

    def is_live(self, number: int) -> bool:
        """True for what is known by this number, of whatever kind: its keys are remembered at any age."""
        known = self.reservations, self.allotments.rows, self.transfers.live, self.tasks.rows, self.hot.moving
        return any(number in each for each in (*known, self.picks.rows)) or self.finished.knows(number)

    def take_place(self, slot_start_ms: int, part: Part | None) -> None:
        """Take a place in a pickup slot for a live reservation. The live parts of an order share one place."""
        if part is not None:
            sharing = self.parts_in_slots.get((part.order, slot_start_ms), 0)
            self.parts_in_slots[part.order, slot_start_ms] = sharing + 1
            if sharing:
                return
        self.slots_taken[slot_start_ms] = self.slots_taken.get(slot_start_ms, 0) + 1

    def leave_place(self, slot_start_ms: int, part: Part | None) -> None:
        """Release a final reservation's place, unless another live part of its order shares it."""
        if part is not None:
            sharing = self.parts_in_slots[part.order, slot_start_ms] - 1
            if sharing:
                self.parts_in_slots[part.order, slot_start_ms] = sharing
                return
            del self.parts_in_slots[part.order, slot_start_ms]
        left = self.slots_taken[slot_start_ms] - 1
        if left:
            self.slots_taken[slot_start_ms] = left
        else:
            del self.slots_taken[slot_start_ms]

    def row_count(self) -> int:
        """The approximate number of rows of a snapshot."""
        return len(self.reservations) + len(self.positions) + self.answers.row_count() + self.finished.table.count // 32

    def earliest_deadline_ms(self) -> int | None:
        """A lower bound of the next deadline, perhaps a moved one, None without any; 0 where a line may be served."""
        if self.line_due:
            return 0
        if (deadlines := self.deadlines).heap and not (deadlines.aside or self.allotments.ends or self.picks.rows):
            return deadlines.heap[0] >> SHIFT  # nearly always, and asked in each turn: with no call
        first = [each for each in (deadlines.first(), *self.allotments.ends[:1]) if each is not None]
        first_ms = min(first) >> SHIFT if first else None
        return self.picks.due_by(first_ms) if self.picks.rows else first_ms
