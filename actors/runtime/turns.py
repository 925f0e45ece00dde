"""What a host does with a batch: it has each ledger that it is for take its turn.

In a turn a ledger is given its time, expires what is due, adopts newer rules, decides its commands in sequence, and
serves who waits for what came free. All of that at once, and not the commands of all ledgers as they came: the state of
a ledger is large, and of many ledgers no more than a few are found in the processor's cache.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from actors.core.answers import Unread
from actors.core.due import Budget
from actors.core.policy import Policy
from actors.core.transact import Deferred
from actors.journal.port import JournalDamaged, JournalError, SealedDamaged
from actors.protocol.messages import LedgerAway, Stopped, name_of
from actors.runtime.clock import Clock
from actors.runtime.hosted import Decided, Hosted
from actors.runtime.moving import Moving, answer_of
from actors.runtime.read_back import ReadBack, Turn, answer_without
from actors.runtime.refusals import Refusals

RAISED_MAX: Final = 100  # keys of a ledger's commands that have raised once


@dataclass(slots=True, eq=False)
class Staged:
    """A batch of (ledger, command) that is being decided, at the clock's time, by policies that are of these `rules`.
    What it comes to: the answers, a record for each ledger with new events, the epochs of the others that answer, and
    the versions at which ledgers began.
    """

    batch: Sequence[tuple[str, Any]]
    clock_ms: int
    rules: object
    answers: list[Any]
    records: list[Decided]
    unwritten: dict[str, int]
    began: dict[str, int]


class Turns(Moving):
    """The part of `LedgerHost` that decides. All of it with the lock held."""

    _clock: Clock
    _policy_for: Callable[[str], Policy | None]
    _back: ReadBack
    _refusals: Refusals
    rules: Callable[[], object]

    @abstractmethod
    def _get_or_stop(self, ledger_id: str) -> Hosted | JournalDamaged:
        """The ledger, taken over now if it was not, or why it is stopped. Raises as `_get`, but for that."""

    def _stage(self, batch: Sequence[tuple[str, Any]], began: dict[str, int]) -> Staged:
        """Decide a batch, what is for one ledger together: its state is found in the processor's cache then. A step of
        750 reservations over 500 shops took 14 us for each in turn, and takes 11 so (AMD EPYC, 2026-11-30).
        """
        places: dict[str, list[int]] = {}
        for place, (ledger_id, _) in enumerate(batch):
            mine = places.get(ledger_id)
            if mine is None:
                places[ledger_id] = [place]
            else:
                mine.append(place)
        staged = Staged(batch, self._clock.now_ms(), self.rules(), [None] * len(batch), [], {}, began)
        hosted_of, clock_ms, rules = self._hosted.get, staged.clock_ms, staged.rules
        for ledger_id, mine in places.items():
            turn: Turn | None = None
            hosted = hosted_of(ledger_id)
            # Most turns begin so where a batch is for many ledgers, and then with no call; else by `_begin_turn`.
            if hosted is not None and hosted.rules is rules:
                ledger = hosted.ledger
                version, now_ms = ledger.version, ledger.time_ms
                if now_ms < clock_ms:
                    now_ms = clock_ms
                if hosted.looked_at == version < hosted.prepared_to and hosted.due_ms > now_ms:
                    hosted.queued_seq = version
                    began.setdefault(ledger_id, version)
                    turn = hosted, now_ms, [], False
            self._decide(ledger_id, mine, staged, turn)
        self._back.end_step()
        return staged

    def _decide(self, ledger_id: str, mine: Sequence[int], staged: Staged, turn: Turn | None) -> None:
        """Decide the commands at these places of a batch, which are for one ledger, in its turn, if that has begun."""
        batch, answers = staged.batch, staged.answers
        budget: list[Budget] = []  # of a ledger with more that is due
        refused, transact = self._refusals.refused, self._core.transact
        for place in mine:
            command = batch[place][1]
            if turn is None:
                try:
                    turn = self._begin_turn(ledger_id, staged)
                except (JournalDamaged, LedgerAway) as away:
                    answers[place] = answer_of(away)
                    continue
                staged.began.setdefault(ledger_id, turn[0].queued_seq)
            hosted, now_ms, events, is_behind = at = turn
            try:
                if no := refused and self._refusals.get(ledger_id, name_of(command), staged.clock_ms):
                    answers[place] = no
                    continue
                if is_behind:
                    at = self._expire_first(command, turn, budget)
                try:
                    done = transact(hosted.ledger, command, now_ms, at[3])
                except Unread:
                    done = self._back.transact(at, command, [batch[each][1] for each in mine if each >= place])
            except SealedDamaged as gone:
                answers[place] = answer_without(gone)
                continue
            except Exception as error:  # the ledger may be half way through an event
                if isinstance(error, JournalError) and not isinstance(error, JournalDamaged):
                    raise  # no fault of the rules
                answers[place] = self._answer_to_failed(ledger_id, turn, command, error)
                self._leave_out(ledger_id, turn, staged, error, name_of(command))  # what was answered may be repeats
                turn = None
                continue
            answers[place] = done.answer
            if done.events:
                events.extend(done.events)
            if done.repeated:
                hosted.repeats_answered += 1
        if turn is None:
            return
        hosted, now_ms, events, was_behind = turn
        if hosted.is_behind(now_ms) and not was_behind:  # units came free for who waits in line
            try:
                events.extend(self._fall_due(hosted, now_ms))
            except Exception as error:  # before the next batch it is tried again, and then stops the ledger
                self._leave_out(ledger_id, turn, staged, error)
                return
        if events:  # `Hosted.decided` without a call
            staged.records.append((ledger_id, hosted.epoch, hosted.ledger.version, len(events), now_ms, events))
        else:
            staged.unwritten[ledger_id] = hosted.epoch

    def _leave_out(
        self,
        ledger_id: str,
        turn: Turn,
        staged: Staged,
        error: Exception,
        key: str = "",
    ) -> None:
        """End the turn of a ledger whose rules raised."""
        hosted, now_ms, events, _ = turn
        staged.records.extend(self._set_aside(ledger_id, hosted, now_ms, events, error, key))
        if not events:
            staged.unwritten[ledger_id] = hosted.epoch

    def _begin_turn(self, ledger_id: str, staged: Staged) -> Turn:
        """A ledger in its turn: its time, the events of what was done first, and whether more is due. Raises
        JournalDamaged, LedgerAway, and what a take-over does.
        """
        hosted = self._hosted.get(ledger_id)
        if hosted is None:
            self._refuse_away(ledger_id)
            found = self._get_or_stop(ledger_id)
            if isinstance(found, JournalDamaged):
                raise found
            hosted = found
        ledger = hosted.ledger
        now_ms, version = max(staged.clock_ms, ledger.time_ms), ledger.version
        if version < hosted.prepared_to and hosted.rules is staged.rules and not hosted.is_behind(now_ms):
            hosted.queued_seq = version
            return hosted, now_ms, [], False
        due = self._twice(ledger_id, hosted, partial(self._prepare, ledger_id, hosted, now_ms))
        hosted.prepared_to, hosted.rules = ledger.version + self._core.prepared_events, staged.rules
        return hosted, now_ms, due, hosted.is_behind(now_ms)

    def _expire_first(self, command: Any, turn: Turn, budget: list[Budget]) -> Turn:
        """Expire what a command is about, before the rest of what is due; the turn as it is for this command, which is
        behind where some of that may still be due.
        """
        hosted, now_ms, events, _ = turn
        about = self._core.about_of(hosted.ledger, command)
        if about is None:
            return turn
        if not budget:
            budget.append(Budget())
        first, is_whole = self._core.expire_first(hosted.ledger, about, now_ms, budget[0])
        hosted.look_again()
        events.extend(first)
        return hosted, now_ms, events, not is_whole

    def _answer_to_failed(self, ledger_id: str, turn: Turn, command: Any, error: Exception) -> Deferred | Stopped:
        """The answer to a command that raised: it is decided once more over the state that the journal has, and where
        it raises again it is refused, now and whenever its key comes.
        """
        hosted, now_ms, _, _ = turn
        key = name_of(command)
        if key not in hosted.raised:
            if len(hosted.raised) >= RAISED_MAX:
                del hosted.raised[next(iter(hosted.raised))]
            hosted.raised[key] = None
            return Deferred()
        del hosted.raised[key]
        why = f"the {type(command).__name__} under the key {key!r} fails: {error!r}"
        return self._refusals.refuse(ledger_id, key, why, now_ms)

    def _prepare(self, ledger_id: str, hosted: Hosted, now_ms: int) -> list[Any]:
        """Expire what is due and adopt a newer policy, before anything is decided. Returns the events."""
        ledger = hosted.ledger
        events = self._fall_due(hosted, now_ms)
        if (policy := self._policy_for(ledger_id)) is None or policy is ledger.policy:
            return events
        # Never an older one: after a restart the first caller may be a gateway that has not received the change yet.
        if policy != ledger.policy and policy.age >= ledger.policy.age:
            adopted = self._core.adopting(ledger, policy)
            self._core.evolve(ledger, adopted, now_ms)
            events.append(adopted)
            events += self._fall_due(hosted, now_ms)  # by these rules who waits in line may be served
        if policy == ledger.policy:
            ledger.policy = policy  # an equal policy as the same object: the next step need not compare them
        return events

    def _fall_due(self, hosted: Hosted, now_ms: int) -> list[Any]:
        hosted.look_again()
        return self._core.expire(hosted.ledger, now_ms, self._core.expired_at_once_max)
