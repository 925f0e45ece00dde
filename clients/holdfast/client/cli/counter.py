"""What a till does at the counter, one request at a time: what `holdfast till` reads, and what it answers.

A request is a word with what it is about, typed or as JSON. An answer is a document for machines and what rich draws
for people; a refusal and an error are answers like others, and the till goes on.
"""

import json
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import typer

from holdfast.client import errors
from holdfast.client.channel import ChannelClient
from holdfast.client.cli.options import duration_ms, quantities
from holdfast.client.cli.output import error_document, error_text, facts, to_document
from holdfast.client.cli.tables import (
    ALLOTMENT,
    RESERVATION,
    RESERVATIONS,
    answer_of,
    facts_of,
    positions_table,
    table_of,
)
from holdfast.client.models.reservations import Rejection, Reservation
from holdfast.client.till import TillClient
from holdfast.client.till_offline import FlushReport

NOBODY = "127.0.0.1:1"
"""Where nobody answers: the network of a till that was cut off."""
CUT_OFF_MS = 300
"""How long a call may take then."""
TTL_MS = 2 * 3_600_000
FLAGS = frozenset({"id-checked"})
TEXTS = frozenset({"payment", "refund", "receipt", "recipient"})
LINES = frozenset({"lines", "unsellable"})
KINDS: dict[str, type] = {"id_checked": bool, "ttl_ms": int}
"""Of the fields of a request in JSON that are neither text, nor lines, nor words."""
SHOWN_MAX = 200
"""Characters of a request that an error repeats."""
FLUSHED = "applied unsent handed_out doubtful lost settled_late why"

Lines = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a till. `words` are ids, codes or SKUs; `lines` pairs of SKU and units, none for all of it."""

    do: str
    words: tuple[str, ...] = ()
    lines: Lines = field(default_factory=list)
    unsellable: Lines = field(default_factory=list)
    payment: str | None = None
    refund: str | None = None
    receipt: str = ""
    recipient: str = ""
    id_checked: bool = False
    ttl_ms: int = TTL_MS


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `is_done` is False for a refusal and for an error."""

    document: dict[str, Any]
    drawn: Any
    is_done: bool = True


def read_typed(line: str) -> Asked:
    """What somebody typed: `collect S1:7 mug=1 --payment p1`. Raises typer.BadParameter."""
    try:
        do, *rest = shlex.split(line)
    except ValueError as error:
        raise typer.BadParameter(f"{line!r}: {error}.") from error
    given: dict[str, Any] = {}
    words: list[str] = []
    lines: list[str] = []
    tokens = iter(rest)
    for token in tokens:
        name = token.removeprefix("--")
        if name == token:
            (lines if "=" in token else words).append(token)
        elif name in FLAGS:
            given[name.replace("-", "_")] = True
        elif name in TEXTS or name in ("unsellable", "ttl"):
            value = next(tokens, None)
            if value is None:
                raise typer.BadParameter(f"--{name} takes a value.")
            if name == "unsellable":
                given.setdefault(name, []).extend(quantities([value], "--unsellable"))
            else:
                given["ttl_ms" if name == "ttl" else name] = duration_ms(value) if name == "ttl" else value
        else:
            raise typer.BadParameter(f"there is no --{name}.")
    return Asked(do, tuple(words), quantities(lines, "SKU=UNITS"), **given)


def read_json(line: str) -> Asked:
    """The same as an object: `{"do": "collect", "words": ["S1:7"], "lines": {"mug": 1}, "payment": "p1"}`."""
    try:
        given = json.loads(line)
        for name, value in given.items():
            if name in LINES:
                given[name] = _lines_in(name, value)
            elif name == "words":
                given[name] = _words_in(value)
            elif type(value) is not KINDS.get(name, str):
                raise ValueError(f"{name} is {KINDS[name].__name__ if name in KINDS else 'text'}")
        return Asked(**given)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise typer.BadParameter(
            f"{line.strip()[:SHOWN_MAX]!r} is not a request of a till as JSON: {error}."
        ) from error


def _lines_in(name: str, value: object) -> Lines:
    if not isinstance(value, dict) or any(type(units) is not int for units in value.values()):
        raise ValueError(f"{name} has whole units by SKU")
    return list(value.items())


