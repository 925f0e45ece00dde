"""Scenario tables: commands and their expected results, as in `tests.shop.scenario`, for a customers' ledger.

The heading names the columns: `at`, `said`, `answer`, `events`. After every line the invariants hold, and a replay of
the journal and a snapshot give the same ledger.
"""

from actors.core.policy import Policy
from tests.orders.scenario_text import answer_text, command_of, events_text
from tests.orders.watched import Core, Watched
from tests.shop.scenario import Line, read, shown
from tests.shop.scenario_text import clock, instant


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
    assert not wrong, "the actual results are\n" + shown(columns, came, wrong)
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
