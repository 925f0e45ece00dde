"""One client for the duration of a command, the options that commands share, and how what they take is read."""

import asyncio
import inspect
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import grpc
import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import output, tables
from holdfast.client.cli.encryption import CaOption, CertKeyOption, CertOption, credentials_of
from holdfast.client.limits import Timeouts
from holdfast.client.models.allotments import AllotmentOutcome
from holdfast.client.models.contacts import ContactChange
from holdfast.client.models.orders import Order, PartOutcomes, Place, SourcingPolicy
from holdfast.client.models.picking import PickTask
from holdfast.client.models.reservations import Rejection, ReleaseReason, Reservation
from holdfast.client.models.shortfalls import ShortfallTask
from holdfast.client.models.stock import StockChange, StockOutcome
from holdfast.client.models.transfers import Transfer

TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        envvar="HOLDFAST_TARGET",
        help="host:port of the service. Otherwise the address in the data directory, or 127.0.0.1:9000.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON for machines, errors too.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="Idempotency key; repeat a call whose outcome is unknown with the same one.")
]
LineOption = Annotated[
    list[str] | None, typer.Option("--line", help="SKU=UNITS; may be given several times. None means all.")
]
WhatArgument = Annotated[
    str, typer.Argument(help="A reservation's id, S1:7 for example, or an order's, 0007/1907.", metavar="ID")
]
StoreArgument = Annotated[str, typer.Argument(help="The shop's id.", metavar="STORE")]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_DURATION_CHARS_MAX = 32
_DURATION_MS_MAX = 3_660 * 86_400_000
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str) -> int:
    """Milliseconds of a time such as `30s`, `90m`, `2h`, `1h30m`."""
    if len(text) > _DURATION_CHARS_MAX:
        raise typer.BadParameter(f"a time has at most {_DURATION_CHARS_MAX} characters, such as 30s, 90m, 2h or 1h30m.")
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        raise typer.BadParameter(f"{text!r} is not a time. Write it like 30s, 90m, 2h or 1h30m.")
    found = round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))
    if found > _DURATION_MS_MAX:
        raise typer.BadParameter(f"{text!r} is more than ten years.")
    return found


def duration_option(help_text: str, *names: str) -> Any:
    """An option that takes a time, in milliseconds."""
    return typer.Option(*names, help=help_text, parser=duration_ms, metavar="TIME")


TimeoutOption = Annotated[int, duration_option("Deadline of each call with all its attempts: 10s, 2m.", "--timeout")]
TIMEOUT = "10s"


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


def instant_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 instant with its zone."""
    try:
        found = datetime.fromisoformat(re.sub("Z$", "+00:00", text))  # Python 3.10 does not know the letter
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is not an instant with its zone, for example 2026-11-21T18:30:00+01:00.")
    return int(found.timestamp() * 1000)


def instant_option(help_text: str, *names: str) -> Any:
    """An option that takes an instant, in milliseconds since 1970."""
    return typer.Option(*names, help=help_text, parser=instant_ms, metavar="INSTANT")


def choice_option(kind: type[IntEnum], help_text: str, *names: str, but: Collection[IntEnum] = ()) -> Any:
    """An option that takes a member of an enum in lower case, `no-show` for example; UNSPECIFIED and `but` are none."""
    members = {member.name.lower().replace("_", "-"): member for member in kind if member and member not in but}

    def parse(text: str) -> IntEnum:
        if text not in members:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(members)}.")
        return members[text]

    return typer.Option(*names, help=help_text, parser=parse, metavar="|".join(members))


PolicyOption = Annotated[
    Any,
    choice_option(
        SourcingPolicy,
        "one-store: the nearest shop that has everything, as without this option; split: as few shops as have it "
        "together; partial: what can be had.",
        "--policy",
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
    int | None, instant_option("The start of a pickup slot, as `holdfast slots` gives it.", "--slot")
]
CollectByOption = Annotated[
    int | None,
    instant_option(
        "When the customer wants to have it, ISO 8601 with zone: shops where it is ready only later are out. "
        "Otherwise within the policy's longest time.",
        "--collect-by",
    ),
]
CollectWithinOption = Annotated[int | None, duration_option("Time to collect, 24h for example.", "--collect-within")]
NewTtlOption = Annotated[int, duration_option("The new deadline, as a time from now.", "--ttl")]
PaymentOption = Annotated[str, typer.Option("--payment", help="The payment's reference.")]
_ITS_OWN: Final = tuple(reason for reason in ReleaseReason if reason >= ReleaseReason.REPLACED)  # the service's
ReasonOption = Annotated[Any, choice_option(ReleaseReason, "Why.", "--reason", but=_ITS_OWN)]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]

_DEGREES = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d*)?)\s*,\s*([+-]?\d{1,3}(?:\.\d*)?)\s*")


def place_near(text: str, name: str) -> Place:
    """The place of `LAT,LON` or of `POSTCODE` or `COUNTRY:POSTCODE`, which have no comma; `name` is the option's, for
    the error.
    """
    if "," in text:
        found = _DEGREES.fullmatch(text)
        if not found or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
            raise typer.BadParameter(
                f"{text!r} is not a place. Write degrees north and east, 48.2082,16.3738 for example.", param_hint=name
            )
        return Place(float(found[1]), float(found[2]))
    country, _, postcode = text.rpartition(":")
    if not postcode.strip():
        raise typer.BadParameter("is empty. Write LAT,LON or a postcode.", param_hint=name)
    return Place(postcode=postcode.strip(), country=country.strip())


def one_place(near: str | None, postcode: str | None) -> Place:
    """The place of --near or --postcode, of which one is needed."""
    given = [text for text in (near, postcode) if text is not None]
    if len(given) != 1:
        raise typer.BadParameter("Say where to look: --near LAT,LON or --postcode, one of them.", param_hint="--near")
    return place_near(given[0], "--near")


ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")

Answer: TypeAlias = (
    Reservation
    | Order
    | PartOutcomes
    | StockOutcome
    | AllotmentOutcome
    | Transfer
    | ShortfallTask
    | PickTask
    | ContactChange
)
"""What a change may be answered with."""

DEFAULT_TARGET = "127.0.0.1:9000"


def data_dir() -> Path:
    """The service's data directory: `HOLDFAST_DATA_DIR`, else `data` under the working directory."""
    return Path(os.environ.get("HOLDFAST_DATA_DIR") or "data")


