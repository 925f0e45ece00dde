"""`holdfast hot`: SKUs in great demand, which have a ledger of their own."""

import time
from typing import Annotated

import typer

from holdfast.client.cli.options import Session, duration_option, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import HOT_SKU, facts_of, table_of

app = typer.Typer(no_args_is_help=True, help="SKUs in great demand, which have a ledger of their own.")

SkuArgument = Annotated[str, typer.Argument(help="The SKU.", metavar="SKU")]


@app.command()
@with_session
def promote(
    session: Session,
    sku: SkuArgument,
    starts_in: Annotated[
        int | None, duration_option("How long from now until it begins, 30m for example; else at once.", "--starts-in")
    ] = None,
) -> None:
    """Give it a ledger of its own over all shops' units, until it is demoted."""
    starts_at_ms = None if starts_in is None else int(time.time() * 1_000) + starts_in
    revision = session.run(lambda client: client.hot_skus_revision())
    found = session.run(lambda client: client.promote_sku(sku, starts_at_ms=starts_at_ms, expected_revision=revision))
    session.show({"hot_sku": to_document(found)}, facts_of(HOT_SKU, found))


@app.command()
@with_session
def demote(session: Session, sku: SkuArgument) -> None:
    """Take its ledger back, or its announcement; what is held in it goes on."""
    revision = session.run(lambda client: client.hot_skus_revision())
    found = session.run(lambda client: client.demote_sku(sku, expected_revision=revision))
    session.show({"hot_sku": to_document(found)}, facts_of(HOT_SKU, found))


@app.command("list")
@with_session
def list_hot(session: Session) -> None:
    """List those that have one, are announced, or had one lately."""
    found = session.run(lambda client: client.list_hot_skus())
    session.show({"hot_skus": to_document(found)}, table_of(HOT_SKU, found))
