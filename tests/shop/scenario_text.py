"""The syntax of scenario tables: a line of text is a command, and an answer is a line of text.

    reserve ann A 3, B 1 [via web] [basket b1] [for 30m] [slot 9:00] [waiting 1h]
    confirm #2 [within 1h]                                      extend #2 for 1h
    collect #2 [A 1] [paid p1]                                  release #2 [A 1] [because NO_SHOW]
    amend #2 [A 1] [for 1h] [slot 9:00]                         ready #2
    return #2 [A 1] [broken A 1] [refund r1]
    receive|sell|return|correct A 3 [from till] [row 5] [at 0:30]
    count A 7 [as of 0:30] [without holds]                      safety A 2
    claim o1 ann A 3, B 1 [via web] [slot 9:00]                 acknowledge #2 4, #3 5
    apply o1 1 HELD [until 2:00] [keep A 1, B 1] [because REPLACED]
    allot till:7 A 3, B 1 [for 1h]                              allot channel:app A 3 [for 1h] [drawn first]
    prolong #2 for 2h                                           end #2 [as settled]
    sell A 1 against #2 [from till] [at 0:30]                   count A 7 [leaving allotted]
    give #2 to t7 [for 1h]                                      collect #2 by t7

    propose S2 A 3 [for 1h]      send #2 [for 2h]       cancel #2
    advise S9:T4 A 3             noted #2               arrive S9:T4 [A 2] [borne by SOURCE]
    close #2 A 2                 close S9:T4

    take, leave, scan, finish, shelve, here: see `picks_text`

    resolve #5 RELEASED          resolve #5 WAITING     resolve #5 MOVED to S2:7

A part is known by its holder (o1), what it applies by its revision (1), what is acknowledged by number and version.

A word and a colon in front is the key, else each line has a key of its own. Times are `[days d]h:mm[:ss[.mmm]]` since
the table's first midnight.
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from actors.core.policy import DAY_MS, HOUR_MS
from actors.core.rejection import Reason, Rejection
from actors.core.status import OPEN, ReleaseReason, Status
from actors.shop.allotments.allotment import Allotment, HolderKind
from actors.shop.commands import (
    Acknowledge,
    AdjustmentKind,
    AdjustStock,
    AllotStock,
    Amend,
    ApplyOutcome,
    Claim,
    Collect,
    Command,
    Confirm,
    CountStock,
    Extend,
    ExtendAllotment,
    Give,
    Lines,
    MarkReady,
    Movement,
    Release,
    Reserve,
    ReturnAllotment,
    SetSafetyStock,
    claim_key,
)
from actors.shop.events import Event, Left, OutcomeApplied, Released
from actors.shop.hot.units import HotTotals
from actors.shop.picking.pick_task import PickTask
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, ShortfallTask
from actors.shop.state import Ledger, MovingOut, Remembered, Reservation, StockOutcome
from actors.shop.transfers.transfer import Transfer
from tests.shop.picks_text import VERBS as PICK_VERBS, about_pick, pick_text
from tests.shop.transfers_text import TRANSFER_VERBS, about_transfer, transfer_text
from tests.shop.watched import DAY_ZERO_MS

MINUTE_MS: Final = 60_000
SECOND_MS: Final = 1_000

_OPTION: Final = re.compile(
    r"\b(via|basket|for|within|paid|because|from|row|at|as of|without|slot|until|called"
    r"|to|borne by|by|against|leaving|drawn|as|share|waiting|refund)\s+(\S+)"
)
_TIME: Final = re.compile(r"(?:(\d+)d)?(\d+):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?")
_UNITS_MS: Final = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_KINDS: Final = {
    "receive": (AdjustmentKind.RECEIPT, 1),
    "sell": (AdjustmentKind.SALE, -1),
    "return": (AdjustmentKind.RETURN, 1),
    "correct": (AdjustmentKind.CORRECTION, 1),
}


def instant(text: str) -> int:
    """`1d2:30` as ledger time."""
    match = _TIME.fullmatch(text)
    assert match, f"{text!r} is not a time"
    days, hours, minutes, seconds, millis = (int(group or 0) for group in match.groups())
    return DAY_ZERO_MS + days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + millis


def clock(at_ms: int) -> str:
    """The inverse of `instant`."""
    days, rest = divmod(at_ms - DAY_ZERO_MS, DAY_MS)
    minutes, millis = divmod(rest, MINUTE_MS)
    text = f"{f'{days}d' if days else ''}{minutes // 60}:{minutes % 60:02}"
    if millis:
        text += f":{millis // SECOND_MS:02}" + (f".{millis % SECOND_MS:03}" if millis % SECOND_MS else "")
    return text


def interval(text: str) -> int:
    """`30m` in milliseconds."""
    amount, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()  # type: ignore[union-attr]
    return int(amount) * _UNITS_MS[unit]


def lines_of(text: str) -> Lines:
    """`A 3, B 1` as lines."""
    parts = (part.split() for part in text.split(",") if part.strip())
    return tuple((sku, int(units)) for sku, units in parts)


def command_of(text: str, key: str, now_ms: int = 0) -> Command:
    """What a line says. Rows without a number take the next one of their source."""
    options = dict(_OPTION.findall(text))
    verb, _, rest = _OPTION.sub("", text).strip().partition(" ")
    if verb == "return" and rest.strip().startswith("#"):
        number_text, _, back = rest.strip().partition(" ")
        whole, _, broken = f" {back}".partition(" broken ")
        returned = int(number_text.removeprefix("#")), lines_of(whole), lines_of(broken)
        return Return(key, *returned, options.get("refund", ""))
    if verb in PICK_VERBS:
        return about_pick(verb, key, text.partition(" ")[2], interval)
    if verb in _KINDS:
        return _adjust(key, verb, lines_of(rest), options, now_ms)
    if verb == "count":
        as_of_ms = instant(options["as of"]) if "as of" in options else 0
        return CountStock(key, lines_of(rest), as_of_ms, "without" not in options, "leaving" not in options)
    if verb == "safety":
        return SetSafetyStock(key, lines_of(rest))
    if verb in {"claim", "apply", "acknowledge"}:
        return _about_parts(verb, rest, options)
    if verb == "resolve":
        task, resolution = rest.strip().split()
        of = int(task.removeprefix("#")), Resolution[resolution]
        return ResolveShortfall(key, *of, moved_to=options.get("to", ""))
    if verb in TRANSFER_VERBS:
        subject, _, rest = rest.strip().partition(" ")
        return about_transfer(
            verb, key, subject, lines_of(rest), options | {"ms": str(interval(options.get("for", "0ms")))}
        )
    subject, _, rest = rest.strip().partition(" ")
    if verb in {"allot", "prolong", "end", "give"}:
        return _about_allotments(key, verb, subject, lines_of(rest), options)
    lines, slot_start_ms = lines_of(rest), _slot(options)
    if verb == "reserve":
        ttl_ms = interval(options.get("for", "0ms"))
        channel, basket = options.get("via", "web"), options.get("basket", "")
        wait_ms = interval(options.get("waiting", "0ms"))
        return Reserve(key, subject, channel, basket, lines, ttl_ms, slot_start_ms, wait_ms=wait_ms)
    number = int(subject.removeprefix("#"))
    match verb:
        case "confirm":
            return Confirm(key, number, interval(options.get("within", "0ms")))
        case "ready":
            return MarkReady(key, number)
        case "collect":
            return Collect(key, number, options.get("paid", "p1"), lines, options.get("by", ""))
        case "release":
            return Release(key, number, ReleaseReason[options.get("because", "OTHER")], lines)
        case "extend":
            return Extend(key, number, interval(options["for"]))
        case "amend":
            return Amend(key, number, lines, interval(options.get("for", "0ms")), slot_start_ms)
        case _:
            raise AssertionError(f"no such command: {text!r}")


def _about_allotments(key: str, verb: str, subject: str, lines: Lines, options: dict[str, str]) -> Command:
    ttl_ms = interval(options.get("for", "1h"))
    if verb == "allot":
        kind, _, holder = subject.partition(":")
        shares = ((options["share"], 500),) if "share" in options else ()
        of = HolderKind[kind.upper()], holder, lines, shares
        return AllotStock(key, *of, ttl_ms, "planned", "drawn" in options)
    number = int(subject.removeprefix("#"))
    if verb == "prolong":
        return ExtendAllotment(key, number, ttl_ms)
    return ReturnAllotment(key, number, "as" in options) if verb == "end" else Give(key, number, options["to"], ttl_ms)


def _slot(options: dict[str, str]) -> int:
    return instant(options["slot"]) if "slot" in options else 0


def _about_parts(verb: str, text: str, options: dict[str, str]) -> Command:
    if verb == "acknowledge":
        return Acknowledge(tuple((int(number.removeprefix("#")), version) for number, version in lines_of(text)))
    holder, second, rest = (text + " ").split(" ", 2)
    if verb == "claim":
        channel = options.get("via", "web")
        call_key = options.get("called", "")
        lines, _, whole = rest.partition("of all ")
        claim = Claim(claim_key(holder), holder, second, channel, lines_of(lines), _slot(options), call_key=call_key)
        return replace(claim, whole=lines_of(whole))
    status, _, keep = rest.strip().partition(" keep ")
    until_ms = instant(options["until"]) if "until" in options else 0
    reason = ReleaseReason[options.get("because", "OTHER")]
    channel = options.get("via", "")
    return ApplyOutcome(holder, int(second), Status[status.strip()], until_ms, reason, lines_of(keep), channel)


def _adjust(key: str, verb: str, lines: Lines, options: dict[str, str], now_ms: int) -> AdjustStock:
    kind, sign = _KINDS[verb]
    source = options.get("from", "wms")
    first = int(options.get("row", 0))
    age_ms = now_ms - instant(options["at"]) if "at" in options else 0
    movements = tuple(
        Movement(sku, sign * units, first and first + index, kind, age_ms, int(options.get("against", "#0")[1:]))
        for index, (sku, units) in enumerate(lines)
    )
    return AdjustStock(key, source, movements)


def answer_text(remembered: Remembered) -> str:
    """What was answered, in a line."""
    answer = remembered if isinstance(remembered, Reservation) else remembered.answer
    match answer:
        case Reservation():
            return _reservation_text(answer)
        case Rejection():
            return _rejection_text(answer)
        case StockOutcome():
            return _outcome_text(answer)
        case Allotment():
            lines = (f"{line.sku} {line.left}" + (f" -{line.used} used" if line.used else "") for line in answer.lines)
            until = f" until {clock(answer.expires_at_ms)}" if not answer.ended_at_ms else ""
            return f"#{answer.number} {answer.status.name} {answer.holder} {', '.join(lines)}{until}"
        case Transfer():
            return transfer_text(answer)
        case ShortfallTask():
            return task_text(answer)
        case PickTask():
            return pick_text(answer, clock)
        case HotTotals():
            return f"over {answer.over}, back {answer.back}, moved {answer.moved}, {answer.wanted} wanted"
        case MovingOut():
            return f"moving {_reservation_text(answer.reservation)}"


def _reservation_text(held: Reservation) -> str:
    lines = []
    came_back = held.came_back.units if held.came_back else (0,) * len(held.lines)
    done = held.done or ((0, 0),) * len(held.lines)
    for (sku, units), (sold, back), came in zip(held.lines, done, came_back, strict=True):
        taken = (f" -{sold} sold" if sold else "") + (f" -{back} back" if back else "")
        lines.append(f"{sku} {units}{taken}" + (f" +{came}" if came else ""))
    reason = f" {held.release_reason.name}" if held.release_reason else ""
    until = f" until {clock(held.expires_at_ms)}" if held.status in OPEN and held.expires_at_ms else ""
    slot = f" slot {clock(held.slot_start_ms)}" if held.slot_start_ms else ""
    slot += f" at {held.till} until {clock(held.till_until_ms)}" if held.till else ""
    waits = held.in_line if held.status is Status.QUEUED else None
    place = f" place {waits.queue_position}" if waits and waits.queue_position else ""
    place += f" at {clock(waits.expected_at_ms)}" if waits and waits.expected_at_ms else ""
    part = f" of {held.part.holder} at {held.part.applied_revision}" if held.part is not None else ""
    return f"#{held.number} {held.status.name} {', '.join(lines)}{reason}{until}{place}{slot}{part}"


def task_text(task: ShortfallTask) -> str:
    """What one reservation has lost, and what became of it."""
    lost = ", ".join(f"{sku} {units} of {held}" for sku, held, units in task.lines)
    place = f" place #{task.place}" if task.place else ""
    place += f" no place {task.no_place.name}" if task.no_place else ""
    resolution = f" {task.resolution.name}" if task.resolution else ""
    moved = f" to {task.moved_to}" if task.moved_to else ""
    return f"#{task.number} {task.cause.name} #{task.reservation} {task.was.name} lost {lost}{place}{resolution}{moved}"


def _rejection_text(no: Rejection) -> str:
    words = [no.reason.name]
    if no.sku:
        words.append(no.sku)
    if no.reason is Reason.COUNT_TOO_OLD:
        words.append(f"{clock(no.asked)} of {clock(no.available)}")
    elif no.reason in {Reason.SLOT_NOT_OFFERED, Reason.SLOT_FULL}:
        words.append(clock(no.asked) + (f" of {no.available}" if no.available else ""))
    elif no.asked or no.available:
        words.append(f"{no.asked} of {no.available}")
    if no.number:
        words.append(f"#{no.number}")
    if no.status is not None:
        words.append(no.status.name)
    if no.pick_status is not None:
        words.append(no.pick_status.name)
    if no.picker_id:
        words.append(no.picker_id)
    if no.transfer_status is not None:
        words.append(no.transfer_status.name)
    if len(no.short_lines) > 1:
        words.append("[" + ", ".join(f"{sku} {asked} of {there}" for sku, asked, there in no.short_lines) + "]")
    return " ".join(words)


def _outcome_text(outcome: StockOutcome) -> str:
    words = [f"applied {outcome.applied}"]
    if outcome.dropped_repeated:
        words.append(f"repeated {outcome.dropped_repeated}")
    if outcome.dropped_late:
        words.append(f"late {outcome.dropped_late}")
    if outcome.settled_late:
        words.append(f"settled late {outcome.settled_late}")
    words += [
        f"short {short.sku} {short.quantity}: " + ", ".join(f"#{number} -{lost}" for number, lost in short.losses)
        for short in outcome.shortfalls
    ]
    return " ".join(words)


def events_text(events: Iterable[Event]) -> str:
    """What happened, by name; the same name twice is `x2`."""
    words: dict[str, int] = {}
    for event in events:
        name = type(event).__name__
        if isinstance(event, Released | Left):
            name += f" {event.reason.name}"
        elif isinstance(event, OutcomeApplied):
            name += f" {event.status.name}"
        words[name] = words.get(name, 0) + 1
    return ", ".join(name if times == 1 else f"{name} x{times}" for name, times in words.items())


def stock_text(ledger: Ledger) -> str:
    """Positions as on hand / reserved."""
    return ", ".join(
        f"{sku} {position.on_hand}/{position.reserved}"
        + (f" keep {position.safety_stock}" if position.safety_stock else "")
        + (f" out {position.allotted}" if position.allotted else "")
        + (f" unknown {ledger.allotments.unknown(sku)}" if ledger.allotments.unknown(sku) else "")
        for sku, position in sorted(ledger.positions.items())
    )
