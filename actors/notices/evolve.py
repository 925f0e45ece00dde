"""What an event makes of the notifier's ledger. It may not refuse, and asks for nothing."""

from heapq import heappop
from typing import Final, assert_never

from msgspec.structs import replace

from actors.notices import events as ev
from actors.notices.occasion import OVER, Dropped, NoticeStatus, Occasion
from actors.notices.state import Cursor, Ledger, Subject, moved_to

OPEN_MAX: Final = 2_000_000  # reservations that were confirmed and are not over; of the oldest of more no end is told
OVER_MAX: Final = 200_000  # notices that are over; of more the oldest are forgotten before their time

_Counted: Final = {
    ev.AttemptStarted: "attempts",
    ev.AttemptSent: "sent",
    ev.AttemptFailed: "not_sent",
    ev.AttemptUnknown: "unknown",
    ev.Repeated: "repeated_by_operators",
    ev.Rejoined: "histories_changed",
}


def evolve(ledger: Ledger, event: ev.Event, at_ms: int) -> None:
    """Apply an event at its ledger time."""
    ledger.version += 1
    ledger.time_ms = max(ledger.time_ms, at_ms)
    if (counted := _Counted.get(type(event))) is not None:
        ledger.counts[counted] += 1
    match event:
        case ev.Began():
            ledger.began_at_ms = at_ms
            ledger.cursors = {store_id: Cursor(version, 0) for store_id, version in event.versions.items()}
        case ev.RulesSet():
            ledger.rules = event.rules
        case ev.Observed():
            _observed(ledger, event, at_ms)
        case ev.Rejoined():
            ledger.cursors[event.store_id] = Cursor(event.version, 0)
            for subject in [each for each in ledger.open if each[0] == event.store_id]:
                _close(ledger, subject)  # its numbers are given once more, to others
        case ev.AttemptStarted():
            notice = ledger.notices[event.number]
            if notice.unknown:
                ledger.counts["repeated"] += 1
            changed = replace(notice, status=NoticeStatus.UNDER_WAY, attempts=event.attempt, changed_at_ms=at_ms)
            ledger.put(changed)
        case ev.AttemptSent():
            ledger.put(replace(ledger.notices[event.number], status=NoticeStatus.SENT, changed_at_ms=at_ms, why=""))
        case ev.AttemptFailed() | ev.AttemptUnknown():
            _not_sent(ledger, event, at_ms)
        case ev.Postponed() | ev.Repeated():
            notice = ledger.notices[event.number]
            changed = replace(notice, status=NoticeStatus.WAITING, next_at_ms=event.next_at_ms, changed_at_ms=at_ms)
            ledger.put(changed)
        case ev.NoticeDropped():
            _drop(ledger, event.number, event.reason, at_ms)
        case _:
            assert_never(event)
    _tidy(ledger)


def _observed(ledger: Ledger, event: ev.Observed, at_ms: int) -> None:
    ledger.cursors[event.store_id] = Cursor(event.version, event.record_hash)
    for number in event.overtaken:
        if ledger.notices[number].status is NoticeStatus.WAITING:
            _drop(ledger, number, Dropped.OVERTAKEN, at_ms)
        else:  # it may have been sent; what is made of it now is asked when that is known
            ledger.put(replace(ledger.notices[number], is_overtaken=True))
    for number, expires_at_ms in event.moved:
        ledger.put(moved_to(ledger.notices[number], expires_at_ms))
    for notice in event.notices:
        ledger.last_number = notice.number
        ledger.put(notice)
    ledger.counts["notices"] += len(event.notices)
    for number, reminded in event.opened:
        ledger.open[event.store_id, number] = reminded
    for number, slot_start_ms in event.slots:
        ledger.slots[event.store_id, number] = slot_start_ms
    for number in event.closed:
        _close(ledger, (event.store_id, number))
    for occasion, count in event.facts:
        ledger.counts[f"facts.{Occasion(occasion).name}"] += count


def _not_sent(ledger: Ledger, event: ev.AttemptFailed | ev.AttemptUnknown, at_ms: int) -> None:
    notice, is_unknown = ledger.notices[event.number], isinstance(event, ev.AttemptUnknown)
    ended = NoticeStatus.UNKNOWN if is_unknown else NoticeStatus.FAILED
    ledger.put(
        replace(
            notice,
            status=NoticeStatus.WAITING if event.next_at_ms else ended,
            next_at_ms=event.next_at_ms,
            unknown=notice.unknown + is_unknown,
            away=notice.away + (not isinstance(event, ev.AttemptUnknown) and event.is_away),
            changed_at_ms=at_ms,
            why=event.why,
        )
    )
    if not event.next_at_ms:
        ledger.counts["given_up_unknown" if is_unknown else "failed"] += 1


def _drop(ledger: Ledger, number: int, reason: Dropped, at_ms: int) -> None:
    ledger.put(replace(ledger.notices[number], status=NoticeStatus.DROPPED, dropped=reason, changed_at_ms=at_ms))
    ledger.counts[f"dropped.{reason.name}"] += 1


def _tidy(ledger: Ledger) -> None:
    """Forget what has been over for long enough, and entries of heaps that say nothing any more."""
    before_ms = ledger.time_ms - ledger.rules.keep_ms
    while ledger.ended and (ledger.ended[0][0] < before_ms or len(ledger.ended) > OVER_MAX):
        at_ms, number = heappop(ledger.ended)
        notice = ledger.notices.get(number)
        if notice is not None and notice.status in OVER and notice.changed_at_ms == at_ms:
            ledger.forget(number)
    for channel, line in list(ledger.due.items()):
        while line:
            at_ms, number = line[0]
            notice = ledger.notices.get(number)
            if notice is not None and notice.status is NoticeStatus.WAITING and notice.next_at_ms == at_ms:
                break
            heappop(line)
        else:
            del ledger.due[channel]
    while len(ledger.open) > OPEN_MAX:
        _close(ledger, next(iter(ledger.open)))


def _close(ledger: Ledger, subject: Subject) -> None:
    ledger.open.pop(subject, None)
    ledger.slots.pop(subject, None)
