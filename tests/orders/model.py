"""A naive customers' ledger: plain lists, no indexes, no heap, everything looked up and added up anew at each question.

Shops are part of it: what each of them really holds, which is what a limit is about.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.ledger.commands import Lines
from actors.ledger.lifecycle import Status
from actors.ledger.policy import ChainLimitRule
from actors.orders import commands as cm

DECIDE_WITHIN_MS: Final = 10_000
LIVE: Final = ("HELD", "CONFIRMED")


@dataclass
class Part:
    """One shop's: what was claimed, what it holds by now, what the order wants of it."""

    store_id: str
    attempt: int
    lines: Lines
    certain: bool = False
    let_go: bool = False
    wants: dict[str, int] | None = None
    held: dict[str, int] = field(default_factory=dict)
    sold: dict[str, int] = field(default_factory=dict)
    sold_at_ms: int = 0
    final: bool = False

    def of(self, sku: str) -> int:
        """Units that may still be handed over."""
        if self.certain:
            return 0 if self.final else self.held.get(sku, 0)
        return 0 if self.let_go else sum(units for its, units in self.lines if its == sku)


@dataclass
class Order:
    """As it stands."""

    number: int
    customer: str
    channel: str
    standing: str
    ttl_ms: int
    deadline_ms: int
    attempt: int
    decide_by_ms: int | None
    call: str  # which the open attempt answers
    targets: tuple[cm.Target, ...] = ()
    parts: list[Part] = field(default_factory=list)

    def certain(self) -> list[Part]:
        """What it has for certain."""
        return [part for part in self.parts if part.certain and not part.let_go]


