"""`holdfast stock adjust`, `count`, `show`, `safety`."""

import time
from enum import Enum
from typing import Annotated

import typer
from rich.console import Group

from holdfast.client.cli.options import (
    KeyOption,
    StoreArgument,
    instant_ms,
    quantities,
)
from holdfast.client.cli.output import to_document
from holdfast.client.cli.session import Session, with_session
from holdfast.client.cli.tables import positions_table
from holdfast.client.models.stock import Adjustment, AdjustmentKind, HoldsCounted

app = typer.Typer(no_args_is_help=True, help="Stock: movements, counts, positions, what a shop keeps back.")


class KindName(str, Enum):
    """What moved, on the command line."""

    RECEIPT = "receipt"
    SALE = "sale"
    RETURN = "return"
    CORRECTION = "correction"


class HoldsName(str, Enum):
    """Whether a count took in what was set aside, on the command line."""

    INCLUDED = "included"
    EXCLUDED = "excluded"


@app.command()
@with_session
def adjust(
    session: Session,
    store: StoreArgument,
    rows: Annotated[list[str], typer.Argument(help="SKU=UNITS, signed: a sale is below zero.", metavar="ROW...")],
    kind: Annotated[KindName, typer.Option(help="What moved.")],
    source: Annotated[str, typer.Option(help="Who reports, a warehouse's name for example.")] = "cli",
    sequence: Annotated[
        int | None,
        typer.Option(min=1, max=2**62, help="The source's number of the first row; otherwise the time in ms."),
    ] = None,
    key: KeyOption = None,
) -> None:
    """Apply movements of one source; those with numbers seen before are dropped."""
    first = time.time_ns() // 1_000_000 if sequence is None else sequence
    moved = [
        Adjustment(sku, delta, first + number, AdjustmentKind[kind.name])
        for number, (sku, delta) in enumerate(quantities(rows, "ROW", missing=None))
    ]
    session.change(lambda client: client.adjust_stock(store, source, moved, idempotency_key=key))


@app.command()
@with_session
def count(
    session: Session,
    store: StoreArgument,
    counts: Annotated[list[str], typer.Argument(help="SKU=UNITS, as counted.", metavar="COUNT...")],
    holds: Annotated[HoldsName, typer.Option(help="Were units set aside for reservations counted?")],
    as_of: Annotated[str | None, typer.Option(help="When it was counted, ISO 8601 with zone. Otherwise now.")] = None,
    key: KeyOption = None,
) -> None:
    """Set what was counted; movements since then are kept."""
    counted = quantities(counts, "COUNT", missing=None)
    as_of_ms = instant_ms(as_of, "--as-of")
    session.change(
        lambda client: client.count_stock(
            store, counted, holds=HoldsCounted[holds.name], as_of_ms=as_of_ms, idempotency_key=key
        )
    )


@app.command()
@with_session
def show(
    session: Session,
    stores: Annotated[
        str, typer.Argument(help="One shop, or several with commas between.", metavar="STORE[,STORE...]")
    ],
    skus: Annotated[list[str], typer.Argument(help="The SKUs.", metavar="SKU...")],
) -> None:
    """Show what shops have of SKUs."""
    found = session.run(lambda client: client.get_availability(stores.split(","), skus))
    session.show({"stores": to_document(found)}, Group(*(positions_table(one) for one in found)))


@app.command()
@with_session
def safety(
    session: Session,
    store: StoreArgument,
    rows: Annotated[list[str], typer.Argument(help="SKU=UNITS to keep back; 0 keeps none.", metavar="ROW...")],
    key: KeyOption = None,
) -> None:
    """Set the units that a shop keeps back."""
    kept = quantities(rows, "ROW", missing=None)
    session.change(lambda client: client.set_safety_stock(store, kept, idempotency_key=key))
