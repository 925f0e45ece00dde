"""`holdfast reserve`, `confirm`, `ready`, `collect`, `return`, `release`, `extend`, `show`, `list`."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.options import Session, changing, quantities, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import LINE, RESERVATION, RESERVATIONS, facts_of, order_table, table_of
from holdfast.client.models.orders import SourcingPolicy
from holdfast.client.models.reservations import Reservation, Status

WordsArgument = Annotated[
    list[str],
    typer.Argument(
        help="The shop, then SKU=UNITS, or SKU for one unit. With --near no shop, and SKU=UNITS only.",
        metavar="[STORE] LINE...",
    ),
]
NearOption = Annotated[
    str | None,
    typer.Option("--near", help="Look for shops near LAT,LON or [COUNTRY:]POSTCODE; the answer is an order."),
]


@changing
def reserve(
    session: Session,
    words: WordsArgument,
    customer: Annotated[str, typer.Option(help="The customer's id.")],
    channel: Annotated[str, typer.Option(help="The channel it comes through.")] = "cli",
    basket: Annotated[
        str,
        typer.Option(
            help="The basket; reserving again for it in the same shop, or always with --near, replaces its hold."
        ),
    ] = "",
    ttl: Annotated[int | None, options.duration_option("How long to hold, 2h for example. Otherwise by rule.")] = None,
    slot: options.SlotOption = None,
    reference: Annotated[str, typer.Option(help="The caller's own number, shown in answers.")] = "",
    wait: Annotated[int | None, options.duration_option("Wait in line so long where stock is short.")] = None,
    near: NearOption = None,
    policy: options.PolicyOption = None,
    stores_max: options.StoresMaxOption = None,
    km_max: options.KmMaxOption = None,
    collect_by: options.CollectByOption = None,
) -> None:
    """Hold units of one or more SKUs, all or nothing: in a shop, or with --near in shops that are looked for."""
    asked: dict[str, Any] = {
        "customer_id": customer,
        "channel": channel,
        "basket_id": basket,
        "ttl_ms": ttl,
        "slot_start_ms": slot,
        "external_reference": reference,
    }
    if near is not None:
        if wait is not None:
            raise typer.BadParameter("waits in one shop: name it in place of --near.", param_hint="--wait")
        wanted, place = _lines_without_shop(words), options.place_near(near, "--near")
        session.change(
            ChannelClient.reserve_near,
            wanted,
            place=place,
            policy=policy or SourcingPolicy.ONE_STORE,
            stores_max=stores_max or 0,
            kilometres_max=km_max or 0.0,
            collect_by_ms=collect_by,
            **asked,
        )
        return
    only_near = {"--policy": policy, "--stores-max": stores_max, "--km-max": km_max, "--collect-by": collect_by}
    for name, value in only_near.items():
        if value is not None:
            raise typer.BadParameter("chooses among shops: give --near too, and no shop.", param_hint=name)
    store, wanted = _shop_and_lines(words)
    session.change(ChannelClient.reserve, store, wanted, wait_ms=wait, **asked)


def _shop_and_lines(words: list[str]) -> tuple[str, list[tuple[str, int]]]:
    store, *lines = words
    if "=" in store:
        raise typer.BadParameter(
            f"{store!r} stands where the shop does. Name the shop first, or look for one with --near.",
            param_hint="STORE",
        )
    if not lines:
        raise typer.BadParameter(f"What is {store} to hold? Add lines, shirt-m=2 for example.", param_hint="LINE")
    return store, quantities(lines, "LINE")


def _lines_without_shop(words: list[str]) -> list[tuple[str, int]]:
    # A shop left in its place would else be taken for a SKU, and be looked for far and wide.
    if "=" not in words[0]:
        raise typer.BadParameter(
            f"With --near no shop is named, and lines are written in full: is {words[0]!r} a shop, leave it out; is it "
            f"a SKU, write {words[0]}=1.",
            param_hint="LINE",
        )
    return quantities(words, "LINE")


def _is_order(what: str, line: list[str] | None = None) -> bool:
    if "/" in what and line:
        raise typer.BadParameter(f"{what} is an order, and is taken whole: leave the lines out.", param_hint="--line")
    return "/" in what


@changing
def confirm(session: Session, what: options.WhatArgument, collect_within: options.CollectWithinOption = None) -> None:
    """Confirm a hold, or every part of an order: it was placed."""
    call = ChannelClient.confirm_order if _is_order(what) else ChannelClient.confirm
    session.change(call, what, collect_within_ms=collect_within)


@changing
def ready(session: Session, what: options.WhatArgument) -> None:
    """Say that the goods wait at the counter; of an order, each shop answers for itself."""
    session.change(ChannelClient.ready_order if _is_order(what) else ChannelClient.mark_ready, what)


@changing
def collect(
    session: Session, what: options.WhatArgument, payment: options.PaymentOption, line: options.LineOption = None
) -> None:
    """Hand over and sell, whole or by line; of an order every part, and each shop answers for itself."""
    if _is_order(what, line):
        session.change(ChannelClient.collect_order, what, payment_reference=payment)
    else:
        session.change(ChannelClient.collect, what, payment_reference=payment, lines=quantities(line, "--line"))


@changing
def return_(
    session: Session,
    reservation: Annotated[str, typer.Argument(help="Its id, S1:7 for example.", metavar="RESERVATION")],
    line: options.LineOption = None,
    unsellable: Annotated[
        list[str] | None, typer.Option("--unsellable", help="SKU=UNITS of these that go to no shelf.")
    ] = None,
    refund: Annotated[str, typer.Option("--refund", help="The reference of the refund.")] = "",
) -> None:
    """Take goods back that were collected, whole or by line."""
    session.change(
        ChannelClient.return_reservation,
        reservation,
        lines=quantities(line, "--line"),
        unsellable=quantities(unsellable, "--unsellable"),
        refund_reference=refund,
    )


@changing
def release(
    session: Session, what: options.WhatArgument, reason: options.ReasonOption, line: options.LineOption = None
) -> None:
    """Give units back, whole or by line; of an order every part."""
    if _is_order(what, line):
        session.change(ChannelClient.release_order, what, reason=reason)
    else:
        session.change(ChannelClient.release, what, reason=reason, lines=quantities(line, "--line"))


@changing
def extend(session: Session, what: options.WhatArgument, ttl: options.NewTtlOption) -> None:
    """Move the deadline of a reservation, or of every part of an order."""
    session.change(ChannelClient.extend_order if _is_order(what) else ChannelClient.extend, what, ttl_ms=ttl)


@with_session
def show(session: Session, what: options.WhatArgument) -> None:
    """Read a reservation, or an order, as it is now."""
    if _is_order(what):
        order = session.run(lambda client: client.get_order(what))
        session.show({"order": to_document(order)}, order_table(order))
        return
    found = session.run(lambda client: client.get_reservation(what))
    session.show({"reservation": to_document(found)}, facts_of(RESERVATION, found))


@with_session
def list_reservations(
    session: Session,
    store: options.StoreArgument,
    status: Annotated[list[Any] | None, options.choice_option(Status, "Only these.", "--status")] = None,
    limit: options.LimitOption = 100,
) -> None:
    """List a shop's reservations, oldest first."""
    listed = session.list(
        lambda client: client.list_reservations(store, statuses=status or (), page_size=min(limit, 1_000)), limit
    )
    session.show({"reservations": to_document(listed)}, table_of(RESERVATIONS, listed))


line_app = typer.Typer(no_args_is_help=True, help="Who waits for a SKU, in order of arrival.")


@line_app.command("show")
@with_session
def show_line(
    session: Session,
    store: options.StoreArgument,
    sku: Annotated[str, typer.Argument(help="The SKU.", metavar="SKU")],
    limit: options.LimitOption = 100,
) -> None:
    """Show who waits for a SKU in a shop, first who is served first."""

    async def of_sku(client: ChannelClient) -> AsyncIterator[Reservation]:
        async for waiting in client.list_reservations(store, statuses=[Status.QUEUED], page_size=1_000):
            if waiting.lines[0].sku == sku:
                yield waiting

    waiting = session.list(of_sku, limit)
    session.show({"line": to_document(waiting)}, table_of(LINE, waiting))
