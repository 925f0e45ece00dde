"""The address of the service, one client for the duration of a command, and the options of all commands."""

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli.options import TIMEOUT, JsonOption, TargetOption, TimeoutOption
from holdfast.client.cli.output import (
    ExitCode,
    exit_code_of_parts,
    part_documents,
    print_for_people,
    print_json,
    to_document,
)
from holdfast.client.cli.tables import CHANGE, REJECTION, RESERVATION, facts_of, order_table, parts_table
from holdfast.client.limits import Timeouts
from holdfast.client.models.orders import Order, PartOutcomes
from holdfast.client.models.reservations import Rejection, Reservation
from holdfast.client.models.stock import StockOutcome

ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")

Answer: TypeAlias = Reservation | Order | PartOutcomes | StockOutcome
"""What a change may be answered with."""

DEFAULT_TARGET = "127.0.0.1:9000"


def data_dir() -> Path:
    """The service's data directory: `HOLDFAST_DATA_DIR`, else `data` under the working directory."""
    return Path(os.environ.get("HOLDFAST_DATA_DIR") or "data")


def find_target(given: str | None) -> str:
    """The address given, else the one that a running service wrote to its data directory, else the default."""
    if given:
        return given
    try:
        document = json.loads((data_dir() / "service.json").read_text())
    except (OSError, ValueError):
        return DEFAULT_TARGET
    address = document.get("grpc") if isinstance(document, dict) else None
    return address if isinstance(address, str) and address else DEFAULT_TARGET


@dataclass(frozen=True, slots=True)
class Session:
    """The options of every command: the service's address, for whom to print, and how long a call may take."""

    target: str
    as_json: bool
    timeout_ms: int

    @classmethod
    def of(cls, target: str | None, *, as_json: bool, timeout: int) -> "Session":
        """From the options that all commands have."""
        return cls(find_target(target), as_json, timeout)

    @classmethod
    def of_options(
        cls,
        target: TargetOption = None,
        as_json: JsonOption = False,
        timeout: TimeoutOption = TIMEOUT,  # type: ignore[assignment]  # parsed as what is typed
    ) -> "Session":
        """As `of`; these parameters are the options on the command line."""
        return cls.of(target, as_json=as_json, timeout=timeout)

    def list(self, listing: Callable[[ChannelClient], AsyncIterator[ResultT]], limit: int) -> "list[ResultT]":
        """The first items of a listing."""

        async def read(client: ChannelClient) -> "list[ResultT]":
            found: list[ResultT] = []
            async for one in listing(client):
                found.append(one)
                if len(found) == limit:
                    break
            return found

        return self.run(read)

    def run(self, use: Callable[[ChannelClient], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """The result of `use` with a client; raises errors of the tree."""

        async def main() -> ResultT:
            timeouts = Timeouts(call_ms=self.timeout_ms, attempt_ms=min(self.timeout_ms, Timeouts().attempt_ms))
            async with ChannelClient(self.target, timeouts=timeouts) as client:
                return await use(client)

        return asyncio.run(main())

    def show(self, document: object, drawn: object) -> None:
        """Print a JSON document, or what rich draws for people."""
        if self.as_json:
            print_json(document)
        else:
            print_for_people(drawn)

    def change(self, use: Callable[[ChannelClient], Coroutine[Any, Any, Answer]]) -> None:
        """Make a change and print its answer; a refusal ends the command with exit code 1."""
        match outcome := self.run(use):
            case Rejection():
                self.show({"rejection": to_document(outcome)}, facts_of(REJECTION, outcome))
                raise typer.Exit(ExitCode.REFUSED)
            case Reservation():
                self.show({"reservation": to_document(outcome)}, facts_of(RESERVATION, outcome))
            case Order():
                self.show({"order": to_document(outcome)}, order_table(outcome))
            case tuple():
                self.show({"outcomes": part_documents(outcome)}, parts_table(outcome))
                if code := exit_code_of_parts(outcome):
                    raise typer.Exit(code)
            case _:
                self.show({"change": to_document(outcome)}, facts_of(CHANGE, outcome))


def with_session(command: Callable[Concatenate[Session, ParamsT], None]) -> Callable[..., None]:
    """A command that takes the options of all commands, and has its first argument, the session, made of them."""
    own = list(inspect.signature(command).parameters.values())[1:]
    shared = list(inspect.signature(Session.of_options).parameters.values())
    every = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *shared)]

    @wraps(command)
    def run(**given: Any) -> None:
        session = Session.of_options(*(given.pop(parameter.name) for parameter in shared))
        command(session, **given)  # type: ignore[call-arg]

    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
    return run
