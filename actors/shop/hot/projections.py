"""Projections of what hot SKUs and their shops hand to each other: reservations that move, keys ceded, and stock."""

from sys import intern

from msgspec.structs import replace

from actors.core.answers import Recorded, fingerprint
from actors.core.ids import format_reservation_id, is_hot, sku_of_ledger
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.shop.allotments.quotas import is_kept, left_by_channel
from actors.shop.commands import Reserve
from actors.shop.hot.units import HotTotals, MoveIn, move_key
from actors.shop.state import Ledger, Reservation


def move_in_of(ledger_id: str, moving: Reservation, told_at_ms: int = 0) -> MoveIn:
    """What the shop is told of a reservation that has left the SKU's ledger, as of that ledger's time."""
    hot_id = format_reservation_id(ledger_id, moving.number)
    ((_, quantity),), (held,) = moving.lines, moving.held()
    return MoveIn(
        move_key(hot_id),
        hot_id,
        sku_of_ledger(ledger_id),
        moving.customer_id,
        moving.channel,
        quantity,
        quantity - held,
        moving.ttl_ms,
        moving.created_at_ms,
        moving.expires_at_ms,
        moving.external_reference,
        moving.grant,
        moving.release_reason,
        told_at_ms=told_at_ms,
    )


def moved_in_by(command: MoveIn, number: int, at_ms: int) -> Reservation:
    """The reservation as the shop has it: as much is left of it by this clock as was by the other."""
    ahead_ms = command.ahead_ms(at_ms)
    made = Reservation(
        number,
        Status.HELD,
        command.customer_id,
        intern(command.channel),
        "",
        ((command.sku, command.quantity),),
        command.ttl_ms,
        command.created_at_ms + ahead_ms,
        command.expires_at_ms + ahead_ms,
        number,
    )
    return made.changed(
        done=((0, command.released),) if command.released else None,
        external_reference=command.external_reference,
        grant=command.grant,
        release_reason=command.release_reason,
    )


def ceded_to_shop(command: Reserve, version: int) -> Recorded[Rejection]:
    """The answer of a SKU's ledger to a call that its shop decides."""
    return Recorded(fingerprint(command), version, Rejection(Reason.HOT_CEDED, sku=command.lines[0][0]))


def totals_of(ledger: Ledger, name: str) -> HotTotals:
    """What a shop knows of the units of a SKU, or the SKU's ledger of those of a shop."""
    totals = ledger.hot.of(name)
    is_shop = not is_hot(ledger.ledger_id)
    hot = ledger.policy.hot_by_sku.get(name if is_shop else sku_of_ledger(ledger.ledger_id))
    generation = hot.generation if hot is not None and hot.is_open else 0
    told = HotTotals(totals.over, totals.back, totals.moved, generation)
    position, line = ledger.positions.get(name), ledger.lines.get(name)
    if position is None or not is_shop:
        return told
    lacks = (0 if line is None else line.units) - position.available
    promised = position.reserved + totals.left
    short = promised - max(0, position.on_hand - position.allotted + totals.left)
    left = left_by_channel(ledger.allotments, name).items() if ledger.allotments.quotas else ()
    return replace(
        told,
        wanted=max(0, lacks),
        short=max(0, min(short, totals.left)),
        waits=line is not None and not ledger.policy.line_may_pass,
        quotas=tuple((channel, units) for channel, units in left if not is_kept(ledger, channel, name)),
    )
