"""The state of one customers' ledger. Orders are immutable values, which only `evolve` replaces."""

from collections import deque
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from actors.core.ascending import Ascending
from actors.core.deadlines import Deadlines
from actors.core.message import Message, Value
from actors.core.overlay import Queue
from actors.core.policy import CALL_MS_MAX, Policy
from actors.core.status import LIVE, ReleaseReason, Status
from actors.core.totals import Totals
from actors.orders.answers import OrderAnswers
from actors.orders.commands import BarClaim, Open, Target, key_of
from actors.orders.grants import Grant, Grants
from actors.shop.commands import Lines, by_sku

OPEN_MS: Final = 10_000  # an attempt that is not committed by then is abandoned
BARS_MAX: Final = 10_000  # of one ledger, the latest; operators make them one by one
ATTEMPTS_MAX: Final = 64  # of one order, of which it has parts
DEADLINE_SHIFT: Final = 64  # of an entry among deadlines: numbers of orders have up to 18 digits
ORDER_MASK: Final = (1 << DEADLINE_SHIFT) - 1


class Standing(IntEnum):
    """The state of an order as a whole; names and numbers are those of the wire."""

    OPEN = 1
    HELD = 2
    CONFIRMED = 3
    COLLECTED = 4
    RELEASED = 5
    EXPIRED = 6
    ABANDONED = 7


CERTAIN: Final = frozenset({Standing.HELD, Standing.CONFIRMED})
OVER: Final = frozenset({Standing.COLLECTED, Standing.RELEASED, Standing.EXPIRED, Standing.ABANDONED})


class Part(Value, frozen=True):
    """What one shop holds, or is asked to hold.

    `lines` is what was claimed, `keep` what the order wants of it since it was amended, collected units included
    (empty: all of it). `held` and `collected` are as last reported by the shop, by line, at its ledger's `version`;
    `collected_at_ms` is when units were last reported as collected. `reservation` is 0 until the claim is committed. A
    `dropped` part is to be released. Parts of the attempts from `replaced_by` on replace what this one releases.
    """

    store_id: str
    attempt: int
    lines: Lines
    slot_start_ms: int
    reservation: int = 0
    keep: Lines = ()
    dropped: bool = False
    applied_revision: int = 0
    version: int = 0
    status: Status = Status.HELD
    held: tuple[int, ...] = ()
    collected: tuple[int, ...] = ()
    collected_at_ms: int = 0
    replaced_by: int = 0

    def gives_back(self) -> bool:
        """True where its shop holds more than the order wants of it, as last reported."""
        if not self.reservation or self.status not in LIVE:
            return False
        if self.dropped or not self.keep:
            return self.dropped
        return self.wanted_by_sku() != self._held_by_sku()

    def wanted_by_sku(self) -> dict[str, int]:
        """The units held by its shop, as last reported, up to what the order wants of it."""
        held = self._held_by_sku()
        if not self.keep:
            return held
        keep, sold = dict(by_sku(self.keep)), self.sold_by_sku(self.collected)
        return {sku: min(units, max(0, keep.get(sku, 0) - sold.get(sku, 0))) for sku, units in held.items()}

    def _held_by_sku(self) -> dict[str, int]:
        return dict(by_sku(tuple((sku, held) for (sku, _), held in zip(self.lines, self.held, strict=True))))

    def sold_by_sku(self, collected: tuple[int, ...]) -> dict[str, int]:
        """Units by SKU of `collected`, which are a shop's by line; none where it has not reported."""
        return dict(by_sku(tuple((sku, sold) for (sku, _), sold in zip(self.lines, collected, strict=False))))


class Renewal(Value, frozen=True):
    """What an amendment changes at its commit beside the parts. `ttl_ms` 0 keeps the deadline, an empty `channel` keeps
    the channel and `missing`.
    """

    ttl_ms: int
    channel: str
    missing: Lines
    external_reference: str = ""


