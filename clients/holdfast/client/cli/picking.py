"""`holdfast pick`: what is to be picked in a shop, who is at it, and what is to be put back."""

from typing import Annotated, Any

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.options import Session, changing, quantities, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import PICK_TASK, PICK_TASKS, PRODUCT, facts_of, table_of
from holdfast.client.models.picking import ShortChoice
from holdfast.client.models.reservations import PickStatus

app = typer.Typer(no_args_is_help=True, help="Pick tasks: the queue, claimed, scanned, ready, put back.")

TaskArgument = Annotated[str, typer.Argument(help="The reservation's id, S1:7 for example.", metavar="ID")]
PickerOption = Annotated[str, typer.Option("--as", help="The person or the device that does it.")]
CodeArgument = Annotated[str, typer.Argument(help="What was scanned: a GTIN, or the SKU.", metavar="CODE")]
ArrivesInOption = Annotated[
    int | None, options.duration_option("He is on his way, and there in so long, 20m for example.", "--in")
]
LeaseOption = Annotated[
    int | None, options.duration_option("How long it is kept beyond the last step. Otherwise 10m.", "--lease")
]


@app.command("list")
@with_session
def list_tasks(
    session: Session,
    store: options.StoreArgument,
    status: Annotated[list[Any] | None, options.choice_option(PickStatus, "Only these.", "--status")] = None,
    limit: options.LimitOption = 100,
) -> None:
    """List a shop's tasks, by status in the sequence of the queue."""
    size = min(limit, 1_000)
    found = session.list(lambda client: client.list_pick_tasks(store, statuses=status or (), page_size=size), limit)
    session.show({"pick_tasks": to_document(found)}, table_of(PICK_TASKS, found))


@app.command()
@with_session
def show(session: Session, task: TaskArgument) -> None:
    """Show one task."""
    found = session.run(lambda client: client.get_pick_task(task))
    session.show({"pick_task": to_document(found)}, facts_of(PICK_TASK, found))


@app.command()
@changing
def claim(
    session: Session,
    store: options.StoreArgument,
    picker: PickerOption,
    task: Annotated[str, typer.Option("--task", help="This one. Otherwise the first that nobody has.")] = "",
    lease: LeaseOption = None,
) -> None:
    """Take a task."""
    session.change(ChannelClient.claim_pick_task, store, picker, reservation_id=task, lease_ms=lease)


@app.command()
@changing
def leave(session: Session, task: TaskArgument, picker: PickerOption) -> None:
    """Leave a task to others."""
    session.change(ChannelClient.release_pick_task, task, picker)


@app.command()
@changing
def scan(
    session: Session,
    task: TaskArgument,
    code: CodeArgument,
    picker: PickerOption,
    quantity: Annotated[int, typer.Option("--quantity", help="Units; below zero takes ticks back.")] = 1,
) -> None:
    """Tick units of a line."""
    session.change(ChannelClient.scan_pick_task, task, picker, code=code, quantity=quantity)


@app.command()
@with_session
def find(session: Session, store: options.StoreArgument, code: CodeArgument) -> None:
    """Show where a product stands in a shop, and what may take its place."""
    found = session.run(lambda client: client.find_product(store, code=code))
    session.show({"product": to_document(found)}, facts_of(PRODUCT, found))


@app.command()
@changing
def short(
    session: Session,
    task: TaskArgument,
    sku: Annotated[str, typer.Argument(help="The article that is not on the shelf.", metavar="SKU")],
    quantity: Annotated[int, typer.Argument(help="How many units of it are missing.", metavar="UNITS")],
    picker: PickerOption,
    without: Annotated[bool, typer.Option("--without", help="The customer goes without them.")] = False,
    substitute: Annotated[str, typer.Option("--substitute", help="SKU=UNITS, or SKU for as many, instead.")] = "",
    later: Annotated[int | None, options.duration_option("Look again after this time.", "--later")] = None,
    elsewhere: Annotated[bool, typer.Option("--elsewhere", help="The nearest shop that has them holds them.")] = False,
    to_store: Annotated[str, typer.Option("--to-store", help="This other shop holds them.", metavar="STORE")] = "",
) -> None:
    """Say that units are not there, with the customer's choice: one of four."""
    ways = {
        ShortChoice.WITHOUT: without,
        ShortChoice.SUBSTITUTE: bool(substitute),
        ShortChoice.LATER: later is not None,
        ShortChoice.ELSEWHERE: elsewhere or bool(to_store),
    }
    chosen = [choice for choice, is_chosen in ways.items() if is_chosen]
    if len(chosen) != 1:
        raise typer.BadParameter("Give one of --without, --substitute SKU=UNITS, --later TIME and --elsewhere.")
    instead, units = quantities([substitute], "--substitute", missing=quantity)[0] if substitute else ("", 0)
    session.change(
        ChannelClient.short_pick_task,
        *(task, picker, sku, quantity, chosen[0]),
        substitute_sku=instead,
        substitute_quantity=units,
        wait_ms=later,
        to_store_id=to_store,
    )


@app.command()
@changing
def finish(
    session: Session,
    task: TaskArgument,
    picker: PickerOption,
    bay: Annotated[str, typer.Option("--bay", help="Where the goods lie.")] = "",
    ready: Annotated[bool, typer.Option("--ready", help="The customer may come.")] = False,
) -> None:
    """Say that all of it is picked."""
    session.change(ChannelClient.finish_pick_task, task, picker, bay=bay, is_ready=ready)


@app.command("put-back")
@changing
def put_back(
    session: Session,
    task: TaskArgument,
    picker: PickerOption,
    line: Annotated[list[str], typer.Option("--line", help="SKU=UNITS that were carried to the shelf.")],
) -> None:
    """Say that what had to go back is on the shelf again."""
    session.change(ChannelClient.put_back_pick_task, task, picker, quantities(line, "--line"))


@app.command()
@changing
def arrived(
    session: Session,
    task: TaskArgument,
    waits_at: Annotated[str, typer.Option("--at", help="Where the customer waits: a parking bay, say.")] = "",
    arrives_in: ArrivesInOption = None,
) -> None:
    """Say that the customer is there, or will be in so long."""
    session.change(ChannelClient.note_arrival, task, waits_at=waits_at, arrives_in_ms=arrives_in)
