"""The `holdfast` command: its commands, the edge that turns errors into exit codes, and the programs that it starts.

`serve`, `demo`, `bench`, `journal`, `format`, `pages` and `node` are not imported but replace this process: a client
runs on machines that have neither the service nor what it needs.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from holdfast.client.cli import (
    admin,
    allotments,
    contacts,
    devices,
    doctor,
    hot,
    messages,
    orders,
    picking,
    pickups,
    reservations,
    shortfalls,
    stock,
    till,
    transfers,
)
from holdfast.client.cli.output import ExitCode, error_document, error_text, exit_code_of, print_line
from holdfast.client.errors import HoldfastError, Unsupported


class PassThrough(TyperCommand):
    """A command to which everything after its name belongs, `--help` and `--` included."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        super().parse_args(ctx, [])
        ctx.args = list(args)
        return list(args)


PROGRAMS = {
    "serve": ("serve", "Serve on this machine; see `holdfast serve --help`."),
    "demo": ("bench.demo", "Run the demonstration; see `holdfast demo --help`."),
    "bench": ("bench", "Load a service and report what it takes; see `holdfast bench peak --help`."),
    "journal": ("serve.journal", "Copy journals of a stopped service; see `holdfast journal copy --help`."),
    "format": (
        "serve.format",
        "Show in which format a stopped service writes, or raise it; see `holdfast format --help`.",
    ),
    "pages": ("serve.pages", "Serve the pages of shops' tablets apart from the service; see `holdfast pages --help`."),
    "node": ("serve.node", "Print what must be in the environment of `ray start`; see `holdfast node --help`."),
}
"""By the command's name, the module that takes this process over, and what it is for."""


def _becoming(module: str) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        _become(module, context.args)

    return run


def _become(module: str, arguments: list[str]) -> None:
    package = module.partition(".")[0]
    if find_spec(package) is None:
        raise Unsupported(
            f"run {module}",
            where="this machine",
            why=f"the package {package} is not installed",
            mend="Install Holdfast whole, or run it from its repository",
        )
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own module


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
            _tell(error_text(error), error_document(error), code=exit_code_of(error), as_json=as_json)
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


app = typer.Typer(
    cls=Edge,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Holdfast reserves the stock of shops. Exit codes: 0 done, 1 refused by the business or a fault found, "
    "2 wrong usage, 3 unavailable, 4 not found, 5 anything else.",
)


def _print_version(asked: bool) -> None:
    if asked:
        try:
            print_line(f"holdfast {version('holdfast-client')}")
        except PackageNotFoundError as error:
            mend = "Install Holdfast, or its client, with pip"
            raise Unsupported("tell the version", why="it runs from its source, uninstalled", mend=mend) from error
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the client's version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for _name, (_module, _what) in PROGRAMS.items():
    app.command(_name, cls=PassThrough, help=_what)(_becoming(_module))
app.command()(doctor.doctor)
app.command()(orders.find)
app.command(orders.EXPLAIN, help="As `find`, and tell each shop that is out, and by which rule.")(orders.find)
app.command()(orders.slots)
app.command()(reservations.reserve)
app.command()(reservations.confirm)
app.command()(reservations.ready)
app.command()(reservations.collect)
app.command("return")(reservations.return_)
app.command()(reservations.release)
app.command()(reservations.extend)
app.command()(orders.amend)
app.command()(reservations.show)
app.command("list")(reservations.list_reservations)
app.add_typer(orders.app, name="order")
app.add_typer(pickups.app, name="pickup")
app.add_typer(reservations.line_app, name="line")
app.command()(till.till)
app.add_typer(stock.app, name="stock")
app.add_typer(allotments.app, name="allotment")
app.add_typer(transfers.app, name="transfer")
app.add_typer(shortfalls.app, name="shortfalls")
app.add_typer(contacts.app, name="contacts")
app.add_typer(messages.app, name="messages")
app.add_typer(picking.app, name="pick")
app.add_typer(devices.app, name="device")
app.add_typer(stock.watch_app, name="watch")
app.add_typer(admin.store_app, name="store")
app.add_typer(admin.policy_app, name="policy")
app.add_typer(hot.app, name="hot")
app.add_typer(admin.app, name="admin")
app.command()(admin.status)
app.command()(admin.verify)


def main() -> None:
    """Run the command of the command line and end the process with its exit code."""
    app(prog_name="holdfast")
