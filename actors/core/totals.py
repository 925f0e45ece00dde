"""Running totals of one customer under limits, of the whole chain or within a shop: a decision adds up nothing, however
much counts.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from actors.core.policy import ChainLimitRule, LimitRule

Collected = tuple[str, int, int]  # SKU, units, and when
Place = tuple[bool, str, str]


class Share(NamedTuple):
    """What one order, grant or reservation counts for: units by SKU that shops may hand over, and what they have. It
    counts under each of its `channels`. `is_settled` is false for a grant that no shop has reported.
    """

    channels: tuple[str, ...]
    is_open: bool
    units: dict[str, int]
    collected: tuple[Collected, ...]
    is_settled: bool = True

    def fits(self, rule: LimitRule) -> bool:
        """True where it is of what the rule counts as open."""
        return self.is_under(rule) and (not rule.sku or self.units.get(rule.sku, 0) > 0)

    def sold(self, sku: str, rule: ChainLimitRule, now_ms: int) -> int:
        """Units that were collected and still count."""
        return sum(
            units for its, units, at_ms in self.collected if its == sku and now_ms < at_ms + rule.collected_for_ms
        )

    def total(self, sku: str, rule: ChainLimitRule, now_ms: int) -> int:
        """Units that count under the rule."""
        return self.units.get(sku, 0) + self.sold(sku, rule, now_ms) if self.is_under(rule) else 0

    def is_under(self, rule: LimitRule) -> bool:
        """True where it came through the rule's channel."""
        return not rule.channel or rule.channel in self.channels


class Window:
    """Units collected within the last so many ms."""

    __slots__ = ("_collected_for_ms", "_moves", "_units")

    def __init__(self, collected_for_ms: int) -> None:
        self._collected_for_ms = collected_for_ms
        self._moves: list[tuple[int, int]] = []  # a heap of (instant, units)
        self._units = 0

    def add(self, at_ms: int, units: int) -> None:
        """Count units that were collected at an instant; negative ones count no more."""
        heappush(self._moves, (at_ms, units))
        self._units += units

    def units(self, now_ms: int) -> int:
        """Those that still count."""
        moves = self._moves
        while moves and now_ms >= moves[0][0] + self._collected_for_ms:
            self._units -= heappop(moves)[1]
        return self._units


class Totals:
    """The sums of a customer's shares under some rules."""

    __slots__ = ("_opened", "_rules", "_units", "_windows", "unsettled")

    def __init__(self, rules: Sequence[ChainLimitRule] = ()) -> None:
        self._rules = rules
        # By whether it is settled, channel and SKU; an empty channel or SKU stands for all.
        self._opened: dict[Place, int] = {}
        self._units: dict[Place, int] = {}
        self._windows: dict[tuple[str, str, int], Window] = {}  # by a rule's channel, SKU and time
        self.unsettled = 0

    def add(self, share: Share, sign: int = 1) -> None:
        """Count what one of them has, or, with `sign` -1, what it had."""
        settled = share.is_settled
        self.unsettled += 0 if settled else sign
        for channel in {*share.channels, ""}:
            opened = [sku for sku, units in share.units.items() if units] if share.is_open else []
            for sku in (*opened, "") if share.is_open else ():
                _move(self._opened, (settled, channel, sku), sign)
            for sku, units in share.units.items():
                _move(self._units, (settled, channel, sku), sign * units)
        for sku, units, at_ms in share.collected:
            remembering = (rule for rule in self._rules if rule.units_max and rule.collected_for_ms)
            rules = (rule for rule in remembering if rule.channel in ("", *share.channels) and rule.sku in ("", sku))
            for place in {(rule.channel, sku, rule.collected_for_ms) for rule in rules}:
                self._windows.setdefault(place, Window(place[2])).add(at_ms, sign * units)

    def opened(self, rule: LimitRule, *, settled_only: bool = False) -> int:
        """How many are open that the rule counts."""
        return _sum(self._opened, rule.channel, rule.sku, settled_only=settled_only)

    def held(self, sku: str, rule: LimitRule, *, settled_only: bool = False) -> int:
        """The units that the rule counts, without those that were collected."""
        return _sum(self._units, rule.channel, sku, settled_only=settled_only)

    def units(self, sku: str, rule: ChainLimitRule, now_ms: int, *, settled_only: bool) -> int:
        """The units that the rule counts, those included that were collected and still count."""
        window = self._windows.get((rule.channel, sku, rule.collected_for_ms))
        units = self.held(sku, rule, settled_only=settled_only)
        return units + (0 if window is None else window.units(now_ms))

    def sums(self, now_ms: int) -> dict[tuple[str | bool | int, ...], int]:
        """All of them that are not 0, for comparison."""
        sums: dict[tuple[str | bool | int, ...], int] = {("open", *place): sum_ for place, sum_ in self._opened.items()}
        sums |= {("units", *place): sum_ for place, sum_ in self._units.items()}
        sums |= {place: window.units(now_ms) for place, window in self._windows.items()}
        return {place: sum_ for place, sum_ in sums.items() if sum_}


def _move(sums: dict[Place, int], place: Place, by: int) -> None:
    sum_ = sums.get(place, 0) + by
    if sum_:
        sums[place] = sum_
    else:
        sums.pop(place, None)


def _sum(sums: dict[Place, int], channel: str, sku: str, *, settled_only: bool) -> int:
    if not sums:
        return 0
    unsettled = 0 if settled_only else sums.get((False, channel, sku), 0)
    return sums.get((True, channel, sku), 0) + unsettled
