"""A shop's decisions about lines: who may wait, and who is served next.

Units that are free while somebody waits are kept for the head: nobody who comes later takes them, unless the policy
says that a line may be passed. Who may wait has one SKU, and perhaps a slot, in which it has no place before it is
served: where there is none by then, it leaves. With a basket it is what the basket has here, and is replaced as a hold
would be. Under a limit of the whole chain the head's customer's ledger is asked for a grant first, for GRANT_WAIT_MS
with units kept.
"""

from collections.abc import Collection, Iterator
from typing import Final

from msgspec.structs import replace

from actors.core.policy import Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.core.transact import Decision, PolicyAdopted, adopting
from actors.shop.allotments.quotas import drawn_in_line, left_by_channel
from actors.shop.commands import Release, Reserve, ServeGranted
from actors.shop.events import Left, Queued, QuotaDrawn, Served
from actors.shop.lines.estimates import rate_of
from actors.shop.lines.events import GrantAwaited, PassedOver
from actors.shop.lines.line import Line
from actors.shop.picking.pick_task import ready_by
from actors.shop.preconditions import grant_refusal, has_to_be_taken_up, is_to_come, over_limit, slot_refusal
from actors.shop.state import Claims, Ledger, Reservation
from actors.shop.transfers.in_transit import Awaits
from actors.shop.transfers.unpromised import Coming, awaits_of, first_with, unpromised

# On hand, reserved, allotted and of safety stock; of those allotted the unknown ones; what is kept; and of those
# allotted what the ledger of a hot SKU may have.
Row = tuple[int, int, int, int, int, int, int]

NextInLine = tuple[QuotaDrawn | Served | Left | GrantAwaited, ...]
# One in line, what it may have besides its channel's quotas, and the transfer by which its units are to come, None
# where they are here.
Turn = tuple[Reservation, int, Awaits | None]

CHANCES_MAX: Final = 2  # times that units are offered to one that waits; then it is out
GRANT_WAIT_MS: Final = 15_000  # so long units are kept while a grant is asked for; several rounds of a reconciler
ASKED_AT_ONCE_MAX: Final = 200  # of one line, for whom units are kept so: each of them is looked at for each event
_OUT_FOR: Final = {
    Reason.SLOT_FULL: ReleaseReason.SLOT_FULL,
    Reason.SLOT_NOT_OFFERED: ReleaseReason.SLOT_NOT_OFFERED,
}


def adopting_in_shop(ledger: Ledger, policy: Policy) -> PolicyAdopted:
    """As `adopting`: whether a line may be passed is whether what is free is kept for its head, and whether goods are
    to be put back first, whether they are kept until then.
    """
    lines: list[str] = []
    if policy.line_may_pass != ledger.policy.line_may_pass:
        lines += [
            sku for sku, line in ledger.lines.items() if line.stands and ledger.positions[sku].available > line.kept
        ]
    if ledger.policy.put_back_first and not policy.put_back_first:
        lines += [sku for task in ledger.picks.rows.values() for sku, _ in task.apart]
    ready_ms = 0 if ledger.policy.picks else ready_by(policy, 0, ledger.time_ms)
    return replace(adopting(ledger, policy), lines=tuple(dict.fromkeys(lines)), ready_ms=ready_ms)


