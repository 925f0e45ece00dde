"""`holdfast store`, `policy`, `status` and `verify`: for those who run the service."""

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ConfigDict, TypeAdapter, ValidationError
from rich.console import Group

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import tables
from holdfast.client.cli.options import Session, duration_option, with_session
from holdfast.client.cli.output import ExitCode, duration_text, facts, to_document
from holdfast.client.models import administration as models

store_app = typer.Typer(no_args_is_help=True, help="The chain's shops.")
app = typer.Typer(no_args_is_help=True, help="What operators decide.")
policy_app = typer.Typer(no_args_is_help=True, help="The chain's rules.")

STORES_PER_CALL_MAX = 1_024

LedgerT = TypeVar("LedgerT", models.LedgerStatus, models.Verification)

FileOption = Annotated[
    Path | None, typer.Option("--file", help="A JSON file; - reads the standard input.", allow_dash=True)
]
LedgersArgument = Annotated[
    list[str] | None,
    typer.Argument(help="The shops' ids, or customers' ledgers such as customers/0007.", metavar="[LEDGER...]"),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Every shop of the chain, and the customers' ledgers that have begun.")
]


@store_app.command("list")
@with_session
def list_stores(session: Session) -> None:
    """List the shops by id."""
    found = session.run(_all_stores)
    session.show({"stores": to_document(found)}, tables.table_of(tables.STORES, found, paused=""))


@store_app.command("put")
@with_session
def put_stores(
    session: Session,
    store: Annotated[str | None, typer.Argument(help="The shop's id.", metavar="[STORE]")] = None,
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    latitude: Annotated[float | None, typer.Option(min=-90, max=90, help="Degrees north.")] = None,
    longitude: Annotated[float | None, typer.Option(min=-180, max=180, help="Degrees east.")] = None,
    paused: Annotated[
        bool | None, typer.Option("--paused/--no-paused", help="Whether it takes no new reservations.")
    ] = None,
    file: FileOption = None,
) -> None:
    """Add a shop, or change of one what the options say; with --file, put a list of whole ones as `store list --json`
    gives it. Pickups that changed hours or staff broke are listed; nothing is done to them.
    """
    if (store is None) == (file is None):
        raise typer.BadParameter("Name one shop, or give a --file.", param_hint="STORE")
    said = {"name": name, "latitude": latitude, "longitude": longitude, "paused": paused}
    changes: dict[str, Any] = {field: value for field, value in said.items() if value is not None}
    if file is not None and changes:
        raise typer.BadParameter("A --file says all of its shops; leave the other options out.", param_hint="--file")
    shops = [] if file is None else _read(file, dict[str, list[models.Store]], "stores")
    if store is None and not shops:
        raise typer.BadParameter("There is no shop in it.", param_hint="--file")

    async def put(client: ChannelClient) -> list[models.StoresPut]:
        if store is not None:
            known = {shop.store_id: shop for shop in await _all_stores(client)}.get(store, models.Store(store))
            shops.append(replace(known, **changes))
        parts = range(0, len(shops), STORES_PER_CALL_MAX)
        return [await client.put_stores(shops[start : start + STORES_PER_CALL_MAX]) for start in parts]

    try:
        done = session.run(put)
    except ValueError as error:  # hours that are none
        raise typer.BadParameter(str(error), param_hint="--file") from error
    _show_put(session, len(shops), done)


@store_app.command("move")
@with_session
def move_store(
    session: Session,
    store: Annotated[str, typer.Argument(help="The shop's id.", metavar="STORE")],
    actor: Annotated[str, typer.Argument(help="The actor that is to have it, such as stores-0001-of-0004.")],
) -> None:
    """Move a shop to another actor, with all that it has. Calls to it wait for a moment; asked again, it goes on."""
    moved = session.run(lambda client: client.move_store(store, actor))
    session.show({"move": to_document(moved)}, tables.facts_of(tables.STORE_MOVE, moved))


