"""A shop's ledger as a Decider, and the expiry of what is due."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, Final, get_args

from msgspec.structs import force_setattr, replace

from actors.core.answers import Recorded, fingerprint
from actors.core.ids import is_hot
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.core.transact import KEY_REUSED, Decider, Transacted, concluded, transact as transact_by
from actors.shop.commands import ApplyOutcome, Claim, Command, HotCommand, Reserve, ServeGranted, SettleGrant
from actors.shop.decide import decide, decide_reserve
from actors.shop.decide_claims import held_by
from actors.shop.events import Answering, Event, Left, Reserved, StockCounted
from actors.shop.evolve import evolve
from actors.shop.expiry import GOES_ON, LOOKED_AT_ONCE_MAX, drop_stale, due
from actors.shop.hot.decide import decided_elsewhere
from actors.shop.hot.decide_sku import decide_hot_sku, moved_before
from actors.shop.hot.events import MovedOut
from actors.shop.hot.projections import totals_of
from actors.shop.hot.units import GiveBackUnits, HandUnits, MoveOut, ReceiveUnits, TakeUnitsBack
from actors.shop.projections import left_by, part_of
from actors.shop.shortfalls.events import ShortfallDeclared
from actors.shop.state import Ledger, MovingOut, Remembered, Reservation, StockOutcome
from actors.shop.transfers.events import TransferCancelled

_ANSWERING: Final = frozenset(get_args(Answering))
# Two orders have drawn the same number: the claim is to be made again under another one.
_NUMBER_TAKEN: Final = Recorded("", 0, Rejection(Reason.ORDER_UNDECIDED, status=Status.CLAIMED))


def recall(ledger: Ledger, command: Command) -> Remembered | None:
    """The answer given to this key before, KEY_REUSED where its content differs, or None where the key is new. Where
    the ledger of a hot SKU may have answered it before that, it is asked.
    """
    remembered = ledger.answers.get(command.key) if command.key else None
    return None if remembered is None else _said_before(ledger, command, remembered)


def _said_before(ledger: Ledger, command: Command, remembered: Remembered) -> Remembered:
    """What a key that was answered so gets: that answer, or KEY_REUSED."""
    if isinstance(remembered, Reservation):
        if isinstance(command, Reserve) and remembered.has_content_of(command):
            return remembered
    elif not remembered.fingerprint or remembered.fingerprint == fingerprint(command):
        return remembered  # without one it was recorded before its claim, as the order had ended
    if isinstance(command, Reserve) and ledger.policy.hot and not is_hot(ledger.ledger_id):
        elsewhere = decided_elsewhere(ledger, command)
        if elsewhere is not None:
            return Recorded("", 0, replace(elsewhere, asked=0))  # no word: here it is known
    return _NUMBER_TAKEN if isinstance(command, Claim) else KEY_REUSED


def standing(ledger: Ledger, command: Command | HotCommand, events: tuple[Event, ...], now_ms: int) -> Remembered:
    """The answer to a message that gives none: the part as it is, or the reservation or units, that it is about."""
    if isinstance(command, SettleGrant):
        held = held_by(ledger, command)
        assert held is not None, "it is refused"
        return Recorded("", ledger.version, held)
    if isinstance(command, ServeGranted):
        waited = ledger.reservations.get(command.number)
        if waited is None and isinstance(events[0], Left):
            waited = left_by(events[0], ledger.version)
        assert waited is not None, "it is refused"
        return Recorded("", ledger.version, waited)
    if isinstance(command, ApplyOutcome):
        part = part_of(ledger, command.holder)
        assert part is not None, "it is refused"
        return Recorded("", ledger.version, part)
    match command:
        case HandUnits(name) | TakeUnitsBack(name) | ReceiveUnits(name) | GiveBackUnits(name):
            return Recorded("", ledger.version, totals_of(ledger, name))
        case MoveOut(number, timed):
            moved = events[0].before if events and isinstance(events[0], MovedOut) else moved_before(ledger, number)
            assert moved is not None, "it is refused"
            return Recorded("", ledger.version, MovingOut(moved, now_ms) if timed else moved)
        case _:
            pass
    return Recorded("", ledger.version, StockOutcome(0, 0, 0, ()))


def with_answer(events: tuple[Event, ...], answer: Recorded[Any]) -> tuple[Event, ...]:
    """A step's event with its answer. It has only just been made, and nobody else has it yet."""
    event = events[0]
    if len(events) > 1:  # beside what it takes from quotas, what is known of a transfer by it, or what goes with it
        event = next((each for each in events if type(each) in _ANSWERING and each.key), event)  # type: ignore[union-attr]
    if type(event) in _ANSWERING and event.key:  # type: ignore[union-attr]  # these have one
        force_setattr(event, "answer", answer.answer)
    return events


# A count without holds adds what is reserved to what was counted: holds that are due would be added, too.
DECIDER: Final = Decider(
    attrgetter("key"),
    fingerprint,
    recall,
    decide,
    evolve,
    standing,
    (ShortfallDeclared, StockCounted, TransferCancelled),
    lambda command: command.call_key if isinstance(command, Claim) else "",
    with_answer,
)


def transact(
    ledger: Ledger,
    command: Command,
    now_ms: int,
    is_behind: bool = False,
    refusal_of: Callable[[tuple[Event, ...]], Rejection | None] | None = None,
) -> Transacted:
    """As `core.transact`, of a shop. Most commands are Reserves that are accepted: with fewer calls between these."""
    if type(command) is not Reserve:
        return transact_by(DECIDER, ledger, command, now_ms, is_behind, refusal_of)
    answer = ledger.answers.get(command.key) if command.key else None
    if answer is not None:
        return Transacted(_said_before(ledger, command, answer), (), True)
    decision = decide_reserve(ledger, command, now_ms)
    if type(decision) is tuple and type(decision[0]) is Reserved and refusal_of is None:  # and it is the only event
        return Transacted(evolve(ledger, decision[0], now_ms), decision)
    return concluded(DECIDER, ledger, command, decision, now_ms, is_behind, refusal_of)


transact_hot: Final = partial(transact_by, replace(DECIDER, decide=decide_hot_sku))  # the ledger of a hot SKU


def expire(ledger: Ledger, now_ms: int, events_max: int | None = None) -> list[Event]:
    """Expire what is due at `now_ms`, at most `events_max` reservations, else all; returns the events, already applied.
    Once a step, before anything is decided.
    """
    ledger.spread()
    drop_stale(ledger)
    first_ms = ledger.earliest_deadline_ms()
    if first_ms is None or first_ms > now_ms:  # most turns of a ledger; to look for each kind costs three times that
        return []
    events: list[Event] = []
    looked_at_max = None if events_max is None else LOOKED_AT_ONCE_MAX
    for event in due(ledger, now_ms, looked_at_max):
        evolve(ledger, event, now_ms)
        events.append(event)
        if events_max is not None and len(events) >= events_max and type(event) not in GOES_ON:
            break
    return events