def decide_queue(
    ledger: Ledger, command: Reserve, short: Rejection, now_ms: int, replaced: Reservation | None, without: Claims
) -> tuple[Queued] | tuple[Left, Queued] | Rejection:
    """A place in the line for a Reserve that would wait, and that stock is short for; or why there is none. It is no
    place in its slot, for which nobody waits. The place that its basket had, `replaced`, is given up; while the basket
    holds units, it does not wait for others.
    """
    policy = ledger.policy
    if short.reason is not Reason.INSUFFICIENT_STOCK:
        return short
    holds = replaced is not None and replaced.status is not Status.QUEUED
    if holds or not may_wait(ledger, command.channel, command):
        return replace(short, reason=Reason.LINE_NOT_OFFERED)
    if command.wait_ms > policy.line_wait_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=command.wait_ms, available=policy.line_wait_ms_max)
    ((sku, _),) = command.lines
    slot_start_ms = command.slot_start_ms
    refusal = slot_refusal(ledger, slot_start_ms, now_ms, None, without) if slot_start_ms else None
    if refusal is None and slot_start_ms == now_ms:  # it would leave at once
        return replace(short, reason=Reason.LINE_NOT_OFFERED)
    line = ledger.lines.get(sku) or Line()
    is_in_it = replaced is not None and line.customers.get(command.customer_id) == replaced.number
    if refusal is None and not is_in_it:
        refusal = no_place(ledger, sku, command.customer_id)
    if refusal is not None:
        return refusal
    others, units = len(line.numbers), line.units
    if replaced is not None and is_in_it:
        others, units = others - 1, units - replaced.lines[0][1]
    expected = rate_of(ledger, sku, now_ms).expected_at_ms(units + short.asked)
    queued = Queued(command, waits_until_ms(now_ms + command.wait_ms, slot_start_ms), others + 1, expected)
    return (queued,) if replaced is None else (out_of_line(replaced, ReleaseReason.REPLACED), queued)


def waits_until_ms(wanted_ms: int, slot_start_ms: int) -> int:
    """Until when one waits that would wait so long: not beyond the start of its slot, if it has one."""
    return min(wanted_ms, slot_start_ms) if slot_start_ms else wanted_ms


def no_place(ledger: Ledger, sku: str, customer_id: str, joined: Collection[str] = ()) -> Rejection | None:
    """Why a customer gets no place in the line of a SKU, into which some have `joined` just now; None where he does."""
    line, places_max = ledger.lines.get(sku) or Line(), ledger.policy.line_places_max
    if customer_id in line.customers or customer_id in joined:
        number = line.customers.get(customer_id, 0)
        return Rejection(Reason.IN_LINE_ALREADY, sku, number=number, status=Status.QUEUED)
    place = len(line.numbers) + len(joined) + 1
    return Rejection(Reason.LINE_FULL, sku, asked=place, available=places_max) if place > places_max else None


def may_wait(ledger: Ledger, channel: str, asked: Reserve | Reservation) -> bool:
    """Whether it can wait: of one SKU; in a service of the first format with nothing beside that."""
    if len(asked.lines) > 1 or ledger.whole_lines:
        return len(asked.lines) == 1
    return not (asked.slot_start_ms or asked.basket_id or ledger.policy.is_limited(channel, asked.lines))


def decide_leave(command: Release, content: str, reservation: Reservation) -> tuple[Left]:
    """Leave the line by wish."""
    return (Left(command.key, content, reservation.number, Status.RELEASED, command.reason, before=reservation),)


def over_in_line(ledger: Ledger, held: Reservation, now_ms: int) -> PassedOver | None:
    """What happens to a hold that was not taken up in time: once it keeps its place. None for any other hold."""
    waited = held.in_line
    if waited is None or not 0 < waited.chances < CHANCES_MAX:
        return None
    if held.status is not Status.HELD or held.done or held.till or (held.grant and not ledger.whole_lines):
        return None
    ((sku, _), *more) = held.lines
    line = ledger.lines.get(sku)
    is_elsewhere = held.number in ledger.outbox or (line is not None and held.customer_id in line.customers)
    if more or is_elsewhere or not may_wait(ledger, held.channel, held):
        return None
    # Its basket may have something else by now, as it was over and had not been looked at yet.
    if held.basket_id and ledger.baskets.get((held.customer_id, held.basket_id)) != held.number:
        return None
    if not is_to_come(ledger, held.slot_start_ms, now_ms):
        return None
    return PassedOver(held.number, held.held_lines(), waits_until_ms(now_ms + waited.wait_ms, held.slot_start_ms))


