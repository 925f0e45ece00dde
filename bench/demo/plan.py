"""What is asked in both acts, drawn from the seed alone: the same seed asks the same. Pure, but for the chain file.

First act: a journey for each basket of the workload, in one shop. Second act: orders over several shops. Shops carry
one of three groups of SKUs each, and all of them a few common ones; a basket of several groups has to be split.
Customers live near some of the shops, and want the same stock. The shares are set by hand, near to those of
click-and-collect chains: the data has no fates, customers or channels.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple
from zlib import crc32

import yaml

from bench.demo.calls import Call, Kind, Repeat, draw_repeat, one_more, reserve_call
from bench.workload import Opening, Order as Basket, Shop
from holdfast.client import ChainLimitRule, Order, Place, ReleaseReason, Reservation, SourcingPolicy, StorePlan

HOUR_MS: Final = 3_600_000
EXTEND_MS: Final = 3 * HOUR_MS
SHORT_TTL_MS: Final = (2_000, 5_000)  # of what is to expire during the demo

# --- first act: baskets in one shop ----------------------------------------------------------------------------------

CHANNELS: Final = {"web": 55, "app": 30, "marketplace": 10, "phone": 5}
BASKETS_A_CUSTOMER: Final = 4
REPLACED_SHARE: Final = 0.03  # of baskets: reserved again after the customer changed them
EXTENDED_SHARE: Final = 0.03
REPEATS: Final = {Repeat.AFTER: 0.015, Repeat.AT_ONCE: 0.01, Repeat.OTHER_CONTENT: 0.005}  # of all calls

FATES: Final = {
    "collected": 61,
    "collected by line": 7,
    "left ready": 7,
    "left confirmed": 5,
    "cancelled after confirm": 5,
    "expired": 8,
    "released": 4,
    "released by line": 2,
    "left held": 1,
}
"""How baskets end, of 100; 85 are confirmed."""

_CANCELLATIONS: Final = {
    ReleaseReason.CUSTOMER_CANCELLED: 60,
    ReleaseReason.NO_SHOW: 25,
    ReleaseReason.FRAUD: 5,
    ReleaseReason.OTHER: 10,
}
_GIVE_UPS: Final = {ReleaseReason.PAYMENT_FAILED: 50, ReleaseReason.CUSTOMER_CANCELLED: 50}


class Step(NamedTuple):
    """A call to come, and how it is repeated; the reservation that it concerns is known once it is made."""

    call: Call
    repeat: Repeat


def customer_of(basket: Basket, baskets_of_store: Mapping[str, int]) -> str:
    """A made-up customer of the shop, the same for some four baskets."""
    customers = max(1, baskets_of_store[basket.store_id] // BASKETS_A_CUSTOMER)
    return f"c-{basket.store_id}-{crc32(basket.basket_id.encode()) % customers}"


def journey(basket: Basket, seed: int, customer_id: str) -> tuple[Step, ...]:
    """The calls of a basket's life, in sequence. A refusal of one ends it, but for that of a replacement."""
    draw = Random(f"journey:{seed}:{basket.basket_id}")
    channel, fate = _drawn(CHANNELS, draw), _drawn(FATES, draw)
    calls = _reserves(basket, fate, draw, customer_id, channel)
    if fate not in ("expired", "left held") and draw.random() < EXTENDED_SHARE:
        calls.append(_call(basket, Kind.EXTEND, "extend", ttl_ms=EXTEND_MS))
    calls.extend(_ending(basket, fate, draw))
    return tuple(Step(call, draw_repeat(call.kind, draw, REPEATS)) for call in calls)


def _drawn(shares: Mapping[Any, int], draw: Random) -> Any:
    [chosen] = draw.choices(list(shares), list(shares.values()))
    return chosen


def _call(basket: Basket, kind: Kind, name: str, **asked: Any) -> Call:
    return Call(kind, f"{basket.basket_id}-{name}", asked)


def _reserves(basket: Basket, fate: str, draw: Random, customer_id: str, channel: str) -> list[Call]:
    """The reservation, before it perhaps the one that it replaces: the same basket with a unit more."""
    asked: dict[str, Any] = {
        "store_id": basket.store_id,
        "lines": basket.lines,
        "customer_id": customer_id,
        "channel": channel,
        "basket_id": basket.basket_id,
    }
    if fate == "expired":
        asked["ttl_ms"] = draw.randint(*SHORT_TTL_MS)
    final = _call(basket, Kind.RESERVE, "reserve", **asked)
    if draw.random() >= REPLACED_SHARE:
        return [final]
    return [_call(basket, Kind.RESERVE, "draft", **{**asked, "lines": one_more(basket.lines)}), final]


