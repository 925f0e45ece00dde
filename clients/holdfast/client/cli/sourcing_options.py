"""What the commands that look for shops read from their command line: a place, a policy and its bounds."""

import re
from enum import Enum
from typing import Annotated

import typer

from holdfast.client.values.orders import Place, SourcingPolicy


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