def serve(ledger: Ledger, now_ms: int) -> Iterator[QuotaDrawn | Served | Left | GrantAwaited]:
    """Yield who is served, where units may have come free. The caller evolves each event before it takes the next, and
    does not stop between what is drawn from a quota and who is served by it.
    """
    for sku in sorted(ledger.line_due):
        yield from _asked_no_more(ledger, sku)
        while events := next_served(ledger, sku, now_ms):
            yield from events
        ledger.line_due.pop(sku, None)


def _asked_no_more(ledger: Ledger, sku: str) -> Iterator[GrantAwaited]:
    """Yield for each in line whose grant is asked for, or was late, and who needs none any more as a limit was lifted:
    it waits as before.
    """
    line, is_limited = ledger.lines.get(sku), ledger.policy.is_limited
    for number in () if line is None else sorted({*line.late, *line.asked}):
        waiting = ledger.reservations[number]
        if not is_limited(waiting.channel, waiting.lines):
            yield GrantAwaited(number, sku, 0)


def next_served(ledger: Ledger, sku: str, now_ms: int, without: int = 0) -> NextInLine:
    """Serve the first in line for whom there are units, or promise it some that are in transit, but for `without`, or
    ask for the grant that it needs. One whom the customer's limits forbid the units now leaves, and one whose slot
    cannot be had.
    """
    for waiting, free, awaits in _in_turn(ledger, sku, now_ms, without):
        of = waiting.customer_id, waiting.channel, waiting.lines
        is_limited = ledger.policy.is_limited(waiting.channel, waiting.lines)
        if over_limit(ledger, *of, None) is not None or (is_limited and not ledger.whole_lines):
            return (out_of_line(waiting, ReleaseReason.LIMIT_REACHED),)
        no_slot = _no_slot(ledger, waiting, now_ms)
        if no_slot is not None:
            return (out_of_line(waiting, no_slot),)
        if not is_limited:
            return _served(ledger, waiting, free, now_ms, awaits=awaits)
        if len(ledger.lines[sku].asked) < ASKED_AT_ONCE_MAX:
            return (GrantAwaited(waiting.number, sku, now_ms + GRANT_WAIT_MS),)
        return ()
    return ()


def served_instead(
    ledger: Ledger, passed: PassedOver, now_ms: int
) -> Iterator[QuotaDrawn | Served | Left | GrantAwaited]:
    """Yield who is served in place of one that was passed over just now: the first behind whom nothing forbids the
    units; those before leave. As `serve` for the caller.
    """
    while events := next_served(ledger, passed.lines[0][0], now_ms, passed.number):
        yield from events
        if not isinstance(events[-1], Left):
            return


def _in_turn(ledger: Ledger, sku: str, now_ms: int, without: int = 0, granted: int = 0) -> Iterator[Turn]:
    """Yield those in line for whom there are units, or by the rule some in transit, as turns; nobody passes whom there
    are too few for, unless the policy says so. Those whose grants are asked for are left out, but for the one that is
    `granted`.

    What is left of a channel's quotas is there for who waits by that channel; what all may have, and what is left of a
    quota, is kept apart for who waits first for it.
    """
    line, policy = ledger.lines.get(sku), ledger.policy
    if line is None or policy.paused:
        return
    free, quotas = _beside_asked(ledger, sku, line.asked)
    coming = _coming(ledger, sku)
    for number in line.numbers:
        if free <= 0 and not quotas and not coming:
            return
        waiting = ledger.reservations[number]
        if number == without or waiting.expires_at_ms <= now_ms:  # who has waited long enough leaves in this step
            continue
        if number != granted and (number in line.asked or number in line.late):
            continue
        ((_, units),) = waiting.lines
        if units <= free + quotas.get(waiting.channel, 0):
            yield waiting, free, None
            free = _set_aside(waiting, free, quotas)
        elif (found := _to_come_for(ledger, waiting, coming)) is not None:
            yield waiting, free, awaits_of(ledger, found)
        elif not policy.line_may_pass:
            free, coming = min(0, free), []
            quotas.pop(waiting.channel, None)


