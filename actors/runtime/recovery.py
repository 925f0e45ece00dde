"""Rebuilds a ledger from its journal: the newest snapshot, and the records behind it."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

from actors.journal.codec import NONSENSE, damage_of, encode_rows
from actors.journal.port import Journal, JournalDamaged, Snapshot
from actors.runtime.kinds import Core

REPLAY_EVENTS_MAX: Final = 20_000  # events read from the journal at a time
QUIET_MS: Final = 3_000  # a ledger without events for this long is quiet
QUIET_TAIL_EVENTS: Final = 2_000  # replays in 30 ms
QUIET_SHARE: Final = 10  # and more than a tenth of the rows, as a snapshot writes all of them

log = logging.getLogger("holdfast.host")


def recovered(
    core: Core,
    journal: Journal,
    ledger_id: str,
    head_seq: int,
    events_max: int = REPLAY_EVENTS_MAX,
    earlier: Any = None,
) -> tuple[Any, int]:
    """The ledger as the journal has it, read `events_max` events at a time, and the version of the snapshot that it
    began with, or of an `earlier` state of it that is given. Raises JournalDamaged.
    """
    ledger = earlier or _restored(core, ledger_id, head_seq, journal.newest_snapshot(ledger_id))
    seq = restored_seq = ledger.version
    try:
        while ledger.version < head_seq:
            records = journal.read(ledger_id, ledger.version, events_max)
            if not records:
                raise JournalDamaged(
                    ledger_id, f"seq {ledger.version + 1}", f"there is no record, the head is {head_seq}"
                )
            for record in records:
                seq = record.seq
                for event in core.read_events(record.payload):
                    core.evolve(ledger, event, record.at_ms)
                if ledger.version != seq:
                    raise JournalDamaged(ledger_id, f"seq {seq}", f"its events end at {ledger.version}")
        violations = core.check(ledger)
    except NONSENSE as error:
        raise damage_of(ledger_id, f"seq {seq}", error) from error
    if violations:
        raise JournalDamaged(ledger_id, f"seq {seq}", f"an invariant does not hold: {violations[0]}")
    return ledger, restored_seq


def _restored(core: Core, ledger_id: str, head_seq: int, snapshot: Snapshot | None) -> Any:
    """The ledger of a snapshot; an empty one where it cannot be read, as the records alone give the same state."""
    if snapshot is None:
        return core.empty(ledger_id)
    try:
        ledger = core.restore(row for chunk in snapshot.chunks for row in core.read_rows(chunk))
    except NONSENSE as error:
        fields = {"ledger": ledger_id}
        log.warning(
            "ledger %s: the snapshot at seq %d is passed over: %s", ledger_id, snapshot.seq, error, extra=fields
        )
        return core.empty(ledger_id)
    if (ledger.ledger_id, ledger.version) != (ledger_id, snapshot.seq) or ledger.version > head_seq:
        found = f"it is of {ledger.ledger_id} at {ledger.version}, the records end at {head_seq}"
        raise JournalDamaged(ledger_id, f"the snapshot at seq {snapshot.seq}", found)
    return ledger


def snapshot_chunks(
    ledger_id: str, capture: Any, pause: Callable[[], None], encode: Callable[[Any], bytes]
) -> Iterator[bytes]:
    """Yield a capture as a snapshot has it, with a pause after each chunk. Raises JournalDamaged for a state that is
    broken.
    """
    for chunk in encode_rows(capture.rows(by_version=False), encode):
        yield chunk
        pause()
    if capture.broken:
        raise JournalDamaged(ledger_id, f"the state at seq {capture.version}", capture.broken)


def saves_a_replay(ledger: Any, snapshot_seq: int, now_ms: int, events_min: int) -> bool:
    """Whether a snapshot is worth its writing: see `LedgerHost.snapshots_due`."""
    tail: int = ledger.version - snapshot_seq
    if tail <= min(events_min, QUIET_TAIL_EVENTS):  # of most ledgers, ten times a second
        return False
    rows: int = ledger.row_count()
    if tail > max(events_min, rows):
        return True
    return tail > max(QUIET_TAIL_EVENTS, rows // QUIET_SHARE) and now_ms - ledger.time_ms > QUIET_MS
