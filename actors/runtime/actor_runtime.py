"""What all actors of ledgers share: recovery, batches, background tidying, paging, and closing.

Each actor's class names its kind of ledger as `core`, and adds the queries of that kind.
"""

import gc
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from time import perf_counter
from typing import Any, ClassVar, Final, TypeVar

from actors.core.answers import Recorded
from actors.core.chain import EMPTY, Chain, part_from_document
from actors.core.policy import Policy
from actors.journal.port import Journal, JournalDamaged, JournalError, JournalFailed, Phase
from actors.protocol.formats import CURRENT, FIRST, Writing
from actors.protocol.messages import (
    CUT_OFF,
    RULES_ARE_STALE,
    Late,
    LedgerAway,
    pack_answers,
    refusal_of,
)
from actors.rpc.methods import rpc
from actors.runtime.begun import TURN_S
from actors.runtime.clock import Clock
from actors.runtime.feed_questions import FeedQuestions
from actors.runtime.figures import ActorFigures
from actors.runtime.followers import Followers
from actors.runtime.hosted import Hosted
from actors.runtime.kinds import Core
from actors.runtime.ledger_host import LedgerHost
from actors.runtime.traced import log_decided

log = logging.getLogger("holdfast.actor")

TIDY_EVERY_S: Final = 0.1  # expiry is visible within a second, so sweep well within one
SNAPSHOT_PAUSE_S: Final = 0.002  # between the chunks of a snapshot, for decisions to go first
READING_S: Final = 0.01  # between two looks whether ledgers that are read beside others are served
MOVE_S_MAX: Final = 1.0  # that closing waits for a file on its way to another disk, which may hang
SNAPSHOT_EVENTS_MIN: Final = 20_000
BOUND_AT_ONCE: Final = 16  # ledgers that adopt a policy in one step: they keep others waiting
PAGE_SCAN_MAX: Final = 50_000  # numbers looked at for one page among what is in memory: 5 ms
PIECE_SCAN_MAX: Final = 2_500  # likewise at a time, also among what is over; some 3 ms under the lock
PAGE_PIECES_MAX: Final = 20

T = TypeVar("T")


def _packed(
    timed: Sequence[tuple[str, int, Any]], answers: list[Any], before: Mapping[str, int], writing: Writing
) -> bytes:
    """The answers to a batch; refusals that the ledgers had given before this step say so."""
    if Recorded in map(type, answers):
        answers = [refusal_of(answer, before.get(each, 0)) for (each, _, _), answer in zip(timed, answers, strict=True)]
    return pack_answers(answers, writing.packed)


