"""Who orders what over several shops, from where, and what becomes of it: drawn from the seed alone. Pure, but for the
chain file, which is written here as its shops and limits are what the plan runs into.

Shops carry one of three groups of SKUs each, and all of them a few that are common. A basket of several groups cannot
come from one shop, so it has to be split. Customers live near some of the shops, and pull at the same stock.
"""

from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import yaml

from bench.demo.calls import OrderCall, OrderKind
from bench.demo.journeys import Repeat
from bench.demo.order_stories import ChainLimit
from bench.workload import Opening, Shop
from holdfast.client import Order, Place, SourcingPolicy, StorePlan

ORDERS: Final = 800
TOWNS: Final = 24
"""Shops near which customers live; the others are what towns fall back on."""

GROUPS: Final = 3
SKUS_A_GROUP: Final = 8
COMMON_SKUS: Final = 4
UNITS_A_POSITION: Final = (3, 12)
HOT_SKU: Final = "across-hot"
HOT_UNITS: Final = 40
SLOT_SKU: Final = "across-slot"
SLOT_UNITS: Final = 50

POLICIES: Final = {SourcingPolicy.SPLIT: 55, SourcingPolicy.ONE_STORE: 25, SourcingPolicy.PARTIAL: 20}
WHOLE_SHARE: Final = 0.7
"""Of ONE_STORE baskets: of one group, so that one shop may have it all."""

SLOT_SHARE: Final = 0.25
SHOPS_WITH_SLOTS_SHARE: Final = 0.4
SLOTS_ASKED: Final = 2
HOURS: Final = {"zone": "UTC", "slot": "30m", "staff": 1, "pickups_per_staff_hour": 6}
"""One of the staff, six pickups an hour: three places a slot, open day and night like all the others."""

JITTER_DEGREES: Final = 0.12
KILOMETRES_MAX: Final = (0.0, 250.0, 600.0)
CHANNELS: Final = {"web": 50, "app": 35, "marketplace": 15}
LIMITED_CHANNEL: Final = "app"

LIMITS: Final = (
    ChainLimit(sku=HOT_SKU, units_max=3, collected_counts=True),
    ChainLimit(channel=LIMITED_CHANNEL, open_reservations_max=5),
)

UNIT_SEEKERS: Final = 36
UNIT_SEEKER_CALLS: Final = 7
ORDER_SEEKERS: Final = 20
ORDER_SEEKER_CALLS: Final = 9
SECOND_TRIES: Final = 3
SLOT_CALLERS: Final = 14

SHORT_TTL_MS: Final = (2_000, 4_000)
SAME_AFTER_SHARE: Final = 0.03
SAME_AT_ONCE_SHARE: Final = 0.04
OTHER_CONTENT_SHARE: Final = 0.01


class OrderFate(Enum):
    """How an order ends."""

    COLLECTED = "collected"
    AMENDED = "amended, then collected"
    AMENDED_LEFT = "amended, then left held"
    LEFT_CONFIRMED = "left confirmed"
    CANCELLED = "released after confirm"
    RELEASED = "released"
    EXTENDED = "extended and left held"
    EXPIRED = "expired"
    LEFT_HELD = "left held"


FATES: Final = {
    OrderFate.COLLECTED: 44,
    OrderFate.AMENDED: 12,
    OrderFate.AMENDED_LEFT: 4,
    OrderFate.LEFT_CONFIRMED: 9,
    OrderFate.CANCELLED: 6,
    OrderFate.RELEASED: 7,
    OrderFate.EXTENDED: 3,
    OrderFate.EXPIRED: 10,
    OrderFate.LEFT_HELD: 5,
}
"""Of 100 orders."""


class OrderJourney(NamedTuple):
    """An order to come. `wants_slot` is which of the slots that are found out later, -1 for none; `draw_seed` is what
    is drawn from while it goes on.
    """

    placing: OrderCall
    fate: OrderFate
    wants_slot: int
    draw_seed: str


class Seeker(NamedTuple):
    """A customer who tries to have more than a limit allows, with all these calls at once, and later some more."""

    customer_id: str
    limit: ChainLimit
    first: tuple[OrderCall, ...]
    second: tuple[OrderCall, ...]


class Across(NamedTuple):
    """The whole act. `slot_shop_id` is where the last places of a slot are fought for."""

    openings: tuple[Opening, ...]
    journeys: tuple[OrderJourney, ...]
    seekers: tuple[Seeker, ...]
    slot_shop_id: str


