"""What stands in a service while it is asked wild things, and what its parts are called, so that some of it fits.

It is made anew before each round, by calls like anybody's: what was asked before may have paused a shop, changed the
policy or ended every order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Final

from google.protobuf.message import Message

from holdfast.v1 import (
    admin_service_pb2 as ad,
    allotment_service_pb2 as als,
    event_service_pb2 as es,
    reservation_service_pb2 as rs,
    shortfall_service_pb2 as sh,
    stock_pb2,
    stock_service_pb2 as ss,
    transfer_service_pb2 as ts,
)

Accept = Callable[[str, Message], Any]  # the reply to a method's request, which must be OK

SHOPS: Final = ("S1", "S2", "S3")
SKUS: Final = ("A", "B", "HOT")
LOST: Final = "LOST"  # what there is too little of
CUSTOMERS: Final = ("ann", "bob", "carl")
UNITS: Final = 1_000
MADE: Final = 6  # of each kind, in every round
DAY: Final[Any] = {"seconds": 86_400}
LINE: Final[Any] = [{"sku": "A", "quantity": 1}]
POLICY: Final[Any] = {
    "ttl_default": {"seconds": 7_200},
    "ttl_max": {"seconds": 7 * 86_400},
    "collect_within": DAY,
    "limit_rules": [{"channel": "app", "sku": "A", "open_reservations_max": 50, "units_max": 500}],
    "chain_limit_rules": [{"channel": "app", "sku": "B", "units_max": 40, "collected_for": DAY}],
    "line_wait_max": DAY,
}
HOURS: Final[Any] = {
    "zone": "Europe/Berlin",
    "weekly": [{"intervals": [{"open_minute": 0, "close_minute": 1_440}]}] * 7,
    "slot_minutes": 60,
    "staff": [{"duties": [{"from_minute": 0, "to_minute": 1_440, "staff": 2}]}] * 7,
    "pickups_per_staff_hour": 6,
}
# What does not come from answers.
FIXED: Final = {
    "store_id": (*SHOPS, *SHOPS, *SHOPS, "nowhere"),
    "store_ids": SHOPS,
    "source_store_id": SHOPS,
    "destination_store_id": SHOPS,
    "to_store_id": SHOPS,
    "key": SHOPS,  # of min_versions
    "sku": (*SKUS, *SKUS, *SKUS, "NEW"),
    "skus": SKUS,
    "customer_id": CUSTOMERS,
    "channel": ("web", "web", "app", "till"),
    "channels": ("web", "app"),
    "holder": ("web", "till-1"),
    "till": ("till-1", "till-2"),
    "basket_id": ("b1", "b2", "b3", "b4"),
    "postcode": ("10115", "75001"),
    "country": ("DE", "FR"),
    "zone": ("Europe/Berlin", "UTC", "America/St_Johns"),
    "holidays": ("DE-BE", "FR"),
    "holiday_dates": ("2026-12-24", "2027-02-29"),
    "date": ("2026-12-24", "2028-02-29"),
    "reader": ("warehouse", "other"),
    "source": ("till", "wms"),
    "page_token": ("t", "AAAA"),
    "quantity": ("1", "2", "9"),
    "delta": ("1", "5", "50"),
    "open_minute": ("0", "540"),
    "close_minute": ("1440", "1200"),
    "from_minute": ("0", "540"),
    "to_minute": ("1440", "1200"),
    "slot_minutes": ("60", "30"),
    "thousandths": ("1", "500", "1000"),
    "expected_revision": ("0",),
    "min_version": ("0", "1"),
    "after_version": ("0", "1", "9"),
}
GRANTS_GUESSED: Final = 24  # nobody is told a grant's number, which is its event's
KEYS: Final = 400  # so few that some are repeated, with the same content or with other


class World:
    """Makes what there is to ask about, through `accept`; `names` is what to call it."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._numbers = count(1)

    def begin(self) -> None:
        """The shops, the rules and what is to be sold."""
        places = enumerate(SHOPS)
        stores: Any = [
            {"store_id": each, "latitude": 52.5, "longitude": 13.4 + place / 100, "hours": HOURS}
            for place, each in places
        ]
        self._accept("PutStores", ad.PutStoresRequest(stores=stores))
        self._accept("SetPolicy", ad.SetPolicyRequest(policy=POLICY))
        for store_id in SHOPS:
            self._count(store_id, dict.fromkeys(SKUS, UNITS))

    def names(self) -> dict[str, tuple[str, ...]]:
        """Make what a round asks about; the names of all fields by which it may be called."""
        made: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in self._made():
            made[name].append(value)
        keys = tuple(f"key {number}" for number in range(KEYS))
        return {**FIXED, "idempotency_key": keys, **{name: tuple(values) for name, values in made.items()}}

    def _made(self) -> Iterator[tuple[str, str]]:
        for number in range(MADE):
            store_id, other = SHOPS[number % len(SHOPS)], SHOPS[(number + 1) % len(SHOPS)]
            asked: Any = {"idempotency_key": self._key(), "customer_id": CUSTOMERS[0], "channel": "web", "lines": LINE}
            held = self._accept("Reserve", rs.ReserveRequest(**asked, store_id=store_id)).reservation
            yield "reservation_id", held.reservation_id
            place: Any = {"place": {"latitude": 52.5, "longitude": 13.4}}
            asked["idempotency_key"] = self._key()
            order = self._accept("Reserve", rs.ReserveRequest(**asked, sourcing=place)).order
            yield "order_id", order.order_id
            to_till: Any = {"holder_kind": 1 + number % 2, "holder": "till-1" if number % 2 == 0 else "web"}
            allotted = als.AllotStockRequest(
                idempotency_key=self._key(), store_id=store_id, lines=LINE, ttl=DAY, **to_till
            )
            yield "allotment_id", self._accept("AllotStock", allotted).allotment.allotment_id
            proposed = ts.ProposeTransferRequest(
                idempotency_key=self._key(), source_store_id=store_id, destination_store_id=other, lines=LINE
            )
            yield "transfer_id", self._accept("ProposeTransfer", proposed).transfer.transfer_id
            limited: Any = {**asked, "channel": "app", "lines": [{"sku": "B", "quantity": 1}]}
            limited["idempotency_key"] = self._key()
            self._accept("Reserve", rs.ReserveRequest(**limited, store_id=store_id))
            lost: Any = {**asked, "idempotency_key": self._key(), "lines": [{"sku": LOST, "quantity": 1}]}
            self._count(store_id, {LOST: 1})
            self._accept("Reserve", rs.ReserveRequest(**lost, store_id=store_id))
            self._count(store_id, {LOST: 0})
        slot = order.order_id.partition("/")[0]
        status = self._accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id=f"customers/{slot}"))
        last = status.version + 1
        yield from (("grant_id", f"{slot}/{number}") for number in range(max(1, last - GRANTS_GUESSED), last))
        for store_id in SHOPS:
            tasks = self._accept("ListShortfalls", sh.ListShortfallsRequest(store_id=store_id, only_open=True)).tasks
            yield from (("task_id", task.task_id) for task in tasks[-MADE:])
        cursors: Any = [{"store_id": "S1", "after_version": 1}]
        self._accept("AcknowledgeEvents", es.AcknowledgeEventsRequest(reader="warehouse", cursors=cursors))

    def _count(self, store_id: str, units: Mapping[str, int]) -> None:
        rows: Any = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
        counted = ss.CountStockRequest(
            idempotency_key=self._key(), store_id=store_id, counts=rows, holds=stock_pb2.HOLDS_COUNTED_INCLUDED
        )
        self._accept("CountStock", counted)

    def _key(self) -> str:
        return f"world {next(self._numbers)}"
