"""The rules a ledger decides by: how long holds last, and what one customer may hold.

The chain owns them; each ledger journals the version it decides by, so that a journal explains its own decisions.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from actors.calendar.hours import (
    ALWAYS_OPEN,
    Calendar,
    from_document as calendar_from_document,
    to_document as calendar_to_document,
)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
TTL_MS_CEILING: Final = 30 * DAY_MS
ANSWER_MEMORY_MARGIN_MS: Final = DAY_MS  # keys outlive the longest hold by this much


class TtlRule(NamedTuple):
    """A hold's time where channel, SKU and shop fit; an empty string fits all."""

    channel: str
    sku: str
    store_id: str
    ttl_ms: int


class LimitRule(NamedTuple):
    """What one customer may hold where channel and SKU fit; 0 sets no limit."""

    channel: str
    sku: str
    open_reservations_max: int
    units_max: int


class ChainLimitRule(NamedTuple):
    """What one customer may hold over the whole chain where channel and SKU fit; 0 sets no limit.

    Units that were collected go on counting for `collected_for_ms`, 0 gives them back with the collection.
    """

    channel: str
    sku: str
    open_reservations_max: int
    units_max: int
    collected_for_ms: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules. Look-ups cost a few dictionary reads however many rules there are."""

    version: int = 0
    paused: bool = False
    ttl_ms_default: int = 2 * HOUR_MS
    ttl_ms_max: int = 7 * DAY_MS
    collect_within_ms: int = 2 * DAY_MS
    ttl_rules: tuple[TtlRule, ...] = ()
    limit_rules: tuple[LimitRule, ...] = ()
    chain_limit_rules: tuple[ChainLimitRule, ...] = ()
    calendar: Calendar = ALWAYS_OPEN
    _ttl_by_fit: dict[tuple[str, str, str], int] = field(init=False, repr=False, compare=False)
    _limits_by_sku: dict[str, tuple[LimitRule, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the rules; of two rules for the same fit the later one stands."""
        by_fit = {(rule.channel, rule.sku, rule.store_id): rule.ttl_ms for rule in self.ttl_rules}
        by_sku: dict[str, tuple[LimitRule, ...]] = {}
        for rule in self.limit_rules:
            by_sku[rule.sku] = (*by_sku.get(rule.sku, ()), rule)
        object.__setattr__(self, "_ttl_by_fit", by_fit)
        object.__setattr__(self, "_limits_by_sku", by_sku)

    @property
    def answer_memory_ms(self) -> int:
        """How long answers are remembered for repeats: the longest hold and a day."""
        return self.ttl_ms_max + ANSWER_MEMORY_MARGIN_MS

    def hold_ms(self, channel: str, lines: tuple[tuple[str, int], ...], store_id: str) -> int:
        """How long a hold lasts: by the best rule of each SKU, and the shortest of those."""
        if not self._ttl_by_fit:
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
        """The limits that name this SKU (or, for the empty string, none) and fit the channel."""
        return tuple(rule for rule in self._limits_by_sku.get(sku, ()) if rule.channel in ("", channel))

    def chain_limits_for(self, channel: str, sku: str) -> tuple[ChainLimitRule, ...]:
        """The same for limits over the whole chain."""
        return tuple(rule for rule in self.chain_limit_rules if rule.sku == sku and rule.channel in ("", channel))


def to_document(policy: Policy) -> dict[str, object]:
    """The policy as plain lists and numbers, as it is journalled."""
    document: dict[str, object] = {
        "version": policy.version,
        "paused": policy.paused,
        "ttl_ms_default": policy.ttl_ms_default,
        "ttl_ms_max": policy.ttl_ms_max,
        "collect_within_ms": policy.collect_within_ms,
        "ttl_rules": [list(rule) for rule in policy.ttl_rules],
        "limit_rules": [list(rule) for rule in policy.limit_rules],
    }
    if policy.chain_limit_rules:
        document["chain_limit_rules"] = [list(rule) for rule in policy.chain_limit_rules]
    if policy.calendar != ALWAYS_OPEN:
        document["calendar"] = calendar_to_document(policy.calendar)
    return document


def from_document(document: dict[str, Any]) -> Policy:
    """The inverse of `to_document`; earlier ones have neither limits over the chain nor a calendar."""
    return Policy(
        version=document["version"],
        paused=document["paused"],
        ttl_ms_default=document["ttl_ms_default"],
        ttl_ms_max=document["ttl_ms_max"],
        collect_within_ms=document["collect_within_ms"],
        ttl_rules=tuple(TtlRule(*rule) for rule in document["ttl_rules"]),
        limit_rules=tuple(LimitRule(*rule) for rule in document["limit_rules"]),
        chain_limit_rules=tuple(ChainLimitRule(*rule) for rule in document.get("chain_limit_rules", ())),
        calendar=calendar_from_document(document["calendar"]) if "calendar" in document else ALWAYS_OPEN,
    )