def _words_in(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or any(type(each) is not str for each in value):
        raise ValueError("words is a list of texts")
    return tuple(value)


class Counter:
    """A till and its counter. `connect` makes a client of the service. `ask_payment` asks for a payment's reference,
    empty where it failed; None where nobody can be asked.
    """

    def __init__(
        self,
        till: TillClient,
        connect: Callable[[], ChannelClient],
        timeout_ms: int,
        ask_payment: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._till = till
        self._connect = connect
        self._timeout_ms = timeout_ms
        self._ask_payment = ask_payment
        self._scanned = ""
        self.is_cut_off = False

    @property
    def _ms(self) -> int:
        return CUT_OFF_MS if self.is_cut_off else self._timeout_ms

    async def answer(self, asked: Asked) -> Told:
        """Do what is asked. An error of a call is an answer. Raises typer.BadParameter for what is no request."""
        if asked.do not in WORDS:
            raise typer.BadParameter(f"{asked.do!r} is nothing that a till does; `help` lists what is.")
        try:
            return await WORDS[asked.do].run(self, asked)
        except errors.HoldfastError as error:
            return Told({"error": error_document(error)}, error_text(error), is_done=False)

    async def ready(self, _: Asked) -> Told:
        found = [each async for each in self._till.ready_pickups(timeout_ms=self._ms)]
        return Told({"reservations": to_document(found)}, table_of(RESERVATIONS, found))

    async def scan(self, asked: Asked) -> Told:
        shown = _one(asked)
        try:
            found = await self._found(shown)
        except (errors.Unavailable, errors.OutcomeUnknown):
            read = self._till.read_code(shown)  # by the keys in the till's file; raises where it is no good
            self._scanned = read.reservation_id
            is_given = self._is_given(read.reservation_id)
            rows = [("reservation", read.reservation_id), ("may be handed out here", "yes" if is_given else "no")]
            return Told({"code": to_document(read), "is_given": is_given}, facts(rows))
        return self._show(found)

    async def find(self, asked: Asked) -> Told:
        *name, digits = asked.words or ("",)
        if not name:
            raise typer.BadParameter("find takes a name and the last four digits of the telephone.")
        return self._show(await self._till.pickups_of(" ".join(name), digits, timeout_ms=self._ms))

    async def _found(self, shown: str) -> tuple[Reservation, ...]:
        till, store_id = self._till, self._till.store_id
        if "/" in shown:
            return await till.channel_client.lookup_pickup(store_id, order_id=shown, timeout_ms=self._ms)
        if ":" in shown and not shown.upper().startswith("HF:"):
            return await till.channel_client.lookup_pickup(store_id, reservation_id=shown, timeout_ms=self._ms)
        return await till.scanned(shown, timeout_ms=self._ms)

    def _show(self, found: tuple[Reservation, ...]) -> Told:
        self._scanned = found[0].reservation_id if len(found) == 1 else ""
        drawn = facts_of(RESERVATION, found[0]) if len(found) == 1 else table_of(RESERVATIONS, found)
        return Told({"reservations": to_document(found)}, drawn)

    async def collect(self, asked: Asked) -> Told:
        mine = self._about(asked)
        payment = asked.payment
        if payment is None and self._ask_payment is not None:
            payment = await self._ask_payment()
        if not payment:
            if payment is None:
                raise typer.BadParameter("collect takes --payment, the payment's reference.")
            return Told({"held": mine}, f"{mine} is held as before", is_done=False)
        of: dict[str, Any] = {"payment_reference": payment, "timeout_ms": self._ms}
        of |= {"recipient_id": asked.recipient, "id_checked": asked.id_checked}
        if not self._is_given(mine):
            return _outcome(await self._till.collect(mine, lines=asked.lines, **of))
        if asked.lines:
            raise typer.BadParameter(f"{mine} is left to this till whole, and handed out whole.")
        is_said = await self._till.hand_out(mine, **of)
        report = await self._till.flush(timeout_ms=self._ms) if is_said else FlushReport(unsent=1)
        drawn = f"{mine} is handed out" + ("" if is_said else "; the service is told once the network is back")
        for each in report.conflicts:
            drawn = f"{mine} was handed out, and its units are booked as sold: {each.why}"
        document = {"handed_out": mine, "is_said": is_said, "conflicts": to_document(report.conflicts)}
        return Told(document, drawn, is_done=not report.conflicts)

    async def return_(self, asked: Asked) -> Told:
        mine = self._about(asked)
        if not asked.refund:
            raise typer.BadParameter("return takes --refund, the reference of the refund.")
        back: dict[str, Any] = {"lines": asked.lines, "unsellable": asked.unsellable, "refund_reference": asked.refund}
        return _outcome(await self._till.return_reservation(mine, **back, timeout_ms=self._ms))

    async def sell(self, asked: Asked) -> Told:
        return _flushed(await self._till.sell(_lines(asked), receipt=asked.receipt, timeout_ms=self._ms))

    async def take_back(self, asked: Asked) -> Told:
        return _flushed(await self._till.take_back(_lines(asked), receipt=asked.receipt, timeout_ms=self._ms))

    async def take(self, asked: Asked) -> Told:
        if asked.lines:
            return _outcome(await self._till.take_allotment(asked.lines, ttl_ms=asked.ttl_ms, timeout_ms=self._ms))
        mine = self._about(asked)
        return _outcome(await self._till.take_reservation(mine, ttl_ms=asked.ttl_ms, timeout_ms=self._ms))

    async def give_back(self, _: Asked) -> Told:
        over = await self._till.return_allotments(timeout_ms=self._ms)
        return Told({"allotments": to_document(over)}, table_of(ALLOTMENT, over))

    async def keys(self, _: Asked) -> Told:
        count = await self._till.read_pickup_keys(timeout_ms=self._ms)
        return Told({"keys": count}, f"knows pickup codes by {count} keys without network")

    async def stock(self, asked: Asked) -> Told:
        found = await self._till.availability(asked.words, timeout_ms=self._ms)
        return Told({"stock": to_document(found)}, positions_table(found))

    async def cut(self, _: Asked) -> Told:
        return await self._plug(is_cut_off=True)

    async def plug(self, _: Asked) -> Told:
        return await self._plug(is_cut_off=False)

    async def _plug(self, *, is_cut_off: bool) -> Told:
        """Go on by another connection; what is in the till's file stays."""
        if is_cut_off is not self.is_cut_off:
            former = self._till.channel_client
            self._till.channel_client = ChannelClient(NOBODY) if is_cut_off else self._connect()
            self.is_cut_off = is_cut_off
            await former.close()
        return Told({"cut_off": is_cut_off}, "cut off from the service" if is_cut_off else "connected")

    async def settle(self, _: Asked) -> Told:
        return _flushed(await self._till.flush(timeout_ms=self._ms))

    async def help(self, _: Asked) -> Told:
        told = {word.usage: word.what for word in WORDS.values()}
        return Told({"help": told}, facts(told.items()))

    def _about(self, asked: Asked) -> str:
        """The reservation that is meant, or the one that was shown last."""
        mine = asked.words[0] if asked.words else self._scanned
        if not mine:
            raise typer.BadParameter(f"{asked.do} what? Scan a code, or give a reservation's id.")
        return mine

    def _is_given(self, reservation_id: str) -> bool:
        """Whether this till alone hands it out, or has done so and not said it."""
        table = self._till.journal.allotments
        is_out = any(reservation_id in made.ids for made in table.hand_outs)
        return is_out or table.given_as(reservation_id) is not None


def _one(asked: Asked) -> str:
    if len(asked.words) != 1:
        raise typer.BadParameter(f"{asked.do} takes what was scanned, and nothing else.")
    return asked.words[0]


def _lines(asked: Asked) -> Lines:
    lines = [*asked.lines, *((sku, 1) for sku in asked.words)]
    if not lines:
        raise typer.BadParameter(f"{asked.do} what? Write SKU=UNITS.")
    return lines


def _outcome(outcome: Any) -> Told:
    """A reservation, an allotment, or why not."""
    return Told(*answer_of(outcome), is_done=not isinstance(outcome, Rejection))


def _flushed(report: FlushReport) -> Told:
    """What was settled, and what is still in the till's file."""
    told = replace(report, recorded=())
    rows = [(name.replace("_", " "), getattr(told, name) or "") for name in FLUSHED.split()]
    rows += [(f"conflict of {each.reservation_id}", each.why) for each in told.conflicts]
    is_done = not (report.refused or report.conflicts)
    return Told({"settled": to_document(told)}, facts(rows or [("settled", "nothing")]), is_done)


@dataclass(frozen=True, slots=True)
class Word:
    """How a request is typed, what it is for, and what does it."""

    usage: str
    what: str
    run: Callable[[Counter, Asked], Awaitable[Told]]


WORDS: dict[str, Word] = {
    "ready": Word("ready", "what waits at the counter", Counter.ready),
    "scan": Word("scan CODE", "a pickup code, a short one, or the id of a reservation or an order", Counter.scan),
    "find": Word("find NAME DIGITS", "what waits for a customer, by the last digits of the telephone", Counter.find),
    "collect": Word(
        "collect [ID] [SKU=N] --payment REF [--recipient KEY] [--id-checked]", "hand over and sell", Counter.collect
    ),
    "return": Word(
        "return [ID] [SKU=N] --refund REF [--unsellable SKU=N]", "take goods back by the receipt", Counter.return_
    ),
    "sell": Word("sell SKU=N [--receipt REF]", "over the counter, also while cut off", Counter.sell),
    "back": Word("back SKU=N [--receipt REF]", "take back what was sold over the counter", Counter.take_back),
    "take": Word("take ID | take SKU=N [--ttl 2h]", "have it left to this till, for when it is cut off", Counter.take),
    "give": Word("give", "give back the units that were left to this till", Counter.give_back),
    "keys": Word("keys", "read the keys by which codes are known without network", Counter.keys),
    "stock": Word("stock SKU", "what the shop has", Counter.stock),
    "cut": Word("cut", "pull the network's plug", Counter.cut),
    "plug": Word("plug", "put it in again", Counter.plug),
    "settle": Word("settle", "say what was sold and handed out", Counter.settle),
    "help": Word("help", "this; end with quit, or the end of the input", Counter.help),
}
