"""What the commands print: JSON documents, errors and their exit codes, and the building blocks of tables."""

import json
import re
import sys
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum, IntEnum
from typing import Any

from rich.console import Console
from rich.table import Table

from holdfast.client.errors import HoldfastError, InvalidArgument, NotFound, Overloaded, Unavailable
from holdfast.client.models.events import Event
from holdfast.client.models.orders import PartOutcome
from holdfast.client.models.reservations import Rejection
from holdfast.client.models.stock import StoreAvailability, UnreachableStore


def to_document(value: Any) -> Any:
    """A value as JSON knows it: dataclasses as objects, enums by name, tuples as arrays, bytes in base 64."""
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_document(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): to_document(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_document(each) for each in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value


def event_document(event: Event) -> dict[str, Any]:
    """An event for machines: its place, and its change under its kind."""
    return {**to_document(event), "kind": type(event.change).__name__}


def print_json(document: object) -> None:
    """One JSON document on a line of stdout, at once."""
    print_line(json.dumps(document))


def print_for_people(*parts: Any) -> None:
    """Something for people, on stdout."""
    # Widths are for screens: what goes into a pipe is not cut.
    Console(width=None if sys.stdout.isatty() else 200).print(*parts, markup=False, highlight=False)


def print_line(text: str) -> None:
    """One line for people, on stdout, however long it is."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def time_text(at_ms: int) -> str:
    """An instant for people, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def duration_text(length_ms: int) -> str:
    """An interval as it is typed on the command line: `2h`, `1h30m`, `1s500ms`; `0s` for none."""
    parts: list[str] = []
    for unit, unit_ms in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, length_ms = divmod(length_ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table of texts; columns that have numbers alone stand at the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    drawn = Table(title_justify="left")
    for number, column in enumerate(columns):
        is_number = all(_NUMBER.fullmatch(row[number]) for row in cells)
        drawn.add_column(column, justify="right" if is_number else "left")
    for row in cells:
        drawn.add_row(*row)
    return drawn


_NUMBER = re.compile(r"(-?[\d.]+)?")


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one pair a row; pairs with an empty value are left out."""
    drawn = Table(show_header=False)
    for name, value in pairs:
        if value != "":
            drawn.add_row(name, str(value))
    return drawn


_COMMANDS = {
    "AmendOrder": "amend",
    "AmendReservation": "amend",
    "CountStock": "stock count",
    "ExtendOrder": "order extend",
    "ExtendReservation": "extend",
    "FindStores": "find",
    "GetContact": "contacts show",
    "GetOrder": "order show",
    "RepeatNotice": "messages repeat",
    "GetReservation": "show",
    "ListReservations": "list",
    "ListSlots": "slots",
    "ListStores": "store list",
    "PutStores": "store put",
    "ReleaseOrder": "order release",
    "ReleaseReservation": "release",
    "SetPolicy": "policy set",
    "ProposeTransfer": "transfer propose",
    "ListPickTasks": "pick list",
    "BarClaim": "admin bar-claim",
    "BarGrant": "admin bar-grant",
    "DropReader": "admin drop-reader",
    "ListReaders": "admin readers",
    "ListHotSkus": "hot list",
    "PromoteSku": "hot promote",
    "DemoteSku": "hot demote",
    "MoveStore": "store move",
    "GetLedgerStatus": "status",
    "VerifyOrders": "verify --all",
}
_RPC_NAMES = re.compile(rf"\b({'|'.join(_COMMANDS)})\b")


def advice_text(text: str) -> str:
    """Advice for people at a command line: where it names an RPC, the command that calls it."""
    return _RPC_NAMES.sub(lambda found: f"`holdfast {_COMMANDS[found[0]]}`", text)


def error_text(error: HoldfastError) -> str:
    """An error for people: what failed keeps its name, reason and advice name commands."""
    what, mark, rest = str(error).partition(": ")
    return what + mark + advice_text(rest)


class ExitCode(IntEnum):
    """What the command's exit code says. REFUSED: by the business, or a check found a fault."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4
    OTHER = 5
    INTERRUPTED = 130


def exit_code_of(error: HoldfastError) -> ExitCode:
    """The exit code that tells an error."""
    match error:
        case InvalidArgument():
            return ExitCode.USAGE
        case Unavailable() | Overloaded():
            return ExitCode.UNAVAILABLE
        case NotFound():
            return ExitCode.NOT_FOUND
        case _:
            return ExitCode.OTHER


def error_document(error: HoldfastError) -> dict[str, Any]:
    """An error for machines: its kind, its four parts, and what belongs to its kind."""
    return {"kind": type(error).__name__, **to_document(vars(error))}


def part_documents(outcomes: Sequence[PartOutcome]) -> list[dict[str, Any]]:
    """What each shop said, for machines: one of `reservation`, `rejection` and `error` a shop."""
    return [
        {"store_id": one.store_id, "error": error_document(one.answer)}
        if isinstance(one.answer, HoldfastError)
        else {"store_id": one.store_id, type(one.answer).__name__.lower(): to_document(one.answer)}
        for one in outcomes
    ]


def store_documents(found: Sequence[StoreAvailability | UnreachableStore]) -> list[dict[str, Any]]:
    """What each shop has, for machines, or the error that kept it from telling."""
    return [
        {"store_id": one.store_id, "error": error_document(one.error)}
        if isinstance(one, UnreachableStore)
        else to_document(one)
        for one in found
    ]


def exit_code_of_parts(outcomes: Sequence[PartOutcome]) -> ExitCode:
    """An error says more than a refusal, because it is to be retried; a refusal more than what was done."""
    answers = [one.answer for one in outcomes]
    for answer in answers:
        if isinstance(answer, HoldfastError):
            return exit_code_of(answer)
    return ExitCode.REFUSED if any(isinstance(answer, Rejection) for answer in answers) else ExitCode.DONE
