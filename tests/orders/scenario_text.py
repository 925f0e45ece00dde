"""The syntax of scenario tables: a line of text is a command, and an answer is a line of text.

    open ann S1 A 2, B 1 / S2 A 1 [via web] [for 1h] [missing C 1] [slot 9:00] [basket b]    a plan for each shop
    refuse ann NO_STORE_IN_REACH                                                   no plan was found
    amend #1 S2 A 1 / S1 A 1 / S3 [slot 9:00] [for 1h]                             nothing in S3: it gives all back
    add #1 S2 A 1                                                                  beside what it has there
    commit #1.1 S1 11, S2 12                                                       attempt 1, and its reservations
    replan #1.1 S3 A 2 [missing C 1]          abandon #1.1 INSUFFICIENT_STOCK
    confirm #1 [within 1h]                    extend #1 for 1h                     release #1 [because FRAUD]
    fan_out #1                                                                       a step in all its shops
    report #1 S1.1 at 2 v7 HELD A 1 [sold A 1]  revision 2, the shop's version 7     report #1 S1.1 at 2 none

When shops are open is said with `hours 9:00-17:00,33:00-41:00` of a commit, confirm or extend, and the end of the last
slot with `until 10:00`.

A word and a colon in front is the key, else each line has a key of its own; what is said is also its content. An answer
says of each part what its shop holds, `?` where it is only asked for, `*` where it has not heard the newest, and in
brackets where it was let go of.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason, Status
from actors.orders import commands as cm
from actors.orders.events import Event
from actors.orders.state import CERTAIN, Order, OrderLedger, Part
from actors.shop.commands import Lines
from tests.shop.scenario_text import clock, instant, interval, lines_of

_OPTION: Final = re.compile(r"\b(via|for|within|because|slot|basket|hours|until)\s+(\S+)")
_TAIL: Final = re.compile(r"\s(missing|sold)\s(.*)$")


def command_of(text: str, key: str, ledger: OrderLedger) -> cm.Command:
    """What a line says."""
    content = blake2b(text.encode(), digest_size=12).hexdigest()
    options = dict(_OPTION.findall(text))
    verb, subject, *rest = (_OPTION.sub("", text).strip() + " ").split(" ", 2)
    body = " ".join(rest).rstrip()
    tail = _TAIL.search(" " + body + " ")
    more = tail.group(2).strip() if tail else ""
    body = _TAIL.sub("", " " + body + " ").strip()
    slot_start_ms = instant(options["slot"]) if "slot" in options else 0
    ttl_ms = interval(options.get("for", "0ms"))
    if verb == "open":
        plans = _plans(body, slot_start_ms)
        basket_id = options.get("basket", "")
        return cm.Open(key, content, subject, options.get("via", "web"), ttl_ms, plans, lines_of(more), basket_id)
    if verb == "refuse":
        return cm.Refuse(key, content, subject, Rejection(Reason[body]))
    number, _, attempt = subject.removeprefix("#").partition(".")
    hours = _hours(options)
    match verb:
        case "amend" | "add":
            plans = _plans(body, slot_start_ms) if body else ()
            return cm.Amend(key, content, int(number), plans, ttl_ms, adds=verb == "add")
        case "commit":
            return cm.Commit(int(number), int(attempt), lines_of(body), hours)
        case "replan":
            return cm.Replan(int(number), int(attempt), _plans(body, slot_start_ms), lines_of(more))
        case "abandon":
            return cm.Abandon(int(number), int(attempt), Rejection(Reason[body]) if body else None)
        case "confirm":
            return cm.Confirm(key, int(number), interval(options.get("within", "0ms")), hours)
        case "extend":
            return cm.Extend(key, int(number), ttl_ms, hours)
        case "fan_out":
            return cm.FanOut(key, content, int(number))
        case "release":
            return cm.Release(key, int(number), ReleaseReason[options.get("because", "OTHER")])
        case "report":
            return _note(int(number), body, lines_of(more), ledger)
        case _:
            raise AssertionError(f"no such command: {text!r}")


def _plans(text: str, slot_start_ms: int) -> tuple[cm.Plan, ...]:
    plans = (plan.strip().partition(" ") for plan in text.split("/") if plan.strip())
    return tuple(cm.Plan(store_id, lines_of(lines), slot_start_ms) for store_id, _, lines in plans)


def _hours(options: dict[str, str]) -> cm.Hours:
    intervals = (each.split("-") for each in options.get("hours", "").split(",") if each)
    slots_end_ms = instant(options["until"]) if "until" in options else 0
    return cm.Hours(slots_end_ms, tuple((instant(opens), instant(closes)) for opens, closes in intervals))


def _named(text: str) -> tuple[str, int]:
    store_id, _, attempt = text.partition(".")
    return store_id, int(attempt)


def _note(number: int, text: str, sold: Lines, ledger: OrderLedger) -> cm.Report:
    who, _, revision, *rest = text.split()
    store_id, attempt = _named(who)
    if rest == ["none"]:
        return cm.Report(number, store_id, attempt, int(revision), 0, 0, Status.RELEASED, (), ())
    version, status, *held = rest
    parts = ledger.orders[number].parts if number in ledger.orders else ()
    part = next((p for p in parts if (p.store_id, p.attempt) == (store_id, attempt)), None)
    holds = lines_of(" ".join(held))
    return cm.Report(
        number,
        store_id,
        attempt,
        int(revision),
        (part and part.reservation) or 99,
        int(version.removeprefix("v")),
        Status[status],
        _by_line(part, holds),
        _by_line(part, sold),
    )


def _by_line(part: Part | None, units: Lines) -> tuple[int, ...]:
    """By the lines of the part, as they come where its order is over."""
    wanted = dict(units)
    return tuple(wanted.pop(sku, 0) for sku, _ in (units if part is None else part.lines))


def answer_text(answer: Order | Rejection | None) -> str:
    """What was answered, in a line."""
    if answer is None:
        return "none"
    if isinstance(answer, Order):
        return order_text(answer)
    words = [answer.reason.name, answer.sku]
    if answer.asked or answer.available:
        words.append(f"{answer.asked} of {answer.available}")
    if answer.number:
        words.append(f"#{answer.number}")
    if answer.status is not None:
        words.append(answer.status.name)
    return " ".join(filter(None, words))


def order_text(order: Order) -> str:
    """How an order stands."""
    parts = " / ".join(_part_text(order, part) for part in order.parts)
    reason = f" {order.reason.name}" if order.reason else ""
    missing = f" missing {_units_text(order.missing)}" if order.missing else ""
    until = f" until {clock(order.expires_at_ms)}" if order.standing in CERTAIN else ""
    return f"#{order.number} {order.standing.name} {parts}{reason}{missing}{until}"


def _part_text(order: Order, part: Part) -> str:
    mark = "?" if not part.reservation else "*" if part in order.undelivered_parts() else ""
    holds = part.lines
    if part.reservation:
        held = part.held if part.status in LIVE else (0,) * len(part.lines)
        holds = tuple((sku, units) for (sku, _), units in zip(part.lines, held, strict=True) if units)
    sold = tuple((sku, units) for (sku, _), units in zip(part.lines, part.collected, strict=False) if units)
    text = f"{part.store_id}.{part.attempt}{mark} {_units_text(holds)}".rstrip()
    text += f" sold {_units_text(sold)}" if sold else ""
    return f"({text})" if part.dropped else text


def _units_text(lines: Lines) -> str:
    return ", ".join(f"{sku} {units}" for sku, units in lines)


def events_text(events: Iterable[Event]) -> str:
    """What happened, by name."""
    return ", ".join(type(event).__name__ for event in events)
