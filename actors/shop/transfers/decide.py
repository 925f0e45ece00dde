"""A shop's decisions about transfers, as their source and as their destination."""

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from msgspec.structs import replace

from actors.core.answers import Recorded, fingerprint
from actors.core.ids import parse_transfer_id
from actors.core.rejection import Reason, Rejection
from actors.core.status import LossBearer, TransferStatus
from actors.core.transact import Decision
from actors.shop.commands import by_sku
from actors.shop.hot.decide import unless_fetched
from actors.shop.preconditions import short_of_stock
from actors.shop.state import Ledger
from actors.shop.transfers import events as ev, transfer as cm
from actors.shop.transfers.projections import expected_by
from actors.shop.transfers.transfer import OPEN_TRANSFERS_MAX, Transfer, Units, transfer_key

LOSS_BEARER_DEFAULT: Final = LossBearer.CARRIER  # where the receiver does not say


def decide_transfer(ledger: Ledger, command: cm.TransferCommand, now_ms: int) -> Decision:
    """Accept or refuse a command about a transfer, as `decide` does."""
    match command:
        case cm.ProposeTransfer():
            return _decide_propose(ledger, command, now_ms)
        case cm.SendTransfer():
            return _decide_send(ledger, command, now_ms)
        case cm.CancelTransfer():
            return _decide_cancel(ledger, command)
        case cm.ReceiveTransfer():
            return _decide_receive(ledger, command)
        case cm.AdviseTransfer():
            return _decide_advise(ledger, command)
        case cm.NoteAdvised():
            return _decide_note_advised(ledger, command)
        case cm.CloseTransfer():
            return _decide_close(ledger, command)
        case _:
            assert_never(command)


def _decide_propose(ledger: Ledger, command: cm.ProposeTransfer, now_ms: int) -> Decision:
    """Set the units aside. A shop that takes no reservations may send all the same."""
    if ledger.transfers.outbound >= OPEN_TRANSFERS_MAX:
        return Rejection(Reason.OPEN_TRANSFERS_LIMIT, asked=OPEN_TRANSFERS_MAX + 1, available=OPEN_TRANSFERS_MAX)
    refusal = short_of_stock(ledger, by_sku(command.lines), None)
    if refusal is not None:
        return unless_fetched(ledger, refusal, fetched=command.fetched)
    return (ev.TransferProposed(command, ledger.ledger_id, now_ms + command.arrives_in_ms),)


def _decide_send(ledger: Ledger, command: cm.SendTransfer, now_ms: int) -> Decision:
    """The units leave; from then on the destination decides."""
    transfer = _proposed(ledger, command.number)
    if isinstance(transfer, Rejection):
        return transfer
    expected_at_ms = now_ms + command.arrives_in_ms if command.arrives_in_ms else transfer.expected_at_ms
    return (ev.TransferSent(command.key, fingerprint(command), transfer.number, transfer.lines, expected_at_ms),)


def _decide_cancel(ledger: Ledger, command: cm.CancelTransfer) -> Decision:
    """The units return."""
    transfer = _proposed(ledger, command.number)
    if isinstance(transfer, Rejection):
        return transfer
    return (ev.TransferCancelled(command.key, fingerprint(command), transfer),)


def _proposed(ledger: Ledger, number: int) -> Transfer | Rejection:
    """The transfer from here, or a Rejection unless it is still PROPOSED."""
    transfer = ledger.transfers.live.get(number)
    if transfer is not None and transfer.source == ledger.ledger_id:
        return transfer if transfer.status is TransferStatus.PROPOSED else _not_allowed(transfer.status)
    ended = ledger.finished.transfer_of(number)
    return _not_allowed(ended[1]) if ended is not None else Rejection(Reason.TRANSFER_NOT_FOUND)


def _not_allowed(status: TransferStatus) -> Rejection:
    return Rejection(Reason.TRANSFER_STEP_NOT_ALLOWED, transfer_status=status)


def coming(ledger: Ledger, transfer_id: str) -> Transfer | None:
    """The transfer to here, also one that is over, None where it is not known. Raises Unread."""
    number = ledger.transfers.inbound.get(transfer_id)
    if number is not None:
        return ledger.transfers.live[number]
    closed = ledger.answers.get(transfer_key(transfer_id))
    if isinstance(closed, Recorded) and isinstance(closed.answer, Transfer):
        return closed.answer
    return None


