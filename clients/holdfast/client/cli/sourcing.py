"""`holdfast find`, `explain` and `slots`: advice before something is reserved."""

from typing import Annotated

import typer

from holdfast.client.cli.arguments import (
    TIMEOUT,
    JsonOption,
    StoreArgument,
    TargetOption,
    TimeoutOption,
    instant_ms,
    optional_duration_ms,
    quantities,
)
from holdfast.client.cli.order_output import found_stores_table, slots_table
from holdfast.client.cli.output import to_document
from holdfast.client.cli.session import Session
from holdfast.client.cli.sourcing_options import (
    CollectByOption,
    KmMaxOption,
    PolicyOption,
    SlotOption,
    StoresMaxOption,
    one_place,
    policy_of,
)

EXPLAIN = "explain"
"""By this name `find` tells the shops that are out, too."""

CANDIDATES_MAX = 100
"""The service tells no more shops at once."""

LinesArgument = Annotated[list[str], typer.Argument(help="SKU=UNITS, or SKU for one unit.", metavar="LINE...")]
AtOption = Annotated[str | None, typer.Option("--at", help="Where to look: degrees north and east, LAT,LON.")]
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


def find(
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
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """Find shops that could serve, by distance, and say what an order would be now. Nothing is held."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
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


def slots(
    store: StoreArgument,
    start: Annotated[str | None, typer.Option("--from", help="From when, ISO 8601 with zone. Otherwise now.")] = None,
    window: Annotated[str | None, typer.Option("--window", help="For how long, up to 31d. Otherwise 2d.")] = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = TIMEOUT,
) -> None:
    """List a shop's pickup slots with the places left, and when an order that is placed now is ready."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    from_ms = instant_ms(start, "--from")
    window_ms = optional_duration_ms(window, "--window")
    found = session.run(lambda client: client.list_slots(store, from_ms=from_ms, window_ms=window_ms))
    session.show(to_document(found), slots_table(store, found))
