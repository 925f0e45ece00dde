"""The rows of a till's file: its tables, what a movement may be, and the checksum of one. See `till_journal`."""

import json
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

from holdfast.client.errors import Violation
from holdfast.client.models.stock import Adjustment, AdjustmentKind

APPLICATION_ID = 0x48464C54
"""Says in the file's head whose it is."""

FORMAT = 8
"""7 does not say whose it is, 6 has nothing of what was collected over the network, 5 not to whom goods were handed,
4 no keys of pickup codes, 3 has clocks of movements alone, 2 none, 1 none of the tables of `till_allotments`."""
SCHEMA = (
    """CREATE TABLE meta (next INTEGER NOT NULL, sent INTEGER NOT NULL, series TEXT NOT NULL, key TEXT NOT NULL,
        last INTEGER NOT NULL)""",
    """CREATE TABLE movements (
        sequence INTEGER PRIMARY KEY, sku TEXT NOT NULL, delta INTEGER NOT NULL, kind INTEGER NOT NULL,
        occurred_at_ms INTEGER, checksum INTEGER NOT NULL)""",
    """CREATE TABLE doubtful (sku TEXT NOT NULL, delta INTEGER NOT NULL, kind INTEGER NOT NULL,
        occurred_at_ms INTEGER)""",
    """CREATE TABLE receipts (kind INTEGER NOT NULL, receipt TEXT NOT NULL, content TEXT NOT NULL,
        first INTEGER NOT NULL, PRIMARY KEY (kind, receipt))""",
    f"PRAGMA application_id = {APPLICATION_ID}",
)

CLOCKS = (  # on which the age of a row goes on over a start of the program, as long as the machine is up
    "ALTER TABLE movements ADD COLUMN boot TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE movements ADD COLUMN clock_s REAL",
)

Occurred = tuple[int | None, float | None]
"""When a movement was recorded, on the wall clock in ms and on `clock_s`, where they are known."""

AGE_MS_MAX = 366 * 86_400_000
SKU_CHARACTERS_MAX = 64
PAYMENT_CHARACTERS_MAX = 128
RECIPIENT_CHARACTERS_MAX = 64
RECEIPT_CHARACTERS_MAX = 256
TILL_CHARACTERS_MAX = 47
UNITS_MAX = 1_000_000_000
_UNITS = {
    AdjustmentKind.RECEIPT: (1, UNITS_MAX),
    AdjustmentKind.SALE: (-UNITS_MAX, -1),
    AdjustmentKind.RETURN: (1, UNITS_MAX),
    AdjustmentKind.CORRECTION: (-UNITS_MAX, UNITS_MAX),
}
"""Signed units by kind, as the service takes them: one row that it refuses would hold up all that come after it."""


def clock_s() -> float:
    """A clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


def boot_id() -> str:
    """Which start of the machine `clock_s` counts from, where that can be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() if hasattr(time, "CLOCK_BOOTTIME") else ""
    except OSError:
        return ""


def violations_of(rows: Iterable[Adjustment]) -> Iterable[Violation]:
    """What is wrong with movements."""
    for number, row in enumerate(rows):
        if type(row.sku) is not str or not 1 <= len(row.sku) <= SKU_CHARACTERS_MAX:
            yield Violation(f"lines[{number}].sku", f"must have 1 to {SKU_CHARACTERS_MAX} characters")
        elif not row.sku.isprintable():
            yield Violation(f"lines[{number}].sku", "must be printable text")
        least, most = _UNITS.get(row.kind, (0, 0))
        if type(row.delta) is not int or row.delta == 0 or not least <= row.delta <= most:
            wanted = f"must be a whole number, {least} to {most} for {row.kind.name}, and not zero"
            yield Violation(f"lines[{number}].quantity", wanted)


def till_violations(till: str) -> tuple[Violation, ...]:
    """What is wrong with the name of a till: its movements would be refused for ever."""
    if 1 <= len(till) <= TILL_CHARACTERS_MAX and till.isprintable():
        return ()
    return (Violation("till", f"must be printable text of 1 to {TILL_CHARACTERS_MAX} characters"),)


def receipt_violations(receipt: str) -> tuple[Violation, ...]:
    """What is wrong with the number of a receipt, so that it could not be written or not be found again."""
    if type(receipt) is str and len(receipt) <= RECEIPT_CHARACTERS_MAX and receipt.isprintable():
        return ()
    return (Violation("receipt", f"must be printable text of at most {RECEIPT_CHARACTERS_MAX} characters"),)


def lines_violations(lines: Iterable[tuple[str, int]]) -> tuple[Violation, ...]:
    """What is wrong with the units of lines of a reservation, which have no sign."""
    wrong = [place for place, (_, units) in enumerate(lines) if type(units) is not int]
    return tuple(Violation(f"lines[{place}].quantity", "must be a whole number") for place in wrong)


def payment_violations(reference: str) -> tuple[Violation, ...]:
    """What is wrong with the reference of a payment, as the service takes it."""
    if not 1 <= len(reference) <= PAYMENT_CHARACTERS_MAX:
        return (Violation("payment_reference", f"must have 1 to {PAYMENT_CHARACTERS_MAX} characters"),)
    return () if reference.isprintable() else (Violation("payment_reference", "must be printable text"),)


def recipient_violations(recipient_id: str) -> tuple[Violation, ...]:
    """What is wrong with the key of whoever came in the customer's place, as the service takes it."""
    if len(recipient_id) <= RECIPIENT_CHARACTERS_MAX and recipient_id.isprintable():
        return ()
    return (Violation("recipient_id", f"must be printable text of at most {RECIPIENT_CHARACTERS_MAX} characters"),)


def fields_of(row: Adjustment, occurred: Occurred, boot: str) -> tuple[int | str | float | None, ...]:
    """A movement as its row: with its checksum, the allotment that it is of, and its clock."""
    at_ms, at_s = occurred
    fields = (row.sequence, row.sku, row.delta, row.kind.value, at_ms)
    name = (row.allotment_id,) if row.allotment_id else ()
    return (*fields, checksum_of(*fields, *name), row.allotment_id, *clock_of(at_s, boot))


def clock_of(at_s: float | None, boot: str) -> tuple[str, float | None]:
    """A time of `clock_s` as it is written: with the start of the machine that it counts from, where that is known."""
    return (boot, at_s) if boot and at_s is not None else ("", None)


def known_s(boot: str, at_s: float | None, boot_now: str) -> float | None:
    """What was written so, as long as the machine is up; None once it was started anew."""
    return at_s if boot and boot == boot_now else None


def checksum_of(*fields: int | str | None) -> int:
    """Over the values themselves: SQLite guards its log with checksums, but not its file."""
    return zlib.crc32(json.dumps(fields, separators=(",", ":")).encode())
