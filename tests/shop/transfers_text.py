"""The words of scenario tables about transfers; see `scenario_text`. The table's own shop is S1."""

from typing import Final

from actors.core.ids import parse_transfer_id
from actors.core.status import LossBearer, TransferStatus
from actors.shop.commands import Command, Lines
from actors.shop.transfers.transfer import (
    AdviseTransfer,
    CancelTransfer,
    CloseTransfer,
    NoteAdvised,
    ProposeTransfer,
    ReceiveTransfer,
    SendTransfer,
    Transfer,
)

TRANSFER_VERBS: Final = frozenset({"propose", "send", "cancel", "advise", "noted", "arrive", "close"})


def about_transfer(verb: str, key: str, subject: str, lines: Lines, options: dict[str, str]) -> Command:
    """What a line says; `subject` is the other shop, or the transfer: by its number here, or its id."""
    bearer = LossBearer[options["borne by"]] if "borne by" in options else None
    number = int(subject.removeprefix("#")) if subject.startswith("#") else 0
    match verb:
        case "propose":
            return ProposeTransfer(key, subject, lines, int(options["ms"]))
        case "send":
            return SendTransfer(key, number, int(options["ms"]))
        case "cancel":
            return CancelTransfer(key, number)
        case "advise":
            return AdviseTransfer(sent(subject, lines))
        case "noted":
            return NoteAdvised(number)
        case "arrive":
            return ReceiveTransfer(key, subject, lines, bearer)
        case "close":
            return CloseTransfer(received(f"S1:T{number}" if number else subject, lines, bearer))
        case _:
            raise AssertionError(f"no such command: {verb!r}")


def sent(transfer_id: str, lines: Lines, destination: str = "S1") -> Transfer:
    """A transfer to another shop, as its source has it when it has left."""
    source, number = parse_transfer_id(transfer_id)
    return Transfer(number, transfer_id, source, destination, TransferStatus.SENT, lines, 0, number + 1, 0, 1)


def received(transfer_id: str, lines: Lines, bearer: LossBearer | None) -> Transfer:
    """The same as its destination has it, once these units have come."""
    source, _ = parse_transfer_id(transfer_id)
    status = TransferStatus.RECEIVED
    return Transfer(7, transfer_id, source, "S2", status, (), 0, 8, 0, 1, 2, lines, bearer)


def transfer_text(transfer: Transfer) -> str:
    """`S1:T2 RECEIVED A 3>2 by CARRIER`: three sent, and two came."""
    sent, came = dict(transfer.lines), dict(transfer.received)
    units = [f"{sku} {sent.get(sku, 0)}" + (f">{came[sku]}" if sku in came else "") for sku in sent | came]
    bearer = f" by {transfer.loss_bearer.name}" if transfer.loss_bearer else ""
    return f"{transfer.transfer_id} {transfer.status.name} {', '.join(units)}{bearer}"