def shops_with_slots(shops: Sequence[Shop], seed: int) -> frozenset[str]:
    """The shops that have hours, and slots with few places."""
    draw = Random(f"across-slots:{seed}")
    return frozenset(draw.sample([shop.store_id for shop in shops], int(len(shops) * SHOPS_WITH_SLOTS_SHARE) or 1))


def across_plan(shops: Sequence[Shop], seed: int) -> Across:
    """The act for these shops."""
    draw = Random(f"across:{seed}")
    towns = draw.sample(list(shops), min(TOWNS, len(shops)))
    slot_shop_id = min(shops_with_slots(shops, seed))
    openings = tuple(_openings(shops, towns, slot_shop_id, draw))
    journeys = tuple(_journey(number, draw.choice(towns), draw, seed) for number in range(ORDERS))
    seekers = tuple(
        [_unit_seeker(number, towns, draw) for number in range(UNIT_SEEKERS)]
        + [_order_seeker(number, towns, draw) for number in range(ORDER_SEEKERS)]
    )
    return Across(openings, journeys, seekers, slot_shop_id)


def repeat_of(kind: OrderKind, draw: Random) -> Repeat:
    """Whether a call is said again on purpose."""
    number = draw.random()
    if number < SAME_AFTER_SHARE:
        return Repeat.AFTER
    if number < SAME_AFTER_SHARE + SAME_AT_ONCE_SHARE:
        return Repeat.AT_ONCE
    other = number < SAME_AFTER_SHARE + SAME_AT_ONCE_SHARE + OTHER_CONTENT_SHARE
    has_other = kind in (OrderKind.NEAR, OrderKind.CONFIRM, OrderKind.EXTEND)
    return Repeat.OTHER_CONTENT if other and has_other else Repeat.NO


def other_content_of(call: OrderCall) -> OrderCall:
    """The same key with something else to say."""
    if call.kind is OrderKind.NEAR:
        (sku, quantity), *rest = call.lines
        return call._replace(lines=((sku, quantity + 1), *rest))
    return call._replace(ttl_ms=call.ttl_ms + 60_000)


def amendment_of(order: Order, draw: Random) -> tuple[StorePlan, ...]:
    """A change of what an order has: a unit or a line more or less in one shop, or one shop less."""
    part = draw.choice(order.parts)
    lines = [(line.sku, line.quantity) for line in part.lines]
    (sku, quantity), *rest = lines
    chance = draw.random()
    if len(order.parts) > 1 and chance < 0.25:
        return (StorePlan(part.store_id),)
    if quantity > 1 and chance < 0.6:
        return (StorePlan(part.store_id, ((sku, quantity - 1), *rest)),)
    if len(order.parts) > 1 and rest and chance < 0.8:
        return (StorePlan(part.store_id, tuple(rest)),)
    return (StorePlan(part.store_id, ((sku, quantity + 1), *rest)),)


def _openings(shops: Sequence[Shop], towns: Sequence[Shop], slot_shop_id: str, draw: Random) -> list[Opening]:
    rows = [
        Opening(shop.store_id, sku, draw.randint(*UNITS_A_POSITION), 0)
        for shop in shops
        for sku in (*_skus(draw.randrange(GROUPS)), *_common())
    ]
    rows += [Opening(town.store_id, HOT_SKU, HOT_UNITS, 0) for town in towns]
    rows.append(Opening(slot_shop_id, SLOT_SKU, SLOT_UNITS, 0))
    return rows


def _skus(group: int) -> list[str]:
    return [f"across-{'abc'[group]}{number}" for number in range(SKUS_A_GROUP)]


def _common() -> list[str]:
    return [f"across-common{number}" for number in range(COMMON_SKUS)]


def _near(town: Shop, draw: Random) -> Place:
    return Place(
        latitude=round(town.latitude + draw.gauss(0, JITTER_DEGREES), 4),
        longitude=round(town.longitude + draw.gauss(0, JITTER_DEGREES), 4),
    )


