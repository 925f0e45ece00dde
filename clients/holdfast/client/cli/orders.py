"""`holdfast order`, `amend`, `find`, `explain` and `slots`: orders, and the choice of shops before one is placed."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options, reservations
from holdfast.client.cli.options import Session, changing, quantities, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import ORDERS, found_stores_table, slots_table, table_of
from holdfast.client.models.orders import SourcingPolicy, StorePlan

app = typer.Typer(no_args_is_help=True, help="Orders over one shop or several; `holdfast reserve --near` places them.")


@app.command("list")
@with_session
def list_orders(
    session: Session,
    customer: Annotated[str, typer.Argument(help="The customer's id.", metavar="CUSTOMER")],
    limit: options.LimitOption = 100,
) -> None:
    """List a customer's orders, oldest first."""
    listed = session.list(lambda client: client.list_orders(customer, page_size=min(limit, 1_000)), limit)
    session.show({"orders": to_document(listed)}, table_of(ORDERS, listed))


for _step in (
    reservations.show,
    reservations.confirm,
    reservations.ready,
    reservations.collect,
    reservations.release,
    reservations.extend,
):
    app.command()(_step)

_LINES = re.compile(r"(.+?)=(\d{1,18})(?:,|$)")


@changing
def amend(
    session: Session,
    what: options.WhatArgument,
    lines: Annotated[
        list[str] | None,
        typer.Argument(help="For a reservation: SKU=UNITS, all of its lines from now on.", metavar="[LINE...]"),
    ] = None,
    store: Annotated[
        list[str] | None,
        typer.Option(
            "--store",
            help="For an order: STORE:SKU=UNITS,SKU=UNITS is all that the shop is to hold, STORE: takes the order away "
            "from it. May be given several times; shops that are not named keep what they have.",
        ),
    ] = None,
    ttl: Annotated[int | None, options.duration_option("The new deadline, as a time from now.")] = None,
    slot: options.SlotOption = None,
) -> None:
    """Change lines, deadline or pickup slot in one step; refused, all stays as it was.

    For an order, --slot is the slot of every shop that --store names with lines.
    """
    if "/" in what:
        if lines:
            raise typer.BadParameter(
                f"{what} is an order: say which shop is to hold it, --store S1:{lines[0]} for example.",
                param_hint="LINE",
            )
        plans = store_plans(store, slot)
        session.change(ChannelClient.amend_order, what, stores=plans, ttl_ms=ttl)
        return
    if store:
        raise typer.BadParameter(
            f"{what} is a reservation, and stays in its shop: give its lines as SKU=UNITS.", param_hint="--store"
        )
    wanted = quantities(lines, "LINE", missing=None)
    if not wanted and ttl is None and slot is None:
        raise typer.BadParameter("Nothing would change: give lines, --ttl or --slot.", param_hint="amend")
    session.change(ChannelClient.amend, what, lines=wanted, ttl_ms=ttl, slot_start_ms=slot)


def store_plans(texts: Iterable[str] | None, slot_start_ms: int | None) -> list[StorePlan]:
    """What shops are to hold, of `STORE:SKU=UNITS,SKU=UNITS`; a SKU may itself have a colon or a comma."""
    found: dict[str, StorePlan] = {}
    for text in texts or ():
        store_id, colon, rest = text.partition(":")
        lines = tuple((sku, int(units)) for sku, units in _LINES.findall(rest))
        if not (store_id and colon) or _LINES.sub("", rest) or rest.endswith(","):
            raise typer.BadParameter(
                f"{text!r} is not STORE:SKU=UNITS,SKU=UNITS, for example S1:shirt-m=2,tie=1; S1: alone takes the order "
                "away from the shop.",
                param_hint="--store",
            )
        if store_id in found:
            raise typer.BadParameter(
                f"{store_id} is named twice. Write all that it is to hold in one --store.", param_hint="--store"
            )
        found[store_id] = StorePlan(store_id, lines, slot_start_ms if lines else None)
    if not found:
        raise typer.BadParameter(
            "Nothing would change: say what a shop is to hold, --store S1:shirt-m=2 for example. The deadline alone "
            "moves with `holdfast order extend`.",
            param_hint="--store",
        )
    return list(found.values())


EXPLAIN = "explain"
"""By this name `find` tells the shops that are out, too."""

CANDIDATES_MAX = 100
"""The service tells no more shops at once."""

LinesArgument = Annotated[list[str], typer.Argument(help="SKU=UNITS, or SKU for one unit.", metavar="LINE...")]
NearOption = Annotated[
    str | None, typer.Option("--near", help="Where to look: degrees north and east, LAT,LON, or [COUNTRY:]POSTCODE.")
]
PostcodeOption = Annotated[
    str | None,
    typer.Option("--postcode", help="Where to look, as a postcode that the operator loaded, or COUNTRY:POSTCODE."),
]
ChannelOption = Annotated[str, typer.Option("--channel", help="The channel that would reserve.")]
CandidatesOption = Annotated[
    int | None,
    typer.Option(
        "--candidates", min=1, max=CANDIDATES_MAX, help="At most so many shops. Otherwise 10, and 100 to explain."
    ),
]


@with_session
def find(
    session: Session,
    context: typer.Context,
    lines: LinesArgument,
    near: NearOption = None,
    postcode: PostcodeOption = None,
    policy: options.PolicyOption = None,
    stores_max: options.StoresMaxOption = None,
    km_max: options.KmMaxOption = None,
    channel: ChannelOption = "cli",
    slot: options.SlotOption = None,
    collect_by: options.CollectByOption = None,
    candidates: CandidatesOption = None,
) -> None:
    """Find shops that could serve, by distance, and say what an order would be now. Nothing is held."""
    # The two commands differ in nothing else, and have one list of options.
    explain = context.info_name == EXPLAIN
    wanted, place = quantities(lines, "LINE"), options.one_place(near, postcode)
    found = session.run(
        lambda client: client.find_stores(
            wanted,
            place=place,
            policy=policy or SourcingPolicy.ONE_STORE,
            stores_max=stores_max or 0,
            kilometres_max=km_max or 0.0,
            channel=channel,
            slot_start_ms=slot,
            collect_by_ms=collect_by,
            explain=explain,
            candidates_max=candidates or (CANDIDATES_MAX if explain else 0),
        )
    )
    session.show(to_document(found), found_stores_table(found, explained=explain))


@with_session
def slots(
    session: Session,
    store: options.StoreArgument,
    start: Annotated[
        int | None, options.instant_option("From when, ISO 8601 with zone. Otherwise now.", "--from")
    ] = None,
    window: Annotated[int | None, options.duration_option("For how long, up to 31d. Otherwise 2d.")] = None,
) -> None:
    """List a shop's pickup slots with the places left, and when an order that is placed now is ready."""
    found = session.run(lambda client: client.list_slots(store, from_ms=start, window_ms=window))
    session.show(to_document(found), slots_table(store, found))