def _show_put(session: Session, shops: int, done: list[models.StoresPut]) -> None:
    affected = [slot for part in done for slot in part.affected]
    version, count = done[-1].chain_version, sum(part.affected_slots for part in done)
    pending = [store_id for part in done for store_id in part.pending]
    waits = {"pending": pending, "pending_count": sum(part.pending_count for part in done)}
    facts_told = [
        ("shops put", shops),
        ("chain version", version),
        ("pickup slots affected", count or ""),
        ("not adopted yet", "\n".join(pending)),
    ]
    told = [facts(facts_told)]
    if affected:
        told.append(tables.table_of(tables.AFFECTED, affected))
    document = {"stores": shops, "chain_version": version, "affected": to_document(affected), "affected_slots": count}
    session.show(document | waits, Group(*told))


@policy_app.command("show")
@with_session
def show_policy(session: Session) -> None:
    """Show the policy in force."""
    _show_policy(session, session.run(lambda client: client.get_policy()))


@policy_app.command("set")
@with_session
def set_policy(
    session: Session,
    ttl_default: Annotated[int | None, duration_option("How long a hold lasts where no rule fits.")] = None,
    ttl_max: Annotated[int | None, duration_option("The longest time that may be asked for.")] = None,
    collect_within: Annotated[int | None, duration_option("How long an order waits to be collected.")] = None,
    file: FileOption = None,
) -> None:
    """Change parts of the policy, or with --file the whole of it, as `policy show --json` gives it."""
    times = {"ttl_default_ms": ttl_default, "ttl_max_ms": ttl_max, "collect_within_ms": collect_within}
    changes: dict[str, Any] = {name: value for name, value in times.items() if value is not None}
    if not changes and file is None:
        raise typer.BadParameter("Give a --file, or what is to change.", param_hint="policy set")
    whole = None if file is None else _read(file, dict[str, models.Policy], "policy")

    async def change(client: ChannelClient) -> models.PolicySet:
        # What is read is sent back with its version, so that a change made in between is not lost.
        return await client.set_policy(replace(whole or await client.get_policy(), **changes))

    done = session.run(change)
    waits = {"pending": to_document(done.pending), "pending_count": done.pending_count}
    _show_policy(session, done.policy, waits | {"uncounted_reservations": done.uncounted_reservations})


@with_session
def status(session: Session, ledgers: LedgersArgument = None, everything: AllOption = False) -> None:
    """Show where ledgers stand and who writes them."""

    async def read(client: ChannelClient) -> list[models.LedgerStatus]:
        chosen = await _chosen(client, ledgers, everything=everything)
        return [await client.ledger_status(ledger) for ledger in chosen]

    found = _begun(session.run(read), everything=everything)
    session.show({"ledgers": to_document(found)}, tables.table_of(tables.LEDGERS, found, store_id="ledger"))


@partial(with_session, timeout="2m")
def verify(session: Session, ledgers: LedgersArgument = None, everything: AllOption = False) -> None:
    """Compute ledgers again from their journals and compare; with --all, orders with the shops that hold them too. Exit
    code 1 where something does not agree, or is left out of what was compared.
    """

    async def read(client: ChannelClient) -> tuple[list[models.Verification], models.OrdersVerification | None]:
        chosen = await _chosen(client, ledgers, everything=everything)
        alone = [await client.verify_ledger(ledger, timeout_ms=session.timeout_ms) for ledger in chosen]
        return alone, await client.verify_orders(timeout_ms=session.timeout_ms) if everything else None

    every, orders = session.run(read)
    found = _begun(every, everything=everything)
    agreed = all(one.holds for one in found) and (orders is None or orders.holds)
    document = {"holds": agreed, "verifications": to_document(found)}
    on_trust = ", ".join(f"{one.store_id} up to version {one.trusted_version}" for one in found if one.trusted_version)
    drawn: list[Any] = [tables.table_of(tables.VERIFICATIONS, found, store_id="ledger", holds="")]
    drawn.append(facts([("taken on trust, as the archive is not there", on_trust)]))
    if orders is not None:
        document["orders"] = to_document(orders)
        agreement = facts([("orders and shops", "agree" if orders.holds else "DO NOT AGREE")])
        drawn += [agreement, tables.facts_of(tables.ORDERS_VERIFICATION, orders)]
    session.show(document, Group(*drawn))
    if not agreed or (orders is not None and (orders.left_out or orders.not_compared)):
        raise typer.Exit(ExitCode.REFUSED)


