"""A journal any call of which can be made to fail, not appends alone."""

from collections.abc import Callable
from typing import TypeVar

from actors.journal.port import Journal, JournalFailed
from tests.journal.faulty import FaultyJournal

T = TypeVar("T")


class BreakingJournal(FaultyJournal):
    """See `FaultyJournal`; after `fail_call` nothing of the named call happens. Unarmed it keeps the contract."""

    def __init__(self, inner: Journal) -> None:
        super().__init__(inner)
        self._armed: dict[str, Exception] = {}

    def fail_call(self, call: str, error: Exception | None = None) -> None:
        """The next call of that name, such as "take_over", fails; by an error of another kind where one is given."""
        self._armed[call] = error or JournalFailed(f"the test asked for a failure of {call}")

    def _called(self, entry: str, call: Callable[[], T]) -> T:
        error = self._armed.pop(entry.split(maxsplit=1)[0], None)
        if error is not None:
            self.log.append(entry)
            self._finished = str(error)
            raise error
        return super()._called(entry, call)
