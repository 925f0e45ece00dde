"""`holdfast order show`, `confirm`, `ready`, `collect`, `release`, `extend`: orders over one shop or several."""

from typing import Annotated

import typer

from holdfast.client.cli.arguments import (
    TIMEOUT,
    JsonOption,
    KeyOption,
    TargetOption,
    TimeoutOption,
    duration_ms,
    optional_duration_ms,
)
from holdfast.client.cli.order_output import order_table
from holdfast.client.cli.output import to_document
from holdfast.client.cli.reservations import ReasonName
from holdfast.client.cli.session import Session
from holdfast.client.values.reservations import ReleaseReason

app = typer.Typer(no_args_is_help=True, help="Orders over one shop or several; `holdfast reserve --near` places them.")

OrderArgument = Annotated[str, typer.Argument(help="The order's id, 0007/1907 for example.", metavar="ORDER")]


@app.command()
def show(
    order: OrderArgument, target: TargetOption = None, as_json: JsonOption = False, timeout: TimeoutOption = TIMEOUT
) -> None:
    """Read an order as it is now."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    found = session.run(lambda client: client.get_order(order))
    session.show({"order": to_document(found)}, order_table(found))


@app.command()
def confirm(
    order: OrderArgument,
    collect_within: Annotated[str | None, typer.Option(help="Time to collect, 24h for example.")] = None,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Confirm every part of an order."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    within_ms = optional_duration_ms(collect_within, "--collect-within")
    session.change(lambda client: client.confirm_order(order, collect_within_ms=within_ms, idempotency_key=key))


@app.command()
def ready(
    order: OrderArgument,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Say that the goods wait at the counters; each shop answers for itself."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    session.change(lambda client: client.ready_order(order, idempotency_key=key))


@app.command()
def collect(
    order: OrderArgument,
    payment: Annotated[str, typer.Option(help="The payment's reference.")],
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Hand over and sell every part; each shop answers for itself."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    session.change(lambda client: client.collect_order(order, payment_reference=payment, idempotency_key=key))


@app.command()
def release(
    order: OrderArgument,
    reason: Annotated[ReasonName, typer.Option(help="Why.")],
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Give every part of an order back."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    why = ReleaseReason[reason.name]
    session.change(lambda client: client.release_order(order, reason=why, idempotency_key=key))


@app.command()
def extend(
    order: OrderArgument,
    ttl: Annotated[str, typer.Option(help="The new deadline, as a time from now.")],
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Move the deadline of every part."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    ttl_ms = duration_ms(ttl, "--ttl")
    session.change(lambda client: client.extend_order(order, ttl_ms=ttl_ms, idempotency_key=key))
