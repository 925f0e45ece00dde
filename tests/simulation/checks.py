"""What must hold at any time, each by the letter of its invariant."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from actors.core.transact import Deferred, PolicyAdopted
from actors.journal.port import JournalError
from actors.runtime import read_anew
from actors.runtime.kinds import SHOP
from actors.runtime.ledger_host import LedgerHost
from actors.shop import invariants
from actors.shop.audit.books import compare
from actors.shop.audit.journal import Audit
from actors.shop.audit.picking import compare_tasks
from actors.shop.events import Left, Served
from actors.shop.evolve import evolve
from actors.shop.lines.events import PassedOver
from actors.shop.shortfalls.events import Requeued, ShortfallResolved
from actors.shop.snapshot import Capture
from actors.shop.state import Ledger
from tests.journal.memory import MemoryDisk


class Broken(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, found: str) -> None:
        super().__init__(invariant, found)  # as it is made anew behind another process
        self.invariant = invariant

    def __str__(self) -> str:
        return ": ".join(self.args)


class NoThread:
    """None, as a world has its own time."""

    def __init__(self, **_: object) -> None:
        pass

    def start(self) -> None:
        """Begin nothing."""


def decided(host: LedgerHost, batch: Sequence[tuple[str, Any]]) -> list[Any]:
    """The answers to a batch, of which what is deferred is sent again once its ledger was read anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_anew, "Thread", NoThread)
        answers = host.step(batch)
        while host._anew:
            host._read_all()
            if host._anew:
                raise host._commits._failure or Broken("L10", "a ledger is not read anew")
            for place, answer in enumerate(answers):
                if answer == Deferred():
                    [answers[place]] = host.step([batch[place]])
    return answers


def check(host: LedgerHost, disk: MemoryDisk, ledger_id: str) -> None:
    """The live ledger, the journal, and what each says of the other. Nothing may be on its way to the disk."""
    try:
        capture = host.read(ledger_id, lambda hosted, _: Capture(hosted.ledger))
    except JournalError as error:
        raise Broken("I8", f"the ledger cannot be read: {error}") from error
    ledger = host._hosted[ledger_id].ledger
    for broken in invariants.check(ledger):
        raise Broken(broken.invariant, str(broken))

    audit, replayed = Audit(ledger_id), Ledger(ledger_id)
    for record in disk.records.get(ledger_id, ()):
        first = record.seq - record.event_count + 1
        for version, event in enumerate(SHOP.read_events(record.payload), start=first):
            audit.add(version, record.epoch, record.at_ms, event)
            evolve(replayed, event, record.at_ms)
    result = audit.result()
    apart = *compare(result, _stock(ledger)), *compare_tasks(result.tasks, ledger.picks.ends())
    for violation in (*result.violations, *apart):
        raise Broken(violation.invariant, str(violation))
    if Capture(replayed).state_hash() != capture.state_hash():
        raise Broken("I13", f"a replay gives another state than the live one at version {capture.version}")


def _stock(ledger: Ledger) -> dict[str, tuple[int, int, int, int]]:
    return {
        sku: (position.on_hand, position.reserved, position.allotted, position.safety_stock)
        for sku, position in ledger.positions.items()
    }


def due(host: LedgerHost, ledger_id: str, now_ms: int) -> bool:
    """Whether something falls due at the next step anyway."""
    ledger = host._hosted[ledger_id].ledger
    deadline_ms = ledger.earliest_deadline_ms()
    return deadline_ms is not None and deadline_ms <= max(now_ms, ledger.time_ms)


def rules_only(disk: MemoryDisk, ledger_id: str, after: int) -> bool:
    """Whether all that was written after a version is that newer rules were taken over, and who waits served."""
    return all(
        isinstance(event, PolicyAdopted | Served)
        for record in disk.records[ledger_id]
        if record.seq > after
        for event in SHOP.read_events(record.payload)
    )


def of_lines(disk: MemoryDisk, ledger_id: str) -> Counter[str]:
    """What happened in lines: how many were served, passed over, put first and left; and to tasks."""
    records = disk.records.get(ledger_id, ())
    happened = (event for record in records for event in SHOP.read_events(record.payload))
    return Counter(
        type(event).__name__
        for event in happened
        if isinstance(event, Served | PassedOver | Left | Requeued | ShortfallResolved)
    )
