"""How units and reservations change the ledgers of both ends, as they go to that of a hot SKU and come from there."""

from typing import assert_never

from actors.core.answers import Recorded
from actors.core.policy import Policy
from actors.shop.customers import add_older, forget
from actors.shop.expiry import note_deadline
from actors.shop.hot import events as ev
from actors.shop.hot.projections import ceded_to_shop, moved_in_by
from actors.shop.position import Position
from actors.shop.promised import promise, unpromise
from actors.shop.state import Ledger, Remembered


def evolve_hot(ledger: Ledger, event: ev.HotEvent, at_ms: int) -> Remembered | None:
    """Apply one event, as `evolve` does; the ledger has its version and time already."""
    hot = ledger.hot
    match event:
        case ev.UnitsHanded(sku, units):
            ledger.positions[sku].allotted += units
            hot.add(sku, over=units)
        case ev.UnitsTakenBack(sku, units):
            ledger.positions[sku].allotted -= units
            hot.add(sku, back=units)
        case ev.MovedIn():
            return _evolve_moved_in(ledger, event, at_ms)
        case ev.UnitsReceived(store_id, units):
            _move(ledger.positions.setdefault(store_id, Position(since_ms=at_ms)), units, at_ms)
            hot.add(store_id, over=units)
        case ev.UnitsGivenBack(store_id, units):
            _move(ledger.positions[store_id], -units, at_ms)
            hot.add(store_id, back=units)
        case ev.MovedOut():
            _evolve_moved_out(ledger, event, at_ms)
        case ev.MoveNoted(number):
            del hot.moving[number]
        case ev.WordsVoided(store_id, page, generation):
            hot.valid[store_id] = page, generation
        case ev.UnitsKept(store_id):
            hot.kept[store_id] = hot.of(store_id).over
        case ev.KeyCeded(command):
            return ledger.made(command.key, ceded_to_shop(command, ledger.version))
        case _:
            assert_never(event)
    return None


def adopt(ledger: Ledger, policy: Policy) -> None:
    """Go by another policy."""
    if policy.hot or ledger.policy.hot:
        ledger.hot.keys.adopt(ledger.policy, policy)
    ledger.policy = policy


def _move(position: Position, units: int, at_ms: int) -> None:
    position.move_on_hand(at_ms, units)
    position.moved += units


def _evolve_moved_in(ledger: Ledger, event: ev.MovedIn, at_ms: int) -> Remembered:
    """What was allotted is reserved."""
    command, number = event.command, ledger.version
    reservation = moved_in_by(command, number, at_ms)
    position = ledger.positions[command.sku]
    position.allotted -= command.held
    position.move_reserved(at_ms, command.held)
    ledger.hot.add(command.sku, moved=command.held)
    ledger.reservations[number] = reservation
    ledger.open_reservations += 1
    promise(ledger, reservation)
    add_older(ledger, reservation)
    note_deadline(ledger, number, reservation.expires_at_ms)
    if reservation.grant or reservation.is_uncounted_by(ledger.policy):
        ledger.outbox[number] = None  # its customer's ledger knows it by another name, or not at all
    return ledger.made(command.key, Recorded("", number, reservation))


def _evolve_moved_out(ledger: Ledger, event: ev.MovedOut, at_ms: int) -> None:
    """Its units leave with it."""
    number, reservation = event.number, ledger.reservations[event.number]
    ((store_id, units),) = reservation.held_lines()
    unpromise(ledger, reservation)
    position = ledger.positions[store_id]
    position.move_reserved(at_ms, -units)
    _move(position, -units, at_ms)
    ledger.hot.add(store_id, moved=units)
    ledger.hot.moving[number] = ledger.version
    del ledger.reservations[number]
    ledger.outbox.pop(number, None)
    ledger.open_reservations -= 1
    forget(ledger, reservation)
    ledger.finished.put_moved(number, ledger.version, ledger.time_ms)
