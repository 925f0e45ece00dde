"""Reads back what a ledger's events said, for commands whose keys were answered before."""

from collections.abc import Callable, Sequence
from typing import Any

from actors.core.answers import Unread
from actors.journal.port import Journal, JournalDamaged, SealedDamaged
from actors.runtime.group_commit import GroupCommit
from actors.runtime.hosted import Hosted
from actors.runtime.kinds import Core


class ReadBack:
    """Gives a host's ledgers what they ask for by `Unread`, until `end_step`."""

    def __init__(self, core: Callable[[], Core], journal: Journal, commits: GroupCommit) -> None:
        self._core = core
        self._journal = journal
        self._commits = commits
        self._told: list[dict[int, Any]] = []

    def transact(
        self, turn: tuple[Hosted, int, list[Any], bool], command: Any, batch: Sequence[tuple[str, Any]] = ()
    ) -> Any:
        """Decide a command in a ledger's turn, whatever has to be read for it. `batch` is what is still to be decided:
        repeats come in flocks, and one read is for all of them.
        """
        core, (hosted, now_ms, events, is_behind) = self._core(), turn
        ledger = hosted.ledger
        while True:
            try:
                return core.transact(ledger, command, now_ms, is_behind)
            except Unread as unread:
                own = set(unread.versions)
            wanted = own.copy()
            for ledger_id, other in batch:
                if ledger_id == ledger.ledger_id:
                    wanted.update(ledger.answers.versions(core.key_of(other)))
            try:
                self._read(core, ledger, events, now_ms, wanted.difference(ledger.answers.read))
            except SealedDamaged:  # that of another one in the batch, perhaps, which will hear so by itself
                self._read(core, ledger, events, now_ms, own.difference(ledger.answers.read))

    def end_step(self) -> None:
        """Forget what was read."""
        for read in self._told:
            read.clear()
        self._told.clear()

    def _read(self, core: Core, ledger: Any, events: Sequence[Any], now_ms: int, wanted: set[int]) -> None:
        read, first = ledger.answers.read, ledger.version - len(events) + 1
        self._told.append(read)
        queued = sorted(version for version in wanted if version < first)
        for version in wanted.difference(queued):
            read[version] = core.said_by(events[version - first], version, now_ms)
        if not queued:
            return
        self._commits.wait(self._commits.enqueue(()))  # then it is in the journal
        for version, (event, at_ms) in events_at(core, self._journal, ledger.ledger_id, queued).items():
            read[version] = core.said_by(event, version, at_ms)


def events_at(core: Core, journal: Journal, ledger_id: str, versions: Sequence[int]) -> dict[int, tuple[Any, int]]:
    """The events of these versions with their times, from the journal. Raises JournalError."""
    found: dict[int, tuple[Any, int]] = {}
    for version in versions:
        if version in found:
            continue
        for record in journal.read(ledger_id, version - 1, 1):  # the one that has it, sealed or not
            began = record.seq - record.event_count + 1
            within = sorted(set(versions).intersection(range(began, record.seq + 1)))
            events = core.read_events_at(record.payload, [each - began for each in within])
            found.update((each, (event, record.at_ms)) for each, event in zip(within, events, strict=True))
        if version not in found:
            raise JournalDamaged(ledger_id, f"seq {version}", "the event that answered a key is not there")
    return found
