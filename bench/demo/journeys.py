"""What becomes of each order: the calls of its life, drawn from the seed and its basket. Pure, so that the same seed
asks the same, whatever the machine does in between.

Of 100 baskets 85 are confirmed. The shares are set by hand, near to those of click-and-collect chains; nothing in the
data says them.
"""

from collections.abc import Mapping
from enum import Enum
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

from bench.demo.calls import Call, Kind
from bench.workload import Order
from holdfast.client import ReleaseReason

CHANNELS: Final = {"web": 55, "app": 30, "marketplace": 10, "phone": 5}
BASKETS_A_CUSTOMER: Final = 4

REPLACED_SHARE: Final = 0.03
"""Baskets that are reserved again after the customer changed them."""

EXTENDED_SHARE: Final = 0.03
SAME_AFTER_SHARE: Final = 0.015
SAME_AT_ONCE_SHARE: Final = 0.01
OTHER_CONTENT_SHARE: Final = 0.005
"""Of all calls: said twice, one after the other or both at once, and said with other content under the same key."""

SHORT_TTL_MS_MIN: Final = 2_000
SHORT_TTL_MS_MAX: Final = 5_000
EXTEND_MS: Final = 3 * 3_600_000


class Fate(Enum):
    """How an order ends."""

    COLLECTED = "collected"
    COLLECTED_BY_LINE = "collected by line"
    LEFT_READY = "left ready"
    LEFT_CONFIRMED = "left confirmed"
    CANCELLED_AFTER_CONFIRM = "cancelled after confirm"
    EXPIRED = "expired"
    RELEASED = "released"
    RELEASED_BY_LINE = "released by line"
    LEFT_HELD = "left held"


FATES: Final = {
    Fate.COLLECTED: 61,
    Fate.COLLECTED_BY_LINE: 7,
    Fate.LEFT_READY: 7,
    Fate.LEFT_CONFIRMED: 5,
    Fate.CANCELLED_AFTER_CONFIRM: 5,
    Fate.EXPIRED: 8,
    Fate.RELEASED: 4,
    Fate.RELEASED_BY_LINE: 2,
    Fate.LEFT_HELD: 1,
}
"""Of 100 orders."""


class Repeat(Enum):
    """Whether a call is said again on purpose."""

    NO = "no"
    AFTER = "after"
    AT_ONCE = "at once"
    OTHER_CONTENT = "other content"


class Step(NamedTuple):
    """A call to come, and how it is repeated."""

    call: Call
    repeat: Repeat


_FATES: Final = (list(FATES), list(FATES.values()))
_CHANNELS: Final = (list(CHANNELS), list(CHANNELS.values()))
_CANCELLATIONS: Final = (
    [ReleaseReason.CUSTOMER_CANCELLED, ReleaseReason.NO_SHOW, ReleaseReason.FRAUD, ReleaseReason.OTHER],
    [60, 25, 5, 10],
)
_GIVE_UPS: Final = ([ReleaseReason.PAYMENT_FAILED, ReleaseReason.CUSTOMER_CANCELLED], [50, 50])


