"""The language of the pages: a line of text is a command, and an answer is a line of text.

    reserve ann A 3, B 1 [via web] [basket b1] [for 30m]        ready #2
    confirm #2 [within 1h]                                      extend #2 for 1h
    collect #2 [A 1] [paid p1]                                  release #2 [A 1] [because NO_SHOW]
    receive|sell|return|correct A 3 [from till] [row 5] [at 0:30]
    count A 7 [as of 0:30] [without holds]                      safety A 2

A word and a colon in front is the key, else each line has a key of its own. Times are `[days d]h:mm[:ss[.mmm]]` since
the page's first midnight.
"""

import re
from collections.abc import Iterable
from typing import Final

from actors.ledger.commands import (
    AdjustmentKind,
    AdjustStock,
    Collect,
    Command,
    Confirm,
    CountStock,
    Extend,
    Lines,
    MarkReady,
    Movement,
    Release,
    Reserve,
    SetSafetyStock,
)
from actors.ledger.events import Event, Released
from actors.ledger.lifecycle import LIVE, ReleaseReason
from actors.ledger.policy import DAY_MS, HOUR_MS
from actors.ledger.reasons import Reason, Rejection
from actors.ledger.state import Ledger, Remembered, Reservation, StockOutcome
from tests.ledger.watched import DAY_ZERO_MS

MINUTE_MS: Final = 60_000
SECOND_MS: Final = 1_000

_OPTION: Final = re.compile(r"\b(via|basket|for|within|paid|because|from|row|at|as of|without)\s+(\S+)")
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


def command_of(text: str, key: str, rows: dict[str, int]) -> Command:
    """What a line says. `rows` holds the last sequence of each source."""
    options = dict(_OPTION.findall(text))
    verb, _, rest = _OPTION.sub("", text).strip().partition(" ")
    if verb in _KINDS:
        return _adjust(key, verb, lines_of(rest), options, rows)
    if verb == "count":
        as_of_ms = instant(options["as of"]) if "as of" in options else 0
        return CountStock(key, lines_of(rest), as_of_ms, "without" not in options)
    if verb == "safety":
        return SetSafetyStock(key, lines_of(rest))
    subject, _, rest = rest.strip().partition(" ")
    lines = lines_of(rest)
    if verb == "reserve":
        ttl_ms = interval(options.get("for", "0ms"))
        return Reserve(key, subject, options.get("via", "web"), options.get("basket", ""), lines, ttl_ms)
    number = int(subject.removeprefix("#"))
    match verb:
        case "confirm":
            return Confirm(key, number, interval(options.get("within", "0ms")))
        case "ready":
            return MarkReady(key, number)
        case "collect":
            return Collect(key, number, options.get("paid", "p1"), lines)
        case "release":
            return Release(key, number, ReleaseReason[options.get("because", "OTHER")], lines)
        case "extend":
            return Extend(key, number, interval(options["for"]))
        case _:
            raise AssertionError(f"no such command: {text!r}")


def _adjust(key: str, verb: str, lines: Lines, options: dict[str, str], rows: dict[str, int]) -> AdjustStock:
    kind, sign = _KINDS[verb]
    source = options.get("from", "wms")
    first = int(options.get("row", rows.get(source, 0) + 1))
    at_ms = instant(options["at"]) if "at" in options else 0
    movements = tuple(
        Movement(sku, sign * units, first + index, kind, at_ms) for index, (sku, units) in enumerate(lines)
    )
    rows[source] = max(rows.get(source, 0), first + len(lines) - 1)
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


def _reservation_text(held: Reservation) -> str:
    lines = []
    for (sku, units), (sold, back) in zip(held.lines, held.done or ((0, 0),) * len(held.lines), strict=True):
        lines.append(f"{sku} {units}" + (f" -{sold} sold" if sold else "") + (f" -{back} back" if back else ""))
    reason = f" {held.release_reason.name}" if held.release_reason else ""
    until = f" until {clock(held.expires_at_ms)}" if held.status in LIVE else ""
    return f"#{held.number} {held.status.name} {', '.join(lines)}{reason}{until}"


def _rejection_text(no: Rejection) -> str:
    words = [no.reason.name]
    if no.sku:
        words.append(no.sku)
    if no.reason is Reason.COUNT_TOO_OLD:
        words.append(f"{clock(no.asked)} of {clock(no.available)}")
    elif no.asked or no.available:
        words.append(f"{no.asked} of {no.available}")
    if no.number:
        words.append(f"#{no.number}")
    if no.status is not None:
        words.append(no.status.name)
    if len(no.short_lines) > 1:
        words.append("[" + ", ".join(f"{sku} {asked} of {there}" for sku, asked, there in no.short_lines) + "]")
    return " ".join(words)


def _outcome_text(outcome: StockOutcome) -> str:
    words = [f"applied {outcome.applied}"]
    if outcome.dropped_repeated:
        words.append(f"repeated {outcome.dropped_repeated}")
    if outcome.dropped_late:
        words.append(f"late {outcome.dropped_late}")
    for sku, units, losses in outcome.shortfalls:
        words.append(f"short {sku} {units}: " + ", ".join(f"#{number} -{lost}" for number, lost in losses))
    return " ".join(words)


def events_text(events: Iterable[Event]) -> str:
    """What happened, by name; the same name twice is `x2`."""
    words: dict[str, int] = {}
    for event in events:
        name = type(event).__name__
        if isinstance(event, Released):
            name += f" {event.reason.name}"
        words[name] = words.get(name, 0) + 1
    return ", ".join(name if times == 1 else f"{name} x{times}" for name, times in words.items())


def stock_text(ledger: Ledger) -> str:
    """Positions as on hand / reserved."""
    return ", ".join(
        f"{sku} {position.on_hand}/{position.reserved}"
        + (f" keep {position.safety_stock}" if position.safety_stock else "")
        for sku, position in sorted(ledger.positions.items())
    )