def _journey(number: int, town: Shop, draw: Random, seed: int) -> OrderJourney:
    [policy] = draw.choices(list(POLICIES), list(POLICIES.values()))
    [channel] = draw.choices(list(CHANNELS), list(CHANNELS.values()))
    [fate] = draw.choices(list(FATES), list(FATES.values()))
    groups = draw.sample(range(GROUPS), draw.randint(2, GROUPS))
    if policy is SourcingPolicy.ONE_STORE and draw.random() < WHOLE_SHARE:
        groups = groups[:1]
    skus = [draw.choice(_skus(group)) for group in groups]
    if draw.random() < 0.5:
        skus.append(draw.choice(_common()))
    name = f"across-{number}"
    call = OrderCall(
        OrderKind.NEAR,
        f"{name}-place",
        customer_id=f"a-{town.store_id}-{draw.randrange(ORDERS)}",
        channel=channel,
        lines=tuple((sku, draw.choice((1, 1, 1, 2))) for sku in skus),
        place=_near(town, draw),
        policy=policy,
        kilometres_max=draw.choice(KILOMETRES_MAX),
        ttl_ms=draw.randint(*SHORT_TTL_MS) if fate is OrderFate.EXPIRED else 0,
    )
    wants_slot = draw.randrange(SLOTS_ASKED) if draw.random() < SLOT_SHARE else -1
    return OrderJourney(call, fate, wants_slot, f"{name}:{seed}")


def _unit_seeker(number: int, towns: Sequence[Shop], draw: Random) -> Seeker:
    """Asks for one or two of a hot SKU in many shops at once, by name, and by place."""
    customer_id = f"unit-seeker-{number}"
    calls = []
    for index in range(UNIT_SEEKER_CALLS + SECOND_TRIES):
        town = draw.choice(towns)
        call = OrderCall(
            OrderKind.NEAR if index % 3 == 2 else OrderKind.IN_STORE,
            f"{customer_id}-{index}",
            customer_id=customer_id,
            channel=draw.choice(list(CHANNELS)),
            lines=((HOT_SKU, draw.choice((1, 1, 2))),),
        )
        if call.kind is OrderKind.NEAR:
            calls.append(call._replace(place=_near(town, draw), policy=SourcingPolicy.SPLIT))
        else:
            calls.append(call._replace(store_id=town.store_id))
    return Seeker(customer_id, LIMITS[0], tuple(calls[:UNIT_SEEKER_CALLS]), tuple(calls[UNIT_SEEKER_CALLS:]))


def _order_seeker(number: int, towns: Sequence[Shop], draw: Random) -> Seeker:
    """Places more orders at once than a channel allows a customer."""
    customer_id = f"order-seeker-{number}"
    calls = []
    for index in range(ORDER_SEEKER_CALLS + SECOND_TRIES):
        town = draw.choice(towns)
        call = OrderCall(
            OrderKind.NEAR,
            f"{customer_id}-{index}",
            customer_id=customer_id,
            channel=LIMITED_CHANNEL,
            lines=((draw.choice(_common()), 1),),
            place=_near(town, draw),
            policy=SourcingPolicy.ONE_STORE,
        )
        calls.append(call)
    return Seeker(customer_id, LIMITS[1], tuple(calls[:ORDER_SEEKER_CALLS]), tuple(calls[ORDER_SEEKER_CALLS:]))


POLICY: Final[dict[str, Any]] = {
    "ttl_default": "2h",
    "ttl_max": "7d",
    "collect_within": "2d",
    "ttl_rules": [
        {"channel": "app", "ttl": "30m"},
        {"channel": "marketplace", "ttl": "24h"},
    ],
    # Real baskets ask for up to 50 units of a SKU: the largest are refused.
    "limit_rules": [{"open_reservations_max": 3, "units_max": 20}],
}


LIMITS_ACROSS: Final = [
    {
        "channel": limit.channel,
        "sku": limit.sku,
        "open_reservations_max": limit.open_reservations_max,
        "units_max": limit.units_max,
        "collected_for": "1h" if limit.collected_counts else "0s",
    }
    for limit in LIMITS
]
"""What the second act adds while the service runs; a start after it finds it in the file."""


def write_chain_file(
    path: Path, shops: Iterable[Shop], with_slots: Collection[str] = (), *, limits_across: bool = False
) -> None:
    """Stores and policy, as `python -m serve --chain-file` reads them. `with_slots` are shops that have hours."""
    stores = [
        {
            "store_id": shop.store_id,
            "name": shop.name,
            "latitude": shop.latitude,
            "longitude": shop.longitude,
            **({"hours": HOURS} if shop.store_id in with_slots else {}),
        }
        for shop in shops
    ]
    policy = {**POLICY, "chain_limit_rules": LIMITS_ACROSS} if limits_across else POLICY
    content = yaml.safe_dump({"policy": policy, "stores": stores}, sort_keys=False)
    path.write_text(content, encoding="utf-8")
