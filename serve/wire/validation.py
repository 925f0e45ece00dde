"""Is the request well formed? Every fault is told at once, with the field's path and what mends it.

Whether the business allows it is the ledger's question, not this module's.
"""

import re
from collections.abc import Iterable, Sized
from typing import Any, Final, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actors.core.ids import SLOTS, is_customers, ledger_of_slot, parse_reservation_id
from actors.core.policy import DAY_MS, TTL_MS_CEILING

KEY_CHARS_MAX: Final = 128
STORE_ID_CHARS_MAX: Final = 64
SKU_CHARS_MAX: Final = 64
CUSTOMER_CHARS_MAX: Final = 128
CHANNEL_CHARS_MAX: Final = 32
BASKET_CHARS_MAX: Final = 128
SOURCE_CHARS_MAX: Final = 64
PAYMENT_CHARS_MAX: Final = 128
NAME_CHARS_MAX: Final = 128
LINES_MAX: Final = 100
BATCH_REQUESTS_MAX: Final = 1_024
STOCK_ROWS_MAX: Final = 4_096
STORES_MAX: Final = 1_024
SKUS_MAX: Final = 4_096
STORES_TIMES_SKUS_MAX: Final = 65_536
RULES_MAX: Final = 10_000
PAGE_SIZE_MAX: Final = 1_000
STATUSES_MAX: Final = 7
QUANTITY_MAX: Final = 1_000_000
SEQUENCE_MAX: Final = 2**62
STOCK_QUANTITY_MAX: Final = 1_000_000_000

CUSTOMERS_LEDGERS: Final = frozenset(map(ledger_of_slot, range(SLOTS)))
STORE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
INSTANT_SECONDS_MAX: Final = 4_102_444_800  # the year 2100


class Violation(NamedTuple):
    """A field's path, and what is wrong with it."""

    field: str
    description: str


class InvalidRequest(Exception):
    """A request that no ledger will see."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("; ".join(f"{violation.field}: {violation.description}" for violation in violations))
        self.violations = violations


class Checked:
    """Collects violations; `prefix` is put before every field."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.violations: list[Violation] = []

    def fault(self, field: str, description: str) -> None:
        """Note a fault."""
        self.violations.append(Violation(self.prefix + field, description))

    def raise_if_faulty(self) -> None:
        """Raises InvalidRequest where there was a fault."""
        if self.violations:
            raise InvalidRequest(self.violations)

    def text(self, field: str, value: str, chars_max: int, *, required: bool = True) -> None:
        """Printable text of a bounded length."""
        if not value:
            if required:
                self.fault(field, f"is required: 1 to {chars_max} characters")
        elif len(value) > chars_max:
            self.fault(field, f"has {len(value)} characters; at most {chars_max} are taken")
        elif not value.isprintable():
            self.fault(field, "has control characters; send printable text")

    def store_id(self, field: str, value: str) -> None:
        """A shop's id."""
        if not value:
            self.fault(field, "is required: the shop's id")
        elif not STORE_ID.fullmatch(value):
            self.fault(field, "is not a shop's id: 1 to 64 of A-Z a-z 0-9 . _ -")

    def ledger_id(self, field: str, value: str) -> None:
        """A shop's id, or the name of a customers' ledger."""
        if is_customers(value) and value not in CUSTOMERS_LEDGERS:
            self.fault(field, f"is no customers' ledger; they are {ledger_of_slot(0)} to {ledger_of_slot(SLOTS - 1)}")
        elif not is_customers(value):
            self.store_id(field, value)

    def whole(self, field: str, value: int, least: int, most: int) -> None:
        """A whole number within bounds."""
        if not least <= value <= most:
            self.fault(field, f"is {value}; send {least} to {most}")

    def count(self, field: str, values: Sized, most: int) -> bool:
        """A list that is neither empty nor too long; False where it is too long to look into."""
        if len(values) == 0:
            self.fault(field, f"is required: 1 to {most} entries")
        elif len(values) > most:
            self.fault(field, f"has {len(values)} entries; at most {most} are taken, send the rest in another call")
            return False
        return True

    def once(self, field: str, values: Iterable[str], name: str) -> None:
        """Each value at most once."""
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                self.fault(f"{field}[{index}].{name}" if name else f"{field}[{index}]", "stands twice; send it once")
            seen.add(value)

    def duration_ms(self, field: str, duration: Duration, ms_max: int = TTL_MS_CEILING) -> int:
        """Milliseconds of a duration of at least 1 ms; `ms_max` is whole days."""
        ms = int(duration.seconds) * 1_000 + int(duration.nanos) // 1_000_000
        if not 1 <= ms <= ms_max or duration.seconds < 0 or not 0 <= duration.nanos < 1_000_000_000:
            days = ms_max // DAY_MS
            self.fault(field, f"is out of range; send 0.001 s to {days} days, or leave it out for the rule's time")
        return ms

    def instant(self, field: str, instant: Timestamp) -> None:
        """An instant between 1970 and 2100."""
        if not 0 < instant.seconds < INSTANT_SECONDS_MAX or not 0 <= instant.nanos < 1_000_000_000:
            self.fault(field, "is not an instant between 1970 and 2100; send it in UTC, or leave it out")

    def reservation_id(self, field: str, value: str) -> tuple[str, int]:
        """Shop and number of a reservation id."""
        if not value:
            self.fault(field, "is required: the id that Reserve gave")
            return "", 0
        try:
            store_id, number = parse_reservation_id(value[: STORE_ID_CHARS_MAX + 20])
        except ValueError:
            self.fault(field, "is not a reservation id; send the one that Reserve gave, such as S042:1907")
            return "", 0
        if not STORE_ID.fullmatch(store_id):
            self.fault(field, "does not begin with a shop's id; send the id that Reserve gave, such as S042:1907")
        return store_id, number


def check_lines(checked: Checked, lines: Any, *, required: bool = True) -> None:
    """(sku, quantity) lines of a reservation."""
    if len(lines) == 0 and not required:
        return
    if checked.count("lines", lines, LINES_MAX):
        for index, line in enumerate(lines):
            checked.text(f"lines[{index}].sku", line.sku, SKU_CHARS_MAX)
            checked.whole(f"lines[{index}].quantity", line.quantity, 1, QUANTITY_MAX)


def check_reserve(request: Any, prefix: str = "") -> list[Violation]:
    """All faults of a ReserveRequest. `translation.reserve` has the quick test that this explains."""
    checked = Checked(prefix)
    checked.text("idempotency_key", request.idempotency_key, KEY_CHARS_MAX)
    if not request.HasField("sourcing"):
        checked.store_id("store_id", request.store_id)
    elif request.store_id:
        checked.fault("store_id", "is set beside sourcing; send one of them")
    check_lines(checked, request.lines)
    checked.text("customer_id", request.customer_id, CUSTOMER_CHARS_MAX)
    checked.text("channel", request.channel, CHANNEL_CHARS_MAX)
    checked.text("basket_id", request.basket_id, BASKET_CHARS_MAX, required=False)
    if request.HasField("ttl"):
        checked.duration_ms("ttl", request.ttl)
    if request.HasField("slot_start"):
        checked.instant("slot_start", request.slot_start)
    return checked.violations
