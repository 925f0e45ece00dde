"""How one order becomes another: what more is claimed, what its parts keep, and what is cut where a customer collected
units before their shop applied the outcome that takes them back.
"""

from msgspec.structs import replace

from actors.core.status import LIVE
from actors.orders.commands import Plan, Report, Target
from actors.orders.state import Order, Part
from actors.shop.commands import Lines, by_sku


def amendment(
    order: Order, wanted: tuple[Plan, ...], channel: str, *, adds: bool = False
) -> tuple[tuple[Plan, ...], tuple[Target, ...]]:
    """Return the plans to claim so that shops hold what is wanted, and the targets of the order's parts.

    A shop that is to hold less keeps what it holds up to that; one that is to hold more gets another part for the rest.
    A different slot needs another part: all of the shop's units are claimed anew. With a channel it is a whole: shops
    that are not named release what they hold, else they keep it. Where it is another one, every shop is asked, also for
    a part without lines: its limits may be others. What `adds` is claimed as it is, beside what its shops hold.
    """
    whole = bool(channel)
    plans: list[Plan] = []
    targets: list[Target] = []
    standing = [part for part in order.certain_parts() if part.status in LIVE]
    named = {plan.store_id for plan in wanted}
    if adds:
        there = (part for part in standing if part.store_id in named)
        return wanted, tuple(Target(part.store_id, part.attempt, _lines(part.wanted_by_sku())) for part in there)
    if whole:
        targets += [Target(part.store_id, part.attempt, ()) for part in standing if part.store_id not in named]
    for plan in wanted:
        store_id = plan.store_id
        parts = [part for part in standing if part.store_id == store_id]
        want = dict(by_sku(plan.lines))
        slot_ms = plan.slot_start_ms or (0 if whole else max((part.slot_start_ms for part in parts), default=0))
        for part in parts:
            keeps: dict[str, int] = {}
            if part.slot_start_ms == slot_ms:
                for sku, held in part.wanted_by_sku().items():
                    keeps[sku] = min(held, want.get(sku, 0))
                    want[sku] = want.get(sku, 0) - keeps[sku]
            targets.append(Target(store_id, part.attempt, _lines(keeps)))
        rest = _lines(want)
        if rest or (whole and channel != order.channel):
            plans.append(Plan(store_id, rest, slot_ms))
    return tuple(plans), tuple(targets)


def in_all(order: Order, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The targets plus what has been collected by now, so that units collected later count among those a part keeps."""
    return tuple(_shifted(order, target, 1) for target in targets)


def beyond_collected(order: Order, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The inverse of `in_all`, as of now."""
    return tuple(_shifted(order, target, -1) for target in targets)


def _shifted(order: Order, target: Target, sign: int) -> Target:
    units = dict(by_sku(target.lines))
    for part in order.parts:
        if (part.store_id, part.attempt) == (target.store_id, target.attempt):
            for sku, sold in part.sold_by_sku(part.collected).items():
                units[sku] = max(0, units.get(sku, 0) + sign * sold)
    return replace(target, lines=_lines(units))


def reduction(order: Order, report: Report) -> tuple[Target, ...]:
    """What to cut of the parts that replaced the reported one, where more of that one was collected than it was to
    keep. Those parts have not received an outcome yet, so none of their units can have been collected.

    An open attempt may be committed or abandoned. So the committed parts are cut in any case, and the open attempt's
    claims in their place by as much as gives the same sum once it is committed.
    """
    part = next(part for part in order.parts if (part.store_id, part.attempt) == (report.store_id, report.attempt))
    if not report.reservation or report.version <= part.version or not (part.dropped or part.keep):
        return ()
    before, now = _beyond(part, part.collected, part.keep), _beyond(part, report.collected, part.keep)
    excess = {sku: units - before.get(sku, 0) for sku, units in now.items()}
    newer = [
        (other, other.wanted_by_sku())
        for other in order.certain_parts()
        if other.attempt >= part.replaced_by and other.status in LIVE
    ]
    cut = _cut([(other, dict(units)) for other, units in newer], dict(excess))
    staying = _by_part(beyond_collected(order, order.targets))
    left = _by_part(cut)
    for other, units in newer:
        place = (other.store_id, other.attempt)
        for sku, had in units.items():
            stays = staying.get(place, units).get(sku, 0)
            excess[sku] = excess.get(sku, 0) - min(had, stays) + min(left.get(place, units).get(sku, 0), stays)
    return cut + _cut(_asked(order), excess)


def reduction_at_commit(order: Order) -> tuple[Target, ...]:
    """What to cut of the attempt that is committed, for units collected while it was open."""
    excess: dict[str, int] = {}
    for target in order.targets:
        named = (target.store_id, target.attempt)
        part = next(part for part in order.parts if (part.store_id, part.attempt) == named)
        known = _beyond(part, part.collected, part.keep) if part.keep else {}
        for sku, units in _beyond(part, part.collected, target.lines).items():
            excess[sku] = excess.get(sku, 0) + max(0, units - known.get(sku, 0))
    return _cut(_asked(order), excess)


def _asked(order: Order) -> list[tuple[Part, dict[str, int]]]:
    """The open attempt's parts, each with the units left of its claim."""
    return [(part, dict(by_sku(part.keep or part.lines))) for part in order.open_parts()]


def _by_part(targets: tuple[Target, ...]) -> dict[tuple[str, int], dict[str, int]]:
    return {(target.store_id, target.attempt): dict(by_sku(target.lines)) for target in targets}


def _beyond(part: Part, collected: tuple[int, ...], keep: Lines) -> dict[str, int]:
    """By SKU, how many of these collected units exceed what the part was to keep."""
    kept, sold = dict(by_sku(keep)), part.sold_by_sku(collected)
    return {sku: units - kept.get(sku, 0) for sku, units in sold.items() if units > kept.get(sku, 0)}


def _cut(parts: list[tuple[Part, dict[str, int]]], excess: dict[str, int]) -> tuple[Target, ...]:
    """Cut the excess from the parts and return their targets. Earlier parts first: a later one replaced more other
    parts, and may have to make up for what was collected of those.
    """
    targets = []
    for part, keeps in parts:
        cut = {sku: min(units, excess.get(sku, 0)) for sku, units in keeps.items()}
        for sku, units in cut.items():
            keeps[sku] -= units
            excess[sku] = excess.get(sku, 0) - units
        if any(cut.values()):
            targets.append(Target(part.store_id, part.attempt, _lines(keeps)))
    return tuple(targets)


def _lines(units: dict[str, int]) -> Lines:
    return tuple((sku, quantity) for sku, quantity in units.items() if quantity)
