"""A ledger that moves from one actor to another: the steps of both, each of which may be asked for again.

1. The target's journal says that the ledger is *arriving*, and receives its records while the source goes on deciding.
2. The target builds the state of what it has, so that little is left to be done while nobody decides.
3. The source stops deciding, and once all that it has decided is durable its journal says that the ledger has *left*.
   From that commit on nobody owns it: the journal fences the source, and every process that was the source before.
4. The target receives the rest, and its journal says that the ledger is *here*, under an epoch above all others.

A move has a number, the chain's revision that asked for it. A step of a move that is over is refused by it.
"""

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final, NamedTuple

from actors.core.transact import Deferred
from actors.journal.port import (
    Attempt,
    Fenced,
    Head,
    JournalDamaged,
    JournalError,
    LedgerMoved,
    Phase,
    Record,
    Whereabouts,
)
from actors.protocol.formats import Writing
from actors.protocol.messages import Elsewhere, LedgerAway, LedgerElsewhere, MoveRefused, Stopped
from actors.runtime.read_anew import ReadAnew
from actors.runtime.recovery import recovered, snapshot_chunks

TAIL_EVENTS_MAX: Final = 20_000  # without a snapshot a recovery would take longer than 0.3 s

log = logging.getLogger("holdfast.host")


class Left(NamedTuple):
    """A ledger that has left: its epoch, which nobody holds, its last sequence, and what goes with it: attempts, and of
    named readers the name, its number, and the sequence that was seen.
    """

    epoch: int
    seq: int
    attempts: list[Attempt]
    readers: list[tuple[str, int, int]]


