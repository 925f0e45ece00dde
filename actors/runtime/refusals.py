"""Commands that are refused by their key: what raised twice, and what has ended its actor's process twice.

The second is known by attempts in the journal's database. Of a command that is sent alone, as its actor was lost with
it, one is noted before it is decided, and struck out before it is answered: what is left is of an end in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from actors.core.policy import CALL_MS_MAX
from actors.journal.port import Attempt, Journal, JournalError
from actors.protocol.messages import Stopped
from actors.runtime.clock import Clock
from actors.runtime.group_commit import GroupCommit

REFUSED_KEYS_MAX: Final = 1_000  # beyond that the oldest are decided anew
ATTEMPTS_MAX: Final = 2


class Refusals:
    """Of one host. Each is remembered until no copy of its call can arrive; its caller holds the host's lock, but for
    `attempt`.
    """

    def __init__(self, journal: Journal, clock: Clock, commits: GroupCommit) -> None:
        self._journal = journal
        self._clock = clock
        self._commits = commits
        self.refused: dict[tuple[str, str], tuple[int, Stopped]] = {}  # by ledger and key, until when
        self._attempts: dict[tuple[str, str], Attempt] = {}  # that ended with an owner before

    def get(self, ledger_id: str, key: str, now_ms: int) -> Stopped | None:
        """The refusal of what is under a key."""
        until_ms, refusal = self.refused.get((ledger_id, key), (0, None))
        return refusal if until_ms > now_ms else None

    def refuse(self, ledger_id: str, key: str, why: str, at_ms: int) -> Stopped:
        """Refuse what is under a key from now on."""
        if len(self.refused) >= REFUSED_KEYS_MAX:
            del self.refused[next(iter(self.refused))]
        refusal = Stopped(f"ledger {ledger_id}: {why}. Nothing was done")
        self.refused[ledger_id, key] = (at_ms + CALL_MS_MAX, refusal)
        return refusal

    def learn(self, ledger_id: str, ledger: Any) -> None:
        """Learn of the attempts of owners before. What was answered had its end after that, and is answered again.
        Raises JournalError.
        """
        for attempt in self._journal.attempts(ledger_id):
            if ledger.answers.versions(attempt.key):
                continue
            self._attempts[ledger_id, attempt.key] = attempt
            if attempt.times >= ATTEMPTS_MAX:
                why = f"what is under the key {attempt.key!r} has ended the actor {attempt.times} times"
                self.refuse(ledger_id, attempt.key, why, attempt.at_ms)

    @contextmanager
    def attempt(self, ledger_id: str, epoch: int, key: str) -> Iterator[None]:
        """Have the block decide and answer what is under a key. `epoch` is 0 where the ledger is not served. Raises
        JournalError; such an end is not counted, as it is the journal's.
        """
        now_ms = self._clock.now_ms()
        if not epoch or self.get(ledger_id, key, now_ms):
            yield
            return
        before = self._attempts.pop((ledger_id, key), Attempt(key, 0, now_ms))
        times = before.times if before.at_ms > now_ms - CALL_MS_MAX else 0
        before = Attempt(key, times, before.at_ms)
        self._commits.take_back = partial(self._journal.take_back_attempt, ledger_id, epoch, before)
        self._note(ledger_id, epoch, Attempt(key, times + 1, now_ms))
        yield
        self._note(ledger_id, epoch, Attempt(key, 0, now_ms))
        self._commits.take_back = None

    def _note(self, ledger_id: str, epoch: int, attempt: Attempt) -> None:
        try:
            self._journal.note_attempt(ledger_id, epoch, attempt, attempt.at_ms - CALL_MS_MAX)
        except JournalError as failure:
            raise self._commits.fail_unless_moved(failure) from failure
