"""What tells one service's journals from another's: an id that is made with them and stands beside them.

The data directory notes the id that it began with, so a start on journals that are empty, or somebody else's, is seen.
A copy of journals has an id of its own, and those of what it was made of: see `serve.config.stamp`.
"""

import json
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from actors.journal.archive import put_file
from actors.journal.port import JournalDamaged

FILE: Final = "stamp.json"
UNFINISHED: Final = "a-copy-that-was-not-finished"  # the id of one, until it was proved


class Stamp(NamedTuple):
    """The id, and those of the journals that these were copied from, the oldest first."""

    id: str
    was: tuple[str, ...] = ()

    @classmethod
    def new(cls, source: "Stamp | None" = None) -> "Stamp":
        """One that nobody has; of a copy of `source`."""
        return cls(f"j-{uuid4().hex}", (*source.was, source.id) if source else ())

    def encoded(self) -> bytes:
        return json.dumps({"id": self.id, "was": self.was}).encode()

    @classmethod
    def decoded(cls, written: bytes, place: str) -> "Stamp":
        """Raises JournalDamaged."""
        try:
            found = json.loads(written)
            return cls(str(found["id"]), tuple(map(str, found["was"])))
        except (ValueError, LookupError, TypeError) as error:
            raise JournalDamaged("(all)", place, f"its stamp cannot be read: {error}") from error


def file_stamp(folder: Path) -> Stamp | None:
    """The stamp of files in a folder, None where there is none. Raises JournalDamaged."""
    path = folder / FILE
    return Stamp.decoded(path.read_bytes(), str(path)) if path.exists() else None


def put_file_stamp(folder: Path, stamp: Stamp) -> None:
    """Write it durably. Raises OSError."""
    put_file(folder, FILE, stamp.encoded())