@app.command("bar-claim")
@with_session
def bar_claim(
    session: Session,
    claim: Annotated[str, typer.Argument(help="The claim as `verify` names it: order, dot, attempt; 0007/1907.1.")],
    operator: Annotated[str, typer.Option("--operator", help="Who bars it.")],
    why: Annotated[str, typer.Option("--why", help="Why, for the record.")],
) -> None:
    """Bar an undecided claim whose order is not known, so that its shop gives the units back when it asks next."""
    named = re.fullmatch(r"(.+)\.([0-9]{1,4})", claim)
    if named is None:
        raise typer.BadParameter("Name order and attempt, such as 0007/1907.1.", param_hint="CLAIM")
    done = session.run(lambda client: client.bar_claim(named[1], int(named[2]), operator=operator, why=why))
    session.show({"barred": to_document(done)}, tables.facts_of(tables.BARRED, done))


@app.command("bar-grant")
@with_session
def bar_grant(
    session: Session,
    grant: Annotated[str, typer.Argument(help="The grant as `verify` names it: 0007/1907 of `0007/1907 in S1`.")],
    operator: Annotated[str, typer.Option("--operator", help="Who bars it.")],
    why: Annotated[str, typer.Option("--why", help="Why, for the record.")],
) -> None:
    """Bar a grant by which its shop holds nothing, so that it counts no more for its customer."""
    done = session.run(lambda client: client.bar_grant(grant, operator=operator, why=why))
    session.show({"barred": to_document(done)}, tables.facts_of(tables.BARRED, done))


@app.command()
@with_session
def readers(session: Session) -> None:
    """Show the named readers of feeds, and how far they are behind. Exit code 1 where one keeps more sealed files than
    the setting says, or where ledgers or actors are left out.
    """
    found = session.run(lambda client: client.list_readers())
    left_out = facts([("left out", ", ".join(found.left_out))])
    session.show(to_document(found), Group(tables.table_of(tables.READERS, found.readers, name="reader"), left_out))
    if found.left_out or any(one.keeps for one in found.readers):
        raise typer.Exit(ExitCode.REFUSED)


@app.command("drop-reader")
@with_session
def drop_reader(
    session: Session,
    reader: Annotated[str, typer.Argument(help="Its name, as `readers` shows it.")],
    number: Annotated[int, typer.Argument(min=1, help="Its number. One that has the name since then stays.")],
) -> None:
    """Keep nothing for a named reader any more."""
    session.run(lambda client: client.drop_reader(reader, number))
    session.show({"dropped": reader}, facts([("dropped", reader)]))


async def _all_stores(client: ChannelClient) -> list[models.Store]:
    return [shop async for shop in client.list_stores(page_size=1_000)]


async def _chosen(client: ChannelClient, ledgers: Iterable[str] | None, *, everything: bool) -> list[str]:
    named = list(ledgers or ())
    if bool(named) == everything:
        raise typer.BadParameter("Name ledgers, or give --all.", param_hint="LEDGER")
    return named or [*(shop.store_id for shop in await _all_stores(client)), *models.CUSTOMERS_LEDGERS]


def _begun(found: Iterable[LedgerT], *, everything: bool) -> list[LedgerT]:
    """Of every ledger that there is, those that have begun; all of those that were named."""
    return [one for one in found if one.version or not everything or one.store_id not in models.CUSTOMERS_LEDGERS]


