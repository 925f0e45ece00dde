"""`holdfast amend`: change a reservation, or what shops hold of an order, in one step."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from holdfast.client.cli.arguments import (
    TIMEOUT,
    JsonOption,
    KeyOption,
    TargetOption,
    TimeoutOption,
    instant_ms,
    optional_duration_ms,
    quantities,
)
from holdfast.client.cli.session import Session
from holdfast.client.cli.sourcing_options import SlotOption
from holdfast.client.values.orders import StorePlan

_LINES = re.compile(r"(.+?)=(\d{1,18})(?:,|$)")


def amend(
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
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Change lines, deadline or pickup slot in one step; refused, all stays as it was.

    For an order, --slot is the slot of every shop that --store names with lines.
    """
    session = Session.of(target, as_json=as_json, timeout=timeout)
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
