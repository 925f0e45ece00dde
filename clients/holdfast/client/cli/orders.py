"""`holdfast order`, `amend`, `find`, `explain` and `slots`: orders, and the choice of shops before one is placed."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli.options import (
    CollectByOption,
    KeyOption,
    KmMaxOption,
    PolicyOption,
    SlotOption,
    StoreArgument,
    StoresMaxOption,
    duration_ms,
    instant_ms,
    one_place,
    optional_duration_ms,
    policy_of,
    quantities,
)
from holdfast.client.cli.output import table, time_text, to_document
from holdfast.client.cli.reservations import ReasonName
from holdfast.client.cli.session import Session, with_session
from holdfast.client.cli.tables import found_stores_table, order_table, slots_table
from holdfast.client.models.orders import Order, StorePlan
from holdfast.client.models.reservations import ReleaseReason

app = typer.Typer(no_args_is_help=True, help="Orders over one shop or several; `holdfast reserve --near` places them.")

OrderArgument = Annotated[str, typer.Argument(help="The order's id, 0007/1907 for example.", metavar="ORDER")]


@app.command()
@with_session
def show(session: Session, order: OrderArgument) -> None:
    """Read an order as it is now."""
    found = session.run(lambda client: client.get_order(order))
    session.show({"order": to_document(found)}, order_table(found))


@app.command("list")
@with_session
def list_orders(
    session: Session,
    customer: Annotated[str, typer.Argument(help="The customer's id.", metavar="CUSTOMER")],
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """List a customer's orders, oldest first."""

    async def read(client: ChannelClient) -> list[Order]:
        found: list[Order] = []
        async for one in client.list_orders(customer, page_size=min(limit, 1_000)):
            found.append(one)
            if len(found) == limit:
                break
        return found

    listed = session.run(read)
    rows = [(one.order_id, one.status.name, len(one.parts), time_text(one.expires_at_ms)) for one in listed]
    session.show({"orders": to_document(listed)}, table(["order", "status", "parts#", "until"], rows))


@app.command()
@with_session
def confirm(
    session: Session,
    order: OrderArgument,
    collect_within: Annotated[str | None, typer.Option(help="Time to collect, 24h for example.")] = None,
    key: KeyOption = None,
) -> None:
    """Confirm every part of an order."""
    within_ms = optional_duration_ms(collect_within, "--collect-within")
    session.change(lambda client: client.confirm_order(order, collect_within_ms=within_ms, idempotency_key=key))


@app.command()
@with_session
def ready(session: Session, order: OrderArgument, key: KeyOption = None) -> None:
    """Say that the goods wait at the counters; each shop answers for itself."""
    session.change(lambda client: client.ready_order(order, idempotency_key=key))


@app.command()
@with_session
def collect(
    session: Session,
    order: OrderArgument,
    payment: Annotated[str, typer.Option(help="The payment's reference.")],
    key: KeyOption = None,
) -> None:
    """Hand over and sell every part; each shop answers for itself."""
    session.change(lambda client: client.collect_order(order, payment_reference=payment, idempotency_key=key))


@app.command()
@with_session
def release(
    session: Session,
    order: OrderArgument,
    reason: Annotated[ReasonName, typer.Option(help="Why.")],
    key: KeyOption = None,
) -> None:
    """Give every part of an order back."""
    why = ReleaseReason[reason.name]
    session.change(lambda client: client.release_order(order, reason=why, idempotency_key=key))


@app.command()
@with_session
def extend(
    session: Session,
    order: OrderArgument,
    ttl: Annotated[str, typer.Option(help="The new deadline, as a time from now.")],
    key: KeyOption = None,
) -> None:
    """Move the deadline of every part."""
    ttl_ms = duration_ms(ttl, "--ttl")
    session.change(lambda client: client.extend_order(order, ttl_ms=ttl_ms, idempotency_key=key))


_LINES = re.compile(r"(.+?)=(\d{1,18})(?:,|$)")


@with_session
def amend(
    session: Session,
    what: Annotated[
        str, typer.Argument(help="A reservation's id, S1:7 for example, or an order's, 0007/1907.", metavar="ID")
    ],
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
    ttl: Annotated[str | None, typer.Option(help="The new deadline, as a time from now.")] = None,
    slot: SlotOption = None,
    key: KeyOption = None,
) -> None:
    """Change lines, deadline or pickup slot in one step; refused, all stays as it was.

    For an order, --slot is the slot of every shop that --store names with lines.
    """
    slot_start_ms = instant_ms(slot, "--slot")
    ttl_ms = optional_duration_ms(ttl, "--ttl")
    if "/" in what:
        if lines:
            raise typer.BadParameter(
                f"{what} is an order: say which shop is to hold it, --store S1:{lines[0]} for example.",
                param_hint="LINE",
            )
        plans = store_plans(store, slot_start_ms)
        session.change(lambda client: client.amend_order(what, stores=plans, ttl_ms=ttl_ms, idempotency_key=key))
        return
    if store:
        raise typer.BadParameter(
            f"{what} is a reservation, and stays in its shop: give its lines as SKU=UNITS.", param_hint="--store"
        )
    wanted = quantities(lines, "LINE", missing=None)
    if not wanted and ttl_ms is None and slot_start_ms is None:
        raise typer.BadParameter("Nothing would change: give lines, --ttl or --slot.", param_hint="amend")
    session.change(
        lambda client: client.amend(what, lines=wanted, ttl_ms=ttl_ms, slot_start_ms=slot_start_ms, idempotency_key=key)
    )


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
AtOption = Annotated[
    str | None,
    typer.Option("--at", "--near", help="Where to look: degrees north and east, LAT,LON."),
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
    at: AtOption = None,
    postcode: PostcodeOption = None,
    policy: PolicyOption = None,
    stores_max: StoresMaxOption = None,
    km_max: KmMaxOption = None,
    channel: ChannelOption = "cli",
    slot: SlotOption = None,
    collect_by: CollectByOption = None,
    candidates: CandidatesOption = None,
) -> None:
    """Find shops that could serve, by distance, and say what an order would be now. Nothing is held."""
    # The two commands differ in nothing else, and have one list of options.
    explain = context.info_name == EXPLAIN
    wanted, place = quantities(lines, "LINE"), one_place(at, postcode)
    slot_start_ms, collect_by_ms = instant_ms(slot, "--slot"), instant_ms(collect_by, "--collect-by")
    found = session.run(
        lambda client: client.find_stores(
            wanted,
            place=place,
            policy=policy_of(policy),
            stores_max=stores_max or 0,
            kilometres_max=km_max or 0.0,
            channel=channel,
            slot_start_ms=slot_start_ms,
            collect_by_ms=collect_by_ms,
            explain=explain,
            candidates_max=candidates or (CANDIDATES_MAX if explain else 0),
        )
    )
    session.show(to_document(found), found_stores_table(found, explained=explain))


@with_session
def slots(
    session: Session,
    store: StoreArgument,
    start: Annotated[str | None, typer.Option("--from", help="From when, ISO 8601 with zone. Otherwise now.")] = None,
    window: Annotated[str | None, typer.Option("--window", help="For how long, up to 31d. Otherwise 2d.")] = None,
) -> None:
    """List a shop's pickup slots with the places left, and when an order that is placed now is ready."""
    from_ms = instant_ms(start, "--from")
    window_ms = optional_duration_ms(window, "--window")
    found = session.run(lambda client: client.list_slots(store, from_ms=from_ms, window_ms=window_ms))
    session.show(to_document(found), slots_table(store, found))
