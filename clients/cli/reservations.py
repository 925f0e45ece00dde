"""`holdfast reserve`, `confirm`, `ready`, `collect`, `release`, `extend`, `show`, `list`."""

from enum import Enum
from typing import Annotated

import typer

from clients.channel import ChannelClient
from clients.cli.arguments import (
    TIMEOUT,
    JsonOption,
    KeyOption,
    LineOption,
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
StoreArgument = Annotated[str, typer.Argument(help="The shop's id.", metavar="STORE")]

# What a caller may give as a reason: REPLACED and SHORTFALL are the ledger's own.
ReasonName = Enum(  # type: ignore[misc]
    "ReasonName",
    {
        reason.name: reason.name.lower().replace("_", "-")
        for reason in ReleaseReason
        if reason not in {ReleaseReason.UNSPECIFIED, ReleaseReason.REPLACED, ReleaseReason.SHORTFALL}
    },
    type=str,
)
StatusName = Enum(  # type: ignore[misc]
    "StatusName", {status.name: status.name.lower() for status in Status if status}, type=str
)


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
    session.finish(
        session.run(
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
    session.finish(
        session.run(
            lambda client: client.confirm(reservation, collect_within_ms=within_ms, idempotency_key=key)
        )
    )


def ready(
    reservation: ReservationArgument,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Say that the goods wait at the counter."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    session.finish(session.run(lambda client: client.mark_ready(reservation, idempotency_key=key)))


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
    session.finish(
        session.run(
            lambda client: client.collect(
                reservation, payment_reference=payment, lines=chosen, idempotency_key=key
            )
        )
    )


def release(
    reservation: ReservationArgument,
    reason: Annotated[ReasonName, typer.Option(help="Why.")],  # type: ignore[valid-type]
    line: LineOption = None,
    key: KeyOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Give units back, whole or by line."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    chosen = quantities(line, "--line")
    why = ReleaseReason[reason.name]  # type: ignore[attr-defined]
    session.finish(
        session.run(lambda client: client.release(reservation, reason=why, lines=chosen, idempotency_key=key))
    )


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
    session.finish(session.run(lambda client: client.extend(reservation, ttl_ms=ttl_ms, idempotency_key=key)))


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
    status: Annotated[list[StatusName] | None, typer.Option(help="Only these.")] = None,  # type: ignore[valid-type]
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """List a shop's reservations, oldest first."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    chosen = [Status[name.name] for name in status or ()]  # type: ignore[attr-defined]

    async def read(client: ChannelClient) -> list[Reservation]:
        found: list[Reservation] = []
        async for one in client.list_reservations(store, statuses=chosen, page_size=min(limit, 1_000)):
            found.append(one)
            if len(found) == limit:
                break
        return found

    listed = session.run(read)
    session.show({"reservations": to_document(listed)}, reservations_table(listed))
