"""Which reservations and transfers are over, and where the journal has them: they are not in memory any more.

Of each there are 14 bytes, at most 24 with their room: its number, the version of the event that has all of it, and
what lists select it by.
"""

from collections.abc import Iterator
from typing import Final

from actors.core.message import Message
from actors.core.packed import (
    ENTRY_BYTES,
    HASH_BYTES,
    NEVER,
    NEVER_MS,
    Captured,
    Packed,
    PackedRow,
    packed_rows,
    rows_by_version,
)
from actors.core.policy import DAY_MS
from actors.core.status import Status, TransferStatus

ABOUT_BYTES: Final = 1
_SHARED: Final = 8  # beside the status
_TRANSFER: Final = 16  # likewise: what is over is a transfer
_MOVED: Final = 32  # alone: it is a reservation that has moved from here into its shop


class FinishedRow(Message, frozen=True, tag="finished"):
    """A row of a snapshot; the first one has the least number of each day."""

    packed: PackedRow
    least: tuple[tuple[int, int], ...]

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the reservations and transfers."""
        entries, step = self.packed.entries, ENTRY_BYTES + ABOUT_BYTES
        for at in range(0, len(entries), step):
            yield int.from_bytes(entries[at : at + HASH_BYTES], "big")


class Finished:
    """What was over within the time of answers, by number; forgotten by days of ledger time."""

    __slots__ = ("forget_at_ms", "least", "table")

    def __init__(self) -> None:
        self.table = Packed(DAY_MS, 0, about_bytes=ABOUT_BYTES)
        self.least: dict[int, int] = {}  # the least number by day, for lists to begin with
        self.forget_at_ms = NEVER_MS

    def put(self, number: int, status: Status, version: int, at_ms: int, *, is_shared: bool) -> None:
        """Note what is over with the event of this version, the newest. `is_shared`: a customers' ledger knows it."""
        self._put(number, status | _SHARED if is_shared else status, version, at_ms)

    def put_transfer(self, number: int, status: TransferStatus, version: int, at_ms: int) -> None:
        """Note a transfer that is over, as `put` does."""
        self._put(number, status | _TRANSFER, version, at_ms)

    def put_moved(self, number: int, version: int, at_ms: int) -> None:
        """Note a reservation that has moved, as `put` does."""
        self._put(number, _MOVED, version, at_ms)

    def _put(self, number: int, about: int, version: int, at_ms: int) -> None:
        self.table.put(_key(number), version, at_ms, about)
        day = at_ms // DAY_MS
        if number < self.least.get(day, NEVER):
            self.least[day] = number
            self.forget_at_ms = min(self.forget_at_ms, self.table.forget_at_ms)

    def version_of(self, number: int) -> int:
        """The version of the event that has all of the reservation; 0 where it is not over, or was forgotten."""
        found = self.table.about(_key(number))
        return 0 if found is None or found[1] >= _TRANSFER else found[0]

    def transfer_of(self, number: int) -> tuple[int, TransferStatus] | None:
        """The version of the event that has all of the transfer, and its status; None as above."""
        found = self.table.about(_key(number))
        is_one = found is not None and found[1] & _TRANSFER
        return (found[0], TransferStatus(found[1] & ~_TRANSFER)) if found is not None and is_one else None

    def moved_by(self, number: int) -> int:
        """The version of the event by which the reservation has moved, 0 as above."""
        found = self.table.about(_key(number))
        return found[0] if found is not None and found[1] == _MOVED else 0

    def knows(self, number: int) -> bool:
        """True for a reservation or transfer that is over and was not forgotten."""
        return self.table.about(_key(number)) is not None

    def ended_as(self, number: int) -> tuple[Status, bool] | None:
        """The final status, and whether a customers' ledger knows of it; None where it is not over or was forgotten."""
        found = self.table.about(_key(number))
        if found is None or found[1] >= _TRANSFER:
            return None
        return Status(found[1] & ~_SHARED), found[1] >= _SHARED

    def forget(self, at_ms: int, memory_ms: int) -> None:
        """Forget days that are out of date, and free some of their memory."""
        table = self.table
        if table.kept_ms != memory_ms:
            table.keep_for(memory_ms)
        table.forget(at_ms)
        for day in list(self.least):
            if day >= (at_ms - memory_ms) // DAY_MS:
                break
            del self.least[day]
        self.forget_at_ms = at_ms if table.to_prune else table.forget_at_ms

    def captured(self) -> tuple[Captured, tuple[tuple[int, int], ...]]:
        return self.table.captured(), tuple(self.least.items())

    def restore(self, row: FinishedRow) -> None:
        """Take a row of a snapshot; once all were taken, the table is told that they are to be placed."""
        self.table.restore(row.packed)
        self.least.update(row.least)
        self.forget_at_ms = 0


def finished_rows(
    captured: tuple[Captured, tuple[tuple[int, int], ...]], last: int, *, by_version: bool
) -> Iterator[FinishedRow]:
    """Yield what was captured, up to the version `last`, by version or as it lies in memory."""
    table, least = captured
    for row in (rows_by_version if by_version else packed_rows)(table, last, refused=False):
        yield FinishedRow(row, least)
        least = ()


def _key(number: int) -> bytes:
    """In the place of a hash, by which entries are found."""
    return number.to_bytes(HASH_BYTES, "big")