def _ending(basket: Basket, fate: str, draw: Random) -> list[Call]:
    confirm, ready = _call(basket, Kind.CONFIRM, "confirm"), _call(basket, Kind.MARK_READY, "ready")
    payment = f"pay-{basket.basket_id}"
    (sku, quantity), *_ = basket.lines
    part = ((sku, draw.randint(1, quantity)),)
    match fate:
        case "left confirmed":
            return [confirm]
        case "left ready":
            return [confirm, ready]
        case "collected":
            return [confirm, ready, _call(basket, Kind.COLLECT, "collect", payment_reference=payment)]
        case "collected by line":
            collect = _call(basket, Kind.COLLECT, "collect-part", lines=part, payment_reference=payment)
            if basket.lines == part:
                return [confirm, ready, collect]
            # The rest is collected later, or it was not found on the shelf and is given back.
            rest = _call(basket, Kind.COLLECT, "collect-rest", payment_reference=f"{payment}-rest")
            if draw.random() >= 0.5:
                rest = _call(basket, Kind.RELEASE, "release-rest", reason=ReleaseReason.NOT_FOUND_ON_SHELF)
            return [confirm, ready, collect, rest]
        case "cancelled after confirm":
            return [confirm, _call(basket, Kind.RELEASE, "release", reason=_drawn(_CANCELLATIONS, draw))]
        case "released":
            return [_call(basket, Kind.RELEASE, "release", reason=_drawn(_GIVE_UPS, draw))]
        case "released by line":
            reason = ReleaseReason.NOT_FOUND_ON_SHELF
            return [_call(basket, Kind.RELEASE, "release-part", lines=part, reason=reason)]
        case _:
            return []


# --- second act: orders over several shops ---------------------------------------------------------------------------

ORDERS: Final = 800
TOWNS: Final = 24  # shops near which customers live; the others are what towns fall back on
GROUPS: Final = 3
SKUS_OF_GROUP: Final = [[f"across-{group}{number}" for number in range(8)] for group in "abc"]
COMMON_SKUS: Final = [f"across-common{number}" for number in range(4)]
UNITS_A_POSITION: Final = (3, 12)
HOT_SKU: Final = "across-hot"
HOT_UNITS: Final = 40
SLOT_SKU: Final = "across-slot"
SLOT_UNITS: Final = 50
SLOT_CALLERS: Final = 14

ORDER_CHANNELS: Final = {"web": 50, "app": 35, "marketplace": 15}
POLICIES: Final = {SourcingPolicy.SPLIT: 55, SourcingPolicy.ONE_STORE: 25, SourcingPolicy.PARTIAL: 20}
WHOLE_SHARE: Final = 0.7  # of ONE_STORE baskets: of one group, so that one shop may have it all
SLOT_SHARE: Final = 0.25
SLOTS_ASKED: Final = 2
SHOPS_WITH_SLOTS_SHARE: Final = 0.4
JITTER_DEGREES: Final = 0.12
KILOMETRES_MAX: Final = (0.0, 250.0, 600.0)
ORDER_REPEATS: Final = {Repeat.AFTER: 0.03, Repeat.AT_ONCE: 0.04, Repeat.OTHER_CONTENT: 0.01}  # of all calls

UNIT_SEEKERS: Final = 36
UNIT_SEEKER_CALLS: Final = 7
ORDER_SEEKERS: Final = 20
ORDER_SEEKER_CALLS: Final = 9
SECOND_TRIES: Final = 3

ORDER_FATES: Final[Mapping[tuple[Kind, ...], int]] = {
    (Kind.CONFIRM_ORDER, Kind.READY_ORDER, Kind.COLLECT_ORDER): 44,
    (Kind.AMEND_ORDER, Kind.CONFIRM_ORDER, Kind.COLLECT_ORDER): 12,
    (Kind.AMEND_ORDER,): 4,
    (Kind.CONFIRM_ORDER,): 9,
    (Kind.CONFIRM_ORDER, Kind.RELEASE_ORDER): 6,
    (Kind.RELEASE_ORDER,): 7,
    (Kind.EXTEND_ORDER,): 3,
    (): 15,
}
"""What is asked of an order once it is placed, of 100 orders; a refusal ends it, and leaves it as it is."""

EXPIRING_SHARE: Final = 2 / 3  # of the orders of which nothing more is asked


# What one customer may have over all shops. Units that were collected go on counting for longer than a demo takes.
LIMITED_CHANNEL: Final = "app"
UNIT_LIMIT: Final = ChainLimitRule(sku=HOT_SKU, units_max=3, collected_for_ms=HOUR_MS)
ORDER_LIMIT: Final = ChainLimitRule(channel=LIMITED_CHANNEL, open_reservations_max=5)
LIMITS: Final = (UNIT_LIMIT, ORDER_LIMIT)