class Moving(ReadAnew):
    """The part of `LedgerHost` that lets ledgers go and takes them in."""

    _writing: Writing

    def __init__(self) -> None:
        super().__init__()
        self._moving = Lock()  # one step at a time
        self._prepared: dict[str, Any] = {}  # states of ledgers that are arriving

    def leave(self, ledger_id: str, actor: str, move: int) -> Left:
        """Let a ledger go to an actor. Raises MoveRefused, JournalError, LedgerAway."""
        with self._moving:
            was = self._journal.whereabouts().get(ledger_id)
            if was == Whereabouts(move, Phase.LEFT, actor):
                return self._left(ledger_id)
            if was is not None and (was.move >= move or was.phase is not Phase.HERE):
                raise MoveRefused(f"ledger {ledger_id} is {was.phase} by move {was.move}; this is move {move}")
            with self._deciding:
                hosted = self._get(ledger_id)
            with hosted.capturing:  # no snapshot is being written under its epoch
                with self._deciding:
                    hosted = self._get(ledger_id)
                    self._elsewhere[ledger_id] = actor  # first: who looks without the lock finds it in one of both
                    del self._hosted[ledger_id]
                    ticket = self._commits.enqueue(())
                self._commits.wait(ticket)
                stands = Head(hosted.epoch, hosted.ledger.version)
                now = Whereabouts(move, Phase.LEFT, actor)
                self._put(ledger_id, stands, was, now, hosted.epoch + 1)
            log.warning("ledger %s has left for %s, at %d", ledger_id, actor, stands.seq, extra={"ledger": ledger_id})
            return self._left(ledger_id)

    def take_in(self, ledger_id: str, actor: str, move: int) -> int | None:
        """Have a ledger arrive from an actor; returns the sequence up to which its records are here, None where it has
        arrived. Raises MoveRefused, JournalError.
        """
        with self._moving:
            was, stands = self._journal.whereabouts().get(ledger_id), self._journal.stands_at(ledger_id)
            if was is not None and (was.move, was.actor) == (move, actor) and was.phase is not Phase.LEFT:
                return stands.seq if was.phase is Phase.ARRIVING else None
            if (was is None and stands.epoch) or (was is not None and (was.move >= move or was.phase is Phase.HERE)):
                raise MoveRefused(f"ledger {ledger_id} is {was or 'here'}; this is move {move}")
            self._elsewhere[ledger_id] = actor
            self._prepared.pop(ledger_id, None)
            self._put(ledger_id, stands, was, Whereabouts(move, Phase.ARRIVING, actor), stands.epoch)
            return stands.seq

    def receive(self, ledger_id: str, move: int, records: Sequence[Record]) -> int:
        """Records of an arriving ledger that follow those here; others are passed over. Returns as `take_in`. Raises
        MoveRefused, JournalError.
        """
        with self._moving:
            self._arriving(ledger_id, move)
            seq = self._journal.stands_at(ledger_id).seq
            fresh = [record for record in records if record.seq > seq]
            if fresh:
                try:
                    self._journal.receive(ledger_id, fresh)
                except Fenced as fenced:
                    raise MoveRefused(f"ledger {ledger_id}: {fenced}") from fenced
                except JournalError as failure:
                    raise self._commits.fail(failure) from failure
            return fresh[-1].seq if fresh else seq

    def prepare(self, ledger_id: str, move: int) -> None:
        """Build the state of what has arrived so far, and a snapshot where a recovery would take long. Raises
        MoveRefused, JournalError.
        """
        with self._moving:
            self._arriving(ledger_id, move)
            head = self._journal.stands_at(ledger_id)
            ledger, begun = self._rebuilt(ledger_id, head.seq)
            self._prepared[ledger_id] = ledger
            if ledger.version - begun > TAIL_EVENTS_MAX:
                self._write_snapshot(ledger_id, head.epoch, ledger)

    def _write_snapshot(self, ledger_id: str, epoch: int, ledger: Any) -> None:
        capture = self._core.capture(ledger)
        capture.freeze()
        try:
            chunks = snapshot_chunks(ledger_id, capture, lambda: None, self._writing.json)
            self._journal.write_snapshot(ledger_id, epoch, ledger.version, chunks)
        except (Fenced, JournalDamaged) as error:  # records of a later epoch have arrived; all of them do as well
            log.warning("ledger %s: no snapshot of what has arrived: %s", ledger_id, error)
        except JournalError as failure:
            raise self._commits.fail(failure) from failure
        finally:
            while not capture.thaw():
                pass

    def settle(self, ledger_id: str, move: int, left: Left) -> None:
        """Serve a ledger that has left its source so, and has arrived whole. Raises MoveRefused, JournalError."""
        with self._moving:
            was = self._journal.whereabouts().get(ledger_id)
            if was is None or was.move != move or was.phase is not Phase.HERE:
                was, stands = self._arriving(ledger_id, move), self._journal.stands_at(ledger_id)
                if stands.seq != left.seq:
                    raise MoveRefused(f"ledger {ledger_id} is here up to {stands.seq}, of {left.seq}")
                self._note_beside(ledger_id, stands, left)
                self._put(ledger_id, stands, was, was._replace(phase=Phase.HERE), left.epoch)
                log.warning("ledger %s is here, from %s", ledger_id, was.actor, extra={"ledger": ledger_id})
            with self._deciding:
                if ledger_id in self._elsewhere:
                    self._waiting[ledger_id] = None
                    del self._elsewhere[ledger_id]
        self.taken_over(ledger_id)

    def _take(self, ledger_id: str) -> Head:
        """Take a ledger over. Raises LedgerElsewhere for one that a process before has let go of, and JournalError."""
        try:
            return self._journal.take_over(ledger_id)
        except LedgerMoved as moved:
            self._elsewhere[ledger_id] = moved.actor
            raise LedgerElsewhere(ledger_id, moved.actor) from moved

    def _rebuilt(self, ledger_id: str, seq: int) -> tuple[Any, int]:
        """As `recovered`, going on from what was prepared."""
        earlier = self._prepared.pop(ledger_id, None)
        return recovered(self._core, self._journal, ledger_id, seq, earlier=earlier)

    def _arriving(self, ledger_id: str, move: int) -> Whereabouts:
        at = self._journal.whereabouts().get(ledger_id)
        if at is None or at.move != move or at.phase is not Phase.ARRIVING:
            raise MoveRefused(f"ledger {ledger_id} is not arriving by move {move}: {at}")
        return at

    def _note_beside(self, ledger_id: str, stands: Head, left: Left) -> None:
        """What is noted under an epoch, of which there is none where no record is."""
        try:
            for attempt in left.attempts if stands.epoch else ():
                self._journal.note_attempt(ledger_id, stands.epoch, attempt, 0)
            for name, named, seq in left.readers if stands.epoch else ():
                self._journal.note_reader(name, named, {ledger_id: seq}, {ledger_id: stands.epoch})
        except JournalError as failure:
            raise self._commits.fail(failure) from failure

    def _left(self, ledger_id: str) -> Left:
        journal = self._journal
        seen = journal.readers().get(ledger_id, {})
        readers = [(name, named, seq) for (name, named), seq in seen.items()]
        return Left(*journal.stands_at(ledger_id), journal.attempts(ledger_id), readers)

    def _put(self, ledger_id: str, stands: Head, was: Whereabouts | None, now: Whereabouts, epoch: int) -> None:
        try:
            self._journal.put_whereabouts(ledger_id, stands, was, now, epoch)
        except JournalError as failure:
            raise self._commits.fail(failure) from failure


def answer_of(away: JournalDamaged | LedgerAway) -> Stopped | Deferred | Elsewhere:
    """The answer to a command for a ledger that cannot decide it now, or here."""
    if isinstance(away, JournalDamaged):
        return Stopped(str(away))
    return Elsewhere(away.actor) if isinstance(away, LedgerElsewhere) else Deferred()
