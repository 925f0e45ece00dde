"""`holdfast watch events` and `watch availability`: live, until interrupted or for a number of items."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, TypeVar

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli.options import cursors
from holdfast.client.cli.output import event_document, print_for_people, print_json, print_line, to_document
from holdfast.client.cli.session import Session, with_session
from holdfast.client.cli.tables import event_line, positions_table
from holdfast.client.subscription import Subscription

app = typer.Typer(no_args_is_help=True, help="Live: what happens, and what shops have. Ends with Ctrl-C.")

ItemT = TypeVar("ItemT")

CountOption = Annotated[int | None, typer.Option("--count", min=1, help="End after so many.")]


@app.command()
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
    start = cursors(stores)
    if not start and not everything:
        raise typer.BadParameter("Name shops, or give --all.", param_hint="STORE")
    _follow(
        session,
        lambda client: client.watch_events(start, all_stores=everything),
        lambda event: print_json(event_document(event)) if session.as_json else print_line(event_line(event)),
        count,
    )


@app.command()
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
    start = cursors(stores)
    _follow(
        session,
        lambda client: client.watch_availability(start, skus=sku or ()),
        lambda change: (
            print_json(to_document(change)) if session.as_json else print_for_people(positions_table(change))
        ),
        count,
    )


def _follow(
    session: Session,
    watch: Callable[[ChannelClient], Subscription[ItemT]],
    tell: Callable[[ItemT], None],
    count: int | None,
) -> None:
    async def use(client: ChannelClient) -> None:
        async with watch(client) as told:
            async for item in _first(told, count):
                tell(item)

    session.run(use)


async def _first(items: AsyncIterator[ItemT], count: int | None) -> AsyncIterator[ItemT]:
    left = count
    while left is None or left > 0:
        yield await anext(items)
        left = None if left is None else left - 1
