"""`holdfast reserve`, `confirm`, `ready`, `collect`, `release`, `extend`, `show`, `list`."""

from enum import StrEnum
from typing import Annotated

import typer

from clients.channel import ChannelClient
from clients.cli.arguments import (
    TIMEOUT,
    JsonOption,
    KeyOption,
    LineOption,
    StoreArgument,
    TargetOption,
    TimeoutOption,
    duration_ms,
    optional_duration_ms,
    quantities,
)
from clients.cli.output import reservation_table, reservations_table, to_document
from clients.cli.session import Session
from clients.values.reservations import ReleaseReason, Reservation, Status

ReservationArgument = Annotated[str, typer.Argument(help="The reservation's id.", metavar="RESERVATION")]


class ReasonName(StrEnum):
    """The reasons that a caller may give; REPLACED and SHORTFALL are the ledger's own."""

    CUSTOMER_CANCELLED = "customer-cancelled"
    PAYMENT_FAILED = "payment-failed"
    NOT_FOUND_ON_SHELF = "not-found-on-shelf"
    NO_SHOW = "no-show"
    FRAUD = "fraud"
    OTHER = "other"


class StatusName(StrEnum):
    """The statuses, on the command line."""

    HELD = "held"
    CONFIRMED = "confirmed"
    READY = "ready"
    COLLECTED = "collected"
    RELEASED = "released"
    EXPIRED = "expired"


def reserve(
    store: StoreArgument,
    lines: Annotated[list[str], typer.Argument(help="SKU=UNITS, or SKU for one unit.", metavar="LINE...")],
    customer: Annotated[str, typer.Option(help="The customer's id.")],
    channel: Annotated[str, typer.Option(help="The channel it comes through.")] = "cli",
    basket: Annotated[str, typer.Option(help="The basket; reserving again for it replaces its hold.")] = "",
    ttl: Annotated[str | None, typer.Option(help="How long to hold, 2h for example. Otherwise by rule.")] = None,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Hold units of one or more SKUs in a shop, all or nothing."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    wanted = quantities(lines, "LINE")
    ttl_ms = optional_duration_ms(ttl, "--ttl")
    session.change(
        lambda client: client.reserve(
            store,
            wanted,
            customer_id=customer,
            channel=channel,
            basket_id=basket,
            ttl_ms=ttl_ms,
            idempotency_key=key,
        )
    )


def confirm(
    reservation: ReservationArgument,
    collect_within: Annotated[str | None, typer.Option(help="Time to collect, 24h for example.")] = None,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Turn a hold into an order."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    within_ms = optional_duration_ms(collect_within, "--collect-within")
    session.change(lambda client: client.confirm(reservation, collect_within_ms=within_ms, idempotency_key=key))


def ready(
    reservation: ReservationArgument,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Say that the goods wait at the counter."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    session.change(lambda client: client.mark_ready(reservation, idempotency_key=key))


def collect(
    reservation: ReservationArgument,
    payment: Annotated[str, typer.Option(help="The payment's reference.")],
    line: LineOption = None,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Hand over and sell, whole or by line."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    chosen = quantities(line, "--line")
    session.change(
        lambda client: client.collect(reservation, payment_reference=payment, lines=chosen, idempotency_key=key)
    )


def release(
    reservation: ReservationArgument,
    reason: Annotated[ReasonName, typer.Option(help="Why.")],
    line: LineOption = None,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Give units back, whole or by line."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    chosen = quantities(line, "--line")
    why = ReleaseReason[reason.name]
    session.change(lambda client: client.release(reservation, reason=why, lines=chosen, idempotency_key=key))


def extend(
    reservation: ReservationArgument,
    ttl: Annotated[str, typer.Option(help="The new deadline, as a time from now.")],
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Move a reservation's deadline."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    ttl_ms = duration_ms(ttl, "--ttl")
    session.change(lambda client: client.extend(reservation, ttl_ms=ttl_ms, idempotency_key=key))


def show(
    reservation: ReservationArgument,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Read a reservation as it is now."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    found = session.run(lambda client: client.get_reservation(reservation))
    session.show({"reservation": to_document(found)}, reservation_table(found))


def list_reservations(
    store: StoreArgument,
    status: Annotated[list[StatusName] | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """List a shop's reservations, oldest first."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    chosen = [Status[name.name] for name in status or ()]

    async def read(client: ChannelClient) -> list[Reservation]:
        found: list[Reservation] = []
        async for one in client.list_reservations(store, statuses=chosen, page_size=min(limit, 1_000)):
            found.append(one)
            if len(found) == limit:
                break
        return found

    listed = session.run(read)
    session.show({"reservations": to_document(listed)}, reservations_table(listed))
