"""A report as one HTML file that needs nothing else, no scripts among it: its frame, tables, and drawings as SVG."""

from collections.abc import Sequence
from html import escape
from io import StringIO
from math import isnan
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.holds { color: #1a7f37; font-weight: 600; } .broken { color: #c4001a; font-weight: 600; }
svg { max-width: 100%; height: auto; } h1 span { font-size: 1.2rem; margin-left: 1rem; }
"""


def document(title: str, parts: Sequence[str]) -> str:
    """The whole page; `parts` are HTML."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def verdict(*, holds: bool) -> str:
    """In a word."""
    return '<b class="holds">HOLDS</b>' if holds else '<b class="broken">BROKEN</b>'


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Text is escaped; numbers stand to the right, and NaN is nothing."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"<td class=number>{'' if isnan(value) else f'{value:,.2f}'}</td>"
    if isinstance(value, int):
        return f"<td class=number>{value:,}</td>"
    return f"<td>{escape('' if value is None else str(value))}</td>"


def svg(figure: Figure, name: str) -> str:
    """A drawing as a part of a page, without its XML prologue; the same figures under the same name give the same
    text.
    """
    text = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