class OrderJourney(NamedTuple):
    """An order to come and the steps after it. `wants_slot` is which of the slots found out later, -1 for none."""

    placing: Call
    steps: tuple[Kind, ...]
    wants_slot: int


class Seeker(NamedTuple):
    """A customer who tries to have more than a limit allows, with all first calls at once, and later the second."""

    customer_id: str
    first: tuple[Call, ...]
    second: tuple[Call, ...]


class Across(NamedTuple):
    """The whole act. `slot_shop_id` is where many callers compete for the last places of a slot, by `slot_calls`, of
    which the slot is found out later.
    """

    openings: tuple[Opening, ...]
    journeys: tuple[OrderJourney, ...]
    seekers: tuple[Seeker, ...]
    slot_shop_id: str
    slot_calls: tuple[Call, ...] = ()


def shops_with_slots(shops: Sequence[Shop], seed: int) -> frozenset[str]:
    """The shops that have hours, and slots with few places."""
    draw = Random(f"across-slots:{seed}")
    return frozenset(draw.sample([shop.store_id for shop in shops], int(len(shops) * SHOPS_WITH_SLOTS_SHARE) or 1))


def across_plan(shops: Sequence[Shop], seed: int) -> Across:
    """The act for these shops."""
    draw = Random(f"across:{seed}")
    towns = draw.sample(list(shops), min(TOWNS, len(shops)))
    slot_shop_id = min(shops_with_slots(shops, seed))
    openings = [
        Opening(shop.store_id, sku, draw.randint(*UNITS_A_POSITION), 0)
        for shop in shops
        for sku in (*SKUS_OF_GROUP[draw.randrange(GROUPS)], *COMMON_SKUS)
    ]
    openings += [Opening(town.store_id, HOT_SKU, HOT_UNITS, 0) for town in towns]
    openings.append(Opening(slot_shop_id, SLOT_SKU, SLOT_UNITS, 0))
    journeys = tuple(_order_journey(number, draw.choice(towns), draw) for number in range(ORDERS))
    units, orders = partial(_units_sought, towns, draw), partial(_order_sought, towns, draw)
    seekers = [_seeker(f"unit-seeker-{number}", UNIT_SEEKER_CALLS, units) for number in range(UNIT_SEEKERS)]
    seekers += [_seeker(f"order-seeker-{number}", ORDER_SEEKER_CALLS, orders) for number in range(ORDER_SEEKERS)]
    # A limit of the chain applies to the channel, so that each needs a grant.
    slot_calls = tuple(
        reserve_call(f"across-slot-{number}", slot_shop_id, SLOT_SKU, channel=LIMITED_CHANNEL)
        for number in range(SLOT_CALLERS)
    )
    return Across(tuple(openings), journeys, tuple(seekers), slot_shop_id, slot_calls)


def given_back(held: Order | Reservation, key: str) -> Call:
    """The call that releases what a customer holds."""
    reason = ReleaseReason.CUSTOMER_CANCELLED
    if isinstance(held, Order):
        return Call(Kind.RELEASE_ORDER, key, {"order_id": held.order_id, "reason": reason})
    return Call(Kind.RELEASE, key, {"reservation_id": held.reservation_id, "reason": reason})


def taken_home(held: Order | Reservation, key: str) -> Call:
    """The call that collects what a customer holds."""
    asked = {"payment_reference": f"pay-{key}"}
    if isinstance(held, Order):
        return Call(Kind.COLLECT_ORDER, key, {"order_id": held.order_id, **asked})
    return Call(Kind.COLLECT, key, {"reservation_id": held.reservation_id, **asked})


def step_of(kind: Kind, key: str, order: Order, draw: Random) -> Call:
    """The call of a step of an order that was placed."""
    asked: dict[Kind, dict[str, Any]] = {
        Kind.COLLECT_ORDER: {"payment_reference": f"pay-{key}"},
        Kind.RELEASE_ORDER: {"reason": ReleaseReason.CUSTOMER_CANCELLED},
        Kind.EXTEND_ORDER: {"ttl_ms": EXTEND_MS},
    }
    if kind is Kind.AMEND_ORDER:
        asked[kind] = {"stores": amendment_of(order, draw)}
    return Call(kind, key, {"order_id": order.order_id, **asked.get(kind, {})})


