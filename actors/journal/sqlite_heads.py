"""Where ledgers stand in the embedded journal's file: their heads, and what the file's writer knows of them.

A record is chained to the head of its ledger, and moves it on, if the head stands as the record says, under its epoch.
The transaction that writes the records proves that by an UPDATE for each of them. Most are of ledgers of which that was
proved before: while no other connection has committed to the file since, which SQLite tells, their heads are what this
one has made of them, and one statement moves all.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

from actors.journal.codec import chain_start
from actors.journal.port import Record
from actors.journal.sqlite_file import SqliteFile

MANY: Final = 16  # records of a commit, for which to ask whether somebody else has committed costs little

# Of a ledger's head: its epoch, sequence and checksum, and the CRC-32 that all records under that epoch begin with.
_Stand = tuple[int, int, int, int]
# The ledger, sequence, epoch, events, ledger time, checksum and payload of a record.
NewRow = tuple[str, int, int, int, int, int, bytearray]
# Of a ledger's head: its sequence and checksum to be; the ledger, its epoch, its sequence and checksum before.
Move = tuple[int, int, str, int, int, int]

_NOWHERE: Final[_Stand] = (-1, 0, 0, 0)
_MOVE_EACH: Final = (
    "UPDATE heads SET seq = ?, checksum = ? WHERE ledger_id = ? AND epoch = ? AND seq = ? AND checksum = ?"
)
_MOVE_ALL: Final = """
INSERT INTO heads SELECT ledger_id, epoch, seq, checksum FROM records WHERE id >= ? ORDER BY id
  ON CONFLICT (ledger_id) DO UPDATE SET seq = excluded.seq, checksum = excluded.checksum
  WHERE heads.epoch = excluded.epoch
"""


class Chained(NamedTuple):
    """Records as rows, and the checksum that each goes on from; how their ledgers stand after them, and whether all of
    them follow on what is known.
    """

    rows: list[NewRow]
    before: list[int]
    fresh: dict[str, _Stand]
    follow: bool

    def moves(self) -> list[Move]:
        """What the records make of heads."""
        return [
            (seq, checksum, ledger_id, epoch, seq - count, before)
            for (ledger_id, seq, epoch, count, _, checksum, _), before in zip(self.rows, self.before, strict=True)
        ]


class Heads:
    """Of an open file; the caller of any method holds its lock."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._stands: dict[str, _Stand] = {}
        self._proved: set[str] = set()  # ledgers that stand so, as of this version of the file
        self._version = -1  # as SQLite counts what other connections commit

    def take_over(self, ledger_id: str, epoch: int, seq: int, checksum: int) -> None:
        """Go on from where a ledger stands."""
        self._stands[ledger_id] = (epoch, seq, checksum, chain_start(ledger_id, epoch))
        self._proved.discard(ledger_id)

    def doubt(self, ledger_id: str) -> None:
        """Have the next commit prove again where a ledger stands, as something else than records has moved it."""
        self._proved.discard(ledger_id)

    def chained(self, records: Sequence[Record]) -> Chained:
        """What is to be written of these records. `codec.chained` says what their checksums are; here the parts of it
        that are the same for many are made once: two of three conversions of numbers to text, which are most of it.
        """
        stands, follow = self._stands, True
        rows: list[NewRow] = []
        all_before: list[int] = []
        fresh: dict[str, _Stand] = {}
        said, events, time_ms = "", -1, -1
        for ledger_id, epoch, seq, count, at_ms, payload in records:
            its_epoch, its_seq, before, start = fresh.get(ledger_id) or stands.get(ledger_id, _NOWHERE)
            if its_epoch != epoch or its_seq != seq - count:
                follow = False
                start = chain_start(ledger_id, epoch)
            if at_ms != time_ms or count != events:
                events, time_ms = count, at_ms
                said = f" {count} {at_ms} "
            checksum = crc32(payload, crc32(f"{seq}{said}{before}".encode(), start))
            fresh[ledger_id] = (epoch, seq, checksum, start)
            all_before.append(before)
            # For an object of any class that it does not know, bytes too, Python's module looks for an adapter first,
            # which takes three times as long as this copy.
            rows.append((ledger_id, seq, epoch, count, at_ms, checksum, bytearray(payload)))
        return Chained(rows, all_before, fresh, follow)

    def are_known(self, chained: Chained) -> bool:
        """Within a transaction: whether the ledgers of these records stand as they say, as that was proved before, and
        no other connection has committed since.
        """
        if len(chained.rows) < MANY or not chained.follow:
            return False
        [version] = self._file.db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._proved.clear()
        return chained.fresh.keys() <= self._proved

    def move_each(self, chained: Chained) -> int:
        """Within a transaction: move the heads that stand as the records say. Returns how many do."""
        return self._file.db.executemany(_MOVE_EACH, chained.moves()).rowcount

    def move_all(self, first_row: int) -> int:
        """Within a transaction: move the heads by the records from a row on, of ledgers that are known. Returns of how
        many the epoch is that in force.
        """
        return self._file.db.execute(_MOVE_ALL, (first_row,)).rowcount

    def know(self, chained: Chained) -> None:
        """The records are committed, and where they left their ledgers was proved."""
        self._stands.update(chained.fresh)
        self._proved.update(chained.fresh)
