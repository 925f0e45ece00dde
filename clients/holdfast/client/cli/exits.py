"""Exit codes, and how an error is told: the outer edge of the command."""

import json
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from holdfast.client.cli.output import to_document
from holdfast.client.errors import HoldfastError, InvalidArgument, NotFound, OutcomeUnknown, Overloaded, Unavailable


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
    document: dict[str, Any] = {
        "kind": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "why": error.why,
        "mend": error.mend,
    }
    match error:
        case InvalidArgument():
            document["violations"] = to_document(error.violations)
        case Overloaded():
            document["retry_after_ms"] = error.retry_after_ms
        case OutcomeUnknown():
            document["idempotency_key"] = error.idempotency_key
        case _:
            pass  # the four parts say it all
    return document


class Edge(TyperGroup):
    """The group of all commands, which turns what they raise into words or JSON on stderr and an exit code."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> NoReturn:
        """Run a command and end the process with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in given
        extra["standalone_mode"] = False
        try:
            returned = super().main(given, *more, **extra)
            sys.exit(returned if isinstance(returned, int) else ExitCode.DONE)
        except HoldfastError as error:
            _tell(str(error), error_document(error), code=exit_code_of(error), as_json=as_json)
        except TyperException as error:
            _tell_usage(error.format_message(), as_json=as_json)
        except ValueError as error:
            # A value that the wire cannot carry, such as text that is not UTF-8.
            _tell_usage(str(error), as_json=as_json)
        except typer.Abort:
            sys.exit(ExitCode.INTERRUPTED)


def _tell_usage(why: str, *, as_json: bool) -> NoReturn:
    if not why:
        # A group without a command: its help was printed, and there is no more to say.
        sys.exit(ExitCode.USAGE)
    document = {"kind": "Usage", "why": why, "mend": "See the command's --help"}
    _tell(why, document, code=ExitCode.USAGE, as_json=as_json)


def _tell(message: str, document: dict[str, Any], *, code: ExitCode, as_json: bool) -> NoReturn:
    if as_json:
        sys.stderr.write(json.dumps({"error": document, "exit_code": code.value}) + "\n")
    else:
        # A Text, because square brackets in a message are not markup.
        Console(stderr=True, soft_wrap=True).print(Text("holdfast: ", style="bold red") + Text(message))
    sys.exit(code)
