"""Projections of a shop's events: the answers to keys, and the reservations that are over."""

from sys import intern
from typing import Final, assert_never

from msgspec.structs import replace

from actors.core.answers import KeyedAnswer, Recorded, Unread, fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status, Step, final_status
from actors.core.transact import refused_by
from actors.shop import events as ev
from actors.shop.allotments.allotment import Allotment, AllotmentStatus, AllottedLine
from actors.shop.commands import Claim, Grant, Lines, Reserve, claim_key
from actors.shop.events import Reserved
from actors.shop.hot.events import KeyCeded, MovedIn, MovedOut
from actors.shop.hot.projections import ceded_to_shop, moved_in_by
from actors.shop.lines.line import InLine
from actors.shop.part import Part
from actors.shop.returns.events import Returned
from actors.shop.returns.sale_return import CameBack
from actors.shop.state import FullReservation, Ledger, Reservation, StockOutcome
from actors.shop.transfers.events import Promised, TransferEvent
from actors.shop.transfers.in_transit import Awaits
from actors.shop.transfers.projections import answered_by_transfer

_HELD: Final = Status.HELD  # a member that is looked up in its class costs 0.15 us in Python 3.11, as a property


def answered_by(event: ev.Event, version: int, at_ms: int) -> KeyedAnswer:
    """What the event of this version answered."""
    match event:
        case Reserved(command):
            return command.key, made_by(command, version, command.lines, at_ms, event.expires_at_ms), ""
        case ev.Claimed(command):
            claimed = Recorded(fingerprint(command), version, claimed_by(command, version, at_ms))
            return command.key, claimed, command.call_key
        case ev.Queued(command):
            return command.key, Recorded(fingerprint(command), version, queued_by(event, version, at_ms)), ""
        case Promised(command):
            return command.key, Recorded(fingerprint(command), version, promised_by(event, version, at_ms)), ""
        case ev.Left(key=""):
            return "", Recorded("", version, left_by(event, version)), ""
        case ev.StockAdjusted() | ev.StockCounted() | ev.SafetyStockSet():
            return event.key, Recorded(event.fingerprint, version, outcome_of(event)), ""
        case ev.OutcomeApplied(holder, number=0):
            return claim_key(holder), absent(version), ""
        case ev.Allotted():
            return event.key, Recorded(event.fingerprint, version, allotted_by(event, version, at_ms)), ""
        case ev.Released(key="") | ev.Expired() | ev.OutcomeApplied():
            return "", Recorded("", version, _over(event, version)), ""
        case ev.Acknowledged():
            return "", Recorded("", version, event.over), ""
        case MovedIn(command):
            return command.key, Recorded("", version, moved_in_by(command, version, at_ms)), ""
        case MovedOut():
            return "", Recorded("", version, event.before), ""
        case KeyCeded(command):
            return command.key, ceded_to_shop(command, version), ""
        case Returned():
            return event.key, Recorded(event.fingerprint, version, returned_by(event, version)), ""
        case _ if isinstance(event, ev.Answering):
            assert event.answer is not None, "it is there wherever it was decided"
            return event.key, Recorded(event.fingerprint, version, event.answer), ""
        case _ if isinstance(event, TransferEvent):
            return answered_by_transfer(event, version, at_ms)
        case _:
            return refused_by(event, version)


def _over(event: ev.Released | ev.Expired | ev.OutcomeApplied, version: int) -> Reservation:
    """The reservation that the event of this version ended, as it was then."""
    assert event.before is not None, "it is there wherever all units were released"
    if isinstance(event, ev.Expired):
        return given_back(event.before, event.lines, version, Step.EXPIRE, None)
    if isinstance(event, ev.Released):
        return given_back(event.before, event.lines, version, Step.RELEASE, event.reason)
    over = given_back(event.before, event.lines, version, *release_of(event))
    return over.changed(part=Part(event.holder, event.revision))


def release_of(event: ev.OutcomeApplied) -> tuple[Step, ReleaseReason | None]:
    """The step that releases units of a part, and why."""
    return (Step.EXPIRE, None) if event.status is Status.EXPIRED else (Step.RELEASE, event.reason)


def absent(version: int) -> Recorded[Rejection]:
    """The answer to a claim of an order that has ended before it."""
    return Recorded("", version, Rejection(Reason.CLAIM_ABANDONED))


def outcome_of(event: ev.StockAdjusted | ev.StockCounted | ev.SafetyStockSet) -> StockOutcome:
    """The answer to a change of stock."""
    match event:
        case ev.StockAdjusted():
            late = event.settled_late
            return StockOutcome(len(event.movements), event.dropped_repeated, 0, event.shortfalls, late)
        case ev.StockCounted():
            return StockOutcome(len(event.corrections), 0, event.dropped_late, event.shortfalls)
        case ev.SafetyStockSet():
            return StockOutcome(len(event.safety_stocks), 0, 0, ())
        case _:
            assert_never(event)


def known(ledger: Ledger, number: int) -> Reservation | None:
    """The reservation, also one that is over, None where there is none or it was forgotten. Raises Unread."""
    version = 0 if number in ledger.reservations else ledger.finished.version_of(number)
    if not version:
        return ledger.reservations.get(number)
    said = ledger.answers.read.get(version)
    if said is None:
        raise Unread((version,))
    return over_in(said[1].answer, number)