class LedgerActor(FeedQuestions):
    """The ledgers of one journal, each recovered when it is first asked for, and all in turn until `recovered` is set.

    `end` is called once when the journal fails or was taken over; it must not return. `writing` is the service's
    format. Several threads call this, a plain class; `ray_actors` makes Ray actors of its subclasses. Queries raise
    JournalError.
    """

    core: ClassVar[Core]

    def __init__(
        self,
        name: str,
        journal: Journal,
        clock: Clock,
        end: Callable[[JournalError], None],
        tidy_every_s: float = TIDY_EVERY_S,
        writing: Writing = CURRENT,
    ) -> None:
        self.name = name
        self.writing = writing
        self._journal = journal
        self._end = end
        self._tidy_every_s = tidy_every_s
        self.chain: Chain = EMPTY
        self._bound_revision = EMPTY.revision
        self.told_revision = EMPTY.revision  # by a gateway that had just asked the chain
        self._adopting = Lock()
        self.figures = ActorFigures()
        self.host = LedgerHost(self.figures.counting(self.core), journal, clock, self._policy_of, end, writing)
        self.host.reads_beside = True
        self.host.rules = lambda: self.chain
        self.figures.watch(self.host)
        try:
            at = journal.whereabouts()
            self.host.know_elsewhere({each: of.actor for each, of in at.items() if of.phase is not Phase.HERE})
            self.host.begin(journal.ledger_ids())
        except JournalDamaged as damage:
            self.host.stop_all(damage)
        self.recovered = Event()
        self._closing = Event()
        self._followers = Followers()
        self._sweeper = Thread(target=self._sweep, name="sweep", daemon=True)
        self._tidier = Thread(target=self._tidy, name="tidy", daemon=True)
        self._mover = Thread(target=self._move, name="move", daemon=True)
        for thread in (self._sweeper, self._tidier, self._mover):
            thread.start()

    @rpc
    def adopt(self, document: bytes, is_newest: bool = True) -> None:
        """Adopt what concerns this actor of a revision of the chain, unless it is older than the one known. Not
        `is_newest`: the caller cannot reach the chain. Raises ValueError.
        """
        part = part_from_document(document)
        with self._adopting:  # of two gateways that send theirs at once, the newer revision stays
            if part.revision > self.chain.revision:
                self.chain = self.chain.with_part(part)
            if is_newest:
                self.told_revision = max(self.told_revision, part.revision)

    @rpc
    def ledgers(self) -> list[str]:
        """The ledgers that have begun, stopped ones too."""
        return self.host.begun_ids()

    @rpc
    def bind(self, document: bytes, ledger_ids: list[str]) -> list[str]:
        """Adopt a revision of the chain, and have all ledgers that have begun, and those named, decide by it from now
        on, durably: whoever calls after a restart. Returns which of the named are stopped. Raises ValueError,
        and JournalError.
        """
        self.adopt(document)
        self._bind([*self.host.whole_ids(), *ledger_ids])
        return [each for each in ledger_ids if self.host.is_stopped(each)]

    def _bind(self, ledger_ids: Sequence[str]) -> None:
        asked = [(ledger_id, self.core.nothing) for ledger_id in dict.fromkeys(ledger_ids)]
        for start in range(0, len(asked), BOUND_AT_ONCE):
            self.host.step_whole(asked[start : start + BOUND_AT_ONCE])
            self._followers.tell()

    def _bind_the_quiet(self) -> None:
        """Have ledgers adopt new limits of the whole chain that nobody calls: what they hold counts."""
        chain = self.chain
        if chain.revision != self._bound_revision:
            begun = {each: self.host.stale_read(each) for each in self.host.whole_ids() if self._has_rules(each)}
            limits = {each: chain.policy_of(each).chain_limit_rules for each in begun}
            others = [each for each, of in begun.items() if of and of.policy.chain_limit_rules != limits[each]]
            self._bind(others)
            self._bound_revision = chain.revision

    @rpc
    def step(self, batch: bytes, alone: bool = False) -> bytes:
        """Process an encoded batch; its events are durable on return. Raises JournalError, and ValueError for what is
        no batch. Returns RULES_ARE_STALE, having done nothing, where the caller knows a newer chain revision than this
        was told. Of one that is cut off from the chain ledgers take no first rules: newer ones may be in force.
        `alone`: it was lost with these commands, see `LedgerHost.step_alone`.
        """
        [answer] = self.step_all([(batch, 0)], alone)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def step_all(self, batches: Sequence[tuple[bytes, int]], alone: bool = False) -> list[bytes | Exception]:
        """Process batches of several callers with one durable write. Each comes with the time by its caller's clock:
        what nobody waits for any more is not decided. Returns for each what `step` does, or a ValueError. Raises
        JournalError.
        """
        read: list[list[tuple[str, int, Any]] | bytes | ValueError] = []
        entries: list[tuple[str, Any]] = []
        for batch, now_ms in batches:
            try:
                revision, timed = self.core.read_batch(batch)
            except ValueError as error:
                read.append(error)
                continue
            if revision > self.told_revision:
                read.append(RULES_ARE_STALE)
                continue
            if revision == CUT_OFF and not self.told_revision:
                timed = [(each, ms if self._has_rules(each) else 0, command) for each, ms, command in timed]
            read.append(timed)
            entries += [(ledger_id, command) for ledger_id, deadline_ms, command in timed if deadline_ms > now_ms]
        before: dict[str, int] = {}  # the versions that ledgers were at
        answers = self.host.step_alone(entries, before) if alone else self.host.step(entries, before)
        self._followers.tell()
        log.debug("a step of %d commands for %d ledgers", len(entries), len(before))
        self.figures.decided(answers)
        log_decided(entries, answers)
        decided = iter(answers)
        return [
            _packed(
                each, [next(decided) if till_ms > now_ms else Late() for _, till_ms, _ in each], before, self.writing
            )
            if isinstance(each, list)
            else each
            for each, (_, now_ms) in zip(read, batches, strict=True)
        ]

    def _status_of(self, hosted: Hosted, now_ms: int, open_reservations: int, positions: int) -> dict[str, Any]:
        """A ledger's status, of either kind. A gateway of a version from before knows no format."""
        raised = {"format": self.writing.number} if self.writing.number > FIRST else {}
        return (
            hosted.status()
            | raised
            | {
                "actor": self.name,
                "pid": os.getpid(),
                "ledger_time_ms": now_ms,
                "open_reservations": open_reservations,
                "positions": positions,
                "accepted_loss": self._journal.accepted_loss(),
            }
        )

    def close(self) -> None:
        """Write snapshots, for a quick next start, and close the journal. Nothing accepted depends on it."""
        self._closing.set()
        self._followers.close()
        self._sweeper.join()
        self._tidier.join()
        self._mover.join(MOVE_S_MAX)  # a move that is cut short is made at the next start
        self.host.stop_reading()
        for ledger_id in self.host.recovered_ids():
            self.host.snapshot_if_moved(ledger_id)
        self._journal.close()

    def _has_rules(self, ledger_id: str) -> bool:
        with suppress(LedgerAway):
            ledger = self.host.stale_read(ledger_id)
            return self.host.is_stopped(ledger_id) or (ledger is not None and ledger.policy.version > 0)
        return True  # it had some, or will have them before it decides

    def _policy_of(self, ledger_id: str) -> Policy | None:
        return self.chain.policy_of(ledger_id) if self.chain.revision else None

    def _pause(self) -> None:
        self._closing.wait(SNAPSHOT_PAUSE_S)

    def _recover(self) -> None:
        """Recover what nobody has asked for yet. Raises JournalError."""
        if self.recovered.is_set():
            return
        began = perf_counter()
        # The state is large, long-lived and free of cycles: the collector would traverse it repeatedly, for half the
        # time of a recovery, and free nothing.
        gc.disable()
        try:
            while (waits := self.host.recover_next()) or self.host.is_reading():
                if self._closing.wait(TURN_S if waits else READING_S):
                    break
                self._followers.tell()
        finally:
            gc.freeze()
            gc.set_threshold(100_000, 50, 1_000)
            gc.enable()
        self._followers.tell()
        self.figures.recovered(len(self.host.recovered_ids()), perf_counter() - began)
        self.recovered.set()
        log.info("%s has recovered its ledgers within %.1f s", self.name, perf_counter() - began)

    def _sweep(self) -> None:
        """Expire what is due, until the actor closes or its journal fails. Apart from what takes long: nothing that
        falls due waits until the snapshot of a large shop is written.
        """
        while not self._closing.wait(self._tidy_every_s):
            try:
                self.host.sweep()
                while self.host.is_late and not self._closing.wait(SNAPSHOT_PAUSE_S):
                    self._followers.tell()  # feeds need not wait until all of it is expired
                    self.host.sweep()
                self._followers.tell()  # of that, and of what a read found due
            except JournalError:
                return  # `end` was called already
            except Exception as error:  # an actor that cannot expire holds any more must end
                self._end(JournalFailed(f"sweeping failed: {error!r}"))
                raise

    def _tidy(self) -> None:
        """Recover ledgers, keep the journal up and write snapshots, until the actor closes or its journal fails."""
        while not self._closing.is_set():
            try:
                self._recover()
                if self._closing.wait(self._tidy_every_s):
                    return
                with suppress(LedgerAway):  # then at the next turn
                    self._bind_the_quiet()
                self.host.upkeep.do()
                for ledger_id in self.host.snapshots_due(SNAPSHOT_EVENTS_MIN):
                    self.host.snapshot(ledger_id, self._pause)
                self._let_rest()
            except (JournalDamaged, LedgerAway):  # of one ledger; the others go on
                continue
            except JournalError:
                return  # `end` was called already
            except Exception as error:  # an actor whose journal only grows must end
                self._end(JournalFailed(f"tidying failed: {error!r}"))
                raise

    def _let_rest(self) -> None:
        """Let ledgers rest that nobody is expected to ask for; of most kinds there are none. Raises JournalError."""

    def _move(self) -> None:
        """Move sealed files away, once the named readers are known, apart from all else: the disk may hang."""
        while not self._closing.wait(self._tidy_every_s):
            try:
                if self.told_revision:
                    self.host.upkeep.move(self.chain.readers)
            except Exception as error:
                if self._closing.is_set():  # the journal was closed meanwhile
                    return
                self.host.upkeep.fail(error)
                raise
