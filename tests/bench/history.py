"""A small honest history of one shop: what its callers were told, and what its feed says. Tests doctor copies of it."""

from dataclasses import replace
from typing import Final

from bench.demo.calls import Answered, Call, Kind
from bench.demo.feed import Standing
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    Event,
    Line,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    ShortLine,
    Status,
    StockChange,
)
from holdfast.client.models import events as feed

STORE: Final = "367"
START_MS: Final = 1_000_000
HOLD_MS: Final = 2_000
END_MS: Final = START_MS + 60_000

ROWS: Final = (
    Adjustment("apple", 5, 1, AdjustmentKind.RECEIPT),
    Adjustment("pear", 2, 2, AdjustmentKind.RECEIPT),
)
HELD: Final = Reservation(
    reservation_id=f"{STORE}:2",
    store_id=STORE,
    status=Status.HELD,
    lines=(Line("apple", 2, 0, 0),),
    customer_id="ann",
    channel="web",
    basket_id="basket-1",
    created_at_ms=START_MS + 2,
    expires_at_ms=END_MS + 1_000,
    version=2,
    payment_reference="",
    release_reason=ReleaseReason.UNSPECIFIED,
)
CONFIRMED: Final = replace(HELD, status=Status.CONFIRMED, version=4, expires_at_ms=END_MS + 2_000)
READY: Final = replace(CONFIRMED, status=Status.READY, version=5)
PART_COLLECTED: Final = replace(READY, lines=(Line("apple", 2, 1, 0),), version=6, payment_reference="pay-1")
COLLECTED: Final = replace(
    PART_COLLECTED,
    status=Status.COLLECTED,
    lines=(Line("apple", 2, 1, 1),),
    version=7,
    release_reason=ReleaseReason.NOT_FOUND_ON_SHELF,
)
SHORT_HELD: Final = replace(
    HELD,
    reservation_id=f"{STORE}:8",
    lines=(Line("pear", 1, 0, 0),),
    customer_id="bob",
    basket_id="basket-2",
    created_at_ms=START_MS + 8,
    expires_at_ms=START_MS + 8 + HOLD_MS,
    version=8,
)
END: Final = Standing(
    versions={STORE: 9},
    reservations={
        HELD.reservation_id: COLLECTED,
        SHORT_HELD.reservation_id: replace(
            SHORT_HELD, status=Status.EXPIRED, lines=(Line("pear", 1, 0, 1),), version=9
        ),
    },
    listed_ms=END_MS,
)
SHORT_OF_PEARS: Final = Rejection(
    reason=Reason.INSUFFICIENT_STOCK,
    message="shop 367 has 2 of pear available, 3 were asked for",
    store_id=STORE,
    sku="pear",
    asked=3,
    available=2,
    reservation_id="",
    status=Status.UNSPECIFIED,
    short_lines=(ShortLine("pear", 3, 2),),
    version=3,
)


def reserve(key: str, made: Reservation) -> Call:
    """The call that asked for what was made."""
    lines = tuple((line.sku, line.quantity) for line in made.lines)
    who = {"customer_id": made.customer_id, "channel": "web", "basket_id": made.basket_id}
    return Call(Kind.RESERVE, key, {"store_id": STORE, "lines": lines, **who})


def step(kind: Kind, key: str, **asked: object) -> Call:
    """A call about the first reservation."""
    return Call(kind, key, {"reservation_id": HELD.reservation_id, **asked})


def answers() -> list[Answered]:
    """What the callers were told, one answer for each version but the last."""
    opening = {"store_id": STORE, "source": "opening", "adjustments": ROWS}
    pears = {"store_id": STORE, "lines": (("pear", 3),), "customer_id": "eve", "channel": "web"}
    not_found = ReleaseReason.NOT_FOUND_ON_SHELF
    return [
        Answered(Call(Kind.ADJUST_STOCK, "opening", opening), StockChange(1, len(ROWS), 0, 0, ())),
        Answered(reserve("k2", HELD), HELD),
        Answered(Call(Kind.RESERVE, "k3", pears), SHORT_OF_PEARS),
        Answered(step(Kind.CONFIRM, "k4"), CONFIRMED),
        Answered(step(Kind.MARK_READY, "k5"), READY),
        Answered(step(Kind.COLLECT, "k6", lines=(("apple", 1),), payment_reference="pay-1"), PART_COLLECTED),
        Answered(step(Kind.RELEASE, "k7", reason=not_found), COLLECTED),
        Answered(reserve("k8", SHORT_HELD), SHORT_HELD),
    ]


def events() -> list[Event]:
    """What the feed says, a millisecond a version; the second hold expires 100 ms after its deadline."""
    first = HELD.reservation_id
    changes: list[feed.Change] = [
        feed.StockAdjusted("opening", ROWS, 0),
        feed.Reserved(HELD),
        feed.Refused("k3", "Reserve", SHORT_OF_PEARS),
        feed.Confirmed(first, CONFIRMED.expires_at_ms),
        feed.ReadyMarked(first),
        feed.Collected(first, (("apple", 1),), "pay-1"),
        feed.Released(first, (("apple", 1),), ReleaseReason.NOT_FOUND_ON_SHELF),
        feed.Reserved(SHORT_HELD),
    ]
    history = [Event(STORE, version, START_MS + version, change) for version, change in enumerate(changes, start=1)]
    return [*history, expiry_at(SHORT_HELD.expires_at_ms + 100)]


def expiry_at(at_ms: int) -> Event:
    """The second hold's end, at some instant."""
    return Event(STORE, 9, at_ms, feed.Expired(SHORT_HELD.reservation_id))