def _coming(ledger: Ledger, sku: str) -> list[Coming]:
    """What is in transit and may be promised: by the rule alone, and nothing of a hot SKU."""
    policy = ledger.policy
    is_promised = policy.promise_in_transit and sku in ledger.transfers.on_the_way and sku not in policy.hot_by_sku
    return unpromised(ledger, sku) if is_promised else []


def _to_come_for(ledger: Ledger, waiting: Reservation, coming: list[Coming]) -> Coming | None:
    """What of that one in line can be promised. Under a limit of the whole chain nothing: a grant is for units that are
    kept while it is asked for.
    """
    if not coming or ledger.policy.is_limited(waiting.channel, waiting.lines):
        return None
    ((_, units),) = waiting.lines
    return first_with(coming, units, waiting.slot_start_ms)


def _beside_asked(ledger: Ledger, sku: str, asked: Collection[int]) -> tuple[int, dict[str, int]]:
    """What is free of a SKU, and left of its quotas by channel, beside the units that are kept for these."""
    free, quotas = ledger.positions[sku].available, left_by_channel(ledger.allotments, sku)
    for number in asked:
        free = _set_aside(ledger.reservations[number], free, quotas)
    return free, quotas


def _set_aside(waiting: Reservation, free: int, quotas: dict[str, int]) -> int:
    """What is free without the units of one that waits; what is too few of that is taken from its channel's quotas."""
    ((_, units),) = waiting.lines
    of_quota = min(max(0, units - max(0, free)), quotas.get(waiting.channel, 0))
    if of_quota:
        quotas[waiting.channel] -= of_quota
    return free - (units - of_quota)


def decide_serve_granted(ledger: Ledger, command: ServeGranted, now_ms: int) -> Decision:
    """Serve the one that the grant was asked for, as long as there are units, or have it wait as before; one that was
    refused leaves. Refused itself where that is not asked for any more, or a grant does not fit: then it is void.
    """
    number, said = command.number, command.grant
    waiting = ledger.reservations.get(number) if number in ledger.awaiting else None
    if waiting is None or waiting.version != command.version or waiting.expires_at_ms <= now_ms:
        return Rejection(Reason.RESERVATION_NOT_FOUND, number=number)
    if isinstance(said, Rejection):
        return (out_of_line(waiting, ReleaseReason.LIMIT_REACHED),)
    of = waiting.customer_id, waiting.channel, waiting.lines
    refusal = grant_refusal(ledger, said, *of, waiting)
    if refusal is not None:
        return refusal
    if over_limit(ledger, *of, None) is not None:
        return (out_of_line(waiting, ReleaseReason.LIMIT_REACHED),)
    free = _free_for(ledger, waiting, now_ms)
    if free is None:
        return (GrantAwaited(number, waiting.lines[0][0], 0),)
    no_slot = _no_slot(ledger, waiting, now_ms)
    if no_slot is not None:
        return (out_of_line(waiting, no_slot),)
    return _served(ledger, waiting, free, now_ms, said.number)


def _free_for(ledger: Ledger, waiting: Reservation, now_ms: int) -> int | None:
    """What one whose grant was asked for may have besides its channel's quotas, None where that is too little by now.
    As long as units are kept for it, only those do not count that are kept for who stands before it.
    """
    ((sku, units),) = waiting.lines
    line = ledger.lines[sku]
    if ledger.policy.paused:
        return None
    if waiting.number in line.late:
        turns = _in_turn(ledger, sku, now_ms, granted=waiting.number)
        return next((free for each, free, _ in turns if each.number == waiting.number), None)
    before = line.numbers[: line.position_of(waiting.number) - 1]
    free, quotas = _beside_asked(ledger, sku, [number for number in before if number in line.asked])
    return free if units <= free + quotas.get(waiting.channel, 0) else None