def _decide_receive(ledger: Ledger, command: cm.ReceiveTransfer) -> Decision:
    """Book what came, once for each transfer, under whichever key. What the source says counts only where nothing is
    known here: it may be older than what is.
    """
    events: tuple[ev.TransferEvent, ...] = ()
    transfer, advice = coming(ledger, command.transfer_id), command.advice
    if transfer is None and isinstance(advice, Transfer) and _is_to(ledger, advice):
        if advice.status is not TransferStatus.SENT:
            return _not_allowed(advice.status)
        events = (ev.TransferExpected(advice),)
        transfer = expected_by(advice, ledger.version + 1)
    if transfer is None:
        return advice if isinstance(advice, Rejection) else Rejection(Reason.TRANSFER_NOT_FOUND)
    if transfer.status is not TransferStatus.SENT:
        return _not_allowed(transfer.status)
    came = _complete(by_sku(command.lines) or transfer.lines, transfer.lines)
    bearer = None if came == transfer.lines else command.loss_bearer or LOSS_BEARER_DEFAULT
    received = ev.TransferReceived(command.key, fingerprint(command), transfer.number, came, bearer)
    return (*events, received)


def _is_to(ledger: Ledger, transfer: Transfer) -> bool:
    return transfer.destination == ledger.ledger_id


def _complete(came: Units, sent: Units) -> Units:
    """What came by SKU: of all that was sent, in its sequence, then units of what was not."""
    units = dict(came)
    return (*((sku, units.pop(sku, 0)) for sku, _ in sent), *((sku, more) for sku, more in units.items() if more))


def _decide_advise(ledger: Ledger, command: cm.AdviseTransfer) -> Decision:
    """Expect what was sent, unless it is known."""
    transfer = command.transfer
    is_new = transfer.status is TransferStatus.SENT and _is_to(ledger, transfer)
    if not is_new or coming(ledger, transfer.transfer_id) is not None:
        return ()
    return (ev.TransferExpected(transfer),)


def _decide_note_advised(ledger: Ledger, command: cm.NoteAdvised) -> Decision:
    """The destination need not be told any more."""
    return (ev.TransferAdvised(command.number),) if command.number in ledger.transfers.outbox else ()


def _decide_close(ledger: Ledger, command: cm.CloseTransfer) -> Decision:
    """The source hears what came; then the destination, that the source has heard."""
    told = command.transfer
    source, number = parse_transfer_id(told.transfer_id)
    if source != ledger.ledger_id:
        number = ledger.transfers.inbound.get(told.transfer_id, 0)
    mine = ledger.transfers.live.get(number)
    if mine is None or mine.transfer_id != told.transfer_id or mine.status is TransferStatus.PROPOSED:
        return ()
    if source != ledger.ledger_id:
        return (ev.TransferClosed(mine),) if mine.status is TransferStatus.RECEIVED else ()
    return (ev.TransferClosed(_received_as(mine, told)),)


def _received_as(mine: Transfer, told: Transfer) -> Transfer:
    """The source's transfer, as it was received at its destination."""
    return replace(
        mine,
        status=told.status,
        received_at_ms=told.received_at_ms,
        received=told.received,
        loss_bearer=told.loss_bearer,
    )


def cancelled_for(ledger: Ledger, missing: Mapping[str, int]) -> list[ev.TransferCancelled]:
    """What was proposed and gives up its units before any customer loses one: so many by SKU are missing. The youngest
    first, each as a whole.
    """
    left = {sku: units for sku, units in missing.items() if units > 0}
    given_up: list[ev.TransferCancelled] = []
    for transfer in reversed(ledger.transfers.live.values()) if left else ():
        if transfer.status is TransferStatus.PROPOSED and any(left.get(sku, 0) > 0 for sku, _ in transfer.lines):
            given_up.append(ev.TransferCancelled("", "", transfer))
            for sku, units in transfer.lines:
                left[sku] = left.get(sku, 0) - units
    return given_up


def units_of(given_up: Iterable[ev.TransferCancelled]) -> dict[str, int]:
    """Units by SKU that these transfers give up."""
    return dict(by_sku(line for event in given_up for line in event.before.lines))
