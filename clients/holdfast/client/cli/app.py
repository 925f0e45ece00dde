"""The `holdfast` command put together from its parts."""

import typer

from holdfast.client.cli import admin, amendments, doctor, orders, programs, reservations, sourcing, stock, watch
from holdfast.client.cli.exits import Edge

app = typer.Typer(
    cls=Edge,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Holdfast reserves the stock of shops. Exit codes: 0 done, 1 refused by the business or a fault found, "
    "2 wrong usage, 3 unavailable, 4 not found, 5 anything else.",
)

app.command(cls=programs.PassThrough)(programs.serve)
app.command(cls=programs.PassThrough)(programs.demo)
app.command()(doctor.doctor)
app.command()(sourcing.find)
app.command(sourcing.EXPLAIN, help="As `find`, and tell each shop that is out, and by which rule.")(sourcing.find)
app.command()(sourcing.slots)
app.command()(reservations.reserve)
app.command()(reservations.confirm)
app.command()(reservations.ready)
app.command()(reservations.collect)
app.command()(reservations.release)
app.command()(reservations.extend)
app.command()(amendments.amend)
app.command()(reservations.show)
app.command("list")(reservations.list_reservations)
app.add_typer(orders.app, name="order")
app.add_typer(stock.app, name="stock")
app.add_typer(watch.app, name="watch")
app.add_typer(admin.store_app, name="store")
app.add_typer(admin.policy_app, name="policy")
app.command()(admin.status)
app.command()(admin.verify)


def main() -> None:
    """Run the command of the command line and end the process with its exit code."""
    app(prog_name="holdfast")
