"""`holdfast till`: a till in a terminal, so that the whole way of a customer can be tried by hand, or by a script."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.counter import Asked, Counter, Told, read_json, read_typed
from holdfast.client.cli.options import Session, with_session
from holdfast.client.cli.output import ExitCode, print_for_people, print_json
from holdfast.client.limits import TILL_LIMITS, TILL_TIMEOUTS
from holdfast.client.till import TillClient

QUIT = frozenset({"quit", "exit"})


@with_session
def till(
    session: Session,
    store: options.StoreArgument,
    name: Annotated[str, typer.Option("--name", help="The till's name.")] = "till-1",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="Its file, made where there is none. Otherwise STORE-NAME.till here.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Be a till of a shop: one request a line; `help` lists them. With --json each answer is a line of JSON, a request
    may be one, and the exit code says whether all was done.
    """
    code = asyncio.run(_serve(session, store, name, file or Path(f"{store}-{name}.till")))
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


async def _serve(session: Session, store_id: str, name: str, path: Path) -> ExitCode:
    code = ExitCode.DONE
    target, credentials = session.target, session.credentials

    def connect() -> ChannelClient:
        return ChannelClient(target, credentials=credentials, limits=TILL_LIMITS, timeouts=TILL_TIMEOUTS)

    async with TillClient(target, store_id=store_id, till=name, journal_path=path, credentials=credentials) as client:
        counter = Counter(client, connect, session.timeout_ms, None if session.as_json else _ask_payment)
        while line := await _read_line("" if session.as_json else _prompt(store_id, name, counter)):
            if not line.strip():
                continue
            if line.strip() in QUIT:
                break
            told = await _answer(counter, line)
            if session.as_json:
                print_json(told.document)
                code = code if told.is_done else ExitCode.REFUSED
            else:
                print_for_people(told.drawn)
    return code


def _prompt(store_id: str, name: str, counter: Counter) -> str:
    return f"{store_id} {name} (cut off)> " if counter.is_cut_off else f"{store_id} {name}> "


async def _answer(counter: Counter, line: str) -> Told:
    asked = Asked("")
    try:
        asked = read_json(line) if line.lstrip().startswith("{") else read_typed(line)
        told = await counter.answer(asked)
    except typer.BadParameter as error:
        told = Told({"error": {"kind": "Usage", "why": error.message}}, error.message, is_done=False)
    return Told({"do": asked.do, **told.document}, told.drawn, told.is_done)


async def _ask_payment() -> str:
    return (await _read_line("payment's reference, empty where it failed: ")).strip()


async def _read_line(prompt: str) -> str:
    """The next line, empty at the end. Beside the till, which goes on being told."""
    if prompt and sys.stdin.isatty():
        sys.stdout.write(prompt)
        sys.stdout.flush()
    return await asyncio.to_thread(sys.stdin.readline)