def _no_slot(ledger: Ledger, waiting: Reservation, now_ms: int) -> ReleaseReason | None:
    """Why one whose units are there leaves all the same: its slot is full, or is not to be had any more."""
    if not waiting.slot_start_ms:
        return None
    refusal = slot_refusal(ledger, waiting.slot_start_ms, now_ms, None)
    return None if refusal is None else _OUT_FOR[refusal.reason]


def out_of_line(waiting: Reservation, why: ReleaseReason) -> Left:
    """It leaves without units, as the ledger says why."""
    return Left("", "", waiting.number, Status.RELEASED, why, before=waiting)


def _served(
    ledger: Ledger, waiting: Reservation, free: int, now_ms: int, grant: int = 0, awaits: Awaits | None = None
) -> NextInLine:
    """Its units are held, of which so many are free, by the rule's time for lines, or else its own; or confirmed, as
    they were when it lost some that were. Or it is promised those that it `awaits`: it cannot be collected before.
    """
    policy, of = ledger.policy, (waiting.number, waiting.lines)
    drawn = drawn_in_line(ledger, waiting, free) if ledger.allotments.quotas and awaits is None else ()
    if waiting.in_line is not None and waiting.in_line.lost_as in (Status.CONFIRMED, Status.READY):
        from_ms = now_ms if awaits is None else max(now_ms, awaits.expected_at_ms)
        until_ms = pickup_deadline_ms(ledger, waiting.slot_start_ms, from_ms + policy.collect_within_ms)
        ready_ms = ready_by(policy, waiting.slot_start_ms, now_ms)
        return (*drawn, Served(*of, until_ms, Status.CONFIRMED, grant, ready_ms, awaits))
    own_ms = waiting.ttl_ms or policy.hold_ms(waiting.channel, waiting.lines, ledger.ledger_id)
    until_ms = latest_end_ms(ledger, waiting, now_ms) if policy.line_take_up_ms else now_ms + own_ms
    return (*drawn, Served(*of, until_ms, grant=grant, awaits=awaits))


def latest_end_ms(ledger: Ledger, held: Reservation, now_ms: int) -> int:
    """The latest end that a hold may be given now. One that came from a line has to be taken up in the rule's time for
    lines: as long as others wait for a SKU of it, that gets no later. Confirmed it is taken up.
    """
    latest_ms = now_ms + ledger.policy.ttl_ms_max
    if held.status is Status.QUEUED:  # it is served just now
        return now_ms + ledger.policy.line_take_up_ms
    is_waited_for = has_to_be_taken_up(ledger, held) and any(sku in ledger.lines for sku, _ in held.lines)
    return min(latest_ms, held.expires_at_ms) if is_waited_for else latest_ms


def pickup_deadline_ms(ledger: Ledger, slot_start_ms: int, wanted_ms: int) -> int:
    """The pickup deadline: not before the slot's end, and not while the shop is closed."""
    calendar = ledger.policy.calendar
    slot = calendar.slot_at(slot_start_ms) if slot_start_ms else None
    return calendar.deadline_ms(wanted_ms if slot is None else max(wanted_ms, slot.end_ms))


def row_of(ledger: Ledger, sku: str) -> Row | None:
    """A position as it is told, None for none."""
    position = ledger.positions.get(sku)
    if position is None:
        return None
    unknown, kept = ledger.allotments.unknown(sku), ledger.kept(sku, position.available)
    return (*position.stock(), unknown, kept + position.apart, ledger.hot.left(sku))


def free_of(ledger: Ledger, sku: str, back: int = 0) -> int:
    """Units that whoever comes now may have, below zero where some fall short. So many come `back` by the same
    decision, and may be kept as well.
    """
    position = ledger.positions.get(sku)
    available = back if position is None else position.available + back
    return available - ledger.kept(sku, available)
