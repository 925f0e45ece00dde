"""A small honest history of one order over two shops: what its caller was told, and what the feeds say."""

from dataclasses import dataclass, field, replace
from typing import Final, cast

from bench.demo.calls import Answered, Answers, Call, Kind, Repeated
from bench.demo.feed import Contest, FeedCheck, Findings, Outage, Standing
from bench.demo.orders import examine_orders
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    Event,
    Line,
    Order,
    OrderPart,
    OrderStatus,
    PartOutcome,
    Place,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
    Status,
)
from holdfast.client.models import events as feed

ORDER_ID: Final = "0007/1"
NEAR_SHOP: Final = "367"
FAR_SHOP: Final = "406"
SHOPS: Final = (NEAR_SHOP, FAR_SHOP)
START_MS: Final = 1_000_000
END_MS: Final = START_MS + 60_000
HELD_UNTIL_MS: Final = END_MS + 1_000
COLLECT_UNTIL_MS: Final = END_MS + 2_000
SLOT_MS: Final = START_MS + 3_600_000
UNITS: Final = {NEAR_SHOP: ("apple", 2), FAR_SHOP: ("pear", 1)}


def claimed(store_id: str) -> Reservation:
    """The part of a shop as it was claimed."""
    sku, units = UNITS[store_id]
    return Reservation(
        reservation_id=f"{store_id}:2",
        store_id=store_id,
        status=Status.CLAIMED,
        lines=(Line(sku, units, 0, 0),),
        customer_id="ann",
        channel="app",
        basket_id="",
        created_at_ms=START_MS + 2,
        expires_at_ms=0,
        version=2,
        payment_reference="",
        release_reason=ReleaseReason.UNSPECIFIED,
        order_id=ORDER_ID,
        slot_start_ms=SLOT_MS,
    )


def ready(store_id: str) -> Reservation:
    """The part once its goods wait."""
    return replace(claimed(store_id), status=Status.READY, expires_at_ms=COLLECT_UNTIL_MS, version=5)


def collected(store_id: str) -> Reservation:
    """The part at its end."""
    sku, units = UNITS[store_id]
    lines = (Line(sku, units, units, 0),)
    return replace(ready(store_id), status=Status.COLLECTED, lines=lines, version=6, payment_reference="pay")


def part(reservation: Reservation, status: Status) -> OrderPart:
    """What the order says of a part."""
    return OrderPart(
        reservation.store_id, reservation.reservation_id, status, reservation.lines, reservation.slot_start_ms
    )


PLACED: Final = Order(
    order_id=ORDER_ID,
    status=OrderStatus.HELD,
    customer_id="ann",
    channel="app",
    parts=tuple(part(claimed(store_id), Status.HELD) for store_id in SHOPS),
    created_at_ms=START_MS + 1,
    expires_at_ms=HELD_UNTIL_MS,
    version=2,
    missing=(),
    release_reason=ReleaseReason.UNSPECIFIED,
)
CONFIRMED: Final = replace(PLACED, status=OrderStatus.CONFIRMED, expires_at_ms=COLLECT_UNTIL_MS, version=5)
COLLECTED: Final = replace(
    CONFIRMED,
    status=OrderStatus.COLLECTED,
    parts=tuple(part(collected(store_id), Status.COLLECTED) for store_id in SHOPS),
    version=9,
)

PLACING: Final = Call(
    Kind.RESERVE_NEAR,
    "place",
    {
        "customer_id": "ann",
        "channel": "app",
        "lines": (("apple", 2), ("pear", 1)),
        "place": Place(36.1, -94.2),
        "policy": SourcingPolicy.SPLIT,
        "slot_start_ms": SLOT_MS,
    },
)


def step(kind: Kind, key: str, **asked: object) -> Call:
    """A call about the order."""
    return Call(kind, key, {"order_id": ORDER_ID, **asked})


