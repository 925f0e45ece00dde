"""Tables that are read at leisure while they go on: changes are laid over one, and put into it afterwards, in pieces.

So a snapshot of a million rows costs nothing when it begins, and no step waits for more than `OVERLAID_AT_ONCE` rows.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from itertools import islice
from typing import Any, Final, Generic, TypeVar

QUEUED_TOGETHER: Final = 1_000  # rows of a queue
OVERLAID_AT_ONCE: Final = 1_000  # changes that are put into their table in one go: some 0.3 ms

K = TypeVar("K")
V = TypeVar("V")

_ABSENT: Final[Any] = object()


class Overlay(MutableMapping[K, V]):
    """A dictionary with changes beside it; `under` stays as it was. Keys come in the sequence that it would have.

    Where values change in themselves, `copied` copies one that is looked up in brackets, to be changed; all else reads.
    """

    __slots__ = ("_changed", "_copied", "_count", "_gone", "under")

    def __init__(self, under: MutableMapping[K, V], copied: Callable[[V], V] | None = None) -> None:
        self.under = under
        self._copied = copied
        self._changed: dict[K, V] = {}
        self._gone: dict[K, None] = {}  # of what is under it; one that came again is in both
        self._count = len(under)

    def __getitem__(self, key: K) -> V:
        value = self._changed.get(key, _ABSENT)
        if value is _ABSENT:
            if key in self._gone:
                raise KeyError(key)
            value = self.under[key]
            if self._copied is not None:
                value = self._changed[key] = self._copied(value)
        return value  # type: ignore[no-any-return]

    def get(self, key: K, default: Any = None) -> Any:
        value = self._changed.get(key, _ABSENT)
        if value is not _ABSENT:
            return value
        return default if key in self._gone else self.under.get(key, default)

    def __setitem__(self, key: K, value: V) -> None:
        self._count += key not in self
        self._changed[key] = value

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        self._count -= 1
        self._changed.pop(key, None)
        if key in self.under:
            self._gone[key] = None

    def __contains__(self, key: object) -> bool:
        return key in self._changed or (key in self.under and key not in self._gone)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[K]:
        yield from (key for key in self.under if key not in self._gone)
        yield from (key for key in self._changed if key in self._gone or key not in self.under)

    def values(self) -> Any:
        return map(self.get, self)

    def items(self) -> Any:
        return ((key, self.get(key)) for key in self)

    def settle(self, count_max: int) -> int:
        """Put changes into what is under it, the oldest first, at most so many; returns how many."""
        gone = list(islice(self._gone, count_max))
        for key in gone:
            del self.under[key], self._gone[key]
        changed = list(islice(self._changed, count_max - len(gone)))
        for key in changed:  # at no moment in neither: stale reads take no lock
            self.under[key] = self._changed[key]
            del self._changed[key]
        return len(gone) + len(changed)


def lift(tables: Iterable[tuple[Any, str]], count_max: int) -> bool:
    """Settle overlays that were laid over tables, each an attribute of something, with at most so many changes; take
    away those that have no more of them. Returns whether all are.
    """
    for holder, name in tables:
        table = getattr(holder, name)
        if isinstance(table, Overlay):
            count_max -= table.settle(count_max)
            if not count_max:
                return False
            setattr(holder, name, table.under)
    return True


class Queue(Generic[V]):
    """Rows that are added at one end and taken at the other. Those of now can be read later too: lists only grow."""

    __slots__ = ("_taken", "lists")

    def __init__(self) -> None:
        self.lists: deque[list[V]] = deque()  # none without rows
        self._taken = 0  # of the first one

    def append(self, row: V) -> None:
        if not self.lists or len(self.lists[-1]) == QUEUED_TOGETHER:
            self.lists.append([])
        self.lists[-1].append(row)

    def first(self) -> V:
        """The row to be taken next; there must be one."""
        return self.lists[0][self._taken]

    def popleft(self) -> V:
        row = self.first()
        self._taken += 1
        if self._taken == len(self.lists[0]):
            self.lists.popleft()
            self._taken = 0
        return row

    def captured(self) -> list[tuple[list[V], int, int]]:
        """All of it, for `queued`."""
        found = [(rows, 0, len(rows)) for rows in self.lists]
        if found:
            found[0] = (found[0][0], self._taken, found[0][2])
        return found

    def __iter__(self) -> Iterator[V]:
        return queued(self.captured())

    def __len__(self) -> int:
        return sum(map(len, self.lists)) - self._taken

    def copied(self) -> "Queue[V]":
        """A copy that later events do not change."""
        copied = Queue[V]()
        copied.lists, copied._taken = deque(rows.copy() for rows in self.lists), self._taken
        return copied


def queued(captured: list[tuple[list[V], int, int]]) -> Iterator[V]:
    """Yield the rows of a queue as they were."""
    return (row for rows, first, end in captured for row in islice(rows, first, end))
