"""A naive customers' ledger: plain lists, no indexes, no heap, everything looked up and added up anew at each question.

Shops are part of it: what each of them really holds, which is what a limit is about.
"""

from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from actors.core.policy import ChainLimitRule
from actors.core.status import Status
from actors.orders import commands as cm
from actors.shop.commands import Lines

DECIDE_WITHIN_MS: Final = 10_000
LIVE: Final = ("HELD", "CONFIRMED")


@dataclass
class Part:
    """One shop's: what was claimed, what it holds by now, and what the order still wants of that: for certain, and once
    an open change is. `faster` is what was handed over meanwhile beyond that.
    """

    store_id: str
    attempt: int
    lines: Lines
    certain: bool = False
    let_go: bool = False
    told: bool = False
    replaced_by: int = 0
    wants: dict[str, int] | None = None
    will_want: dict[str, int] | None = None
    faster: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    sold: dict[str, int] = field(default_factory=dict)
    sold_at_ms: int = 0
    final: bool = False

    def of(self, sku: str) -> int:
        """Units that may still be handed over."""
        if self.certain:
            return 0 if self.final else self.held.get(sku, 0)
        return 0 if self.let_go else sum(units for its, units in self.lines if its == sku)

    def wanted(self) -> dict[str, int]:
        """What the order has of it."""
        held = {} if self.final else self.held
        return {sku: units if self.wants is None else min(units, self.wants.get(sku, 0)) for sku, units in held.items()}

    def is_behind(self) -> bool:
        """Whether its shop holds more than that."""
        return self.certain and not self.final and (self.let_go or self.wanted() != self.held)


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
    basket: str = ""
    new_ttl_ms: int = 0
    new_channel: str = ""
    parts: list[Part] = field(default_factory=list)

    def certain(self) -> list[Part]:
        """What it has for certain."""
        return [part for part in self.parts if part.certain and part.lines and not part.let_go]


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
        for order in self.orders:
            mine = command.basket_id and (order.customer, order.basket) == (command.customer_id, command.basket_id)
            if mine and order.standing in ("OPEN", *LIVE):
                if order.decide_by_ms is not None:
                    return "ORDER_UNDECIDED"
                if order.standing != "HELD" or any(part.sold for part in order.parts):
                    return "BASKET_CONFIRMED"
                ttl_ms = command.ttl_ms or self.hold_ms
                return self._change(order, command.plans, ttl_ms, command.channel, command.key, now_ms)
        refusal = self._over(command.customer_id, command.channel, command.plans, now_ms, None)
        if refusal:
            return refusal
        by_ms = now_ms + DECIDE_WITHIN_MS
        order = Order(
            number,
            command.customer_id,
            command.channel,
            "OPEN",
            command.ttl_ms,
            by_ms,
            1,
            by_ms,
            command.key,
            command.basket_id,
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
        if command.ttl_ms > self.ttl_ms_max:
            return "TTL_TOO_LONG"
        return self._change(order, command.wanted, command.ttl_ms, "", command.key, now_ms)

    def _change(
        self, order: Order, wanted: tuple[cm.Plan, ...], ttl_ms: int, channel: str, call: str, now_ms: int
    ) -> str:
        """With a channel, what is not named is not wanted any more."""
        more = self._compare(order, wanted, channel)
        refusal = self._over(order.customer, channel or order.channel, more, now_ms, order)
        if refusal:
            self._forget_change(order)
            return refusal
        order.attempt += 1
        order.call, order.new_ttl_ms, order.new_channel = call, ttl_ms, channel
        order.decide_by_ms = now_ms + DECIDE_WITHIN_MS
        order.parts += [Part(plan.store_id, order.attempt, plan.lines) for plan in more]
        if not more and not (ttl_ms and order.standing == "CONFIRMED"):
            self._commit(order, now_ms)
        return order.standing

    def _compare(self, order: Order, wanted: tuple[cm.Plan, ...], channel: str) -> tuple[cm.Plan, ...]:
        """What is lacking; each part is told what it will be wanted for. Under another channel each shop is asked."""
        asked = {(plan.store_id, sku): 0 for plan in wanted for sku, _ in plan.lines}
        for plan in wanted:
            for sku, units in plan.lines:
                asked[plan.store_id, sku] += units
        named = {plan.store_id for plan in wanted}
        for part in order.certain():
            if not part.final and (channel or part.store_id in named):
                part.will_want = {}
                for sku, units in part.wanted().items():
                    taken = min(units, asked.get((part.store_id, sku), 0))
                    if taken:
                        part.will_want[sku] = taken
                        asked[part.store_id, sku] -= taken
        lacking = [
            cm.Plan(plan.store_id, tuple((sku, asked[plan.store_id, sku]) for sku in dict(plan.lines)), 0)
            for plan in wanted
        ]
        left = [replace(plan, lines=tuple((sku, units) for sku, units in plan.lines if units)) for plan in lacking]
        return tuple(plan for plan in left if plan.lines or channel not in ("", order.channel))

    @staticmethod
    def _forget_change(order: Order) -> None:
        for part in order.parts:
            part.will_want, part.faster = None, {}
        order.new_ttl_ms, order.new_channel = 0, ""

    def replan(self, command: cm.Replan, now_ms: int) -> None:
        """Others are asked, unless that would be too much."""
        order = self.find(command.number)
        if order is None or order.decide_by_ms is None or order.attempt != command.attempt:
            return
        plans = command.plans
        if order.new_channel:
            if any(part.sold for part in order.parts):  # the basket's lines no longer tell what is still wanted
                self._abandon(order)
                return
            for part in order.parts:
                part.will_want, part.faster = None, {}
            plans = self._compare(order, plans, order.new_channel)
        if self._over(order.customer, order.new_channel or order.channel, plans, now_ms, order):
            self._abandon(order)
            return
        self._let_go_of_attempt(order)
        order.attempt += 1
        order.decide_by_ms = now_ms + DECIDE_WITHIN_MS
        order.parts += [Part(plan.store_id, order.attempt, plan.lines) for plan in plans]

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
        self._commit(order, now_ms)

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
        part.final = part.final or not part.lines  # it asked for the channel alone
        part.told = True
        self._end(order)

    def sell(self, order: Order, part: Part, sku: str, now_ms: int) -> None:
        """The shop hands one unit over, and says so."""
        part.held[sku] -= 1
        part.sold[sku] = part.sold.get(sku, 0) + 1
        part.sold_at_ms = now_ms
        part.final = not any(part.held.values())
        if part.wants is not None and not part.wants.get(sku, 0):
            self._cut_others(order, part.replaced_by, sku)
        else:
            if part.wants is not None:
                part.wants[sku] -= 1
            if part.will_want is not None and part.will_want.get(sku, 0):
                part.will_want[sku] -= 1
            elif part.will_want is not None:
                part.faster[sku] = part.faster.get(sku, 0) + 1
        self._end(order)

    @staticmethod
    def _cut_others(order: Order, attempt: int, sku: str) -> None:
        """One unit less of what took a part's place, the earliest first; and of what is asked for in that one's."""
        asked = [
            part for part in order.parts if part.attempt == order.attempt and order.decide_by_ms and not part.let_go
        ]
        for part in (*order.certain(), *asked):
            wants = part.wanted() if part.certain else part.wants or dict(part.lines)
            if wants.get(sku, 0) and (part.attempt >= attempt or not part.certain):
                part.replaced_by = min(part.replaced_by, order.attempt + 1) if part.is_behind() else order.attempt + 1
                part.wants = {**wants, sku: wants[sku] - 1}
                part.let_go = not any(part.wants.values())
                if not part.certain or part.will_want is None or part.will_want.get(sku, 0) > part.wants[sku]:
                    return
                attempt = order.attempt  # it was to be given back, so that what is asked for has one less too

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
        self._forget_change(order)
        if order.standing == "OPEN":
            order.standing = "ABANDONED"
        self._end(order)

    def _commit(self, order: Order, now_ms: int) -> None:
        if order.new_ttl_ms:
            order.deadline_ms = now_ms + order.new_ttl_ms
        order.channel = order.new_channel or order.channel
        for part in order.parts:
            if part.attempt == order.attempt and not part.let_go:
                part.certain = True
                for sku, units in part.lines:
                    part.held[sku] = part.held.get(sku, 0) + units
            if part.will_want is not None:
                part.replaced_by = min(part.replaced_by, order.attempt) if part.is_behind() else order.attempt
                part.wants = {sku: min(units, part.wanted().get(sku, 0)) for sku, units in part.will_want.items()}
                part.let_go = part.let_go or not any(part.wants.values())
        order.decide_by_ms = None
        for part in order.parts:
            for sku, units in part.faster.items():
                for _ in range(units):
                    self._cut_others(order, order.attempt, sku)
        self._forget_change(order)
        self._end(order)

    def _end(self, order: Order) -> None:
        if order.standing in LIVE and order.decide_by_ms is None and all(part.final for part in order.certain()):
            order.standing = "COLLECTED" if any(part.sold for part in order.parts) else "RELEASED"

    def _over(self, customer: str, channel: str, plans: tuple[cm.Plan, ...], now_ms: int, amended: Order | None) -> str:
        asked: dict[str, int] = {}
        for plan in plans:
            for sku, units in plan.lines:
                asked[sku] = asked.get(sku, 0) + units
        if amended and amended.channel != channel:  # there, what it keeps is new
            asked = {sku: 0 for part in amended.parts for sku, _ in part.lines} | asked
        refusals = set()
        others = [order for order in self.orders if order.customer == customer and order is not amended]
        for rule in self.rules:
            if rule.channel not in ("", channel):
                continue
            fitting = [order for order in others if rule.channel in ("", order.channel, order.new_channel)]
            skus = [rule.sku] if rule.sku in asked else list(asked) if not rule.sku else []
            if not skus:
                continue
            mine = () if amended is None else ("", amended.channel, amended.new_channel)
            counts_already = amended is not None and rule.channel in mine and self._open(amended, rule.sku)
            count = sum(1 for order in fitting if self._open(order, rule.sku))
            if not counts_already and 0 < rule.open_reservations_max <= count:
                refusals.add("OPEN_RESERVATIONS_LIMIT")
            for sku in skus:
                units = sum(self._counted(order, sku, rule, now_ms) for order in fitting)
                if amended is not None:
                    units += self._counted(amended, sku, rule, now_ms, amended=True)
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
        *,
        amended: bool = False,
    ) -> int:
        units = 0
        for part in order.parts:
            if part.sold and now_ms < part.sold_at_ms + rule.collected_for_ms:
                units += part.sold.get(sku, 0)
            if amended and not part.certain:
                continue
            if amended and part.will_want is not None:
                units += min(part.of(sku), part.will_want.get(sku, 0))
            else:
                units += part.of(sku)
        return units