def amendment_of(order: Order, draw: Random) -> tuple[StorePlan, ...]:
    """A change of what an order has: a unit or a line more or less in one shop, or one shop less."""
    part = draw.choice(order.parts)
    (sku, quantity), *rest = [(line.sku, line.quantity) for line in part.lines]
    chance = draw.random()
    if len(order.parts) > 1 and chance < 0.25:
        return (StorePlan(part.store_id),)
    if quantity > 1 and chance < 0.6:
        return (StorePlan(part.store_id, ((sku, quantity - 1), *rest)),)
    if len(order.parts) > 1 and rest and chance < 0.8:
        return (StorePlan(part.store_id, tuple(rest)),)
    return (StorePlan(part.store_id, ((sku, quantity + 1), *rest)),)


def _near(town: Shop, draw: Random) -> Place:
    return Place(
        latitude=round(town.latitude + draw.gauss(0, JITTER_DEGREES), 4),
        longitude=round(town.longitude + draw.gauss(0, JITTER_DEGREES), 4),
    )


def _order_journey(number: int, town: Shop, draw: Random) -> OrderJourney:
    policy, steps = _drawn(POLICIES, draw), _drawn(ORDER_FATES, draw)
    groups = draw.sample(range(GROUPS), draw.randint(2, GROUPS))
    if policy is SourcingPolicy.ONE_STORE and draw.random() < WHOLE_SHARE:
        groups = groups[:1]
    skus = [draw.choice(SKUS_OF_GROUP[group]) for group in groups]
    if draw.random() < 0.5:
        skus.append(draw.choice(COMMON_SKUS))
    asked: dict[str, Any] = {
        "customer_id": f"a-{town.store_id}-{draw.randrange(ORDERS)}",
        "channel": _drawn(ORDER_CHANNELS, draw),
        "lines": tuple((sku, draw.choice((1, 1, 1, 2))) for sku in skus),
        "place": _near(town, draw),
        "policy": policy,
        "kilometres_max": draw.choice(KILOMETRES_MAX),
    }
    if not steps and draw.random() < EXPIRING_SHARE:
        asked["ttl_ms"] = draw.randint(*SHORT_TTL_MS)
    wants_slot = draw.randrange(SLOTS_ASKED) if draw.random() < SLOT_SHARE else -1
    return OrderJourney(Call(Kind.RESERVE_NEAR, f"across-{number}-place", asked), steps, wants_slot)


def _seeker(customer_id: str, calls: int, asks: Callable[[int], dict[str, Any]]) -> Seeker:
    """So many calls at once, and later some more, of what is asked in each place."""
    made = []
    for index in range(calls + SECOND_TRIES):
        asked = {"customer_id": customer_id, **asks(index)}
        kind = Kind.RESERVE if "store_id" in asked else Kind.RESERVE_NEAR
        made.append(Call(kind, f"{customer_id}-{index}", asked))
    return Seeker(customer_id, tuple(made[:calls]), tuple(made[calls:]))


def _units_sought(towns: Sequence[Shop], draw: Random, index: int) -> dict[str, Any]:
    """One or two of a hot SKU in many shops, by name, and by place."""
    town, channel = draw.choice(towns), draw.choice(list(ORDER_CHANNELS))
    asked = {"channel": channel, "lines": ((HOT_SKU, draw.choice((1, 1, 2))),)}
    if index % 3 == 2:
        return {**asked, "place": _near(town, draw), "policy": SourcingPolicy.SPLIT}
    return {**asked, "store_id": town.store_id}


def _order_sought(towns: Sequence[Shop], draw: Random, _index: int) -> dict[str, Any]:
    """One of more orders than a channel allows a customer."""
    asked = {"channel": LIMITED_CHANNEL, "lines": ((draw.choice(COMMON_SKUS), 1),)}
    return {**asked, "place": _near(draw.choice(towns), draw), "policy": SourcingPolicy.ONE_STORE}


# --- the chain file --------------------------------------------------------------------------------------------------

POLICY: Final[dict[str, Any]] = {
    "ttl_default": "2h",
    "ttl_max": "7d",
    "collect_within": "2d",
    "ttl_rules": [{"channel": "app", "ttl": "30m"}, {"channel": "marketplace", "ttl": "24h"}],
    # Real baskets ask for up to 50 units of a SKU: the largest are refused.
    "limit_rules": [{"open_reservations_max": 3, "units_max": 20}],
}
# Three places a slot, open day and night like all other shops.
HOURS: Final = {"zone": "UTC", "slot": "30m", "staff": 1, "pickups_per_staff_hour": 6}


def write_chain_file(path: Path, shops: Iterable[Shop], with_slots: Collection[str] = ()) -> None:
    """Stores and policy, as `python -m serve --chain-file` reads them. `with_slots` are shops that have hours."""
    stores = [asdict(shop) | ({"hours": HOURS} if shop.store_id in with_slots else {}) for shop in shops]
    path.write_text(yaml.safe_dump({"policy": POLICY, "stores": stores}, sort_keys=False), encoding="utf-8")
