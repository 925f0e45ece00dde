"""A ledger that is served, and what its host knows of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from actors.core.message import to_json
from actors.journal.port import Record


class Decided(NamedTuple):
    """Consecutive events that one batch decided, as in `Record`; who writes them encodes them, without the lock."""

    ledger_id: str
    epoch: int
    seq: int
    event_count: int
    at_ms: int
    events: Sequence[Any]

    def record(self, encode: Callable[[Sequence[Any]], bytes] = to_json) -> Record:
        """As the journal takes them."""
        ledger_id, epoch, seq, event_count, at_ms, events = self
        return Record(ledger_id, epoch, seq, event_count, at_ms, encode(events))


@dataclass(slots=True, eq=False)
class Hosted:
    """A ledger that is served, of either kind. `snapshot_seq` is the newest snapshot's version; `replayed_events` and
    `recovery_us` are of its recovery.
    """

    ledger: Any
    epoch: int
    snapshot_seq: int
    replayed_events: int
    recovery_us: int
    repeats_answered: int = 0
    queued_seq: int = 0  # up to here events are in the journal or queued for it, as a turn begins
    prepared_to: int = 0  # before this version a turn need not look at the ledger's tables
    has_failed: bool = False  # at what is done before any command, since that was last done
    raised: dict[str, None] = field(default_factory=dict)  # keys of commands that have raised once
    capturing: Lock = field(default_factory=Lock)

    def is_prepared(self) -> bool:
        """Whether its tables were looked at not long ago, and that did not fail."""
        return bool(self.ledger.version < self.prepared_to) and not self.has_failed

    def is_behind(self, now_ms: int) -> bool:
        """Whether something may be due that has not been expired."""
        deadline_ms = self.ledger.earliest_deadline_ms()
        return deadline_ms is not None and deadline_ms <= now_ms

    def status(self) -> dict[str, int]:
        """What the ledger says of itself, of either kind."""
        return {
            "version": self.ledger.version,
            "epoch": self.epoch,
            "remembered_answers": self.ledger.answers.count,
            "snapshot_version": self.snapshot_seq,
            "replayed_events": self.replayed_events,
            "recovery_us": self.recovery_us,
            "repeats_answered": self.repeats_answered,
            "policy_version": self.ledger.policy.version,
            "outbox": len(self.ledger.outbox),
        }

    def decided(self, ledger_id: str, now_ms: int, events: Sequence[Any]) -> Decided:
        """The newest events, for the journal; they are added to no more."""
        return Decided(ledger_id, self.epoch, self.ledger.version, len(events), now_ms, events)


def within_bytes(records: list[Record], bytes_max: int) -> list[Record]:
    """The first records that fit, at least one."""
    total = 0
    for count, record in enumerate(records):
        total += len(record.payload)
        if count and total > bytes_max:
            return records[:count]
    return records
