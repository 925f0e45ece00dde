"""Which positions an event touched: what readers of stock are told to look at. Stands beside `evolve`, and is total
like it: an event that moved a position without naming it would leave every reader with a wrong number.
"""

from typing import assert_never

from actors.core.events import PolicyAdopted, Refused
from actors.shop.commands import Lines
from actors.shop.events import (
    Acknowledged,
    Amended,
    Claimed,
    Collected,
    Confirmed,
    Event,
    Expired,
    Extended,
    OutcomeApplied,
    ReadyMarked,
    Released,
    Reserved,
    SafetyStockSet,
    ShortfallDeclared,
    StockAdjusted,
    StockCounted,
)


def touched_skus(event: Event) -> tuple[str, ...]:
    """SKUs whose position the event changed, each once. Changes of stock name all their rows, also such as a later
    count had seen.
    """
    match event:
        case Reserved() | Claimed():
            return tuple(dict.fromkeys(sku for sku, _ in event.command.lines))
        case Collected() | Released() | Expired() | OutcomeApplied():
            return tuple(dict.fromkeys(sku for sku, units in event.lines if units))
        case Amended():
            return _more_or_less(event.before, event.lines)
        case StockAdjusted():
            return tuple(dict.fromkeys(row.sku for row in event.movements))
        case StockCounted():
            return tuple(dict.fromkeys(sku for sku, _ in event.corrections))
        case SafetyStockSet():
            return tuple(dict.fromkeys(sku for sku, _ in event.safety_stocks))
        case Refused() | Confirmed() | ReadyMarked() | Extended() | Acknowledged() | ShortfallDeclared():
            return ()
        case PolicyAdopted():
            return ()
        case _:
            assert_never(event)


def _more_or_less(before: Lines, after: Lines) -> tuple[str, ...]:
    """SKUs of which the two hold different numbers of units."""
    units_by_sku: dict[str, int] = {}
    for sku, units in after:
        units_by_sku[sku] = units_by_sku.get(sku, 0) + units
    for sku, units in before:
        units_by_sku[sku] = units_by_sku.get(sku, 0) - units
    return tuple(sku for sku, units in units_by_sku.items() if units)
