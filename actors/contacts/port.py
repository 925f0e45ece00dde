"""The contract of a store of sealed entries. It knows no key and nobody.

1. An entry is replaced only where it is what its writer has read, all entries of a change in one durable write, which
   notes the change's key as well.
2. What is erased is overwritten where it stood.
3. A key is kept for KEYS_S, and then may be forgotten.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

KEYS_S: Final = 86_400


class Entry(NamedTuple):
    """A sealed entry at its place, what it `was`, None for none, and what it is to be, None for erased; and the indexes
    by which it was found, and is to be.
    """

    place: bytes
    was: bytes | None
    now: bytes | None
    found_before: tuple[bytes, ...] = ()
    found: tuple[bytes, ...] = ()


class Kept(NamedTuple):
    """An entry as it lies at its place: whose it is, sealed, and the indexes by which it is found, sorted."""

    place: bytes
    owner: bytes
    sealed: bytes
    found: tuple[bytes, ...]


class KeptKey(NamedTuple):
    """The key of a change, what was noted with it, and when, in seconds."""

    key: bytes
    said: bytes
    at_s: int


class ContactStore(Protocol):
    """Thread-safe. Raises ContactsAway, and ContactsUnreadable for a damaged one."""

    def read(self, place: bytes) -> bytes | None:
        """The entry at a place."""

    def of_owner(self, owner: bytes) -> list[tuple[bytes, bytes]]:
        """All entries of an owner, with their places."""

    def found(self, index: bytes, entries_max: int) -> list[tuple[bytes, bytes]]:
        """Entries by an index, with their places."""

    def said(self, key: bytes) -> bytes | None:
        """What was noted with a change's key."""

    def write(self, owner: bytes, entries: Sequence[Entry], key: bytes, said: bytes, at_s: int) -> bool:
        """Make a change durable. Returns False, having done nothing, where an entry is not what it was; True where the
        key has the same beside it.
        """

    def entries(self) -> Iterator[Kept]:
        """All entries by place, for a copy. Nobody may write meanwhile."""

    def keys(self, now_s: int) -> list[KeptKey]:
        """The keys of changes that are not forgotten yet, sorted."""

    def put(self, entries: Sequence[Kept], keys: Sequence[KeptKey], now_s: int) -> None:
        """Make durable what another store has, where nothing of it is. May be done twice."""

    def close(self) -> None:
        """Release it."""