def part_of(ledger: Ledger, holder: str) -> Reservation | None:
    """As `known`, the part of this holder."""
    number = ledger.holders.get(holder)
    if number is not None:
        return ledger.reservations[number]
    for claimed in ledger.answers.versions(claim_key(holder)):  # a part's number is its claim's version
        part = known(ledger, claimed)
        if part is not None and part.part is not None and part.part.holder == holder:
            return part
    return None


def over_in(over: Reservation | tuple[Reservation, ...], number: int) -> Reservation:
    """The reservation that is over, from what the event that ended it says."""
    return over if isinstance(over, Reservation) else next(each for each in over if each.number == number)


def made_by(command: Reserve, number: int, lines: Lines, at_ms: int, expires_at_ms: int) -> Reservation:
    """A new reservation."""
    grant = 0 if command.grant is None or not isinstance(command.grant, Grant) else command.grant.number
    if not grant and not command.slot_start_ms and not command.external_reference and not command.wait_ms:
        return Reservation(
            number,
            _HELD,
            command.customer_id,
            intern(command.channel),
            command.basket_id,
            lines,
            command.ttl_ms,
            at_ms,
            expires_at_ms,
            number,
        )
    return FullReservation(  # as `changed` makes it, and sooner
        number,
        _HELD,
        command.customer_id,
        intern(command.channel),
        command.basket_id,
        lines,
        command.ttl_ms,
        at_ms,
        expires_at_ms,
        number,
        slot_start_ms=command.slot_start_ms,
        external_reference=command.external_reference,
        grant=grant,
        in_line=InLine(command.wait_ms) if command.wait_ms else None,
    )


def queued_by(event: ev.Queued, number: int, at_ms: int) -> Reservation:
    """A new reservation that waits in line."""
    made = made_by(event.command, number, event.command.lines, at_ms, event.expires_at_ms)
    in_line = InLine(event.command.wait_ms, 0, event.queue_position, event.expected_at_ms, event.lost_as)
    return made.changed(status=Status.QUEUED, grant=0, in_line=in_line)


def promised_by(event: Promised, number: int, at_ms: int) -> Reservation:
    """A new reservation whose units are in transit."""
    made = made_by(event.command, number, event.command.lines, at_ms, event.expires_at_ms)
    awaits = Awaits(event.transfer, event.transfer_id, event.expected_at_ms)
    return made.changed(in_line=InLine(event.command.wait_ms, awaits=awaits))


def come(reservation: Reservation, version: int) -> Reservation:
    """One whose units have come by the event of this version: as any other from then on."""
    waited = reservation.in_line
    in_line = replace(waited, awaits=None) if waited is not None and waited.wait_ms else None
    return reservation.changed(in_line=in_line, version=version).in_brief()


def left_by(event: ev.Left, version: int) -> Reservation:
    """The reservation that has left the line, as of this version."""
    waited = event.before.in_line
    assert waited is not None, "it waited"
    in_line = InLine(waited.wait_ms, waited.chances, lost_as=waited.lost_as)
    return event.before.changed(status=event.status, version=version, release_reason=event.reason, in_line=in_line)


def allotted_by(event: ev.Allotted, number: int, at_ms: int) -> Allotment:
    """A new allotment."""
    lines = tuple(AllottedLine(sku, units, 0, units) for sku, units in event.lines)
    of, until_ms = (event.kind, event.holder, lines, at_ms), event.expires_at_ms
    return Allotment(number, AllotmentStatus.OPEN, *of, until_ms, event.reason, event.quota_first, number)


def claimed_by(command: Claim, number: int, at_ms: int) -> Reservation:
    """A new part of an order that is not decided."""
    return FullReservation(
        number,
        Status.CLAIMED,
        command.customer_id,
        intern(command.channel),
        "",
        command.lines,
        0,
        at_ms,
        0,
        number,
        part=Part(command.holder, 0, command.call_key),
        slot_start_ms=command.slot_start_ms,
    )


def given_back(
    reservation: Reservation, lines: Lines, version: int, step: Step, reason: ReleaseReason | None
) -> Reservation:
    """The reservation without these units by line, as of this version; with its final status where it holds no more."""
    before = reservation.done
    if before is None:
        done = tuple([(0, units) for _, units in lines])
    else:
        done = tuple([(sold, back + units) for (sold, back), (_, units) in zip(before, lines, strict=True)])
    is_over = lines == reservation.held_lines()
    status = final_status(step, reservation.units_collected()) if is_over else reservation.status
    return reservation.taken(status, version, done, reservation.payment_reference, reason or reservation.release_reason)


def returned_by(event: Returned, version: int) -> Reservation:
    """The reservation with what came back by the event of this version."""
    before = event.before.came_back
    units = tuple(units for _, units in event.lines)
    if before is not None:
        units = tuple(came + more for came, more in zip(before.units, units, strict=True))
    reference = event.refund_reference or (before.refund_reference if before else "")
    return event.before.changed(version=version, came_back=CameBack(units, reference))