def service_here() -> dict[str, Any]:
    """What a running service wrote to its data directory; empty where none did."""
    try:
        document = json.loads((data_dir() / "service.json").read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def find_target(given: str | None, *, is_encrypted: bool = True) -> str:
    """The address given, else the one that a running service wrote to its data directory, else the default. Raises
    typer.BadParameter where that service speaks TLS, and the command does not.
    """
    if given:
        return given
    document = service_here()
    address = document.get("grpc")
    if not isinstance(address, str) or not address:
        return DEFAULT_TARGET
    if document.get("tls") and not is_encrypted:
        why = f"the service at {address} speaks TLS; give the authority of its certificate, or system."
        raise typer.BadParameter(why, param_hint="--ca")
    return address


async def first(items: AsyncIterator[ResultT], count: int | None) -> AsyncIterator[ResultT]:
    """The first items, `count` of them at most; None takes all."""
    left = count
    async for item in items:
        yield item
        left = None if left is None else left - 1
        if left == 0:
            return


@dataclass(frozen=True, slots=True)
class Session:
    """The options of every command: the service's address, for whom to print, how long a call may take, the
    idempotency key of a change, and what the connection is encrypted with.
    """

    target: str
    as_json: bool
    timeout_ms: int
    key: str | None
    credentials: grpc.ChannelCredentials | None = None

    @classmethod
    def of_options(
        cls,
        target: TargetOption = None,
        as_json: JsonOption = False,
        timeout: TimeoutOption = TIMEOUT,  # type: ignore[assignment]  # parsed as what is typed
        ca: CaOption = None,
        cert: CertOption = None,
        cert_key: CertKeyOption = None,
        key: KeyOption = None,
    ) -> "Session":
        """Of the options that all commands have: these parameters, the last where the command changes something."""
        credentials = credentials_of(ca, cert, cert_key)
        return cls(find_target(target, is_encrypted=credentials is not None), as_json, timeout, key, credentials)

    def list(self, listing: Callable[[ChannelClient], AsyncIterator[ResultT]], limit: int) -> "list[ResultT]":

        async def read(client: ChannelClient) -> "list[ResultT]":
            return [one async for one in first(listing(client), limit)]

        return self.run(read)

    def run(self, use: Callable[[ChannelClient], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """The result of `use` with a client; raises errors of the tree."""

        async def main() -> ResultT:
            timeouts = Timeouts(call_ms=self.timeout_ms, attempt_ms=min(self.timeout_ms, Timeouts().attempt_ms))
            async with ChannelClient(self.target, credentials=self.credentials, timeouts=timeouts) as client:
                return await use(client)

        return asyncio.run(main())

    def show(self, document: object, drawn: object) -> None:
        """Print a JSON document, or what rich draws for people."""
        if self.as_json:
            output.print_json(document)
        else:
            output.print_for_people(drawn)

    def change(
        self,
        call: Callable[Concatenate[ChannelClient, ParamsT], Coroutine[Any, Any, Answer]],
        *args: ParamsT.args,
        **given: ParamsT.kwargs,
    ) -> None:
        """Make a change under the key given, and print its answer; a refusal ends the command with exit code 1."""
        given["idempotency_key"] = self.key
        outcome, code = self.run(lambda client: call(client, *args, **given)), output.ExitCode.DONE
        match outcome:
            case Order():
                self.show({"order": output.to_document(outcome)}, tables.order_table(outcome))
            case tuple():
                self.show({"outcomes": output.part_documents(outcome)}, tables.parts_table(outcome))
                code = output.exit_code_of_parts(outcome)
            case _:
                self.show(*tables.answer_of(outcome))
                is_late = isinstance(outcome, StockChange) and outcome.dropped_late
                code = output.ExitCode.REFUSED if is_late or isinstance(outcome, Rejection) else code
        if code:
            raise typer.Exit(code)


def with_session(
    command: Callable[Concatenate[Session, ParamsT], None], timeout: str = TIMEOUT, *, changes: bool = False
) -> Callable[..., None]:
    """A command that takes the options of all commands, and has its first argument, the session, made of them.

    `timeout` is the default of --timeout. What `changes` something takes --key too.
    """
    own = list(inspect.signature(command).parameters.values())[1:]
    shared = dict(inspect.signature(Session.of_options).parameters)
    shared["timeout"] = shared["timeout"].replace(default=timeout)
    if not changes:
        del shared["key"]
    every = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *shared.values())]

    @wraps(command)
    def run(**given: Any) -> None:
        session = Session.of_options(**{name: given.pop(name) for name in shared})
        command(session, **given)  # type: ignore[call-arg]

    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
    return run


changing = partial(with_session, changes=True)
"""`with_session` of a command that changes something."""