def _log() -> list[Answered]:
    return [
        Answered(PLACING, PLACED),
        Answered(step(Kind.CONFIRM_ORDER, "confirm"), CONFIRMED),
        Answered(step(Kind.READY_ORDER, "ready"), tuple(PartOutcome(store_id, ready(store_id)) for store_id in SHOPS)),
        Answered(
            step(Kind.COLLECT_ORDER, "collect", payment_reference="pay"),
            tuple(PartOutcome(store_id, collected(store_id)) for store_id in SHOPS),
        ),
    ]


def outcome_applied(store_id: str, status: Status, expires_at_ms: int, units: int = 0) -> feed.OutcomeApplied:
    """What the shop heard from the order; `units` are given back."""
    lines = ((UNITS[store_id][0], units),) if units else ()
    return feed.OutcomeApplied(ORDER_ID, f"{store_id}:2", status, expires_at_ms, lines)


def refused_step(version: int, rejection: Rejection, key: str = f"\n{ORDER_ID} 1 collect") -> Event:
    """A shop's refusal of a step of its part."""
    return Event(NEAR_SHOP, version, START_MS + version, feed.Refused(key, "Collect", rejection))


def _events(store_id: str) -> list[Event]:
    sku, units = UNITS[store_id]
    row = Adjustment(sku, 5, 1, AdjustmentKind.CORRECTION)
    changes: list[feed.Change] = [
        feed.StockCounted(START_MS, (row,)),
        feed.Claimed(claimed(store_id)),
        outcome_applied(store_id, Status.HELD, HELD_UNTIL_MS),
        outcome_applied(store_id, Status.CONFIRMED, COLLECT_UNTIL_MS),
        feed.ReadyMarked(f"{store_id}:2"),
        feed.Collected(f"{store_id}:2", ((sku, units),), "pay"),
        feed.Acknowledged((f"{store_id}:2",)),
    ]
    return [Event(store_id, version, START_MS + version, change) for version, change in enumerate(changes, start=1)]


@dataclass
class Tampered:
    """All that the verdict reads, to be doctored."""

    log: list[Answered] = field(default_factory=_log)
    repeats: list[Repeated] = field(default_factory=lambda: [Repeated(PLACING, PLACED, PLACED, True)])
    events: dict[str, list[Event]] = field(default_factory=lambda: {store_id: _events(store_id) for store_id in SHOPS})
    standing: dict[str, Order | None] = field(default_factory=lambda: {ORDER_ID: COLLECTED})
    parts: dict[str, Reservation] = field(
        default_factory=lambda: {f"{store_id}:2": collected(store_id) for store_id in SHOPS}
    )
    contests: list[Contest] = field(default_factory=list)
    outages: dict[str, list[Outage]] = field(default_factory=dict)
    end_ms: int = END_MS

    def change(self, store_id: str, version: int, change: feed.Change) -> None:
        """Another change at a version of a shop."""
        events = self.events[store_id]
        events[version - 1] = replace(events[version - 1], change=change)

    def stands(self, store_id: str, **changes: object) -> None:
        """Another end of the part of a shop than that it was collected: as it was claimed, but for these changes."""
        part = replace(claimed(store_id), **changes)  # type: ignore[arg-type]  # the constructor checks the names
        self.parts[part.reservation_id] = part

    def judged(self) -> tuple[Findings, Findings]:
        """What is found about orders, and in single shops."""
        check, _ = self.examined()
        return check.of_orders, check.of_shops

    def examined(self) -> tuple[FeedCheck, dict[str, int]]:
        """The check of the feeds, all findings in it, and the shops of each order."""
        check = FeedCheck((), self.outages, self.log)
        for events in self.events.values():
            for event in events:
                check.see(event)
        versions = {store_id: len(events) for store_id, events in self.events.items()}
        check.finish(Standing(versions, self.parts, self.end_ms))
        answers = Answers(cast("ChannelClient", None))
        answers.log, answers.repeats = self.log, self.repeats
        shops_of = examine_orders(check.of_orders, answers, self.contests, self.standing, self.parts, check.held)
        return check, shops_of
