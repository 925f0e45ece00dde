"""What becomes of a command: events, none where it changes nothing."""

from collections import Counter
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, assert_never

from msgspec.structs import replace

from actors.notices import commands as cmd, events as ev
from actors.notices.occasion import OF_OPEN, OVERTAKEN_BY, REPEATABLE, Dropped, NoticeStatus, Occasion, Outcome
from actors.notices.state import Ledger, Notice, moved_to, until_of

RETRY_MS_MAX: Final = 3_600_000
CONTACT_RETRY_MS: Final = 5_000  # then twice as long, as for attempts
WHY_CHARS_MAX: Final = 200


def decide(ledger: Ledger, command: cmd.Command, now_ms: int) -> tuple[ev.Event, ...]:
    """The events of a command at a ledger time."""
    match command:
        case cmd.Begin():
            return () if ledger.began_at_ms else (ev.Began(command.versions),)
        case cmd.SetRules():
            return () if command.rules == ledger.rules else (ev.RulesSet(command.rules),)
        case cmd.Observe():
            return _observe(ledger, command, now_ms)
        case cmd.Rejoin():
            is_there = ledger.began_at_ms and _version(ledger, command.store_id) == command.after
            return (ev.Rejoined(command.store_id, command.version),) if is_there else ()
        case cmd.StartAttempt():
            return _start(ledger, command, now_ms)
        case cmd.EndAttempt():
            return _end(ledger, command, now_ms)
        case cmd.Skip():
            return _skip(ledger, command, now_ms)
        case cmd.Repeat():
            notice = ledger.notices.get(command.number)
            if notice is None or notice.status not in REPEATABLE:
                return ()
            return (ev.Repeated(command.number, command.operator, now_ms),)
        case _:
            assert_never(command)


def due(ledger: Ledger, now_ms: int, notices_max: int, channel: int = 0) -> list[Notice]:
    """Notices of a channel of messages, or of all, that are to be sent now, the longest due first."""
    found: list[Notice] = []
    places = [(line[0], each, 0) for each, line in ledger.due.items() if line and channel in (0, each)]
    heapify(places)
    while places and len(found) < notices_max:
        (at_ms, number), of, place = heappop(places)
        if at_ms > now_ms:
            break
        for below in (2 * place + 1, 2 * place + 2):
            if below < len(ledger.due[of]):
                heappush(places, (ledger.due[of][below], of, below))
        notice = ledger.notices.get(number)
        if notice is not None and notice.status is NoticeStatus.WAITING and notice.next_at_ms == at_ms:
            found.append(notice)
    return found


def fronts(ledger: Ledger, now_ms: int, notices_max: int) -> list[Notice]:
    """So many of each channel's line: one that does not go on keeps no other waiting."""
    return [notice for channel in ledger.due for notice in due(ledger, now_ms, notices_max, channel)]


def _version(ledger: Ledger, store_id: str) -> int:
    cursor = ledger.cursors.get(store_id)
    return 0 if cursor is None else cursor.version


def _observe(ledger: Ledger, command: cmd.Observe, now_ms: int) -> tuple[ev.Event, ...]:
    """Nothing where the feed was read from elsewhere than it had come to: another gateway was quicker."""
    if (
        not ledger.began_at_ms
        or _version(ledger, command.store_id) != command.after
        or command.version <= command.after
    ):
        return ()
    seen = _Seen(ledger, command, now_ms)
    for fact in command.facts:
        if fact.at_ms >= ledger.began_at_ms:
            seen.fact(fact)
    return (seen.event(),)