def _show_policy(session: Session, policy: models.Policy, waits: dict[str, Any] | None = None) -> None:
    """Show a policy; where it was set, what does not go by it yet."""
    waits = waits or {}
    rules = [
        f"{duration_text(rule.ttl_ms)}: {_fits(rule.channel, rule.sku, rule.store_id)}" for rule in policy.ttl_rules
    ]
    limits = [
        f"{rule.open_reservations_max or 'any'} reservations, {rule.units_max or 'any'} units: "
        f"{_fits(rule.channel, rule.sku)}"
        for rule in policy.limit_rules
    ]
    over_chain = [
        f"{rule.open_reservations_max or 'any'} orders, {rule.units_max or 'any'} units, collected ones for "
        f"{duration_text(rule.collected_for_ms)}: {_fits(rule.channel, rule.sku)}"
        for rule in policy.chain_limit_rules
    ]
    lines = [] if policy.line_take_up_ms is None else [f"served for {duration_text(policy.line_take_up_ms)}"]
    lines += ["who needs fewer may pass"] if policy.line_may_pass else []
    lines += [
        f"{'may be passed' if rule.may_pass else 'are kept'}"
        f"{'' if rule.take_up_ms is None else ', served for ' + duration_text(rule.take_up_ms)}: {rule.store_id}"
        for rule in policy.line_rules
    ]
    picks = [_picks(policy)] if policy.picks else []
    picks += [f"{_picks(rule) if rule.picks else 'do not pick'}: {rule.store_id}" for rule in policy.pick_rules]
    drawn = facts(
        [
            ("version", policy.version),
            ("a hold lasts", duration_text(policy.ttl_default_ms)),
            ("longest", duration_text(policy.ttl_max_ms)),
            ("to collect", duration_text(policy.collect_within_ms)),
            ("to bring back", "" if policy.returns_within_ms is None else duration_text(policy.returns_within_ms)),
            ("rules of time", "\n".join(rules)),
            ("limits", "\n".join(limits)),
            ("limits over the chain", "\n".join(over_chain)),
            ("lines", "\n".join(lines)),
            ("shops", "\n".join(picks)),
            ("loses first", policy.loses_first.name.lower().replace("_", " ")),
            ("losers", "wait first in line" if policy.losers_wait else ""),
            ("in transit", "promised where stock is short" if policy.promise_in_transit else ""),
            ("not bound yet", "\n".join(waits.get("pending", ()))),
            ("not counted yet", waits.get("uncounted_reservations") or ""),
        ]
    )
    session.show({"policy": to_document(policy), **waits}, drawn)


def _picks(rule: models.Policy | models.PickRule) -> str:
    return "pick, and sell again what is put back" if rule.put_back_first else "pick"


def _fits(*parts: str) -> str:
    return " / ".join(part or "all" for part in parts)


def _read(path: Path, kind: Any, name: str) -> Any:
    """What a JSON file has under `name`, or by itself; `kind` is a dict of it, by that name.

    Fields that are not known are refused: a rule whose name is misspelt would else be taken away without a word.
    """
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text()
        document = json.loads(text)
        if isinstance(document, dict) and name in document:
            document = document[name]
        named = str(document.get("loses_first")) if isinstance(document, dict) else ""
        if named in models.LosesFirst.__members__:  # by name, as it is shown
            document = {**document, "loses_first": models.LosesFirst.__members__[named]}
        return TypeAdapter(kind, config=ConfigDict(extra="forbid")).validate_python({name: document})[name]
    except ValidationError as error:
        # In our words: pydantic's run over several lines and end in an address of its own.
        why = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise typer.BadParameter(f"{path} cannot be read as {name}: {why}", param_hint="--file") from error
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path} cannot be read as {name}: {error}", param_hint="--file") from error
