"""`holdfast serve` and `holdfast demo`: replace this process by the program, with every further argument.

The programs are not imported: a client runs on machines that have neither the service nor what it needs.
"""

import os
import sys
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperCommand

from holdfast.client.errors import Unsupported


class PassThrough(TyperCommand):
    """A command to which everything after its name belongs, `--help` and `--` included."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave every argument as it is."""
        super().parse_args(ctx, [])
        ctx.args = list(args)
        return list(args)


def serve(context: typer.Context) -> None:
    """Serve on this machine; see `holdfast serve --help`."""
    _become("serve", context.args)


def demo(context: typer.Context) -> None:
    """Run the demonstration; see `holdfast demo --help`."""
    _become("bench.demo", context.args)


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