class Order(Message, frozen=True):
    """One customer's reservation over one shop or several.

    `revision` grows with every change that the shops have to apply; a part is up to date once its `applied_revision`
    reaches it. `channel_revision` is the one by which it changed its channel, 0 where it never did. While an attempt is
    open, `open_attempt` is its number, `key` and `content` are those of the call that it answers, `targets` what
    earlier parts keep at its commit, collected units included, and `renewal` what else changes then. `missing` is what
    was requested and unavailable.
    """

    number: int
    customer_id: str
    channel: str
    standing: Standing
    ttl_ms: int
    created_at_ms: int
    expires_at_ms: int
    version: int
    key: str
    content: str
    missing: Lines = ()
    basket_id: str = ""
    revision: int = 0
    reason: ReleaseReason | None = None
    attempts: int = 0
    open_attempt: int = 0
    decide_by_ms: int = 0
    targets: tuple[Target, ...] = ()
    parts: tuple[Part, ...] = ()
    renewal: Renewal | None = None
    external_reference: str = ""
    channel_revision: int = 0

    def open_parts(self) -> tuple[Part, ...]:
        """The parts of the open attempt."""
        return tuple(part for part in self.parts if part.attempt == self.open_attempt and not part.dropped)

    def certain_parts(self) -> tuple[Part, ...]:
        """The committed parts that are for units."""
        return tuple(part for part in self.parts if part.reservation and part.lines and not part.dropped)

    def lasting_parts(self) -> tuple[Part, ...]:
        """The parts but for what was only asked for, and that its shop holds no more, or never did."""
        return tuple(part for part in self.parts if part.reservation or not part.dropped or part.status in LIVE)

    def undelivered_parts(self) -> tuple[Part, ...]:
        """Live parts whose shops have not applied the newest revision, except those of the open attempt."""
        return tuple(part for part in self.parts if self._is_out(part) and not self._is_open(part))

    def next_deliveries(self) -> tuple[Part, ...]:
        """The undelivered parts to deliver now: a part that replaces another one waits until that one's shop has
        released it and reported how much was collected, so that at no moment both can be collected. After a change of
        the channel, a shop's older parts hear first: as long as a newer one is live there, they count under both.
        """
        outbox = self.undelivered_parts()
        if self.standing not in CERTAIN:
            return outbox
        newest = min((part.replaced_by for part in self.parts if part.gives_back()), default=self.attempts + 1)
        behind: dict[str, int] = {}  # by shop, the first attempt that has not heard of the channel
        for part in outbox:
            if part.applied_revision < self.channel_revision and not part.dropped:
                behind.setdefault(part.store_id, part.attempt)
        return tuple(
            part
            for part in outbox
            if part.dropped or part.attempt < min(newest, behind.get(part.store_id, part.attempt) + 1)
        )

    def is_collected_from(self) -> bool:
        """True where some shop has reported collected units."""
        return any(any(part.collected) for part in self.parts)

    def is_settled(self) -> bool:
        """True where the order is over, and every shop has reported its part final."""
        return self.standing in OVER and not self.open_attempt and all(part.status not in LIVE for part in self.parts)

    def _is_out(self, part: Part) -> bool:
        return part.status in LIVE and part.applied_revision < self.revision

    def _is_open(self, part: Part) -> bool:
        return bool(self.open_attempt) and part.attempt == self.open_attempt and not part.dropped


class BarredClaim(Message, frozen=True, tag="bar"):
    """A claim, or by attempt 0 a grant, that operators have barred, first by this one. Also its row in a snapshot."""

    number: int
    attempt: int
    operator: str
    why: str
    at_ms: int


class Collected(Message, frozen=True, tag="collected"):
    """Units of an order that is over which count under a limit for a while yet; noted when it ended. Also its row in a
    snapshot.
    """

    noted_at_ms: int
    customer_id: str
    channel: str
    sku: str
    units: int
    at_ms: int


class Since(Value, frozen=True):
    """When limits of the whole chain were adopted, and with which version of the policy."""

    at_ms: int = 0
    policy_version: int = 0


Counted = Order | Grant | Collected


