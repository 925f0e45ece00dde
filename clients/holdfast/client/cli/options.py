"""What the commands read from their command line: lines, times, cursors, places, and the options that they share."""

import re
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated

import typer

from holdfast.client.models.sourcing import Place, SourcingPolicy

TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        envvar="HOLDFAST_TARGET",
        help="host:port of the service. Otherwise the address in the data directory, or 127.0.0.1:9000.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON for machines, errors too.")]
TimeoutOption = Annotated[str, typer.Option("--timeout", help="Deadline of each call with all its attempts: 10s, 2m.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="Idempotency key; repeat a call whose outcome is unknown with the same one."),
]
LineOption = Annotated[
    list[str] | None, typer.Option("--line", help="SKU=UNITS; may be given several times. None means all.")
]
StoreArgument = Annotated[str, typer.Argument(help="The shop's id.", metavar="STORE")]
TIMEOUT = "10s"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_DURATION_MS_MAX = 3_660 * 86_400_000
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str, name: str) -> int:
    """Milliseconds of a time such as `30s`, `90m`, `2h`, `1h30m`; `name` is the option's, for the error."""
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        raise typer.BadParameter(f"{text!r} is not a time. Write it like 30s, 90m, 2h or 1h30m.", param_hint=name)
    found = round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))
    if found > _DURATION_MS_MAX:
        raise typer.BadParameter(f"{text!r} is more than ten years.", param_hint=name)
    return found


def optional_duration_ms(text: str | None, name: str) -> int | None:
    """As `duration_ms`; None stays None."""
    return None if text is None else duration_ms(text, name)


def quantities(texts: Iterable[str] | None, name: str, *, missing: int | None = 1) -> list[tuple[str, int]]:
    """Pairs of SKU and units of `SKU=UNITS`; `SKU` alone means `missing` units, or is refused where that is None."""
    return [_quantity(text, name, missing) for text in texts or ()]


def _quantity(text: str, name: str, missing: int | None) -> tuple[str, int]:
    sku, equals, number = text.rpartition("=")
    if not equals and missing is not None:
        return text, missing
    if not sku or not re.fullmatch(r"[+-]?\d{1,18}", number):
        raise typer.BadParameter(f"{text!r} is not SKU=UNITS, for example shirt-m=2.", param_hint=name)
    return sku, int(number)


def cursors(texts: Iterable[str] | None) -> dict[str, int]:
    """Shops with the last version seen of each, of `STORE` or `STORE@VERSION`."""
    found: dict[str, int] = {}
    for text in texts or ():
        store_id, at, version = text.partition("@")
        if not store_id or (at and not re.fullmatch(r"\d{1,18}", version)):
            raise typer.BadParameter(f"{text!r} is not STORE or STORE@VERSION.", param_hint="STORE")
        found[store_id] = int(version or 0)
    return found


def instant_ms(text: str | None, name: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 instant with its zone; None stays None."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(re.sub("Z$", "+00:00", text))  # Python 3.10 does not know the letter
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} is not an instant with its zone, for example 2026-11-21T18:30:00+01:00.", param_hint=name
        )
    return int(found.timestamp() * 1000)


class PolicyName(str, Enum):
    """The policies, on the command line."""

    ONE_STORE = "one-store"
    SPLIT = "split"
    PARTIAL = "partial"


PolicyOption = Annotated[
    PolicyName | None,
    typer.Option(
        "--policy",
        help="one-store: the nearest shop that has everything, as without this option; split: as few shops as have it "
        "together; partial: what can be had.",
    ),
]
StoresMaxOption = Annotated[
    int | None, typer.Option("--stores-max", min=1, max=5, help="The most shops of split and partial. Otherwise 3.")
]
KmMaxOption = Annotated[
    float | None,
    # Zero would reach the service as no limit at all.
    typer.Option("--km-max", min=0.001, help="How far a shop may be, as the crow flies. Otherwise anywhere."),
]
SlotOption = Annotated[
    str | None, typer.Option("--slot", help="The start of a pickup slot, as `holdfast slots` gives it.")
]
CollectByOption = Annotated[
    str | None,
    typer.Option(
        "--collect-by",
        help="When the customer wants to have it, ISO 8601 with zone: shops where it is ready only later are out. "
        "Otherwise within the policy's longest time.",
    ),
]

_DEGREES = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d*)?)\s*,\s*([+-]?\d{1,3}(?:\.\d*)?)\s*")


def policy_of(name: PolicyName | None) -> SourcingPolicy:
    """The policy of its name; ONE_STORE where none was given."""
    return SourcingPolicy.ONE_STORE if name is None else SourcingPolicy[name.name]


def place_at(text: str, name: str) -> Place:
    """The place of `LAT,LON`; `name` is the option's, for the error."""
    found = _DEGREES.fullmatch(text)
    if not found or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
        raise typer.BadParameter(
            f"{text!r} is not a place. Write degrees north and east, 48.2082,16.3738 for example.", param_hint=name
        )
    return Place(float(found[1]), float(found[2]))


def place_near(text: str, name: str) -> Place:
    """The place of `LAT,LON` or of `POSTCODE` or `COUNTRY:POSTCODE`, which have no comma."""
    if "," in text:
        return place_at(text, name)
    country, _, postcode = text.rpartition(":")
    if not postcode.strip():
        raise typer.BadParameter("is empty. Write LAT,LON or a postcode.", param_hint=name)
    return Place(postcode=postcode.strip(), country=country.strip())


def one_place(at: str | None, postcode: str | None) -> Place:
    """The place of --at or of --postcode, of which one is needed."""
    if (at is None) == (postcode is None):
        raise typer.BadParameter("Say where to look: --at LAT,LON or --postcode, one of them.", param_hint="--at")
    return place_at(at, "--at") if at is not None else place_near(postcode or "", "--postcode")