class Model:
    """Says what the ledger must say: the word of the answer, and how the orders stand."""

    def __init__(self, rules: tuple[ChainLimitRule, ...], hold_ms: int, collect_ms: int, ttl_ms_max: int) -> None:
        self.rules = rules
        self.hold_ms, self.collect_ms, self.ttl_ms_max = hold_ms, collect_ms, ttl_ms_max
        self.orders: list[Order] = []

    def find(self, number: int) -> Order | None:
        """The order of this number."""
        return next((order for order in self.orders if order.number == number), None)

    def pass_to(self, now_ms: int) -> None:
        """What happens by itself until then."""
        for order in self.orders:
            if order.standing in LIVE and order.deadline_ms <= now_ms:
                self._let_go_of_attempt(order)
                order.standing = "EXPIRED"
            elif order.decide_by_ms is not None and order.decide_by_ms <= now_ms:
                self._abandon(order)

    def open(self, number: int, command: cm.Open, now_ms: int) -> str:
        """OPEN, or why not. `number` is what the order is called where it is opened."""
        if command.ttl_ms > self.ttl_ms_max:
            return "TTL_TOO_LONG"
        refusal = self._over(command.customer_id, command.channel, command.plans, now_ms, None, ())
        if refusal:
            return refusal
        by_ms = now_ms + DECIDE_WITHIN_MS
        order = Order(
            number, command.customer_id, command.channel, "OPEN", command.ttl_ms, by_ms, 1, by_ms, command.key
        )
        self.orders.append(order)
        order.parts = [Part(plan.store_id, 1, plan.lines) for plan in command.plans]
        return "OPEN"

    def amend(self, command: cm.Amend, now_ms: int) -> str:
        """How the order stands then, or why not."""
        order = self.find(command.number)
        refusal = self._not(order, LIVE)
        if order is None or refusal:
            return refusal
        refusal = self._over(order.customer, order.channel, command.plans, now_ms, order, command.targets)
        if refusal:
            return refusal
        order.attempt += 1
        order.targets, order.call = command.targets, command.key
        order.decide_by_ms = now_ms + DECIDE_WITHIN_MS
        order.parts += [Part(plan.store_id, order.attempt, plan.lines) for plan in command.plans]
        if not command.plans:
            self._commit(order)
        return order.standing

    def replan(self, command: cm.Replan, now_ms: int) -> None:
        """Others are asked, unless that would be too much."""
        order = self.find(command.number)
        if order is None or order.decide_by_ms is None or order.attempt != command.attempt:
            return
        if self._over(order.customer, order.channel, command.plans, now_ms, order, order.targets):
            self._abandon(order)
            return
        self._let_go_of_attempt(order)
        order.attempt += 1
        order.decide_by_ms = now_ms + DECIDE_WITHIN_MS
        order.parts += [Part(plan.store_id, order.attempt, plan.lines) for plan in command.plans]

    def commit(self, command: cm.Commit, now_ms: int) -> None:
        """All that was asked for is granted."""
        order = self.find(command.number)
        if order is None or order.decide_by_ms is None or order.attempt != command.attempt:
            return
        asked = [part.store_id for part in order.parts if part.attempt == order.attempt]
        if sorted(asked) != sorted(store_id for store_id, _ in command.claims):
            return
        if order.standing == "OPEN":
            order.standing = "HELD"
            order.deadline_ms = now_ms + (order.ttl_ms or self.hold_ms)
        self._commit(order)

    def abandon(self, command: cm.Abandon) -> None:
        """No other plan is left."""
        order = self.find(command.number)
        if order is not None and order.decide_by_ms is not None and order.attempt == command.attempt:
            self._abandon(order)

    def step(self, command: cm.Confirm | cm.Release | cm.Extend, now_ms: int) -> str:
        """How the order stands then, or why not."""
        order = self.find(command.number)
        refusal = self._not(order, ("HELD",) if isinstance(command, cm.Confirm) else LIVE)
        if order is None or refusal:
            return refusal
        if isinstance(command, cm.Release):
            order.standing = "RELEASED"
            return order.standing
        if isinstance(command, cm.Confirm):
            asked_ms = command.collect_within_ms or self.collect_ms
        else:
            asked_ms = command.ttl_ms
        if asked_ms > self.ttl_ms_max:
            return "TTL_TOO_LONG"
        order.deadline_ms = now_ms + asked_ms
        if isinstance(command, cm.Confirm):
            order.standing = "CONFIRMED"
        return order.standing

    def hear(self, order: Order, part: Part) -> None:
        """The shop does what the order says, and says so."""
        if order.standing not in LIVE or part.let_go:
            part.held, part.final = {}, True
        elif part.wants is not None:
            for sku in part.held:
                part.held[sku] = min(part.held[sku], part.wants.get(sku, 0))
            part.final = not any(part.held.values())
        self._end(order)

    def sell(self, order: Order, part: Part, sku: str, now_ms: int) -> None:
        """The shop hands one unit over, and says so."""
        part.held[sku] -= 1
        part.sold[sku] = part.sold.get(sku, 0) + 1
        part.sold_at_ms = now_ms
        part.final = not any(part.held.values())
        self._end(order)

    def status_of(self, order: Order, part: Part) -> Status:
        """How the shop says its part stands."""
        if not part.final:
            return Status.CONFIRMED if order.standing == "CONFIRMED" else Status.HELD
        return Status.COLLECTED if part.sold else Status.RELEASED

    def _not(self, order: Order | None, allowed: tuple[str, ...]) -> str:
        if order is None or order.standing == "ABANDONED":
            return "RESERVATION_NOT_FOUND"
        if order.decide_by_ms is not None:
            return "ORDER_UNDECIDED"
        if order.standing == "EXPIRED":
            return "RESERVATION_EXPIRED"
        return "" if order.standing in allowed else "TRANSITION_NOT_ALLOWED"

    def _let_go_of_attempt(self, order: Order) -> None:
        if order.decide_by_ms is not None:
            for part in order.parts:
                part.let_go = part.let_go or part.attempt == order.attempt
        order.decide_by_ms = None

    def _abandon(self, order: Order) -> None:
        self._let_go_of_attempt(order)
        order.targets = ()
        if order.standing == "OPEN":
            order.standing = "ABANDONED"
        self._end(order)

    def _commit(self, order: Order) -> None:
        for part in order.parts:
            if part.attempt == order.attempt and not part.let_go:
                part.certain = True
                for sku, units in part.lines:
                    part.held[sku] = part.held.get(sku, 0) + units
            for target in order.targets:
                if (target.store_id, target.attempt) == (part.store_id, part.attempt):
                    part.wants = dict(target.lines)
                    part.let_go = part.let_go or not target.lines
        order.decide_by_ms, order.targets = None, ()
        self._end(order)

    def _end(self, order: Order) -> None:
        if order.standing in LIVE and order.decide_by_ms is None and all(part.final for part in order.certain()):
            order.standing = "COLLECTED" if any(part.sold for part in order.parts) else "RELEASED"

    def _over(
        self,
        customer: str,
        channel: str,
        plans: tuple[cm.Plan, ...],
        now_ms: int,
        amended: Order | None,
        targets: tuple[cm.Target, ...],
    ) -> str:
        asked: dict[str, int] = {}
        for plan in plans:
            for sku, units in plan.lines:
                asked[sku] = asked.get(sku, 0) + units
        refusals = set()
        others = [order for order in self.orders if order.customer == customer and order is not amended]
        for rule in self.rules:
            if rule.channel not in ("", channel):
                continue
            fitting = [order for order in others if rule.channel in ("", order.channel)]
            skus = [rule.sku] if rule.sku in asked else list(asked) if not rule.sku else []
            if not skus:
                continue
            counts_already = amended is not None and self._open(amended, rule.sku)
            count = sum(1 for order in fitting if self._open(order, rule.sku))
            if not counts_already and 0 < rule.open_reservations_max <= count:
                refusals.add("OPEN_RESERVATIONS_LIMIT")
            for sku in skus:
                units = sum(self._counted(order, sku, rule, now_ms, ()) for order in fitting)
                if amended is not None:
                    units += self._counted(amended, sku, rule, now_ms, targets, amended=True)
                if rule.units_max and units + asked[sku] > rule.units_max:
                    refusals.add("UNITS_LIMIT")
        return min(refusals, default="")

    def _open(self, order: Order, sku: str) -> bool:
        skus = [sku] if sku else [its for part in order.parts for its, _ in part.lines]
        return any(part.of(its) for part in order.parts for its in skus) or (not sku and order.decide_by_ms is not None)

    def _counted(
        self,
        order: Order,
        sku: str,
        rule: ChainLimitRule,
        now_ms: int,
        targets: tuple[cm.Target, ...],
        *,
        amended: bool = False,
    ) -> int:
        units = 0
        for part in order.parts:
            if part.sold and now_ms < part.sold_at_ms + rule.collected_for_ms:
                units += part.sold.get(sku, 0)
            if amended and not part.certain:
                continue
            keeps = [t for t in targets if (t.store_id, t.attempt) == (part.store_id, part.attempt)]
            units += min([part.of(sku), *(dict(t.lines).get(sku, 0) for t in keeps)])
        return units
