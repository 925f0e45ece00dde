"""Worlds of a service of an earlier format, in which any process may be of the version that knew no later one: what it
reads, and what it is sent, has to be what that version writes, to the byte.
"""

from typing import Any, Final

from actors.journal.port import JournalNewer, Record, Snapshot
from actors.protocol.formats import FIRST, Writing
from actors.protocol.messages import pack_batch, unpack_answers
from actors.protocol.placement import ActorKind, kind_of
from actors.runtime.kinds import CUSTOMERS, SHOP, Core
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.simulation.checks import Broken
from tests.simulation.hot_callers import HotWorld
from tests.simulation.sim_actors import SimActors

FORMER: Final = Writing(FIRST)


class FormerJournal(MemoryJournal):
    """One that a version from before has opened: it refuses by name what it cannot read."""

    def __init__(self, disk: MemoryDisk, core: Core = SHOP) -> None:
        super().__init__(disk)
        self._core = core

    def read(self, ledger_id: str, after_seq: int, events_max: int, *, may_wait: bool = True) -> list[Record]:
        records = super().read(ledger_id, after_seq, events_max, may_wait=may_wait)
        for record in records:
            if FORMER.json(self._core.read_events(record.payload)) != record.payload:
                raise JournalNewer(ledger_id, f"seq {record.seq}", "it is not as this version writes it")
        return records

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        snapshot = super().newest_snapshot(ledger_id)
        for chunk in snapshot.chunks if snapshot else ():
            if FORMER.json(self._core.read_rows(chunk)) != chunk:
                raise JournalNewer(ledger_id, "its snapshot", "it is not as this version writes it")
        return snapshot


class FormerActors(SimActors):
    """Actors that are asked, and answer, as the version before does. Raises Broken."""

    writing = FORMER

    def journal_of(self, actor: str, disk: MemoryDisk) -> FormerJournal:
        return FormerJournal(disk, CUSTOMERS if kind_of(actor) is ActorKind.CUSTOMERS else SHOP)

    def _ask(self, actor: str, method: str, args: tuple[Any, ...]) -> Any:
        if method != "step":
            return super()._ask(actor, method, args)
        core = self.process(actor).core
        revision, timed = core.read_batch(args[0])
        entries = [(ledger_id, command) for ledger_id, _, command in timed]
        deadlines = [deadline_ms for _, deadline_ms, _ in timed]
        if pack_batch(revision, entries, deadlines, FORMER.packed) != args[0]:
            raise Broken("L11", f"{actor} of the version before does not understand {entries}")
        answer = super()._ask(actor, method, args)
        if answer and FORMER.packed(unpack_answers(answer)) != answer:
            raise Broken("L11", f"a gateway of the version before does not understand {unpack_answers(answer)}")
        return answer


class FormerWorld(HotWorld):
    """Any process of it may be of the version before."""

    picks = False

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.actors = FormerActors(self)
