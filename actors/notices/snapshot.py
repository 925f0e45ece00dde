"""The notifier's ledger as rows of a snapshot, and back."""

from collections import Counter
from collections.abc import Iterable, Iterator

from actors.core.message import Message
from actors.notices.rules import Rules
from actors.notices.state import Cursor, Ledger, Notice


class HeadRow(Message, frozen=True, tag="head"):
    """What there is one of."""

    version: int
    time_ms: int
    began_at_ms: int
    last_number: int
    rules: Rules
    cursors: dict[str, Cursor]
    counts: dict[str, int]


class NoticeRow(Message, frozen=True, tag="notice"):
    """A notice."""

    notice: Notice


class OpenRow(Message, frozen=True, tag="open"):
    """A reservation that was confirmed and is not over."""

    store_id: str
    number: int
    reminded: bool
    slot_start_ms: int = 0


Row = HeadRow | NoticeRow | OpenRow


def rows_of(ledger: Ledger) -> Iterator[Row]:
    """The rows of a ledger, its head first."""
    of = ledger.version, ledger.time_ms, ledger.began_at_ms, ledger.last_number, ledger.rules
    yield HeadRow(*of, ledger.cursors, dict(ledger.counts))
    for notice in ledger.notices.values():
        yield NoticeRow(notice)
    for (store_id, number), reminded in ledger.open.items():
        yield OpenRow(store_id, number, reminded, ledger.slots.get((store_id, number), 0))


def restored(rows: Iterable[Row]) -> Ledger:
    """The ledger of these rows."""
    ledger = Ledger()
    for row in rows:
        match row:
            case HeadRow():
                ledger.version, ledger.time_ms, ledger.began_at_ms = row.version, row.time_ms, row.began_at_ms
                ledger.last_number, ledger.rules = row.last_number, row.rules
                ledger.cursors, ledger.counts = dict(row.cursors), Counter(row.counts)
            case NoticeRow():
                ledger.put(row.notice)
            case OpenRow():
                ledger.open[row.store_id, row.number] = row.reminded
                if row.slot_start_ms:
                    ledger.slots[row.store_id, row.number] = row.slot_start_ms
    return ledger
