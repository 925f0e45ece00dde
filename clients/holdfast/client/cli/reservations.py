"""`holdfast reserve`, `confirm`, `ready`, `collect`, `release`, `extend`, `show`, `list`."""

from enum import Enum
from typing import Annotated

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli.options import (
    CollectByOption,
    KeyOption,
    KmMaxOption,
    LineOption,
    PolicyOption,
    SlotOption,
    StoreArgument,
    StoresMaxOption,
    duration_ms,
    instant_ms,
    optional_duration_ms,
    place_near,
    policy_of,
    quantities,
)
from holdfast.client.cli.output import to_document
from holdfast.client.cli.session import Session, with_session
from holdfast.client.cli.tables import reservation_table, reservations_table
from holdfast.client.models.reservations import ReleaseReason, Reservation, Status

ReservationArgument = Annotated[str, typer.Argument(help="The reservation's id.", metavar="RESERVATION")]


WordsArgument = Annotated[
    list[str],
    typer.Argument(
        help="The shop, then SKU=UNITS, or SKU for one unit. With --near no shop, and SKU=UNITS only.",
        metavar="[STORE] LINE...",
    ),
]
NearOption = Annotated[
    str | None,
    typer.Option("--near", "--at", help="Look for shops near LAT,LON or [COUNTRY:]POSTCODE; the answer is an order."),
]


class ReasonName(str, Enum):
    """The reasons that a caller may give; REPLACED and SHORTFALL are the ledger's own."""

    CUSTOMER_CANCELLED = "customer-cancelled"
    PAYMENT_FAILED = "payment-failed"
    NOT_FOUND_ON_SHELF = "not-found-on-shelf"
    NO_SHOW = "no-show"
    FRAUD = "fraud"
    OTHER = "other"


class StatusName(str, Enum):
    """The statuses, on the command line."""

    HELD = "held"
    CONFIRMED = "confirmed"
    READY = "ready"
    COLLECTED = "collected"
    RELEASED = "released"
    EXPIRED = "expired"
    CLAIMED = "claimed"


@with_session
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
    ttl: Annotated[str | None, typer.Option(help="How long to hold, 2h for example. Otherwise by rule.")] = None,
    slot: SlotOption = None,
    near: NearOption = None,
    policy: PolicyOption = None,
    stores_max: StoresMaxOption = None,
    km_max: KmMaxOption = None,
    collect_by: CollectByOption = None,
    key: KeyOption = None,
) -> None:
    """Hold units of one or more SKUs, all or nothing: in a shop, or with --near in shops that are looked for."""
    ttl_ms = optional_duration_ms(ttl, "--ttl")
    slot_start_ms = instant_ms(slot, "--slot")
    if near is not None:
        wanted, place = _lines_without_shop(words), place_near(near, "--near")
        collect_by_ms = instant_ms(collect_by, "--collect-by")
        session.change(
            lambda client: client.reserve_near(
                wanted,
                place=place,
                policy=policy_of(policy),
                stores_max=stores_max or 0,
                kilometres_max=km_max or 0.0,
                customer_id=customer,
                channel=channel,
                basket_id=basket,
                ttl_ms=ttl_ms,
                slot_start_ms=slot_start_ms,
                collect_by_ms=collect_by_ms,
                idempotency_key=key,
            )
        )
        return
    _only_with_near({"--policy": policy, "--stores-max": stores_max, "--km-max": km_max, "--collect-by": collect_by})
    store, wanted = _shop_and_lines(words)
    session.change(
        lambda client: client.reserve(
            store,
            wanted,
            customer_id=customer,
            channel=channel,
            basket_id=basket,
            ttl_ms=ttl_ms,
            slot_start_ms=slot_start_ms,
            idempotency_key=key,
        )
    )


def _only_with_near(options: dict[str, object]) -> None:
    for name, given in options.items():
        if given is not None:
            raise typer.BadParameter("chooses among shops: give --near too, and no shop.", param_hint=name)


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


@with_session
def confirm(
    session: Session,
    reservation: ReservationArgument,
    collect_within: Annotated[str | None, typer.Option(help="Time to collect, 24h for example.")] = None,
    key: KeyOption = None,
) -> None:
    """Turn a hold into an order."""
    within_ms = optional_duration_ms(collect_within, "--collect-within")
    session.change(lambda client: client.confirm(reservation, collect_within_ms=within_ms, idempotency_key=key))


@with_session
def ready(session: Session, reservation: ReservationArgument, key: KeyOption = None) -> None:
    """Say that the goods wait at the counter."""
    session.change(lambda client: client.mark_ready(reservation, idempotency_key=key))


@with_session
def collect(
    session: Session,
    reservation: ReservationArgument,
    payment: Annotated[str, typer.Option(help="The payment's reference.")],
    line: LineOption = None,
    key: KeyOption = None,
) -> None:
    """Hand over and sell, whole or by line."""
    chosen = quantities(line, "--line")
    session.change(
        lambda client: client.collect(reservation, payment_reference=payment, lines=chosen, idempotency_key=key)
    )


@with_session
def release(
    session: Session,
    reservation: ReservationArgument,
    reason: Annotated[ReasonName, typer.Option(help="Why.")],
    line: LineOption = None,
    key: KeyOption = None,
) -> None:
    """Give units back, whole or by line."""
    chosen = quantities(line, "--line")
    why = ReleaseReason[reason.name]
    session.change(lambda client: client.release(reservation, reason=why, lines=chosen, idempotency_key=key))


@with_session
def extend(
    session: Session,
    reservation: ReservationArgument,
    ttl: Annotated[str, typer.Option(help="The new deadline, as a time from now.")],
    key: KeyOption = None,
) -> None:
    """Move a reservation's deadline."""
    ttl_ms = duration_ms(ttl, "--ttl")
    session.change(lambda client: client.extend(reservation, ttl_ms=ttl_ms, idempotency_key=key))


@with_session
def show(session: Session, reservation: ReservationArgument) -> None:
    """Read a reservation as it is now."""
    found = session.run(lambda client: client.get_reservation(reservation))
    session.show({"reservation": to_document(found)}, reservation_table(found))


@with_session
def list_reservations(
    session: Session,
    store: StoreArgument,
    status: Annotated[list[StatusName] | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """List a shop's reservations, oldest first."""
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
