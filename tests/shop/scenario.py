"""Scenario tables: commands and their expected results, played line by line against a ledger.

The heading names the columns: `at`, `said`, `answer`, `events`, `stock` (on hand / reserved). An empty `stock` is not
compared, every other cell is. A failing table is shown with its actual results, in the same layout.
After every line the invariants hold; at the end the audit, a replay and a snapshot agree with the ledger.
"""

from collections.abc import Collection
from typing import NamedTuple

from actors.core.policy import Policy
from actors.shop.invariants import check
from tests.shop.scenario_text import answer_text, clock, command_of, events_text, instant, stock_text
from tests.shop.watched import Core, Watched


class Line(NamedTuple):
    """One row of a table: expected, or actual."""

    at: str
    said: str
    answer: str
    events: str
    stock: str = ""


def play(text: str, policy: Policy | None = None, core: Core | None = None) -> Watched:
    """Play a table; AssertionError shows the actual results."""
    watched = Watched(policy, core)
    columns, lines = read(text)
    came: list[Line] = []
    for index, line in enumerate(lines, start=1):
        before = len(watched.records)
        answer = _say(watched, line, f"line {index}")
        events = events_text(record.event for record in watched.records[before:])
        came.append(Line(clock(instant(line.at)), line.said, answer, events, stock_text(watched.ledger)))
        assert check(watched.ledger) == [], f"after {line.at} {line.said}"
    wrong = [
        index
        for index, (line, its) in enumerate(zip(lines, came, strict=True))
        for column in columns
        if getattr(line, column) != getattr(its, column) and not (column == "stock" and not line.stock)
    ]
    assert not wrong, "the actual results are\n" + shown(columns, came, wrong)
    complaints = watched.complaints() or watched.mistold()
    assert not complaints, "\n".join(complaints)
    return watched


def _say(watched: Watched, line: Line, key: str) -> str:
    at_ms = instant(line.at)
    if line.said == "wait":
        watched.wait(at_ms)
        return ""
    if line.said == "restart":
        watched.restart()
        return ""
    head, colon, rest = line.said.partition(": ")
    command = command_of(rest, head, at_ms) if colon else command_of(line.said, key, at_ms)
    told = watched.say(command, at_ms)
    return answer_text(told.answer) + (" (again)" if told.repeated else "")


def read(text: str) -> tuple[list[str], list[Line]]:
    """The columns to compare, and the lines, each with its time."""
    heading, *rows = ([cell.strip() for cell in row.split("|")] for row in text.strip().splitlines() if row.strip())
    empty = Line("", "", "", "")
    at = empty.at
    lines = []
    for row in rows:
        line = empty._replace(**dict(zip(heading, row, strict=False)))
        at = line.at or at  # an empty time is the line's above
        lines.append(line._replace(at=at))
    return [column for column in heading if column not in {"at", "said"}], lines


def shown(columns: list[str], came: list[Line], wrong: Collection[int]) -> str:
    """The actual results, in the layout of the table; a mark before each wrong line."""
    headings = ["at", "said", *columns]
    table = [headings, *([getattr(line, column) for column in headings] for line in came)]
    widths = [max(len(row[index]) for row in table) for index in range(len(headings))]
    return "\n".join(
        ("> " if number - 1 in wrong else "  ")
        + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for number, row in enumerate(table)
    )
