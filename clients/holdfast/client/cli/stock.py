"""`holdfast stock`, and live `holdfast watch`: what shops have, and what happens in them."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Group

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.options import Session, changing, quantities, with_session
from holdfast.client.cli.output import (
    event_document,
    exit_code_of,
    print_for_people,
    print_json,
    print_line,
    store_documents,
    to_document,
)
from holdfast.client.cli.tables import LINE, event_line, pickup_line, positions_table, table_of
from holdfast.client.models.stock import Adjustment, AdjustmentKind, HoldsCounted, UnreachableStore
from holdfast.client.subscription import Subscription

app = typer.Typer(no_args_is_help=True, help="Stock: movements, counts, positions, what a shop keeps back.")
watch_app = typer.Typer(no_args_is_help=True, help="Live: what happens, and what shops have. Ends with Ctrl-C.")


@app.command()
@changing
def adjust(
    session: Session,
    store: options.StoreArgument,
    rows: Annotated[list[str], typer.Argument(help="SKU=UNITS, signed: a sale is below zero.", metavar="ROW...")],
    kind: Annotated[Any, options.choice_option(AdjustmentKind, "What moved.", "--kind")],
    source: Annotated[str, typer.Option(help="Who reports, a warehouse's name for example.")] = "cli",
    sequence: Annotated[
        int,
        typer.Option(min=0, max=2**62, help="The source's number of the first row; 0 takes the next ones."),
    ] = 0,
) -> None:
    """Apply movements of one source; those with numbers seen before are dropped, those after a gap refused."""
    moved = [
        Adjustment(sku, delta, sequence and sequence + number, kind)
        for number, (sku, delta) in enumerate(quantities(rows, "ROW", missing=None))
    ]
    session.change(ChannelClient.adjust_stock, store, source, moved)


@app.command()
@changing
def count(
    session: Session,
    store: options.StoreArgument,
    counts: Annotated[list[str], typer.Argument(help="SKU=UNITS, as counted.", metavar="COUNT...")],
    holds: Annotated[
        Any, options.choice_option(HoldsCounted, "Were units set aside for reservations counted?", "--holds")
    ],
    as_of: Annotated[
        int | None, options.instant_option("When it was counted, ISO 8601 with zone. Otherwise now.")
    ] = None,
) -> None:
    """Set what was counted; movements since then are kept."""
    counted = quantities(counts, "COUNT", missing=None)
    session.change(ChannelClient.count_stock, store, counted, holds=holds, as_of_ms=as_of)


@app.command()
@with_session
def show(
    session: Session,
    stores: Annotated[
        str, typer.Argument(help="One shop, or several with commas between.", metavar="STORE[,STORE...]")
    ],
    skus: Annotated[list[str], typer.Argument(help="The SKUs.", metavar="SKU...")],
) -> None:
    """Show what shops have of SKUs; one that did not answer, or is stopped, is told as such beside the others."""
    found = session.run(lambda client: client.get_availability(stores.split(","), skus))
    session.show({"stores": store_documents(found)}, Group(*map(positions_table, found)))
    for one in found:
        if isinstance(one, UnreachableStore):
            raise typer.Exit(exit_code_of(one.error))


@app.command()
@changing
def safety(
    session: Session,
    store: options.StoreArgument,
    rows: Annotated[list[str], typer.Argument(help="SKU=UNITS to keep back; 0 keeps none.", metavar="ROW...")],
) -> None:
    """Set the units that a shop keeps back."""
    kept = quantities(rows, "ROW", missing=None)
    session.change(ChannelClient.set_safety_stock, store, kept)


ItemT = TypeVar("ItemT")

CountOption = Annotated[int | None, typer.Option("--count", min=1, help="End after so many.")]


@watch_app.command()
@with_session
def events(
    session: Session,
    stores: Annotated[
        list[str] | None, typer.Argument(help="STORE, or STORE@VERSION for what came after it.", metavar="[STORE...]")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every shop of the chain.")] = False,
    count: CountOption = None,
) -> None:
    """Tell what happens, each shop's events in sequence and without gaps; with --json one event a line."""
    start = options.cursors(stores)
    if not start and not everything:
        raise typer.BadParameter("Name shops, or give --all.", param_hint="STORE")
    _follow(
        session,
        lambda client: client.watch_events(start, all_stores=everything),
        lambda event: print_json(event_document(event)) if session.as_json else print_line(event_line(event)),
        count,
    )


@watch_app.command()
@with_session
def availability(
    session: Session,
    stores: Annotated[
        list[str], typer.Argument(help="STORE, or STORE@VERSION for what changed after it.", metavar="STORE...")
    ],
    sku: Annotated[list[str] | None, typer.Option("--sku", help="Only these; may be given several times.")] = None,
    count: CountOption = None,
) -> None:
    """Tell positions as they change; with --json one message a line."""
    start = options.cursors(stores)
    _follow(
        session,
        lambda client: client.watch_availability(start, skus=sku or ()),
        lambda change: (
            print_json(to_document(change)) if session.as_json else print_for_people(positions_table(change))
        ),
        count,
    )


@watch_app.command()
@with_session
def pickups(
    session: Session,
    stores: Annotated[
        list[str], typer.Argument(help="STORE, or STORE@VERSION for what changed after it.", metavar="STORE...")
    ],
    count: CountOption = None,
) -> None:
    """Tell tills what became ready, was changed, collected, withdrawn or returned; with --json one change a line."""
    start = options.cursors(stores)
    _follow(
        session,
        lambda client: client.watch_pickups(start),
        lambda change: print_json(to_document(change)) if session.as_json else print_line(pickup_line(change)),
        count,
    )


@watch_app.command()
@with_session
def reservation(session: Session, what: options.WhatArgument) -> None:
    """Tell how a reservation stands as its place in line moves, until it waits no more; with --json one a line."""

    async def use(client: ChannelClient) -> None:
        async for standing in client.watch_reservation(what):
            if session.as_json:
                print_json(to_document(standing))
            else:
                print_for_people(table_of(LINE, [standing]))

    session.run(use)


def _follow(
    session: Session,
    watch: Callable[[ChannelClient], Subscription[ItemT]],
    tell: Callable[[ItemT], None],
    count: int | None,
) -> None:
    async def use(client: ChannelClient) -> None:
        async with watch(client) as told:
            async for item in options.first(told, count):
                tell(item)

    session.run(use)
