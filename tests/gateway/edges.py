"""What may be wrong with a field, by kind of field: (what it is called, the value)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from actors.calendar.faults import SPECIAL_DAYS_MAX
from serve.sourcing.places import POSTCODE_CHARS_MAX
from serve.wire import fields

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
INT32_MAX: Final = 2**31 - 1
DAY_S: Final = 86_400
TEN_MEGABYTES: Final = "x" * (10 * 1024 * 1024)

# The promised limits, in numbers of their own: whoever changes a rule in proto/ changes them here too.
KEY_CHARS_MAX: Final = 128
SKU_CHARS_MAX: Final = 64
CUSTOMER_CHARS_MAX: Final = 128
CHANNEL_CHARS_MAX: Final = 32
BASKET_CHARS_MAX: Final = 128
SOURCE_CHARS_MAX: Final = 64
PAYMENT_CHARS_MAX: Final = 128
NAME_CHARS_MAX: Final = 128
LINES_MAX: Final = 100
STOCK_ROWS_MAX: Final = 4_096
STORES_MAX: Final = 1_024
SKUS_MAX: Final = 4_096
RULES_MAX: Final = 10_000
STATUSES_MAX: Final = 8
QUANTITY_MAX: Final = 1_000_000
SEQUENCE_MAX: Final = 2**62
STOCK_QUANTITY_MAX: Final = 1_000_000_000
CANDIDATES_MAX: Final = 100
CHANNELS_MAX: Final = 100
PLAN_STORES_MAX: Final = 5
REGION_CHARS_MAX: Final = 16
ZONE_CHARS_MAX: Final = 64
STORE_PLANS_MAX: Final = 16
OPERATOR_CHARS_MAX: Final = 128
READER_CHARS_MAX: Final = 64
WHY_CHARS_MAX: Final = 512
ATTEMPT_MAX: Final = 1_000


class Edge(NamedTuple):
    """A call, the path of a field, what is wrong, and the value that is."""

    method: str
    path: str
    wrong: str
    value: object

    def __str__(self) -> str:
        return f"{self.method}.{self.path}: {self.wrong}"


TEXTS: Final = (
    ("Reserve", "idempotency_key", KEY_CHARS_MAX, True),
    ("Reserve", "customer_id", CUSTOMER_CHARS_MAX, True),
    ("Reserve", "channel", CHANNEL_CHARS_MAX, True),
    ("Reserve", "basket_id", BASKET_CHARS_MAX, False),
    ("Reserve", "lines[1].sku", SKU_CHARS_MAX, True),
    ("ConfirmReservation", "idempotency_key", KEY_CHARS_MAX, True),
    ("MarkReservationReady", "idempotency_key", KEY_CHARS_MAX, True),
    ("CollectReservation", "idempotency_key", KEY_CHARS_MAX, True),
    ("CollectReservation", "payment_reference", PAYMENT_CHARS_MAX, True),
    ("CollectReservation", "lines[0].sku", SKU_CHARS_MAX, True),
    ("ReleaseReservation", "idempotency_key", KEY_CHARS_MAX, True),
    ("ReleaseReservation", "lines[0].sku", SKU_CHARS_MAX, True),
    ("ExtendReservation", "idempotency_key", KEY_CHARS_MAX, True),
    ("AdjustStock", "idempotency_key", KEY_CHARS_MAX, True),
    ("AdjustStock", "source", SOURCE_CHARS_MAX, True),
    ("AdjustStock", "adjustments[1].sku", SKU_CHARS_MAX, True),
    ("CountStock", "idempotency_key", KEY_CHARS_MAX, True),
    ("CountStock", "counts[1].sku", SKU_CHARS_MAX, True),
    ("SetSafetyStock", "idempotency_key", KEY_CHARS_MAX, True),
    ("SetSafetyStock", "safety_stocks[1].sku", SKU_CHARS_MAX, True),
    ("GetAvailability", "skus[1]", SKU_CHARS_MAX, True),
    ("WatchAvailability", "skus[1]", SKU_CHARS_MAX, True),
    ("PutStores", "stores[1].name", NAME_CHARS_MAX, False),
    ("SetPolicy", "policy.ttl_rules[0].channel", CHANNEL_CHARS_MAX, False),
    ("SetPolicy", "policy.ttl_rules[0].sku", SKU_CHARS_MAX, False),
    ("SetPolicy", "policy.limit_rules[0].channel", CHANNEL_CHARS_MAX, False),
    ("SetPolicy", "policy.limit_rules[0].sku", SKU_CHARS_MAX, False),
    ("SetPolicy", "policy.chain_limit_rules[0].channel", CHANNEL_CHARS_MAX, False),
    ("SetPolicy", "policy.chain_limit_rules[0].sku", SKU_CHARS_MAX, False),
    ("PutStores", "stores[1].channels[0]", CHANNEL_CHARS_MAX, True),
    ("PutStores", "stores[1].hours.zone", ZONE_CHARS_MAX, True),
    ("PutStores", "stores[1].hours.holidays", REGION_CHARS_MAX, False),
    ("AmendReservation", "idempotency_key", KEY_CHARS_MAX, True),
    ("AmendReservation", "lines[0].sku", SKU_CHARS_MAX, True),
    ("ConfirmOrder", "idempotency_key", KEY_CHARS_MAX, True),
    ("MarkOrderReady", "idempotency_key", KEY_CHARS_MAX, True),
    ("CollectOrder", "idempotency_key", KEY_CHARS_MAX, True),
    ("CollectOrder", "payment_reference", PAYMENT_CHARS_MAX, True),
    ("ReleaseOrder", "idempotency_key", KEY_CHARS_MAX, True),
    ("ExtendOrder", "idempotency_key", KEY_CHARS_MAX, True),
    ("AmendOrder", "idempotency_key", KEY_CHARS_MAX, True),
    ("AmendOrder", "stores[1].lines[0].sku", SKU_CHARS_MAX, True),
    ("BarClaim", "operator", OPERATOR_CHARS_MAX, True),
    ("BarClaim", "why", WHY_CHARS_MAX, True),
    ("BarGrant", "operator", OPERATOR_CHARS_MAX, True),
    ("BarGrant", "why", WHY_CHARS_MAX, True),
    ("AcknowledgeEvents", "reader", READER_CHARS_MAX, True),
    ("DropReader", "reader", READER_CHARS_MAX, True),
    ("PromoteSku", "sku", SKU_CHARS_MAX, True),
    ("DemoteSku", "sku", SKU_CHARS_MAX, True),
    ("MoveStore", "actor", NAME_CHARS_MAX, True),
    ("FindStores", "channel", CHANNEL_CHARS_MAX, True),
    ("FindStores", "lines[1].sku", SKU_CHARS_MAX, True),
    ("FindStores", "sourcing.place.postcode", POSTCODE_CHARS_MAX, False),
    ("FindStores", "sourcing.place.country", POSTCODE_CHARS_MAX, False),
)

SHOPS: Final = (
    ("Reserve", "store_id", True),
    ("ListReservations", "store_id", True),
    ("AdjustStock", "store_id", True),
    ("CountStock", "store_id", True),
    ("SetSafetyStock", "store_id", True),
    ("GetAvailability", "store_ids[1]", True),
    ("PutStores", "stores[1].store_id", True),
    ("SetPolicy", "policy.ttl_rules[0].store_id", False),
    ("SetPolicy", "policy.line_rules[0].store_id", True),
    ("GetLedgerStatus", "store_id", True),
    ("VerifyLedger", "store_id", True),
    ("WatchEvents", "cursors[1].store_id", True),
    ("WatchAvailability", "cursors[1].store_id", True),
    ("AcknowledgeEvents", "cursors[1].store_id", True),
    ("AmendOrder", "stores[1].store_id", True),
    ("ListSlots", "store_id", True),
)

RESERVATION_IDS: Final = (
    "ConfirmReservation",
    "MarkReservationReady",
    "CollectReservation",
    "ReleaseReservation",
    "ExtendReservation",
    "AmendReservation",
    "GetReservation",
)

ORDER_IDS: Final = (
    *("GetOrder", "ConfirmOrder", "MarkOrderReady", "CollectOrder"),
    *("ReleaseOrder", "ExtendOrder", "AmendOrder", "BarClaim", "BarGrant"),
)

WHOLES: Final = (
    ("Reserve", "lines[1].quantity", 1, QUANTITY_MAX, INT64_MAX),
    ("CollectReservation", "lines[0].quantity", 1, QUANTITY_MAX, INT64_MAX),
    ("ReleaseReservation", "lines[0].quantity", 1, QUANTITY_MAX, INT64_MAX),
    ("AdjustStock", "adjustments[0].sequence", 0, SEQUENCE_MAX, INT64_MAX),
    ("AdjustStock", "adjustments[0].delta", 1, STOCK_QUANTITY_MAX, INT64_MAX),
    ("CountStock", "counts[0].quantity", 0, STOCK_QUANTITY_MAX, INT64_MAX),
    ("SetSafetyStock", "safety_stocks[0].quantity", 0, STOCK_QUANTITY_MAX, INT64_MAX),
    ("GetReservation", "min_version", 0, None, INT64_MAX),
    ("ListReservations", "page_size", 0, None, INT32_MAX),
    ("ListStores", "page_size", 0, None, INT32_MAX),
    ("WatchEvents", "cursors[1].after_version", 0, None, INT64_MAX),
    ("WatchAvailability", "cursors[1].after_version", 0, None, INT64_MAX),
    ("AcknowledgeEvents", "cursors[1].after_version", 0, None, INT64_MAX),
    ("SetPolicy", "policy.limit_rules[0].open_reservations_max", 0, QUANTITY_MAX, INT64_MAX),
    ("SetPolicy", "policy.limit_rules[0].units_max", 0, QUANTITY_MAX, INT64_MAX),
    ("SetPolicy", "policy.chain_limit_rules[0].open_reservations_max", 0, QUANTITY_MAX, INT64_MAX),
    ("SetPolicy", "policy.chain_limit_rules[0].units_max", 0, QUANTITY_MAX, INT64_MAX),
    ("SetPolicy", "policy.line_places_max", 0, 10_000, INT32_MAX),
    ("PutStores", "stores[1].hours.slot_minutes", 0, 1_440, INT32_MAX),
    ("PutStores", "stores[1].hours.pickups_per_staff_hour", 0, 1_000, INT32_MAX),
    ("PutStores", "stores[1].hours.cutoff_minute", 0, 1_440, INT32_MAX),
    ("BarClaim", "attempt", 1, ATTEMPT_MAX, INT64_MAX),
    ("AmendReservation", "lines[0].quantity", 1, QUANTITY_MAX, INT64_MAX),
    ("AmendOrder", "stores[1].lines[0].quantity", 1, QUANTITY_MAX, INT64_MAX),
    ("FindStores", "lines[1].quantity", 1, QUANTITY_MAX, INT64_MAX),
    ("FindStores", "candidates_max", 0, CANDIDATES_MAX, INT32_MAX),
    ("FindStores", "sourcing.stores_max", 0, PLAN_STORES_MAX, INT32_MAX),
    ("DropReader", "number", 1, None, INT64_MAX),
)

ENUMS: Final = (
    ("ReleaseReservation", "reason", (0, 7, 8, 9, 10, 99, -1, INT32_MAX)),  # from 7 on they are the ledger's own
    ("AdjustStock", "adjustments[0].kind", (0, 5, 99, -1)),
    ("CountStock", "holds", (0, 3, 99, -1)),
    ("ListReservations", "statuses[0]", (0, 9, 99, -1)),
    ("ReleaseOrder", "reason", (0, 7, 8, 9, 10, 99, -1, INT32_MAX)),
    ("FindStores", "sourcing.policy", (4, 99, -1, INT32_MAX)),
)

DURATIONS: Final = (
    ("Reserve", "ttl"),
    ("ConfirmReservation", "collect_within"),
    ("ExtendReservation", "ttl"),
    ("SetPolicy", "policy.ttl_default"),
    ("SetPolicy", "policy.ttl_max"),
    ("SetPolicy", "policy.collect_within"),
    ("SetPolicy", "policy.line_wait_max"),
    ("SetPolicy", "policy.ttl_rules[0].ttl"),
    ("SetPolicy", "policy.line_take_up"),
    ("SetPolicy", "policy.line_rules[0].take_up"),
    ("SetPolicy", "policy.chain_limit_rules[0].collected_for"),
    ("PutStores", "stores[1].hours.lead"),
    ("AmendReservation", "ttl"),
    ("ConfirmOrder", "collect_within"),
    ("ExtendOrder", "ttl"),
    ("ListSlots", "window"),
)

INSTANTS: Final = (
    ("CountStock", "as_of"),
    ("Reserve", "slot_start"),
    ("AmendReservation", "slot_start"),
    ("AmendOrder", "stores[1].slot_start"),
    ("FindStores", "slot_start"),
    ("FindStores", "sourcing.collect_by"),
    ("ListSlots", "not_before"),
    ("PromoteSku", "starts_at"),
)

LISTS: Final[tuple[tuple[str, str, bool, int, object], ...]] = (
    ("Reserve", "lines", True, LINES_MAX, {"sku": "A", "quantity": 1}),
    ("CollectReservation", "lines", False, LINES_MAX, {"sku": "A", "quantity": 1}),
    ("ReleaseReservation", "lines", False, LINES_MAX, {"sku": "A", "quantity": 1}),
    ("AdjustStock", "adjustments", True, STOCK_ROWS_MAX, {"sku": "A", "delta": 1, "sequence": 9, "kind": 1}),
    ("CountStock", "counts", True, STOCK_ROWS_MAX, {"sku": "A"}),
    ("SetSafetyStock", "safety_stocks", True, STOCK_ROWS_MAX, {"sku": "A"}),
    ("GetAvailability", "store_ids", True, STORES_MAX, "S1"),
    ("GetAvailability", "skus", True, SKUS_MAX, "A"),
    ("ListReservations", "statuses", False, STATUSES_MAX, 1),
    ("PutStores", "stores", True, STORES_MAX, {"store_id": "S1"}),
    ("WatchEvents", "cursors", True, STORES_MAX, {"store_id": "S1"}),
    ("WatchAvailability", "cursors", True, STORES_MAX, {"store_id": "S1"}),
    ("WatchAvailability", "skus", False, SKUS_MAX, "A"),
    ("SetPolicy", "policy.ttl_rules", False, RULES_MAX, {"ttl": {"seconds": 60}}),
    ("SetPolicy", "policy.line_rules", False, RULES_MAX, {"store_id": "S1"}),
    ("SetPolicy", "policy.limit_rules", False, RULES_MAX, {"units_max": 1}),
    ("SetPolicy", "policy.chain_limit_rules", False, RULES_MAX, {"units_max": 1}),
    ("PutStores", "stores[1].channels", False, CHANNELS_MAX, "web"),
    ("PutStores", "stores[1].hours.weekly", False, 7, {}),
    ("PutStores", "stores[1].hours.staff", False, 7, {"duties": [{"to_minute": 1, "staff": 1}]}),
    ("PutStores", "stores[1].hours.special_days", False, SPECIAL_DAYS_MAX, {"date": "2026-12-24"}),
    ("AmendReservation", "lines", False, LINES_MAX, {"sku": "A", "quantity": 1}),
    ("AmendOrder", "stores", True, STORE_PLANS_MAX, {"store_id": "S1"}),
    ("AmendOrder", "stores[1].lines", False, LINES_MAX, {"sku": "A", "quantity": 1}),
    ("FindStores", "lines", True, LINES_MAX, {"sku": "A", "quantity": 1}),
)


def text_edges() -> Iterator[Edge]:
    """Texts that are missing, too long, or not printable."""
    for method, path, chars_max, required in TEXTS:
        if required:
            yield Edge(method, path, "missing", "")
        yield Edge(method, path, "too long by one", "x" * (chars_max + 1))
        yield Edge(method, path, "ten megabytes", TEN_MEGABYTES)
        for wrong in ("\n", "a\x00b", "\x7f", "a\u200eb", "tab\there"):
            yield Edge(method, path, repr(wrong), wrong)


def shop_edges() -> Iterator[Edge]:
    """Ids that no shop can have."""
    for method, path, required in SHOPS:
        if required:
            yield Edge(method, path, "missing", "")
        for wrong in ("S 1", "S/1", "ß", "S1\n", "S:1", "x" * 65, TEN_MEGABYTES, "\x00", "\u0661"):
            yield Edge(method, path, repr(wrong[:66]), wrong)


def reservation_id_edges() -> Iterator[Edge]:
    """Ids that no reservation can have."""
    wrong_ids = (
        *(
            "",
            "S1",
            "S1:",
            ":1",
            ":",
            "S1:x",
            "S1:-1",
            "S1:+1",
            "S1: 1",
            "S1:0",
            "S1:01",
            "S1:1.5",
            "S1:1e3",
            "S1:\u0661",
        ),
        *(
            "S1:" + "9" * 19,
            "S1:" + "9" * 5_000,
            "S 1:1",
            "S1:2:3",
            "x" * 65 + ":1",
            "S1:1\n",
            "1",
            TEN_MEGABYTES,
        ),
    )
    for method in RESERVATION_IDS:
        for wrong in wrong_ids:
            yield Edge(method, "reservation_id", repr(wrong[:70]), wrong)


def order_id_edges() -> Iterator[Edge]:
    """Ids that no order can have."""
    wrong_ids = (
        *("", "7", "0007", "0007/", "/1", "/", "0007/x", "0007/-1", "0007/+1", "0007/ 1", "0007/0", "0007/01"),
        *("0007/1.5", "0007/1e3", "0007/\u0661", "7/1", "00007/1", "0064/1", "9999/1", "-001/1", "000\u0661/1"),
        *("0007/" + "9" * 19, "0007/" + "9" * 5_000, "0007/1/2", "0007/1\n", "S1:3", TEN_MEGABYTES),
    )
    for method in ORDER_IDS:
        for wrong in wrong_ids:
            yield Edge(method, "grant_id" if method == "BarGrant" else "order_id", repr(wrong[:70]), wrong)


def whole_edges() -> Iterator[Edge]:
    """Numbers beyond their bounds."""
    for method, path, least, most, greatest in WHOLES:
        values = [least - 1, -greatest - 1, *([most + 1, greatest] if most is not None else [])]
        for value in values:
            yield Edge(method, path, str(value), value)


def enum_edges() -> Iterator[Edge]:
    """Values that are no choice, known or not."""
    for method, path, values in ENUMS:
        for value in values:
            yield Edge(method, path, str(value), value)


def duration_edges() -> Iterator[Edge]:
    """Intervals that are none, negative, too long, or not well formed."""
    for method, path in DURATIONS:
        for seconds, nanos in (
            *((0, 0), (0, 999_999), (-1, 0), (0, -1), (-1, 999_999_999), (1, -1), (1, 1_000_000_000)),
            *((1, 2**31 - 1), (31 * DAY_S + 1, 0), (INT64_MAX, 0), (INT64_MIN, 0)),
        ):
            yield Edge(method, path, f"{seconds} s {nanos} ns", {"seconds": seconds, "nanos": nanos})
        if method != "ListSlots":  # it alone takes 31 days
            yield Edge(method, path, "30 days and a second", {"seconds": 30 * DAY_S + 1, "nanos": 0})


def instant_edges() -> Iterator[Edge]:
    """Instants before 1970, after 2100, or not well formed."""
    for method, path in INSTANTS:
        for seconds, nanos in (
            *((0, 1), (-1, 0), (INT64_MIN, 0), (INT64_MAX, 0), (4_102_444_800, 0), (1, -1), (1, 1_000_000_000)),
            (1, 2**31 - 1),
        ):
            yield Edge(method, path, f"{seconds} s {nanos} ns", {"seconds": seconds, "nanos": nanos})


def list_edges() -> Iterator[Edge]:
    """Lists that are empty or too long."""
    for method, path, required, most, entry in LISTS:
        if required:
            yield Edge(method, path, "empty", [])
        yield Edge(method, path, f"{most + 1} entries", [entry] * (most + 1))


def other_edges() -> Iterator[Edge]:
    """What is wrong with one field alone."""
    yield from (Edge("AdjustStock", "adjustments[0].delta", f"RECEIPT of {delta}", delta) for delta in (0, -1))
    yield from (Edge("AdjustStock", "adjustments[1].delta", f"SALE of {delta}", delta) for delta in (0, 1))
    others = (
        fields.issue_token("ListReservations", ("S2", 1), 1),
        fields.issue_token("ListReservations", ("S1",), 1),
        fields.issue_token("ListOthers", ("S1", 1), 1),
    )
    for token in ("x", "1", "1" * 19, "1" * 5_000, "\u0661", " 1", "=", *others):
        yield Edge("ListReservations", "page_token", repr(token[:20]), token)
        yield Edge("ListStores", "page_token", repr(token[:20]), token)
    for degrees in (90.0001, -90.0001, float("nan"), float("inf"), -float("inf"), 1e308):
        yield Edge("PutStores", "stores[1].latitude", str(degrees), degrees)
        yield Edge("PutStores", "stores[1].longitude", str(2.001 * degrees), 2.001 * degrees)
        yield Edge("FindStores", "sourcing.place.latitude", str(degrees), degrees)
        yield Edge("FindStores", "sourcing.place.longitude", str(2.001 * degrees), 2.001 * degrees)
    for kilometres in (-0.001, -1e300, float("nan"), float("inf"), -float("inf")):
        yield Edge("FindStores", "sourcing.kilometres_max", str(kilometres), kilometres)
    yield Edge("FindStores", "sourcing.place.postcode", "one that the table has not", "99999")
    for zone in ("Mars/Base", "europe/berlin", "CEST+1", "../UTC", "Europe/", "/etc/passwd"):
        yield Edge("PutStores", "stores[1].hours.zone", zone, zone)
    for region in ("Germany", "XX", "DE-XX", "de", "DE-", "DE-BER-X"):
        yield Edge("PutStores", "stores[1].hours.holidays", region, region)
    for text in ("", "2026-13-01", "2026-02-29", "20261224", "2026-W52-4", "2026-12-24T00:00", "24.12.2026", "\u0662"):
        yield Edge("PutStores", "stores[1].hours.special_days[0].date", repr(text), text)
    for seconds in (1, 59, 61, 90, 14 * DAY_S + 60):
        yield Edge("PutStores", "stores[1].hours.lead", f"{seconds} s", {"seconds": seconds, "nanos": 0})


def edges() -> Iterator[Edge]:
    """All of them."""
    for kind in (
        *(text_edges, shop_edges, reservation_id_edges, order_id_edges, whole_edges, enum_edges),
        *(duration_edges, instant_edges, list_edges, other_edges),
    ):
        yield from kind()
