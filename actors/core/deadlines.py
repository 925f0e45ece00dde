"""Numbers by their deadlines, the earliest first: a heap whose stale entries are dropped some at a time.

An entry is `deadline << 56 | number`, one small object; orders, whose numbers are longer, shift by more. Of a deadline
that was moved or is over the entry stays; it is stale, and found so when it is due. Where stale ones outnumber the
others, the heap is put aside, and what is not stale is taken over from its end: without its last entry a heap is one
still.
"""

from heapq import heappop, heappush
from typing import Final

SHIFT: Final = 56
NUMBER_MASK: Final = (1 << SHIFT) - 1
STALE_ENTRIES_MAX: Final = 1_024  # beyond four for each that is live, before a heap is put aside


class Deadlines:
    """`heap` takes new entries, `aside` has those that are still to be looked through. Both count."""

    __slots__ = ("aside", "heap")

    def __init__(self) -> None:
        self.heap: list[int] = []
        self.aside: list[int] = []

    def enter(self, deadline_ms: int, number: int) -> None:
        heappush(self.heap, deadline_ms << SHIFT | number)

    def first(self) -> int | None:
        """The earliest entry, None without any."""
        heap, aside = self.heap, self.aside
        if aside and (not heap or aside[0] < heap[0]):
            return aside[0]
        return heap[0] if heap else None

    def pop(self) -> int:
        heap, aside = self.heap, self.aside
        return heappop(aside if aside and (not heap or aside[0] < heap[0]) else heap)

    def put_aside(self, live: int) -> bool:
        """Put the heap aside where most of its entries are stale, as so many numbers are live. True where it was."""
        if self.aside or len(self.heap) <= STALE_ENTRIES_MAX + 4 * live:
            return False
        self.heap, self.aside = [], self.heap
        return True

    def copied(self) -> "Deadlines":
        """A copy that later changes leave alone."""
        copied = Deadlines()
        copied.heap, copied.aside = self.heap.copy(), self.aside.copy()
        return copied

    def entries(self) -> list[int]:
        return self.heap + self.aside
