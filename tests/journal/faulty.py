"""A journal whose appends fail or stop where a test says, over one that works. It keeps a log of what was called.

    journal = FaultyJournal(MemoryJournal())
    journal.fail_before(2)                # the second append from now: nothing written
    journal.fail_after(1)                 # the next append: written, and the caller hears that it failed
    gate = journal.hold_before(1)         # the next append stops before it writes, until gate.release()

After a failure it is finished, as any journal is; what was written is on the inner one's storage, for a successor.
With nothing armed it keeps the contract: it sits the exam as well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Final, TypeVar

from actors.core.chain import NamedReader
from actors.journal.port import (
    Attempt,
    Base,
    ClockMark,
    Head,
    Journal,
    JournalError,
    JournalFailed,
    Record,
    Snapshot,
    Whereabouts,
)

HELD_S_MAX: Final = 20.0  # a test that forgets to release fails by this, not by hanging

T = TypeVar("T")


class Gate:
    """An append that was stopped on the way."""

    def __init__(self) -> None:
        self._reached = Event()
        self._released = Event()

    def wait_reached(self) -> None:
        """Return once the append stands here; AssertionError where it never comes."""
        assert self._reached.wait(HELD_S_MAX), "no append came to the gate"

    def release(self) -> None:
        """Let it go on."""
        self._released.set()

    def pass_through(self) -> None:
        """Stand here until released; for the journal alone."""
        self._reached.set()
        if not self._released.wait(HELD_S_MAX):
            raise JournalFailed("the test never released the append that it held")


class FaultyJournal:
    """See `port.Journal`.

    `log` has an entry for each call, in sequence: its name and what it is about, such as "append S1:1-3 S2:7-7", and
    for an append that became durable "durable S1:1-3 S2:7-7" as well. Tests may add entries of their own, "answer k1",
    and so assert in which sequence things happened.
    """

    def __init__(self, inner: Journal) -> None:
        self.log: list[str] = []
        self._inner = inner
        self._finished: str | None = None
        self._appends = 0
        self._before: dict[int, Callable[[], None]] = {}
        self._after: dict[int, Callable[[], None]] = {}

    def fail_before(self, nth: int = 1) -> None:
        """The n-th append from now fails with nothing written, as on a full disk."""
        self._before[self._appends + nth] = self._fail

    def fail_after(self, nth: int = 1) -> None:
        """The n-th append from now is durable, but its caller never hears so: a crash before the answer."""
        self._after[self._appends + nth] = self._fail

    def hold_before(self, nth: int = 1) -> Gate:
        """The n-th append from now stops before it writes."""
        gate = Gate()
        self._before[self._appends + nth] = gate.pass_through
        return gate

    def hold_after(self, nth: int = 1) -> Gate:
        """The n-th append from now stops once it is durable, before it returns."""
        gate = Gate()
        self._after[self._appends + nth] = gate.pass_through
        return gate

    @property
    def armed(self) -> int:
        """Faults that have not struck yet; a test of faults ends with none."""
        return len(self._before) + len(self._after)

    def take_over(self, ledger_id: str) -> Head:
        return self._called(f"take_over {ledger_id}", lambda: self._inner.take_over(ledger_id))

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        self._called(f"check_owner {' '.join(epochs)}", lambda: self._inner.check_owner(epochs))

    def append(self, records: Sequence[Record]) -> None:
        spans = "".join(f" {record.ledger_id}:{record.seq - record.event_count + 1}-{record.seq}" for record in records)
        self._called(f"append{spans}", lambda: self._append(records, spans))

    def _append(self, records: Sequence[Record], spans: str) -> None:
        self._appends += 1
        number = self._appends
        self._strike(self._before.pop(number, None))
        self._inner.append(records)
        self.log.append(f"durable{spans}")
        self._strike(self._after.pop(number, None))

    def read(self, ledger_id: str, after_seq: int, events_max: int, *, may_wait: bool = True) -> list[Record]:
        return self._called(
            f"read {ledger_id}:{after_seq}",
            lambda: self._inner.read(ledger_id, after_seq, events_max, may_wait=may_wait),
        )

    def seal(self, ledger_id: str, epoch: int, before_ms: int) -> bool:
        return self._called(f"seal {ledger_id}", lambda: self._inner.seal(ledger_id, epoch, before_ms))

    def move_away(self, ledger_id: str, epoch: int, readers: Mapping[str, NamedReader]) -> list[str]:
        return self._called(f"move_away {ledger_id}", lambda: self._inner.move_away(ledger_id, epoch, readers))

    def note_reader(self, name: str, named: int, seen: Mapping[str, int], epochs: Mapping[str, int]) -> None:
        self._called(f"note_reader {name}", lambda: self._inner.note_reader(name, named, seen, epochs))

    def readers(self) -> dict[str, dict[tuple[str, int], int]]:
        return self._called("readers", self._inner.readers)

    def sealed_seq(self, ledger_id: str) -> int:
        return self._called(f"sealed_seq {ledger_id}", lambda: self._inner.sealed_seq(ledger_id))

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        self._called(
            f"write_snapshot {ledger_id}:{seq}", lambda: self._inner.write_snapshot(ledger_id, epoch, seq, chunks)
        )

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        return self._called(f"newest_snapshot {ledger_id}", lambda: self._inner.newest_snapshot(ledger_id))

    def base(self, ledger_id: str) -> Base | None:
        return self._called(f"base {ledger_id}", lambda: self._inner.base(ledger_id))

    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        return self._called(f"snapshot_chunk {ledger_id}", lambda: self._inner.snapshot_chunk(ledger_id, seq, place))

    def ledger_ids(self) -> list[str]:
        return self._called("ledger_ids", self._inner.ledger_ids)

    def whereabouts(self) -> dict[str, Whereabouts]:
        return self._called("whereabouts", self._inner.whereabouts)

    def stands_at(self, ledger_id: str) -> Head:
        return self._called(f"stands_at {ledger_id}", lambda: self._inner.stands_at(ledger_id))

    def put_whereabouts(
        self, ledger_id: str, stands: Head, was: Whereabouts | None, now: Whereabouts, epoch: int
    ) -> None:
        self._called(
            f"put_whereabouts {ledger_id} {now.phase}",
            lambda: self._inner.put_whereabouts(ledger_id, stands, was, now, epoch),
        )

    def receive(self, ledger_id: str, records: Sequence[Record]) -> None:
        self._called(f"receive {ledger_id}", lambda: self._inner.receive(ledger_id, records))

    def keep_clock(self, ledger_id: str, epoch: int, mark: ClockMark) -> None:
        self._called("keep_clock", lambda: self._inner.keep_clock(ledger_id, epoch, mark))

    def kept_clock(self) -> ClockMark | None:
        return self._called("kept_clock", self._inner.kept_clock)

    def note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> None:
        self._called(
            f"note_attempt {ledger_id} {attempt.key}:{attempt.times}",
            lambda: self._inner.note_attempt(ledger_id, epoch, attempt, before_ms),
        )

    def take_back_attempt(self, ledger_id: str, epoch: int, before: Attempt) -> None:
        self.log.append(f"take_back_attempt {ledger_id} {before.key}:{before.times}")
        self._inner.take_back_attempt(ledger_id, epoch, before)

    def attempts(self, ledger_id: str) -> list[Attempt]:
        return self._called(f"attempts {ledger_id}", lambda: self._inner.attempts(ledger_id))

    def accepted_loss(self) -> str:
        return self._called("accepted_loss", self._inner.accepted_loss)

    def checkpoint(self) -> None:
        self._called("checkpoint", self._inner.checkpoint)

    def close(self) -> None:
        self.log.append("close")
        self._inner.close()

    def _called(self, entry: str, call: Callable[[], T]) -> T:
        self.log.append(entry)
        if self._finished is not None:
            raise JournalFailed(f"not used any more, since {self._finished}")
        return call()

    def _strike(self, fault: Callable[[], None] | None) -> None:
        if fault is not None:
            try:
                fault()
            except JournalError as failure:
                self._finished = str(failure)
                raise

    def _fail(self) -> None:
        raise JournalFailed("the test asked for a failure here")
