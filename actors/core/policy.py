"""The policy that a ledger decides by: how long holds last, and what one customer may hold.

The chain owns it; each ledger journals the version it decides by, so that its journal explains its decisions.
"""

from collections.abc import Collection, Iterable
from enum import IntEnum
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from actors.calendar.hours import ALWAYS_OPEN, Calendar
from actors.core.message import Value

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
TTL_MS_CEILING: Final = 30 * DAY_MS
CALL_MS_MAX: Final = 600_000  # the longest deadline of a call: no copy of it arrives later
KEPT: Final = (  # may be large, and are said once
    "ttl_rules",
    "line_rules",
    "pick_rules",
    "limit_rules",
    "chain_limit_rules",
    "calendar",
    "hot",
    "paused_stores",
)
ANSWER_MEMORY_MARGIN_MS: Final = DAY_MS  # answers are kept for the longest hold and this


class TtlRule(Value, frozen=True):
    """How long a hold lasts where channel, SKU and shop match; an empty string matches any."""

    channel: str
    sku: str
    store_id: str
    ttl_ms: int


class LineRule(Value, frozen=True):
    """What holds for lines in one shop in place of the chain's: whether they may be passed, and how long who is served
    has to take his units up, 0 for the chain's.
    """

    store_id: str
    may_pass: bool
    take_up_ms: int


class PickRule(Value, frozen=True):
    """Whether one shop picks, and sells what was picked again only once it is put back, in place of the chain's."""

    store_id: str
    picks: bool
    put_back_first: bool = False


class LimitRule(Value, frozen=True):
    """What one customer may hold in a shop where channel and SKU match; "" matches any, 0 sets no limit."""

    channel: str
    sku: str
    open_reservations_max: int
    units_max: int


class ChainLimitRule(LimitRule, frozen=True):
    """The same over the whole chain. Collected units still count for `collected_for_ms` after their collection; 0 stops
    counting them at collection.
    """

    collected_for_ms: int


class HotSku(Value, frozen=True):
    """A SKU that has, or had, a ledger of its own. `generation` is the chain's revision that opened or closed that
    last, 0 for never: such a one is announced for `from_ms`, and no rule of any ledger yet. One that was closed is
    known for CLOSED_MEMORY_MS. `announced`: by an operator, who alone ends it. `seal`: a secret of this opening, which
    gateways make stamps of; a shop is told its own stamp in place of it, and other ledgers nothing.
    """

    sku: str
    generation: int = 0
    is_open: bool = False
    from_ms: int = 0  # what it is announced for; of an open one when it was opened
    closed_ms: int = 0
    announced: bool = False
    seal: str = ""


class LosesFirst(IntEnum):
    """Who loses first where promised units are missing. Names and numbers are those of the wire.

    LOWEST_STATUS: holds, then what is confirmed, then what is ready; of these the youngest. YOUNGEST: whatever it is.
    """

    LOWEST_STATUS = 1
    YOUNGEST = 2


