"""`holdfast allotment`: units handed to tills and channels."""

from typing import Annotated, Any

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.options import Session, changing, quantities, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import ALLOTMENTS, table_of
from holdfast.client.models.allotments import AllotmentStatus, HolderKind, Share

app = typer.Typer(no_args_is_help=True, help="Allotments: units handed to a till, or kept for a channel.")

AllotmentArgument = Annotated[str, typer.Argument(help="The allotment.", metavar="ALLOTMENT")]


@app.command()
@changing
def give(
    session: Session,
    store: options.StoreArgument,
    holder: Annotated[str, typer.Argument(help="The name of the till or the channel.", metavar="HOLDER")],
    kind: Annotated[Any, options.choice_option(HolderKind, "What the holder is.", "--kind")],
    ttl: Annotated[int, options.duration_option("For how long, 8h for example.", "--ttl")],
    lines: Annotated[list[str] | None, typer.Argument(help="SKU=UNITS.", metavar="LINE...")] = None,
    share: Annotated[
        list[str] | None,
        typer.Option("--share", help="SKU=THOUSANDTHS of what is available; may be given several times."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="What it is for.")] = "",
    quota_first: Annotated[
        bool, typer.Option("--quota-first", help="A channel's holds take these before what everybody may take.")
    ] = False,
) -> None:
    """Hand available units to a till or a channel."""
    shares = [Share(sku, part) for sku, part in quantities(share, "--share", missing=None)]
    what = {"kind": kind, "ttl_ms": ttl, "shares": shares, "reason": reason, "quota_first": quota_first}
    session.change(ChannelClient.allot_stock, store, holder, quantities(lines, "LINE"), **what)


@app.command()
@changing
def extend(session: Session, allotment: AllotmentArgument, ttl: options.NewTtlOption) -> None:
    """Move the end of an open allotment; never to an earlier instant."""
    session.change(ChannelClient.extend_allotment, allotment, ttl_ms=ttl)


@app.command(name="return")
@changing
def give_back(
    session: Session,
    allotment: AllotmentArgument,
    settled: Annotated[
        bool, typer.Option("--settled", help="Its till has reported all that it sold from it, and sells no more.")
    ] = False,
) -> None:
    """End an allotment. Units of a till that are not settled stay unknown until they are counted."""
    session.change(ChannelClient.return_allotment, allotment, settled=settled)


@app.command(name="list")
@with_session
def list_allotments(
    session: Session,
    store: options.StoreArgument,
    status: Annotated[list[Any] | None, options.choice_option(AllotmentStatus, "Only these.", "--status")] = None,
    limit: options.LimitOption = 100,
) -> None:
    """List a shop's allotments, oldest first."""
    found = session.list(lambda client: client.list_allotments(store, statuses=status or ()), limit)
    session.show({"allotments": to_document(found)}, table_of(ALLOTMENTS, found))