class _Seen:
    """What comes of the facts of one command, in their sequence; the ledger is as it was before all of them."""

    def __init__(self, ledger: Ledger, command: cmd.Observe, now_ms: int) -> None:
        self._ledger = ledger
        self._command = command
        self._now_ms = now_ms
        self._notices: dict[int, Notice] = {}
        self._overtaken: list[int] = []
        self._open: dict[int, bool | None] = {}  # changed ones, None for closed
        self._moved: dict[int, int] = {}
        self._slots: dict[int, int] = {}
        self._number = ledger.last_number
        self._facts: Counter[int] = Counter()

    def fact(self, fact: cmd.Fact) -> None:
        occasion, number = fact.occasion, fact.reservation
        reminded = self._reminded(number)  # None where it is not known as confirmed
        if occasion is Occasion.CONFIRMED:
            if reminded is not None:  # of a part of an order, which went on
                occasion = None
            else:
                self._open[number] = reminded = False
        if reminded is not None and self._keeps_slot(fact) and occasion is Occasion.ESTIMATED:
            occasion = None  # of an amendment to other lines
        past = frozenset() if occasion is None else OVERTAKEN_BY.get(occasion, frozenset())
        if fact.is_over:  # what was bought and collected is confirmed all the same
            past = OF_OPEN if occasion is Occasion.RECEIPT else OF_OPEN | {Occasion.CONFIRMED}
        self._drop(each.number for each in self._mine(number) if each.occasion in past)
        if fact.detail.expires_at_ms and not fact.is_over:
            self._move(number, fact.detail.expires_at_ms)
        if occasion is not None and (fact.is_told_always or reminded is not None):
            self._facts[int(occasion)] += 1
            self._tell(occasion, fact)
        if reminded is None:
            return
        if fact.is_over:
            self._open[number] = None
        elif fact.detail.expires_at_ms and (reminded or occasion is Occasion.READY):
            self._remind(fact)

    def event(self) -> ev.Observed:
        """All that came of them."""
        return ev.Observed(
            self._command.store_id,
            self._command.version,
            self._command.record_hash,
            tuple(self._notices.values()),
            tuple(self._overtaken),
            tuple((number, reminded) for number, reminded in self._open.items() if reminded is not None),
            tuple(number for number, reminded in self._open.items() if reminded is None),
            tuple(sorted(self._facts.items())),
            tuple(self._moved.items()),
            tuple((number, slot_ms) for number, slot_ms in self._slots.items() if self._reminded(number) is not None),
        )

    def _keeps_slot(self, fact: cmd.Fact) -> bool:
        """Whether the reservation has the slot that it had, as far as is known. It is noted where it has another."""
        number, slot_ms = fact.reservation, fact.slot_start_ms
        if not slot_ms:
            return False
        known_ms = self._slots.get(number, self._ledger.slots.get((self._command.store_id, number), 0))
        if known_ms != slot_ms:
            self._slots[number] = slot_ms
        return known_ms == slot_ms

    def _reminded(self, number: int) -> bool | None:
        if number in self._open:
            return self._open[number]
        return self._ledger.open.get((self._command.store_id, number))

    def _tell(self, occasion: Occasion, fact: cmd.Fact, at_ms: int = 0) -> None:
        """A notice for each channel of the rule, due at an instant, or now."""
        rule = self._ledger.rules.of(occasion, self._command.store_id)
        place, due_ms = self._command.place, max(at_ms, self._now_ms)
        until_ms = until_of(occasion, at_ms or fact.at_ms, fact.detail.expires_at_ms)
        for channel in () if rule is None else rule.channels:
            self._number += 1
            assert rule is not None
            self._notices[self._number] = Notice(
                self._number,
                self._command.store_id,
                fact.version,
                occasion,
                channel,
                fact.customer_id,
                fact.reservation,
                fact.order_id,
                place,
                fact.detail,
                self._now_ms,
                self._ledger.rules.after_quiet(due_ms, place.zone) if rule.keeps_quiet else due_ms,
                until_ms,
                changed_at_ms=self._now_ms,
                keeps_quiet=rule.keeps_quiet,
                channels=rule.channels,
            )

    def _remind(self, fact: cmd.Fact) -> None:
        """A reminder by the deadline as it is now, in place of the one before; none where it would come at once. One of
        the same deadline that is due, and waits for the end of quiet hours or for its way out, stays.
        """
        at_ms = fact.detail.expires_at_ms - self._ledger.rules.reminder_before_ms
        is_to_come = at_ms > self._now_ms
        reminders = [each for each in self._mine(fact.reservation) if each.occasion is Occasion.REMINDER]
        self._drop(
            each.number
            for each in reminders
            if (is_to_come and each.status is NoticeStatus.WAITING)
            or each.detail.expires_at_ms != fact.detail.expires_at_ms
        )
        self._open[fact.reservation] = True
        if is_to_come:
            left = replace(fact.detail, lines=fact.held or fact.detail.lines)
            self._tell(Occasion.REMINDER, replace(fact, detail=left), at_ms)

    def _move(self, reservation: int, expires_at_ms: int) -> None:
        """Have what is told say this end of the time to collect. A reminder comes at another time then."""
        for notice in self._mine(reservation):
            number, says_ms = notice.number, self._moved.get(notice.number, notice.detail.expires_at_ms)
            if notice.occasion is Occasion.REMINDER or says_ms == expires_at_ms:
                continue
            if number in self._notices:
                self._notices[number] = moved_to(notice, expires_at_ms)
            else:
                self._moved[number] = expires_at_ms

    def _mine(self, reservation: int) -> list[Notice]:
        """Notices of a reservation that wait, or may come to: those of this command, and those before it."""
        mine = [each for each in self._notices.values() if each.reservation == reservation]
        numbers = self._ledger.of.get((self._command.store_id, reservation), ())
        known = [self._ledger.notices[number] for number in numbers if number not in self._overtaken]
        return mine + [each for each in known if not each.is_overtaken]

    def _drop(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            if self._notices.pop(number, None) is None:
                self._overtaken.append(number)
                self._moved.pop(number, None)


def _start(ledger: Ledger, command: cmd.StartAttempt, now_ms: int) -> tuple[ev.Event, ...]:
    notice = ledger.notices.get(command.number)
    if notice is None or notice.status is not NoticeStatus.WAITING or notice.next_at_ms > now_ms:
        return ()
    if command.attempt != notice.attempts + 1 or command.expires_at_ms not in (None, notice.detail.expires_at_ms):
        return ()
    if notice.is_overtaken or notice.is_past(now_ms):
        return (ev.NoticeDropped(notice.number, Dropped.OVERTAKEN if notice.is_overtaken else Dropped.PAST),)
    quiet_ms = ledger.rules.after_quiet(now_ms, notice.place.zone) if notice.keeps_quiet else now_ms
    if quiet_ms > now_ms:  # it waited over the beginning of the quiet hours
        return (ev.Postponed(notice.number, quiet_ms),)
    return (ev.AttemptStarted(notice.number, command.attempt),)


def _end(ledger: Ledger, command: cmd.EndAttempt, now_ms: int) -> tuple[ev.Event, ...]:
    notice = ledger.notices.get(command.number)
    if notice is None or notice.status is not NoticeStatus.UNDER_WAY or notice.attempts != command.attempt:
        return ()
    of = notice.number, command.attempt
    if command.outcome is Outcome.SENT:
        return (ev.AttemptSent(*of),)
    why = command.why[:WHY_CHARS_MAX]
    is_away = command.is_away and command.outcome is Outcome.NOT_SENT
    again_ms = _again_at(ledger, notice, now_ms, is_away=is_away)
    if command.outcome is Outcome.UNKNOWN:
        may_again = notice.channel in ledger.rules.knows_copies and not notice.is_overtaken
        return (ev.AttemptUnknown(*of, why, again_ms if may_again else 0),)
    if command.outcome is Outcome.NOT_SENT and notice.is_overtaken:
        dropped = ev.NoticeDropped(notice.number, Dropped.OVERTAKEN)
        return ev.AttemptFailed(*of, why, now_ms, is_away), dropped
    return (ev.AttemptFailed(*of, why, 0 if command.outcome is Outcome.REFUSED else again_ms, is_away),)


def _again_at(ledger: Ledger, notice: Notice, now_ms: int, *, is_away: bool) -> int:
    """When it is tried again, 0 for never. An attempt for which the way out was away counts for nothing: the notice's
    age ends it.
    """
    counted = notice.attempts - notice.away - is_away
    if counted >= ledger.rules.attempts_max:
        return 0
    return now_ms + min(ledger.rules.retry_ms << max(0, min(counted - 1, 32)), RETRY_MS_MAX)


def _skip(ledger: Ledger, command: cmd.Skip, now_ms: int) -> tuple[ev.Event, ...]:
    notice = ledger.notices.get(command.number)
    if notice is None or notice.status is not NoticeStatus.WAITING:
        return ()
    if notice.is_past(now_ms):
        return (ev.NoticeDropped(notice.number, Dropped.PAST),)
    waited_ms = now_ms - notice.created_at_ms
    if command.reason is Dropped.NO_CONTACT and waited_ms < ledger.rules.contact_wait_ms:
        return (ev.Postponed(notice.number, now_ms + max(CONTACT_RETRY_MS, waited_ms)),)
    return (ev.NoticeDropped(notice.number, command.reason),)