def customer_of(order: Order, baskets_of_store: Mapping[str, int]) -> str:
    """A made-up customer of the shop, the same for some four baskets: the data names none."""
    customers = max(1, baskets_of_store[order.store_id] // BASKETS_A_CUSTOMER)
    return f"c-{order.store_id}-{crc32(order.basket_id.encode()) % customers}"


def journey(order: Order, seed: int, customer_id: str) -> tuple[Step, ...]:
    """The calls of an order's life, in sequence. A refusal of one ends it, but for that of a replacement."""
    draw = Random(f"journey:{seed}:{order.basket_id}")
    [channel] = draw.choices(*_CHANNELS)
    [fate] = draw.choices(*_FATES)
    calls = _reserves(order, fate, draw, customer_id, channel)
    lines = calls[-1].lines
    if fate not in (Fate.EXPIRED, Fate.LEFT_HELD) and draw.random() < EXTENDED_SHARE:
        calls.append(_call(order, Kind.EXTEND, "extend", ttl_ms=EXTEND_MS))
    calls.extend(_ending(order, lines, fate, draw))
    return tuple(Step(call, _repeat(call.kind, draw)) for call in calls)


def other_content(call: Call) -> Call:
    """The same key with something else to say."""
    match call.kind:
        case Kind.RESERVE:
            (sku, quantity), *rest = call.lines
            return call._replace(lines=((sku, quantity + 1), *rest))
        case Kind.COLLECT:
            return call._replace(payment_reference=f"{call.payment_reference}-other")
        case _:
            return call._replace(ttl_ms=call.ttl_ms + 60_000)


def _call(order: Order, kind: Kind, name: str, **fields: object) -> Call:
    # Any field of Call but the first three; the constructor checks their names.
    return Call(kind, f"{order.basket_id}-{name}", order.store_id, **fields)  # type: ignore[arg-type]


def _reserves(order: Order, fate: Fate, draw: Random, customer_id: str, channel: str) -> list[Call]:
    """The reservation, before it perhaps the one that it replaces: the same basket with a unit more."""
    ttl_ms = draw.randint(SHORT_TTL_MS_MIN, SHORT_TTL_MS_MAX) if fate is Fate.EXPIRED else 0
    final = _call(
        order,
        Kind.RESERVE,
        "reserve",
        lines=order.lines,
        customer_id=customer_id,
        channel=channel,
        basket_id=order.basket_id,
        ttl_ms=ttl_ms,
    )
    if draw.random() >= REPLACED_SHARE:
        return [final]
    (sku, quantity), *rest = order.lines
    return [final._replace(key=f"{order.basket_id}-draft", lines=((sku, quantity + 1), *rest)), final]


def _ending(order: Order, lines: tuple[tuple[str, int], ...], fate: Fate, draw: Random) -> list[Call]:
    confirm = _call(order, Kind.CONFIRM, "confirm")
    ready = _call(order, Kind.READY, "ready")
    payment = f"pay-{order.basket_id}"
    part = ((lines[0][0], draw.randint(1, lines[0][1])),)
    match fate:
        case Fate.EXPIRED | Fate.LEFT_HELD:
            return []
        case Fate.LEFT_CONFIRMED:
            return [confirm]
        case Fate.LEFT_READY:
            return [confirm, ready]
        case Fate.COLLECTED:
            return [confirm, ready, _call(order, Kind.COLLECT, "collect", payment_reference=payment)]
        case Fate.COLLECTED_BY_LINE:
            first = _call(order, Kind.COLLECT, "collect-part", lines=part, payment_reference=payment)
            return [confirm, ready, first, *_rest(order, lines, part, draw)]
        case Fate.CANCELLED_AFTER_CONFIRM:
            [reason] = draw.choices(*_CANCELLATIONS)
            return [confirm, _call(order, Kind.RELEASE, "release", reason=reason)]
        case Fate.RELEASED:
            [reason] = draw.choices(*_GIVE_UPS)
            return [_call(order, Kind.RELEASE, "release", reason=reason)]
        case Fate.RELEASED_BY_LINE:
            reason = ReleaseReason.NOT_FOUND_ON_SHELF
            return [_call(order, Kind.RELEASE, "release-part", lines=part, reason=reason)]


def _rest(
    order: Order, lines: tuple[tuple[str, int], ...], part: tuple[tuple[str, int], ...], draw: Random
) -> list[Call]:
    """After a first part was collected: the rest later, or it was not found on the shelf and is given back."""
    if sum(units for _, units in lines) == sum(units for _, units in part):
        return []
    if draw.random() < 0.5:
        reference = f"pay-{order.basket_id}-rest"
        return [_call(order, Kind.COLLECT, "collect-rest", payment_reference=reference)]
    return [_call(order, Kind.RELEASE, "release-rest", reason=ReleaseReason.NOT_FOUND_ON_SHELF)]


def _repeat(kind: Kind, draw: Random) -> Repeat:
    number = draw.random()
    if number < SAME_AFTER_SHARE:
        return Repeat.AFTER
    if number < SAME_AFTER_SHARE + SAME_AT_ONCE_SHARE:
        return Repeat.AT_ONCE
    other = number < SAME_AFTER_SHARE + SAME_AT_ONCE_SHARE + OTHER_CONTENT_SHARE
    if other and kind in (Kind.RESERVE, Kind.CONFIRM, Kind.COLLECT, Kind.EXTEND):
        return Repeat.OTHER_CONTENT
    return Repeat.NO
