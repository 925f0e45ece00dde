"""A ledger that is served, and what its host knows of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from actors.core.message import to_json
from actors.journal.port import Record

NEVER_MS: Final = 1 << 62  # the next deadline of a ledger that has none


# Consecutive events that one batch decided, as in `Record`: ledger, epoch, sequence, count, ledger time and the events,
# which whoever writes them encodes, without the lock. A plain tuple, which takes no call: there is one for each turn.
Decided = tuple[str, int, int, int, int, Sequence[Any]]


def records_of(decided: Iterable[Decided], encode: Callable[[Sequence[Any]], bytes] = to_json) -> list[Record]:
    """As the journal takes them. Made as tuples are, which takes a third of what the class's own call takes: in a step
    over many ledgers there is one of each for every few commands.
    """
    new = tuple.__new__
    return [
        new(Record, (ledger_id, epoch, seq, event_count, at_ms, encode(events)))
        for ledger_id, epoch, seq, event_count, at_ms, events in decided
    ]


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
    rules: object = None  # what its policy was last asked of, see `LedgerHost.rules`
    looked_at: int = -1  # the version as of which `due_ms` is; -1 for none
    due_ms: int = 0  # nothing is due before that
    raised: dict[str, None] = field(default_factory=dict)  # keys of commands that have raised once
    capturing: Lock = field(default_factory=Lock)

    def is_behind(self, now_ms: int) -> bool:
        """Whether something may be due that has not been expired. The ledger is looked at once for each version."""
        version: int = self.ledger.version
        if version != self.looked_at:
            deadline_ms = self.ledger.earliest_deadline_ms()
            self.due_ms = NEVER_MS if deadline_ms is None else deadline_ms
            self.looked_at = version  # last: `is_quiet` is called without the lock
        return self.due_ms <= now_ms

    def is_quiet(self, now_ms: int) -> bool:
        """True where nothing is due, as far as was looked; False where nobody has looked since it changed. May be
        called without the lock.
        """
        return bool(self.looked_at == self.ledger.version) and self.due_ms > now_ms

    def look_again(self) -> None:
        """What falls due was expired, or the ledger was read anew: deadlines may be others at the same version."""
        self.looked_at = -1

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
        return ledger_id, self.epoch, self.ledger.version, len(events), now_ms, events


def within_bytes(records: list[Record], bytes_max: int) -> list[Record]:
    """The first records that fit, at least one."""
    total = 0
    for count, record in enumerate(records):
        total += len(record.payload)
        if count and total > bytes_max:
            return records[:count]
    return records
