"""Reads back what a ledger's events said, for commands whose keys were answered before."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from threading import Lock, Thread
from typing import Any, Final

from actors.core.answers import Unread
from actors.core.transact import Deferred
from actors.journal.port import Journal, JournalDamaged, SealedAway, SealedDamaged
from actors.protocol.messages import Stopped
from actors.runtime.group_commit import GroupCommit
from actors.runtime.hosted import Hosted
from actors.runtime.kinds import Core

FETCHED_MAX: Final = 256  # events of the archive that are kept for who asks again, or are still to be fetched

Place = tuple[str, int]  # a ledger and a version
# A ledger with its time, the events that its turn has made, and whether more is due than was expired.
Turn = tuple[Hosted, int, list[Any], bool]
ReadEvents = Callable[[Core, Journal, str, Sequence[int]], dict[int, tuple[Any, int]]]

log = logging.getLogger("holdfast.host")


class ReadBack:
    """Gives a host's ledgers what they ask for by `Unread`, until `end_step`. What is in the archive is fetched by a
    thread of its own meanwhile, as the disk may hang, and given when it is asked for again.
    """

    def __init__(self, core: Callable[[], Core], journal: Journal, commits: GroupCommit) -> None:
        self._core = core
        self._journal = journal
        self._commits = commits
        self._told: list[dict[int, Any]] = []
        self._fetching = Lock()
        self._wanted: dict[Place, None] = {}  # in turn; there is a thread while there are any
        self._fetched: dict[Place, tuple[Any, int] | SealedDamaged] = {}

    def transact(self, turn: Turn, command: Any, others: Sequence[Any] = ()) -> Any:
        """Decide a command in a ledger's turn, whatever has to be read for it. `others` are still to be decided in it:
        repeats come in flocks, and one read is for all of them. Raises SealedAway for what is to be asked for again.
        """
        core, (hosted, now_ms, events, is_behind) = self._core(), turn
        ledger = hosted.ledger
        while True:
            try:
                return core.transact(ledger, command, now_ms, is_behind)
            except Unread as unread:
                own = set(unread.versions)
            wanted = own.copy()
            for other in others:
                wanted.update(ledger.answers.versions(core.key_of(other)))
            try:
                self._read(core, ledger, events, now_ms, wanted.difference(ledger.answers.read))
            except SealedDamaged:  # that of another one in the batch, perhaps, which will hear so by itself
                try:
                    self._read(core, ledger, events, now_ms, own.difference(ledger.answers.read))
                except SealedDamaged as error:
                    self._fetch([(ledger.ledger_id, version) for version in own], error)
                    raise

    def end_step(self) -> None:
        for read in self._told:
            read.clear()
        self._told.clear()

    def _read(self, core: Core, ledger: Any, events: Sequence[Any], now_ms: int, wanted: set[int]) -> None:
        read, first = ledger.answers.read, ledger.version - len(events) + 1
        self._told.append(read)
        queued = sorted(version for version in wanted if version < first)
        for version in wanted.difference(queued):
            read[version] = core.answered_by(events[version - first], version, now_ms)
        if not queued:
            return
        self._commits.wait(self._commits.enqueue(()))  # then it is in the journal
        here = self._take_fetched(ledger.ledger_id, queued)
        queued = [version for version in queued if version not in here]
        here.update(events_at(core, self._journal, ledger.ledger_id, queued, may_wait=False))
        for version, (event, at_ms) in here.items():
            read[version] = core.answered_by(event, version, at_ms)

    def _take_fetched(self, ledger_id: str, versions: Sequence[int]) -> dict[int, tuple[Any, int]]:
        """What there is of these events. Raises what kept one from being fetched."""
        found: dict[int, tuple[Any, int]] = {}
        with self._fetching:
            for version in versions:
                fetched = self._fetched.get((ledger_id, version))
                if isinstance(fetched, SealedDamaged):
                    raise fetched
                if fetched is not None:
                    found[version] = fetched
        return found

    def _fetch(self, places: Sequence[Place], error: SealedDamaged) -> None:
        """Have events fetched that are in the archive; of others forget what was wrong, as it may be mended."""
        with self._fetching:
            if not isinstance(error, SealedAway):
                for place in places:
                    if isinstance(self._fetched.get(place), SealedDamaged):
                        del self._fetched[place]
                return
            is_idle = not self._wanted
            self._wanted.update(dict.fromkeys(islice(places, FETCHED_MAX - len(self._wanted))))
            if is_idle:
                try:
                    Thread(target=self._fetch_all, name="fetch", daemon=True).start()
                except RuntimeError as none:  # no more threads are to be had; who asks again tries again
                    log.critical("nothing is fetched from the archive: %s", none)
                    self._wanted.clear()

    def _fetch_all(self) -> None:
        while True:
            with self._fetching:
                ledger_id, version = next(iter(self._wanted))
            fetched: tuple[Any, int] | SealedDamaged
            try:
                fetched = events_at(self._core(), self._journal, ledger_id, [version])[version]
            except SealedDamaged as gone:  # who asked is told
                fetched = gone
            except Exception as error:  # so is this, and the others are still to be fetched
                fields = {"ledger": ledger_id}
                log.critical("ledger %s: event %d cannot be fetched", ledger_id, version, exc_info=error, extra=fields)
                fetched = SealedDamaged(ledger_id, f"with event {version}", f"cannot be read: {error!r}")
            with self._fetching:
                del self._wanted[ledger_id, version]
                self._fetched[ledger_id, version] = fetched
                if len(self._fetched) > FETCHED_MAX:
                    del self._fetched[next(iter(self._fetched))]
                if not self._wanted:
                    return


def events_at(
    core: Core, journal: Journal, ledger_id: str, versions: Sequence[int], *, may_wait: bool = True
) -> dict[int, tuple[Any, int]]:
    """The events of these versions with their times, from the journal. Raises JournalError."""
    found: dict[int, tuple[Any, int]] = {}
    for version in versions:
        if version in found:
            continue
        for record in journal.read(ledger_id, version - 1, 1, may_wait=may_wait):  # the one that has it, sealed or not
            began = record.seq - record.event_count + 1
            within = sorted(set(versions).intersection(range(began, record.seq + 1)))
            events = core.read_events_at(record.payload, [each - began for each in within])
            found.update((each, (event, record.at_ms)) for each, event in zip(within, events, strict=True))
        if version not in found:
            raise JournalDamaged(ledger_id, f"seq {version}", "the event that answered a key is not there")
    return found


def seen_at(core: Core, journal: Journal, ledger_id: str, versions: Sequence[int]) -> dict[int, tuple[Any, int]]:
    """As `events_at`, without those that are in an archive that is not there. Raises JournalError."""
    try:
        return events_at(core, journal, ledger_id, versions)
    except SealedDamaged:
        if journal.base(ledger_id) is None:  # it is there, and a file of it is not
            raise
    found: dict[int, tuple[Any, int]] = {}
    for version in versions:
        with suppress(SealedAway):
            found.update(events_at(core, journal, ledger_id, [version], may_wait=False))
    return found


def answer_without(gone: SealedDamaged) -> Deferred | Stopped:
    """The answer to a command while what answered its key cannot be read; nothing was decided."""
    return Deferred() if isinstance(gone, SealedAway) else Stopped(str(gone))
