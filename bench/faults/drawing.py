"""A violation, drawn: a bar for each operation from its call to its return, by caller, with what it was told."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.faults.linearizability import Operation, Verdict
from bench.page import svg

OPERATIONS_MAX: Final = 40
TEXT_MAX: Final = 48
INCHES_A_BAR: Final = 0.32
RETURNED, OPEN, REFUSED = "#4c78a8", "#bab0ac", "#e45756"


def violation_svg(title: str, verdict: Verdict[object], *, per_ms: float = 1e6) -> str:
    """The shortest prefix that no sequence explains, as SVG; at most its last OPERATIONS_MAX operations are drawn.

    `per_ms` are the units of its instants in a millisecond; times are told from the first that is drawn.
    """
    refused = verdict.refused
    if refused is None or refused.returned is None:
        raise ValueError("only a violation can be drawn")
    shown = _shown(verdict.prefix, refused)
    begin = min(each.called for each in shown)
    end = refused.returned + max(1, (refused.returned - begin) // 20)
    rows = _rows(shown, end)
    figure = Figure(figsize=(12, 1.6 + INCHES_A_BAR * len(rows)), layout="constrained")
    axes = figure.subplots()
    labels = []
    for row, (caller, operations) in enumerate(rows):
        labels.append(caller)
        for each in operations:
            _bar(axes, row, each, begin, end, per_ms, is_refused=each is refused)
    axes.axvline((refused.returned - begin) / per_ms, color=REFUSED, linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels, fontsize="x-small")
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(-0.01 * (end - begin) / per_ms, (end - begin) / per_ms)
    axes.set_xlabel("ms; a bar without an end: its caller got no answer", fontsize="x-small")
    left_out = len(verdict.prefix) - len(shown)
    before = f" after {left_out:,} operations that are left out" if left_out else ""
    states = " or ".join(map(str, verdict.states))
    axes.set_title(
        f"{title}: no sequence explains what {refused.caller} was told{before}.\nBefore it: {states}",
        fontsize="small",
        loc="left",
    )
    return svg(figure, title)


def _shown(prefix: Sequence[Operation], refused: Operation) -> list[Operation]:
    """The operations that ended last, and the refused one among them."""
    by_end = sorted(prefix, key=lambda each: (each is refused, each.returned or refused.called, each.called))
    return sorted(by_end[-OPERATIONS_MAX:], key=lambda each: each.called)


def _rows(shown: Sequence[Operation], end: int) -> list[tuple[str, list[Operation]]]:
    """One row a caller, or several where its calls overlap."""
    rows: list[tuple[str, list[Operation], int]] = []
    for each in shown:
        until = end if each.returned is None else each.returned
        for at, (caller, operations, busy_until) in enumerate(rows):
            if caller == each.caller and busy_until <= each.called:
                rows[at] = (caller, [*operations, each], until)
                break
        else:
            rows.append((each.caller, [each], until))
    return [(caller, operations) for caller, operations, _ in sorted(rows, key=lambda row: row[0])]


def _bar(axes: Axes, row: int, each: Operation, begin: int, end: int, per_ms: float, *, is_refused: bool) -> None:
    until = end if each.returned is None else min(each.returned, end)
    colour = REFUSED if is_refused else OPEN if each.returned is None else RETURNED
    left, width = (each.called - begin) / per_ms, (until - each.called) / per_ms
    axes.barh(row, width, left=left, height=0.7, color=colour, alpha=0.55, linewidth=0)
    text = f"{_told(each.asked)}: {'no answer' if each.returned is None else _told(each.said)}"
    axes.text(left, row, f" {text[:TEXT_MAX]}", va="center", fontsize="xx-small", clip_on=True)


def _told(value: object) -> str:
    """Short, as people say it."""
    if value is None:
        return "done"
    if is_dataclass(value) and not isinstance(value, type):
        said = (getattr(value, each.name) for each in fields(value))
        return " ".join((type(value).__name__, *(str(getattr(each, "name", each)) for each in said)))
    return str(getattr(value, "name", value))
