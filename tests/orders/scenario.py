"""Scenario tables: commands and their expected results, as in `tests.shop.scenario`, for a customers' ledger.

The heading names the columns: `at`, `said`, `answer`, `events`. After every line the invariants hold, and a replay of
the journal and a snapshot give the same ledger.
"""

from typing import NamedTuple

from actors.core.policy import Policy
from tests.orders.scenario_text import answer_text, command_of, events_text
from tests.orders.watched import Core, Watched
from tests.shop.scenario_text import clock, instant


class Line(NamedTuple):
    """One row of a table: expected, or actual."""

    at: str
    said: str
    answer: str
    events: str


def play(text: str, policy: Policy | None = None, core: Core | None = None) -> Watched:
    """Play a table; AssertionError shows the actual results."""
    watched = Watched(policy, core)
    columns, lines = read(text)
    came: list[Line] = []
    for index, line in enumerate(lines, start=1):
        before = len(watched.events())
        answer = _say(watched, line, f"line {index}")
        came.append(Line(clock(instant(line.at)), line.said, answer, events_text(watched.events()[before:])))
        complaints = watched.complaints()
        assert not complaints, f"after {line.at} {line.said}\n" + "\n".join(complaints)
    wrong = {
        index
        for index, (line, its) in enumerate(zip(lines, came, strict=True))
        if any(getattr(line, column) != getattr(its, column) for column in columns)
    }
    assert not wrong, "the actual results are\n" + _shown(columns, came, wrong)
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
    command = command_of(rest, head, watched.ledger) if colon else command_of(line.said, key, watched.ledger)
    told = watched.say(command, at_ms)
    return answer_text(told.answer) + (" (again)" if told.repeated else "")


def read(text: str) -> tuple[list[str], list[Line]]:
    """The columns to compare, and the lines, each with its time."""
    heading, *rows = ([cell.strip() for cell in row.split("|")] for row in text.strip().splitlines() if row.strip())
    empty = Line("", "", "", "")
    at = ""
    lines = []
    for row in rows:
        line = empty._replace(**dict(zip(heading, row, strict=False)))
        at = line.at or at  # an empty time is the line's above
        lines.append(line._replace(at=at))
    return [column for column in heading if column not in {"at", "said"}], lines


def _shown(columns: list[str], came: list[Line], wrong: set[int]) -> str:
    shown = ["at", "said", *columns]
    table = [shown, *([getattr(line, column) for column in shown] for line in came)]
    widths = [max(len(row[index]) for row in table) for index in range(len(shown))]
    return "\n".join(
        ("> " if number - 1 in wrong else "  ")
        + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for number, row in enumerate(table)
    )