@dataclass(slots=True, eq=False)
class OrderLedger:
    """The orders of a hash slot of customers, but for those that are over and settled: these are in the journal."""

    ledger_id: str
    version: int = 0
    time_ms: int = 0
    policy: Policy = field(default_factory=Policy)
    orders: MutableMapping[int, Order] = field(default_factory=dict)
    answers: OrderAnswers = field(default_factory=OrderAnswers)
    ended: Queue[tuple[int, int]] = field(default_factory=Queue)  # (collected at, number) of grants
    collected: Queue[Collected] = field(default_factory=Queue)
    limited_since: Since = field(default_factory=Since)
    barred: dict[int, int] = field(default_factory=dict)  # when, by the number of an order that was never placed
    # Derived, and rebuilt at recovery.
    customers: MutableMapping[str, dict[int, None]] = field(default_factory=dict)  # each one's orders
    collected_of: MutableMapping[str, deque[Collected]] = field(default_factory=dict)
    totals: dict[str, Totals] = field(default_factory=dict)  # of customers for whom much counts; made when asked for
    settled: dict[int, None] = field(default_factory=dict)  # orders that are to leave memory with this decision
    baskets: MutableMapping[tuple[str, str], int] = field(default_factory=dict)  # by customer and basket; not over
    outbox: Ascending = field(default_factory=Ascending)  # orders with undelivered parts
    deadlines: Deadlines = field(default_factory=Deadlines)  # entries have DEADLINE_SHIFT; some are stale
    grants: Grants = field(default_factory=Grants)
    bars: dict[tuple[int, int], BarredClaim] = field(default_factory=dict)  # by order and attempt

    def bar(self, number: int, at_ms: int) -> None:
        """Keep an order from being placed as long as a copy of its call may arrive."""
        for other, barred_ms in list(self.barred.items()):
            if barred_ms + CALL_MS_MAX > at_ms:
                break
            del self.barred[other]
        self.barred[number] = at_ms

    def bar_for_good(self, claim: BarClaim, at_ms: int) -> None:
        """Record who barred a claim, or a grant; no order is placed under a claim's number from now on."""
        of = claim.number, claim.attempt
        self.bars[of] = BarredClaim(*of, claim.operator, claim.why, at_ms)
        if len(self.bars) > BARS_MAX:
            del self.bars[next(iter(self.bars))]
        if claim.attempt:
            self.bar(claim.number, at_ms)

    def adopt(self, policy: Policy, at_ms: int) -> None:
        """Decide by this policy from here on: totals are of the rules before, and more or less is remembered."""
        if policy.chain_limit_rules != self.policy.chain_limit_rules:
            self.limited_since = Since(at_ms, policy.version) if policy.chain_limit_rules else Since()
        self.policy = policy
        self.totals.clear()
        self.answers.forget_at_ms = 0

    def collect(self, row: Collected) -> None:
        """Note what counts on of an order that is over."""
        self.collected.append(row)
        self.collected_of.setdefault(row.customer_id, deque()).append(row)

    def known(self, number: int) -> Order | None:
        """The order, also one that is over, None where there is none or it was forgotten. Raises Unread."""
        order = self.orders.get(number)
        if order is None:
            settled = self.answers.settled(number)
            return None if settled is None else settled.order
        return order

    def orders_of(self, customer_id: str) -> Iterator[Order]:
        """Yield the customer's orders."""
        for number in self.customers.get(customer_id, ()):
            yield self.orders[number]

    def counts_for(self, customer_id: str) -> bool:
        """Whether anything counts for the customer's limits."""
        return (
            customer_id in self.customers or customer_id in self.grants.of_customers or customer_id in self.collected_of
        )

    def counted_of(self, customer_id: str) -> Iterator[Counted]:
        """Yield what counts for the customer's limits."""
        yield from self.orders_of(customer_id)
        yield from self.grants.of(customer_id)
        yield from self.collected_of.get(customer_id, ())

    def counted_customers(self) -> set[str]:
        """The customers for whose limits something counts."""
        return {*self.customers, *self.collected_of, *self.grants.customers()}

    def earliest_deadline_ms(self) -> int | None:
        """A lower bound of the next deadline, None without any."""
        first = self.deadlines.first()
        return None if first is None else first >> DEADLINE_SHIFT

    def row_count(self) -> int:
        """The approximate number of rows of a snapshot."""
        return len(self.orders) + self.answers.row_count()


def begun(
    asked: Open, number: int, version: int, expires_at_ms: int, at_ms: int, parts: tuple[Part, ...] = ()
) -> Order:
    """A new order, held with these parts, or open and nothing of it claimed."""
    held = 1 if parts else 0
    return Order(
        number=number,
        customer_id=asked.customer_id,
        channel=asked.channel,
        standing=Standing.HELD if parts else Standing.OPEN,
        ttl_ms=asked.ttl_ms,
        created_at_ms=at_ms,
        expires_at_ms=expires_at_ms,
        version=version,
        key=key_of(asked),
        content=asked.content,
        missing=asked.missing,
        basket_id=asked.basket_id,
        revision=held,
        attempts=held,
        parts=parts,
        external_reference=asked.external_reference,
    )


def due_at_ms(order: Order) -> int:
    """When the order expires or its open attempt is abandoned, whichever is first, in ms; 0 for neither."""
    instants = []
    if order.standing in CERTAIN:
        instants.append(order.expires_at_ms)
    if order.open_attempt:
        instants.append(order.decide_by_ms)
    return min(instants, default=0)