class Policy(Value, frozen=True, dict=True, gc=True):
    """One version of the policy. A look-up costs a few dictionary reads, however many rules there are."""

    version: int = 0
    paused: bool = False
    ttl_ms_default: int = 2 * HOUR_MS
    ttl_ms_max: int = 7 * DAY_MS
    collect_within_ms: int = 2 * DAY_MS
    ttl_rules: tuple[TtlRule, ...] = ()
    limit_rules: tuple[LimitRule, ...] = ()
    chain_limit_rules: tuple[ChainLimitRule, ...] = ()
    calendar: Calendar = ALWAYS_OPEN
    shop_revision: int = 0  # of the chain when the shop's own rules changed last
    line_wait_ms_max: int = DAY_MS
    line_places_max: int = 1_000  # of one SKU in one shop
    line_may_pass: bool = False  # who needs fewer units than there are for the head is served before it
    hot: tuple[HotSku, ...] = ()  # those that were ever opened, as far as they are known
    hot_revision: int = 0  # of the chain when these changed last
    paused_stores: tuple[str, ...] = ()  # of the ledger of a hot SKU: shops that take no new reservations
    loses_first: LosesFirst = LosesFirst.LOWEST_STATUS
    losers_wait: bool = False  # who loses all units of one SKU waits first in line, in place of being released
    line_take_up_ms: int = 0  # how long who is served in line has to take his units up, 0 for as long as any hold
    line_rules: tuple[LineRule, ...] = ()  # by shop; a shop's own is in the fields that it is about
    picks: bool = False  # each reservation that is confirmed is a pick task
    put_back_first: bool = False  # what was picked and is not wanted any more is available again once it is put back
    pick_rules: tuple[PickRule, ...] = ()  # by shop, likewise
    returns_within_ms: int = 0  # how long what is over is known, for goods to come back, if longer than answers
    promise_in_transit: bool = False  # what is on its way to a shop may be promised there before it has come

    @property
    def age(self) -> tuple[int, int, int]:
        """Grows with every change of the chain's rules, of the shop's own pause and calendar, and of hot SKUs."""
        return self.version, self.shop_revision, self.hot_revision

    @cached_property
    def hot_by_sku(self) -> dict[str, HotSku]:
        return {each.sku: each for each in self.hot}

    @cached_property
    def sku_by_stamp(self) -> dict[str, str]:
        """Of a shop: the open SKUs by the stamps that keys of theirs may end with here."""
        return {each.seal: each.sku for each in self.hot if each.is_open and each.seal}

    def apart_from(self, before: "Policy") -> tuple["Policy", tuple[str, ...]]:
        """This policy without what may be large and was so before, and the names of these fields."""
        kept = tuple(name for name in KEPT if getattr(self, name) == getattr(before, name) != getattr(NOTHING, name))
        return replace(self, **{name: getattr(NOTHING, name) for name in kept}), kept

    def with_kept(self, before: "Policy", kept: tuple[str, ...]) -> "Policy":
        """The inverse of `apart_from`."""
        return replace(self, **{name: getattr(before, name) for name in kept}) if kept else self

    def of_hot(self, sku: str) -> "Policy":
        """What of this policy concerns the ledger of a hot SKU: limits of the whole chain that apply to it, for any of
        its positions, which are named by shops.
        """
        rules = tuple(replace(rule, sku="") for rule in self.chain_limit_rules if rule.sku in ("", sku))
        return replace(self, chain_limit_rules=rules) if self.chain_limit_rules else self

    def of_shops(self, store_ids: Collection[str]) -> "Policy":
        """What of this policy concerns these shops: without the times of holds, lines and picking in others."""
        rules = tuple(rule for rule in self.ttl_rules if not rule.store_id or rule.store_id in store_ids)
        lines = tuple(rule for rule in self.line_rules if rule.store_id in store_ids)
        picks = tuple(rule for rule in self.pick_rules if rule.store_id in store_ids)
        counts = len(self.ttl_rules), len(self.line_rules), len(self.pick_rules)
        if (len(rules), len(lines), len(picks)) == counts:
            return self
        return replace(self, ttl_rules=rules, line_rules=lines, pick_rules=picks)

    def of_shop(self, store_id: str) -> "Policy":
        """What one shop decides by: its own rules for lines and picking in place of the chain's."""
        mine = self.of_shops((store_id,))
        for rule in mine.line_rules:
            take_up_ms = rule.take_up_ms or self.line_take_up_ms
            mine = replace(mine, line_may_pass=rule.may_pass, line_take_up_ms=take_up_ms)
        for pick_rule in mine.pick_rules:
            mine = replace(mine, picks=pick_rule.picks, put_back_first=pick_rule.put_back_first)
        return mine.without_rules_by_shop()

    def of_no_shop(self) -> "Policy":
        """What a ledger that is no shop's decides by: it has nothing to pick."""
        mine = self.without_rules_by_shop()
        return replace(mine, picks=False) if mine.picks else mine

    def without_rules_by_shop(self) -> "Policy":
        """The same without rules that name a shop each."""
        return replace(self, line_rules=(), pick_rules=()) if self.line_rules or self.pick_rules else self

    @cached_property
    def _ttl_by_fit(self) -> dict[tuple[str, str, str], int]:
        """Of two rules with the same key the later one applies."""
        return {(rule.channel, rule.sku, rule.store_id): rule.ttl_ms for rule in self.ttl_rules}

    @cached_property
    def _limits_by_sku(self) -> dict[str, tuple[LimitRule, ...]]:
        by_sku: dict[str, tuple[LimitRule, ...]] = {}
        for rule in self.limit_rules:
            by_sku[rule.sku] = (*by_sku.get(rule.sku, ()), rule)
        return by_sku

    @property
    def answer_memory_ms(self) -> int:
        """How long answers are kept for repeats: `ttl_ms_max` and one day."""
        return self.ttl_ms_max + ANSWER_MEMORY_MARGIN_MS

    @property
    def over_memory_ms(self) -> int:
        """How long reservations that are over are known."""
        return max(self.answer_memory_ms, self.returns_within_ms)

    def hold_ms(self, channel: str, lines: tuple[tuple[str, int], ...], store_id: str) -> int:
        """How long a hold lasts, in ms: the shortest over its SKUs, each by its most specific rule."""
        if not self.ttl_rules:
            return self.ttl_ms_default
        return min(self._sku_hold_ms(channel, sku, store_id) for sku, _ in lines)

    def _sku_hold_ms(self, channel: str, sku: str, store_id: str) -> int:
        by_fit = self._ttl_by_fit
        for fit_channel in (channel, ""):
            for fit_sku in (sku, ""):
                for fit_store in (store_id, ""):
                    ttl_ms = by_fit.get((fit_channel, fit_sku, fit_store))
                    if ttl_ms is not None:
                        return ttl_ms
        return self.ttl_ms_default

    def limits_for(self, channel: str, sku: str) -> tuple[LimitRule, ...]:
        """The limits on this SKU (with "": those on any SKU) that match the channel."""
        return tuple(rule for rule in self._limits_by_sku.get(sku, ()) if rule.channel in ("", channel))

    def is_limited_in_shops(self, sku: str) -> bool:
        """Whether a limit within single shops applies to this SKU through some channel."""
        return "" in self._limits_by_sku or sku in self._limits_by_sku

    @cached_property
    def _chain_limits_by_sku(self) -> dict[str, tuple[ChainLimitRule, ...]]:
        by_sku: dict[str, tuple[ChainLimitRule, ...]] = {}
        for rule in self.chain_limit_rules:
            by_sku[rule.sku] = (*by_sku.get(rule.sku, ()), rule)
        return by_sku

    def chain_limits_for(self, channel: str, sku: str) -> tuple[ChainLimitRule, ...]:
        """The limits over the whole chain on this SKU (with "": those on any SKU) that match the channel."""
        rules = self._chain_limits_by_sku.get(sku)
        return () if rules is None else tuple([rule for rule in rules if rule.channel in ("", channel)])

    def is_limited(self, channel: str, lines: Iterable[tuple[str, int]]) -> bool:
        """Whether a limit of the whole chain applies to one of these lines through this channel."""
        return bool(self.chain_limit_rules) and (
            bool(self.chain_limits_for(channel, "")) or any(self.chain_limits_for(channel, sku) for sku, _ in lines)
        )


NOTHING: Final = Policy()
